"""A table of short lines, quick to fill and to paint, that may still be empty when clicked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual import events
from textual.coordinate import Coordinate
from textual.geometry import Size
from textual.reactive import Reactive
from textual.widgets import DataTable
from textual.widgets.data_table import Row, RowKey

from tui.widgets.charts.lines import LinesOfOneStyle


class Table(LinesOfOneStyle, DataTable[Text]):
    """The library's, less what made it slow and what raised.

    A table is filled anew with every plan. The library lays out each cell with Rich's console, a
    tenth of a millisecond each; a line of text in one style needs no layout. It raises IndexError
    for a click on its header before it has columns, and paints its scrollbar anew with every layout
    of the screen.
    """

    virtual_size = Reactive(Size(0, 0))
    _sized: tuple[object, ...] = ()

    def watch_virtual_size(self, size: Size) -> None:
        """More or fewer rows: where the table keeps its size, only its scrollbars change."""
        if self.styles.auto_dimensions or not self.size:
            self.refresh(layout=True)
        else:
            self._scroll_update(size)

    def _size_updated(
        self, size: Size, virtual_size: Size, container_size: Size, layout: bool = True
    ) -> bool:
        sized = (
            *(size, virtual_size, container_size, self.virtual_size, self.styles.gutter),
            *(self.show_vertical_scrollbar, self.show_horizontal_scrollbar),
        )
        if sized == self._sized:
            return False
        self._sized = sized
        return super()._size_updated(size, virtual_size, container_size, layout)

    async def _on_click(self, event: events.Click) -> None:
        if not self.columns:
            event.prevent_default()

    def action_scroll_home(self) -> None:
        """To the first row: the cursor is a whole row, so that there is no first cell to go to."""
        self.action_scroll_top()

    def action_scroll_end(self) -> None:
        self.action_scroll_bottom()

    def add_lines(self, rows: Iterable[Sequence[Text]]) -> None:
        """Add rows of one line each. The library does for each of them what once is enough for
        all: hundreds held up keys for a tenth of a second."""
        left = iter(rows)
        first = next(left, None)
        if first is None:
            return
        self.add_row(*first)
        columns = [column.key for column in self.ordered_columns]
        for number, cells in enumerate(left, start=self.row_count):
            key = RowKey(None)
            self._row_locations[key] = number
            self._data[key] = dict(zip(columns, cells, strict=True))
            self.rows[key] = Row(key, height=1)
            self._new_rows.add(key)

    def _clear_caches(self) -> None:
        """The library's caches are rings: let go of, all they held would wait for a collection."""
        for cache in (
            self._row_render_cache,
            self._cell_render_cache,
            self._row_renderable_cache,
            self._line_cache,
            self._offset_cache,
            self._ordered_row_cache,
        ):
            for link in cache._cache.values():
                link.clear()
        super()._clear_caches()

    def _update_dimensions(self, new_rows: Iterable[RowKey]) -> None:
        """Cells are measured only where that decides the width of a column or height of a row."""
        rows = list(new_rows)
        measured = any(column.auto_width for column in self.columns.values()) or any(
            self.rows[key].auto_height for key in rows if key in self.rows
        )
        super()._update_dimensions(rows if measured else ())

    def _render_cell(
        self,
        row_index: int,
        column_index: int,
        base_style: Style,
        width: int,
        cursor: bool = False,
        hover: bool = False,
    ) -> list[list[Segment]]:
        cell = self._plain(row_index, column_index)
        if cell is None:
            return super()._render_cell(
                row_index, column_index, base_style, width, cursor=cursor, hover=hover
            )
        style, over = self._get_styles_to_render_cell(
            row_index == -1,
            False,
            False,
            hover,
            cursor,
            self.show_cursor,
            self._show_hover_cursor,
            self.cursor_foreground_priority == "css",
            self.cursor_background_priority == "css",
        )
        under = base_style + Style.from_meta({"row": row_index, "column": column_index}) + style
        own = under + self.app.console.get_style(cell.style) if cell.style else under
        text, room = cell.plain, width - cell_len(cell.plain)
        if room <= 0:
            return [[Segment(set_cell_size(text, width), own + over)]]
        return [[Segment(text, own + over), Segment(" " * room, under + over)]]

    def _render_line_in_row(
        self,
        row_key: RowKey,
        line_no: int,
        base_style: Style,
        cursor_location: Coordinate,
        hover_location: Coordinate,
    ) -> tuple[list[list[Segment]], list[list[Segment]]]:
        """A row that is highlighted and clicked whole: its neighbours in one style are one segment,
        for everything between here and the terminal takes as long as there are segments.
        """
        row = self._row_locations.get(row_key)
        cells = None if row is None else self._whole(row)
        if row is None or cells is None:
            return super()._render_line_in_row(
                row_key, line_no, base_style, cursor_location, hover_location
            )
        style, over = self._get_styles_to_render_cell(
            False,
            False,
            False,
            row == hover_location.row,
            row == cursor_location.row,
            self.show_cursor,
            self._show_hover_cursor,
            self.cursor_foreground_priority == "css",
            self.cursor_background_priority == "css",
        )
        meta = Style.from_meta({"row": row, "column": 0})
        under = self._get_row_style(row, base_style) + meta + style
        line = _Line()
        for cell, column in zip(cells, self.ordered_columns, strict=True):
            width = column.get_render_width(self)
            own = under + self.app.console.get_style(cell.style) if cell.style else under
            room = width - cell_len(cell.plain)
            line.add(cell.plain if room >= 0 else set_cell_size(cell.plain, width), own + over)
            line.add(" " * room, under + over)
        line.add(" " * (self.size.width - line.cells), under)
        return [], [line.segments]

    def _whole(self, row: int) -> list[Text] | None:
        """The cells of a row, where nothing but lines of text in one style is to be painted."""
        if self.cursor_type != "row" or self.fixed_columns or self._labelled_row_exists:
            return None
        cells = [self._plain(row, place) for place in range(len(self.columns))]
        found = [cell for cell in cells if cell is not None]
        return found if len(found) == len(cells) else None

    def _plain(self, row_index: int, column_index: int) -> Text | None:
        """The text of a cell that is one line in one style; None of others."""
        if self.cell_padding or column_index < 0:
            return None
        if row_index >= 0:
            if self.ordered_rows[row_index].height != 1:
                return None
            cell = self._get_row_renderables(row_index).cells[column_index]
        else:
            cell = self.ordered_columns[column_index].label
        if not isinstance(cell, Text) or cell.spans or cell.justify or "\n" in cell.plain:
            return None
        return cell


class _Line:
    """Segments of a line; what follows in the same style joins the one before."""

    def __init__(self) -> None:
        self.segments: list[Segment] = []
        self.cells = 0

    def add(self, text: str, style: Style) -> None:
        if not text:
            return
        self.cells += cell_len(text)
        if self.segments and self.segments[-1].style == style:
            text = self.segments.pop().text + text
        self.segments.append(Segment(text, style))
