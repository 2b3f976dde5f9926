"""Rows of one line each are added at once, and cells are cut to the width there is."""

from __future__ import annotations

import pytest
from rich.cells import cell_len
from rich.text import Text
from textual.app import App, ComposeResult

from tui.widgets.tables.rows import fitted
from tui.widgets.tables.table import Table

ROWS = [[Text(f"{place} "), Text("é — 中 ", style="bold")] for place in range(300)]


class Two(App[None]):
    """One is filled by the library."""

    def compose(self) -> ComposeResult:
        yield Table(id="ours", cursor_type="row", cell_padding=0)
        yield Table(id="theirs", cursor_type="row", cell_padding=0)


async def test_lines_are_added_as_the_library_adds_rows() -> None:
    async with Two().run_test(size=(60, 40)) as pilot:
        ours, theirs = (pilot.app.query_one(f"#{name}", Table) for name in ("ours", "theirs"))
        chosen: list[int] = []
        for table in (ours, theirs):
            table.add_column(Text("place"), width=8)
            table.add_column(Text("what"), width=8)
        ours.add_lines(iter(ROWS))
        theirs.add_rows(ROWS)
        await pilot.pause()
        assert ours.row_count == theirs.row_count == len(ROWS)
        assert ours.virtual_size == theirs.virtual_size
        for place in (0, 1, 299):
            assert ours.get_row_at(place) == theirs.get_row_at(place) == ROWS[place]
        for table in (ours, theirs):
            table.move_cursor(row=299)
            await pilot.pause()
            chosen.append(table.cursor_row)
        assert chosen == [299, 299]
        lines = [[table.render_line(y).text for y in range(20)] for table in (ours, theirs)]
        assert lines[0] == lines[1]
        ours.clear()
        ours.add_lines(())
        assert ours.row_count == 0


@pytest.mark.parametrize("right", [False, True])
@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [
        ("abc", 5, "abc"), ("abcdef", 5, "abcd…"), ("a — b", 4, "a —…"),
        ("中中中", 5, "中中…"), ("中", 5, "中"), ("", 3, ""),
    ],
)  # fmt: skip
def test_a_cell_is_as_wide_as_its_column(text: str, width: int, shown: str, right: bool) -> None:
    cell = fitted(text, width, right, "bold")
    assert cell.plain.strip() == shown.strip()
    assert cell.plain.endswith(" ")
    assert str(cell.style) == "bold"
    if right or cell_len(text) > width:
        assert cell_len(cell.plain) == width + 1
