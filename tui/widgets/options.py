"""The table of options."""

from __future__ import annotations

from rich.text import Text
from textual.coordinate import Coordinate
from textual.widgets import DataTable

from planner.actions.explore import Item, Option, View, hours, money

# Title, most cells on a narrow screen (the detail pane has the whole text), right-aligned.
COLUMNS = (
    ("#", 3, False),
    ("cloud region", 17, False),
    ("machine", 17, False),
    ("accelerators", 13, False),
    ("buy", 9, False),
    ("total $", 7, True),
    ("hours", 8, True),
    ("80% range", 20, True),
)
NARROW_COLUMNS = 110


class Options(DataTable[Text]):
    """One row an option; the row under the cursor is the chosen one."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id, cursor_type="row", cell_padding=0)
        self._view: View | None = None
        self._picked: Option | None = None
        self._narrow = False

    @property
    def chosen(self) -> Option | None:
        """The option under the cursor."""
        options = self._rows()
        return options[self.cursor_row] if 0 <= self.cursor_row < len(options) else None

    def show(self, view: View) -> None:
        """Fill anew. The cursor stays on its option if that is still there, but one on the
        recommended option follows the recommendation."""
        before = self.chosen
        self._view, self._picked = view, None
        self._fill(before.item.id if before and before.role != "recommended" else "")

    def choose(self, option: Option) -> None:
        """Put the cursor on an option, adding a row for it when there is none."""
        if option.role == "picked":
            self._picked = option
            self._fill(option.item.id)
        else:
            ids = [each.item.id for each in self._rows()]
            self.move_cursor(row=ids.index(option.item.id), animate=False)

    def fit(self, width: int) -> None:
        """Shorten long names where the screen is narrow."""
        narrow = width < NARROW_COLUMNS
        if narrow != self._narrow:
            self._narrow = narrow
            chosen = self.chosen
            self._fill(chosen.item.id if chosen else "")

    def _rows(self) -> list[Option]:
        if self._view is None:
            return []
        return [*self._view.options, *([self._picked] if self._picked else [])]

    def _fill(self, item_id: str) -> None:
        rows = self._rows()
        ids = [option.item.id for option in rows]
        self.clear(columns=True)
        for title, width, right in COLUMNS:
            text = Text(f"{title} ", justify="right" if right else "left")
            self.add_column(text, width=width + 1 if self._narrow else None)
        for option in rows:
            self.add_row(*self._cells(option))
        row = ids.index(item_id) if item_id in ids else 0
        self.move_cursor(row=row, animate=False)

    def _cells(self, option: Option) -> list[Text]:
        style = "bold" if option.role == "recommended" else ""
        made = []
        for text, (_, width, right) in zip(cells(option), COLUMNS, strict=True):
            cell = Text(text, style=style, justify="right" if right else "left")
            if self._narrow:
                cell.truncate(width, overflow="ellipsis")
            cell.pad_right(1)
            made.append(cell)
        return made


def cells(option: Option) -> list[str]:
    """The figures of a row, as the table of ``planner recommend`` writes them."""
    item = option.item
    return [
        _mark(option),
        f"{item.cloud} {item.region}",
        item.instance_type if item.nodes == 1 else f"{item.nodes} x {item.instance_type}",
        f"{item.accelerators:.3g} {item.accelerator}",
        item.purchase.replace("_", "-"),
        money(item.cost_usd).lstrip("$"),
        hours(item.hours),
        hour_range(item),
    ]


def hour_range(item: Item) -> str:
    return f"{hours(item.hours_p10)} - {hours(item.hours_p90)}"


def _mark(option: Option) -> str:
    marks = {"recommended": "=>", "picked": "+"}
    prefix = "F" if option.role == "front" else ""
    return marks.get(option.role, f"{prefix}{option.rank}")
