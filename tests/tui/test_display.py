"""Sizes, colours and the drawing surface."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from rich.style import Style
from textual.app import App, ComposeResult
from textual_hires_canvas import Canvas

from tests.tui.conftest import Driver, Start
from tui.widgets.charts.axes import Dollars, Durations
from tui.widgets.charts.canvas import SafeCanvas
from tui.widgets.charts.chart import BEST, ON_DEMAND, SPOT, Chart
from tui.widgets.tables.options import Options


async def test_every_pane_is_usable_at_80_by_24(start: Start) -> None:
    async with start((80, 24)) as it:
        check_panes(it)
        assert "80% range" not in titles(it)  # left to the detail pane


async def test_every_pane_is_usable_on_larger_screens(start: Start) -> None:
    async with start((120, 40)) as it:
        check_panes(it)
        assert "80% range" in titles(it)
        await it.pilot.resize_terminal(200, 60)
        await it.pilot.pause()
        check_panes(it)


def titles(it: Driver) -> list[str]:
    columns = it.screen.query_one(Options).ordered_columns
    return [str(column.label).strip() for column in columns]


def check_panes(it: Driver) -> None:
    screen = it.screen
    whole = screen.region
    for name in ("title", "constraints", "status", "chart", "detail", "options"):
        assert whole.contains_region(screen.query_one(f"#{name}").region), name
    for name in ("deadline", "budget", "max_nodes", "on_demand", "spot"):
        field = screen.query_one(f"#{name}")
        assert field.region.width >= 4 and whole.contains_region(field.region), name
    table, plot = screen.query_one(Options), screen.query_one("#plot")
    assert table.region.height >= 8  # a header and seven options
    assert plot.region.width >= 40 and plot.region.height >= 9
    assert table.max_scroll_x == 0  # no figure needs sideways scrolling


async def test_resizing_to_anything_is_survived(start: Start) -> None:
    async with start((120, 40)) as it:
        for size in ((80, 24), (30, 10), (10, 4), (1, 1), (200, 60), (80, 24)):
            await it.pilot.resize_terminal(*size)
            await it.pilot.pause()
        assert it.screen.query_one("#plot").region.height >= 9


async def test_no_color_paints_and_tells_kinds_apart(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with start((80, 24)) as it:
        assert it.app.no_color
        canvas = it.screen.query_one("#plot", Canvas)
        drawn = {char for line in canvas._buffer for char in line}
        assert {ON_DEMAND, SPOT, BEST} <= drawn
        svg = it.app.export_screenshot()
        assert "Recommended" in svg.replace("&#160;", " ")


def test_safe_canvas_styles_what_the_library_leaves_unstyled() -> None:
    plain, safe = Canvas(4, 2), SafeCanvas(4, 2)
    unstyled = [segment.style for segment in plain.render_line(99)]
    assert None in unstyled, "the library has mended this: SafeCanvas can go"
    assert all(isinstance(segment.style, Style) for segment in safe.render_line(99))


async def test_the_library_still_crashes_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Documents the reason for SafeCanvas; when this fails, remove it."""
    monkeypatch.setenv("NO_COLOR", "1")

    class Plain(App[None]):
        def compose(self) -> ComposeResult:
            yield Canvas(4, 2)

    with pytest.raises(AttributeError):
        async with Plain().run_test(size=(20, 10)) as pilot:
            await pilot.resize_terminal(30, 12)
            await pilot.pause()


@pytest.mark.parametrize("formatter", [Dollars(), Durations()])
@pytest.mark.parametrize(("low", "high"), [(-3, 4), (-0.5, 0.1), (0.30, 0.33), (-2.1, 5)])
def test_ticks_leave_room_for_their_labels(
    formatter: Dollars | Durations, low: float, high: float
) -> None:
    formatter.gap = (high - low) / 6
    ticks, labels = formatter.get_ticks_and_labels(low, high)
    assert 2 <= len(ticks) <= 7
    assert ticks == sorted(ticks) and low <= ticks[0] and ticks[-1] <= high
    assert len(set(labels)) == len(labels) and max(map(len, labels)) <= 7
    assert all(b - a >= formatter.gap * 0.999 for a, b in pairwise(ticks))


def test_tick_labels_are_round() -> None:
    dollars, durations = Dollars(), Durations()
    assert dollars.get_labels_for_ticks([-2, 0, 0.69897, 3, 6]) == [
        "$0.01",
        "$1",
        "$5",
        "$1k",
        "$1M",
    ]
    hours = (1 / 3600, 0.5, 1, 24, 8760)
    labels = durations.get_labels_for_ticks([math.log10(h) for h in hours])
    assert labels == ["1 s", "30 min", "1 h", "1 d", "1 y"]


def colours(chart: Chart) -> set[str]:
    """Of what is on screen."""
    here = chart.region
    rows = chart.screen._compositor.render_strips()[here.y : here.bottom]
    pieces = (piece for row in rows for piece in row.crop(here.x, here.right))
    styles = [piece.style for piece in pieces if piece.text.strip() and piece.style]
    return {style.color.name for style in styles if style.color}


@pytest.mark.parametrize("screen", ["1", "5"])
async def test_a_new_theme_recolours_the_chart(start: Start, screen: str) -> None:
    """Also of a screen that is not in sight just then."""
    async with start() as it:
        chart = it.screen.query_one(Chart)
        before = colours(chart)
        await it.pilot.press(screen)
        await it.pilot.pause(0.5)
        it.app.theme = "textual-light"
        await it.pilot.pause(0.5)
        await it.pilot.press("1")
        assert len(before) > 3
        await it.until(lambda: before.isdisjoint(colours(chart)), "other colours")


async def test_the_focus_draws_no_chart_anew(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    async with start() as it:
        await it.pilot.pause(0.2)
        drawn: list[Chart] = []
        monkeypatch.setattr(Chart, "_draw", lambda chart: drawn.append(chart))
        chart = it.screen.query_one(Chart)
        chart.focus()
        await it.pilot.pause(0.2)
        it.screen.set_focus(None)
        await it.pilot.pause(0.2)
        assert not drawn
