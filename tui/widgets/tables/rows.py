"""A table whose columns share the width there is; the one that may be cut longest is cut first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from tui.widgets.tables.table import Table

LEAST_CELLS = 8


@dataclass(frozen=True)
class Column:
    """``wide`` columns are left out where the screen is narrow; ``cut`` ones may be cut."""

    title: str
    right: bool = False
    cut: bool = False
    wide: bool = False


@dataclass(frozen=True)
class Row:
    """``key`` tells rows apart when the table is filled anew; ``style`` is Rich's."""

    key: str
    cells: tuple[str, ...]
    style: str = ""


class Rows(Table):
    """One row a thing; the row under the cursor is the chosen one."""

    def __init__(
        self, columns: Sequence[Column], *, id: str | None = None, classes: str | None = None
    ) -> None:
        super().__init__(id=id, classes=classes, cursor_type="row", cell_padding=0)
        self._titles = tuple(columns)
        self._rows: tuple[Row, ...] = ()
        self._cells = 0  # the width it was filled for
        self._narrow = False

    @property
    def chosen(self) -> int | None:
        """The place of the row under the cursor."""
        return self.cursor_row if 0 <= self.cursor_row < len(self._rows) else None

    @property
    def shown(self) -> tuple[Row, ...]:
        return self._rows

    def fill(self, rows: Sequence[Row], *, keep: bool = True) -> None:
        """Show these; the cursor stays on its row where ``keep`` and it is still there."""
        rows = tuple(rows)
        if rows == self._rows and self.columns:
            return
        chosen = self.chosen
        before = self._rows[chosen].key if keep and chosen is not None else ""
        self._rows = rows
        self._fill(before)

    def fit(self, width: int, *, narrow: bool) -> None:
        """Use this many cells."""
        if (width, narrow) != (self._cells, self._narrow):
            chosen = self.chosen
            self._cells, self._narrow = width, narrow
            self._fill(self._rows[chosen].key if chosen is not None else "")

    def _fill(self, chosen: str) -> None:
        places = [i for i, one in enumerate(self._titles) if not (one.wide and self._narrow)]
        columns = [self._titles[i] for i in places]
        table = [[row.cells[i] for i in places] for row in self._rows]
        widths = [
            max([len(one.title), *(len(cells[i]) for cells in table)])
            for i, one in enumerate(columns)
        ]
        room = (self._cells or 10_000) - len(columns) - 1  # one cell between, one for the bar
        cut = [i for i, one in enumerate(columns) if one.cut]
        while cut and sum(widths) > room and max(widths[i] for i in cut) > LEAST_CELLS:
            widths[max(cut, key=lambda i: widths[i])] -= 1
        self.clear(columns=True)
        for one, width in zip(columns, widths, strict=True):
            self.add_column(fitted(one.title, width, one.right), width=width + 1)
        self.add_lines(
            [
                fitted(text, width, one.right, row.style)
                for text, width, one in zip(cells, widths, columns, strict=True)
            ]
            for row, cells in zip(self._rows, table, strict=True)
        )
        keys = [row.key for row in self._rows]
        self.move_cursor(row=keys.index(chosen) if chosen in keys else 0, animate=False)


def fitted(text: str, width: int, right: bool, style: str = "") -> Text:
    """Text cut to a width, with the cell that parts columns."""
    cells = cell_len(text)
    if cells > width:
        text, cells = f"{set_cell_size(text, width - 1)}…", width
    return Text(f"{' ' * (width - cells)}{text} " if right else f"{text} ", style=style)
