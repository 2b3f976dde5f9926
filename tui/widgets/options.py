"""The table of options."""

from __future__ import annotations

from rich.text import Text
from textual.widgets import DataTable

from planner.actions.explore import Option, View, words
from tui.widgets.ways import way_of

# Title, right-aligned, and whether it may be cut where the screen is narrow: the detail pane has
# the whole text.
COLUMNS = (
    ("#", False, False),
    ("cloud region", False, True),
    ("machine", False, True),
    ("runs on", False, True),
    ("buy", False, False),
)
LEAST_CELLS = 10
RANGE_FROM_WIDTH = 110  # narrower screens leave the last column to the detail pane


class Options(DataTable[Text]):
    """One row an option; the row under the cursor is the chosen one."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes, cursor_type="row", cell_padding=0)
        self._view: View | None = None
        self._picked: Option | None = None
        self._width = 0

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
        self._fill(before.item.id if before and before.role not in ("recommended", "group") else "")

    def choose(self, option: Option) -> None:
        """Put the cursor on an option, adding a row for it when there is none."""
        if option.role == "picked":
            self._picked = option
            self._fill(option.item.id)
        else:
            ids = [each.item.id for each in self._rows()]
            self.move_cursor(row=ids.index(option.item.id), animate=False)

    def fit(self, width: int) -> None:
        """Use this many cells."""
        if width != self._width:
            self._width = width
            chosen = self.chosen
            self._fill(chosen.item.id if chosen else "")

    def _rows(self) -> list[Option]:
        if self._view is None:
            return []
        return [*self._view.options, *([self._picked] if self._picked else [])]

    def _fill(self, item_id: str) -> None:
        rows = self._rows()
        ids = [option.item.id for option in rows]
        service = bool(rows) and rows[0].item.horizon_hours is not None
        figures = [(title, True, False) for title in words.titles(service)]
        columns = [*COLUMNS, *figures]
        if self._width < RANGE_FROM_WIDTH:
            columns.pop()
        table = [cells(option)[: len(columns)] for option in rows]
        widths = [
            max([len(title), *(len(row[place]) for row in table)])
            for place, (title, _, _) in enumerate(columns)
        ]
        cut = [place for place, (_, _, may_be_cut) in enumerate(columns) if may_be_cut]
        room = self._width - len(columns) - 1  # a cell between columns, one for the scroll bar
        while sum(widths) > room and max(widths[place] for place in cut) > LEAST_CELLS:
            widths[max(cut, key=lambda place: widths[place])] -= 1
        self.clear(columns=True)
        for (title, right, _), width in zip(columns, widths, strict=True):
            self.add_column(_fitted(title, width, right), width=width + 1)
        for option, row in zip(rows, table, strict=True):
            style = "bold" if option.role in ("recommended", "group") else ""
            parts = zip(row, widths, columns, strict=True)
            self.add_row(*(_fitted(text, w, right, style) for text, w, (_, right, _) in parts))
        self.move_cursor(row=ids.index(item_id) if item_id in ids else 0, animate=False)


def _fitted(text: str, width: int, right: bool, style: str = "") -> Text:
    """Text cut to a width, with the cell that parts columns."""
    cell = Text(text.rjust(width) if right else text, style=style)
    cell.truncate(width, overflow="ellipsis")
    cell.pad_right(1)
    return cell


def cells(option: Option) -> list[str]:
    """The figures of a row, as the table of ``planner recommend`` writes them."""
    item = option.item
    return [
        _mark(option),
        " ".join(filter(None, (item.cloud, item.region, item.platform))),
        item.instance_type if item.nodes == 1 else f"{item.nodes} x {item.instance_type}",
        item.devices,
        way_of(option.way).name,
        words.cost(item),
        words.when(item),
        words.spread(item),
    ]


def _mark(option: Option) -> str:
    marks = {"recommended": "=>", "group": "=>", "picked": "+"}
    prefix = "F" if option.role == "front" else ""
    return marks.get(option.role, f"{prefix}{option.rank}")
