"""Options side by side, one row a figure; the better figure of a row is marked."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from planner.report.side_by_side import NONE, Row, Side, rows
from tui.widgets.tables.table import Table

BETTER = "◂"  # beside the better figure: legible without colour
LEAST_CELLS = 12


class SideTable(Table):
    """Columns share the width; what does not fit takes more lines."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes, cursor_type="row", cell_padding=0)
        self._sides: tuple[Side, ...] = ()
        self._width = 0

    def show(self, sides: Sequence[Side]) -> None:
        """Fill anew; the cursor stays on its row."""
        self._sides = tuple(sides)
        self._fill()

    def on_resize(self) -> None:
        if self.size.width != self._width:
            self._width = self.size.width
            self._fill()

    def _fill(self) -> None:
        if not self._sides or self._width < LEAST_CELLS:
            return
        found, at = rows(self._sides), self.cursor_row
        first = max(len(row.title) for row in found) + 1
        longest = [
            max(len(side.name), *(len(row.cells[n]) + 2 for row in found if not row.heading))
            for n, side in enumerate(self._sides)
        ]
        room = max((self._width - first - 2) // len(self._sides) - 1, LEAST_CELLS)
        widths = [min(cells, room) for cells in longest]
        self.clear(columns=True)
        self.add_column("", width=first)
        for side, width in zip(self._sides, widths, strict=True):
            self.add_column(_fitted(side.name, width), width=width + 1)
        for row in found:
            cells = [
                self._wrapped(f"{cell} {BETTER}" if row.best == n else cell, width, _style(row, n))
                for n, (cell, width) in enumerate(zip(row.cells, widths, strict=True))
            ]
            lines = max(cell.plain.count("\n") + 1 for cell in cells)
            title = Text(row.title, style="bold underline" if row.heading else "")
            self.add_row(title, *cells, height=lines)
        self.move_cursor(row=min(at, self.row_count - 1), animate=False)

    def _wrapped(self, text: str, width: int, style: str) -> Text:
        """In lines of this width: the column has one cell more, which parts it from the next."""
        return Text("\n").join(Text(text, style=style).wrap(self.app.console, width))


def _style(row: Row, at: int) -> str:
    if row.cells[at] == NONE:
        return "dim"
    return "bold" if row.best == at else ""


def _fitted(text: str, width: int) -> Text:
    cell = Text(text, style="bold")
    cell.truncate(width, overflow="ellipsis")
    return cell
