"""The table of options."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence

from textual import on
from textual.widgets import DataTable

from planner.actions.explore.plan import Found, Option, View, words
from tui.widgets.tables.order import Order
from tui.widgets.tables.rows import fitted
from tui.widgets.tables.table import Table
from tui.widgets.ways import MARKED, way_of

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
PINNED = "^"
CHOSEN_ROLES = ("recommended", "group")
Identity = tuple[str, str | None, str | None]


class Options(Table):
    """One row an option; the row under the cursor is the chosen one.

    Pinned rows come first and stay when another plan is shown or something is searched for.
    """

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes, cursor_type="row", cell_padding=0)
        self._view: View | None = None
        self._picked: Option | None = None
        self._found: Found | None = None
        self._width = 0
        self.order = Order()
        self.pinned: list[Option] = []
        self._marked: frozenset[Identity] = frozenset()

    @property
    def chosen(self) -> Option | None:
        """The option under the cursor."""
        options = self._rows()
        return options[self.cursor_row] if 0 <= self.cursor_row < len(options) else None

    def show(self, view: View, found: Found | None, marked: Sequence[Option]) -> None:
        """Fill anew. The cursor stays on its option if that is still there, but one on the
        recommended option follows the recommendation."""
        before = self.chosen
        self._view, self._picked, self._found = view, None, found
        self._marked = frozenset(option.identity for option in marked)
        self.pinned = [view.again(option) for option in self.pinned]
        self._fill(before if before and before.role not in CHOSEN_ROLES else None)

    def find(self, found: Found | None) -> None:
        """Show what was found instead of the plan's own options; None: these again."""
        self._found, self._picked = found, None
        self._fill(self.chosen if found is None else None)

    def choose(self, option: Option) -> None:
        """Put the cursor on an option, adding a row for it when there is none."""
        identities = [each.identity for each in self._rows()]
        if option.identity in identities:
            self.move_cursor(row=identities.index(option.identity), animate=False)
        else:
            self._picked = option
            self._fill(option)

    def pin(self) -> None:
        """Pin the chosen row, or let it go."""
        option = self.chosen
        if option is None:
            return
        others = [each for each in self.pinned if each.identity != option.identity]
        self.pinned = others if len(others) < len(self.pinned) else [*others, option]
        self._fill(option)

    def mark(self, options: Sequence[Option]) -> None:
        """Which rows are marked for comparison."""
        self._marked = frozenset(option.identity for option in options)
        self._fill(self.chosen)

    def sort_by(self, change: Callable[[Order], Order]) -> None:
        self.order = change(self.order)
        self._fill(self.chosen)

    def next_order(self) -> None:
        """Sort by the next column."""
        columns = len(self.ordered_columns) or 1
        self.sort_by(lambda order: order.next(columns))

    @on(DataTable.HeaderSelected)
    def _sort_by_title(self, event: DataTable.HeaderSelected) -> None:
        event.stop()
        self.sort_by(lambda order: order.by(event.column_index))

    def fit(self, width: int) -> None:
        """Use this many cells."""
        if width != self._width:
            self._width = width
            self._fill(self.chosen)

    def _rows(self) -> list[Option]:
        if self._view is None:
            return []
        options = self._view.options if self._found is None else self._found.options
        first = {option.identity for option in self.pinned}
        rest = [*options, *([self._picked] if self._picked else [])]
        return [*self.pinned, *self.order.sorted([o for o in rest if o.identity not in first])]

    def _fill(self, cursor: Option | None) -> None:
        rows = self._rows()
        service = bool(rows) and rows[0].item.horizon_hours is not None
        figures = [(title, True, False) for title in words.titles(service)]
        columns = [*COLUMNS, *figures]
        if self._width < RANGE_FROM_WIDTH:
            columns.pop()
        if self.order.column >= len(columns):
            self.order = Order()
        titles = [title for title, _, _ in columns]
        titles[self.order.column] += self.order.arrow
        pinned = {option.identity for option in self.pinned}
        table = [cells(option, self._flags(option, pinned))[: len(columns)] for option in rows]
        widths = [
            max([len(title), *(len(row[place]) for row in table)])
            for place, title in enumerate(titles)
        ]
        cut = [place for place, (_, _, may_be_cut) in enumerate(columns) if may_be_cut]
        room = self._width - len(columns) - 1  # a cell between columns, one for the scroll bar
        while sum(widths) > room and max(widths[place] for place in cut) > LEAST_CELLS:
            widths[max(cut, key=lambda place: widths[place])] -= 1
        at = self.scroll_offset.y
        self.clear(columns=True)
        for title, (_, right, _), width in zip(titles, columns, widths, strict=True):
            self.add_column(fitted(title, width, right), width=width + 1)
        self.add_lines(
            [
                fitted(text, width, right, style)
                for text, width, (_, right, _) in zip(row, widths, columns, strict=True)
            ]
            for style, row in zip(map(style_of, rows), table, strict=True)
        )
        identities = [option.identity for option in rows]
        wanted = None if cursor is None else cursor.identity
        self.scroll_to(y=at, animate=False)
        self.move_cursor(
            row=identities.index(wanted) if wanted in identities else self._first(rows),
            animate=False,
        )

    def _first(self, rows: list[Option]) -> int:
        """The recommended option's row, also below pinned ones; else the first."""
        roles = [option.role for option in rows]
        return roles.index("recommended") if "recommended" in roles else 0

    def _flags(self, option: Option, pinned: Container[Identity]) -> str:
        flags = PINNED if option.identity in pinned else ""
        return flags + (MARKED if option.identity in self._marked else "")


def style_of(option: Option) -> str:
    return {"recommended": "bold", "group": "bold", "gone": "dim strike"}.get(option.role, "")


def cells(option: Option, flags: str = "") -> list[str]:
    """The figures of a row, as the table of ``planner recommend`` writes them."""
    item = option.item
    return [
        flags + _rank(option),
        " ".join(filter(None, (item.cloud, item.region, item.platform))),
        item.instance_type if item.nodes == 1 else f"{item.nodes} x {item.instance_type}",
        item.devices,
        way_of(option.way).name,
        words.cost(item),
        words.when(item),
        words.spread(item),
    ]


def _rank(option: Option) -> str:
    """Words where a sign would have to be looked up: F1 reads like a key."""
    signs = {"recommended": "=>", "group": "=>", "front": "front", "picked": "+", "gone": "-"}
    prefix = "/" if option.role == "found" else ""
    return signs.get(option.role, f"{prefix}{option.rank}")
