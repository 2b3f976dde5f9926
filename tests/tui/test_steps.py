"""Screens are styled, laid out and painted in steps, and nothing of it is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from itertools import chain, pairwise
from typing import Any

import pytest
from textual import events
from textual._compositor import Compositor
from textual.dom import DOMNode
from textual.geometry import Region, Size
from textual.renderables.background_screen import BackgroundScreen
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget

from tests.tui.main_screen import ScreenDriver, opened
from tests.tui.terminal import write_as_to_a_terminal
from tui.screens.drawing import BEHIND_ROWS, Behind
from tui.stylesheet import PARTS, Sheet
from tui.turn import TURN

MANY = 10  # widgets


def resize(it: ScreenDriver, width: int, height: int) -> None:
    """As a terminal says it: a pilot would wait until all is painted."""
    assert it.app._driver is not None
    it.app._driver._size = (width, height)
    event = events.Resize(Size(width, height), Size(width, height))
    event.set_sender(it.app)
    it.app._driver.send_message(event)


@asynccontextmanager
async def beating(steps: list[str]) -> AsyncIterator[None]:
    async def beat() -> None:
        while True:
            await asyncio.sleep(0.0005)
            steps.append("beat")

    task = asyncio.create_task(beat())
    yield
    task.cancel()


async def test_keys_come_between_the_steps_and_all_is_painted_in_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    steps: list[str] = []
    rows: set[int] = set()
    style, lay_out, paint = (
        Sheet.update_nodes,
        Screen._refresh_layout,
        Screen._compositor_refresh,
    )

    def styled(self: Sheet, nodes: Iterable[DOMNode], animate: bool = False) -> None:
        nodes = list(nodes)
        style(self, nodes, animate)
        if len(nodes) > MANY:
            steps.append(f"styles {steps.count('beat')}")

    def laid_out(self: Screen[Any], size: Size | None = None, scroll: bool = False) -> None:
        lay_out(self, size, scroll)
        steps.append("layout")

    def painted(self: Screen[Any]) -> None:
        band = {y for each in self._compositor._dirty_regions for y in range(each.y, each.bottom)}
        assert len(band) <= BEHIND_ROWS
        rows.update(band)
        paint(self)
        steps.append("all" if rows >= set(range(60)) else "band")

    async with opened("catalog", size=(80, 24)) as it:
        await it.settled()
        monkeypatch.setattr(Sheet, "update_nodes", styled)
        monkeypatch.setattr(Screen, "_refresh_layout", laid_out)
        monkeypatch.setattr(Screen, "_compositor_refresh", painted)
        monkeypatch.setattr("tui.screens.steps.PAINT_S", 0.0)
        async with beating(steps):
            resize(it, 200, 60)
            await it.until(lambda: "all" in steps, "the picture")
        # A key that came meanwhile would have been dealt with where there is a beat.
        styles = [step for step in steps if step.startswith("styles")]
        assert len(styles) == len(set(styles)) == PARTS, steps
        places = [steps.index(step) for step in (*styles, "layout", "band", "all")]
        assert places == sorted(places)
        assert all("beat" in steps[one:other] for one, other in pairwise(places)), steps
        await it.pilot.pause(0.2)
        assert it.screen._paints is None
        assert not it.screen._compositor._dirty_regions


async def test_what_is_to_be_laid_out_is_not_painted_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """All that moves would be painted twice."""
    steps: list[str] = []
    lay_out, paint = Screen._refresh_layout, Screen._compositor_refresh

    def laid_out(self: Screen[Any], size: Size | None = None, scroll: bool = False) -> None:
        steps.append("layout")
        lay_out(self, size, scroll)

    def painted(self: Screen[Any]) -> None:
        steps.append("paint")
        paint(self)

    async with opened("catalog", size=(80, 24)) as it:
        await it.settled()
        screen = it.screen
        monkeypatch.setattr(Screen, "_refresh_layout", laid_out)
        monkeypatch.setattr(Screen, "_compositor_refresh", painted)
        screen._compositor._dirty_regions.add(screen.region)
        screen._layout_required = True
        assert not TURN.is_taken
        screen._paint_in_turn()
        assert steps == ["layout"]
        await it.until(lambda: "paint" in steps, "the painting")


async def test_what_lies_behind_a_question_is_tinted_as_the_library_does() -> None:
    async with opened("catalog", size=(80, 24)) as it:
        await it.settled()
        screen = it.screen
        it.app.action_help()
        await it.until(lambda: it.app.screen._behind is not None, "the screen behind it")
        behind = it.app.screen._behind
        assert isinstance(behind, Behind)
        lines = screen._compositor.render_strips()
        ours = list(chain.from_iterable(behind.line(y) for y in range(24)))
        assert ours == list(
            BackgroundScreen.process_segments(chain.from_iterable(lines), behind.color)
        )
        assert any(segment.style and segment.style.bgcolor for segment in ours)


async def test_only_rows_that_are_to_be_painted_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened("catalog") as it:
        await it.settled()
        compositor = it.screen._compositor
        theirs = Compositor._render_chops(compositor, it.screen.size.region, lambda y: True)
        drawn: list[int] = []
        draw = Widget.render_lines

        def drawing(self: Widget, crop: Region) -> list[Strip]:
            drawn.append(crop.height)
            return draw(self, crop)

        monkeypatch.setattr(Widget, "render_lines", drawing)
        rows = Region(0, 5, it.screen.size.width, 3)
        ours = compositor._render_chops(rows, rows.line_range.__contains__)
        assert [ours[y] for y in rows.line_range] == [theirs[y] for y in rows.line_range]
        assert drawn and max(drawn) <= 3


async def test_a_question_paints_once_what_has_changed_behind_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with opened("catalog", size=(80, 24)) as it:
        await it.settled()
        status = it.screen.status
        it.app.action_help()
        await it.until(lambda: it.app.screen._behind is not None, "the screen behind it")
        await it.pilot.pause(0.2)
        behind, row = it.app.screen._behind, status.region.y
        painted: list[set[Region]] = []
        paint = Screen._compositor_refresh

        def painting(self: Screen[Any]) -> None:
            painted.append(set(self._compositor._dirty_regions))
            paint(self)

        monkeypatch.setattr(Screen, "_compositor_refresh", painting)
        status.say("Look here", 9)
        await it.until(lambda: it.app.screen._behind is not behind, "the change")
        await it.pilot.pause(0.5)
        assert painted == [{status.region}]
        lines = it.app.screen._behind._lines
        assert "Look here" in lines[row].text
        assert len(lines) <= 2 * BEHIND_ROWS


async def test_what_changes_before_a_step_that_was_put_off_is_painted_with_it() -> None:
    async with opened("catalog", size=(200, 60)) as it:
        await it.settled()
        screen = it.screen
        screen._compositor._dirty_regions.add(screen.region)
        screen._compositor_refresh()
        assert screen._paints is not None
        screen.status._set_dirty()
        screen._dirty_widgets.add(screen.status)
        screen._paint()
        assert not screen.status._repaint_regions
        await it.until(lambda: not screen._compositor._dirty_regions, "the picture")


async def test_what_changes_while_updates_are_held_back_is_painted_afterwards(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with opened("catalog") as it:
        await it.settled()
        screen, displayed = it.screen, []
        monkeypatch.setattr(it.app, "_display", lambda *what: displayed.append(what))
        with it.app.batch_update():
            screen._compositor._dirty_regions.add(Region(0, 2, 9, 1))
            screen._compositor_refresh()
            assert screen._compositor._dirty_regions and not displayed
        await it.until(lambda: not screen._compositor._dirty_regions, "the picture")
        assert displayed


async def test_what_was_below_the_last_row_is_not_painted(monkeypatch: pytest.MonkeyPatch) -> None:
    write_as_to_a_terminal(monkeypatch)
    async with opened("catalog", size=(80, 24)) as it:
        await it.settled()
        it.screen._compositor._dirty_regions |= {Region(0, 2, 9, 1), Region(0, 23, 9, 4)}
        it.screen._paint()
        assert not it.screen._compositor._dirty_regions


async def test_a_size_that_is_past_does_not_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened("catalog", size=(120, 40)) as it:
        await it.settled()
        screen = it.screen
        it.app.action_help()
        await it.until(lambda: it.app.screen is not screen, "the help")
        sizes: list[Size] = []
        lay_out = Screen._refresh_layout

        def laid_out(self: Screen[Any], size: Size | None = None, scroll: bool = False) -> None:
            sizes.append(size or self.app.size)
            lay_out(self, size, scroll)

        monkeypatch.setattr(Screen, "_refresh_layout", laid_out)
        for size in (Size(80, 24), Size(120, 40), Size(80, 24)):
            for each in (screen, it.app.screen):
                each.post_message(events.Resize(size, size))
                each.call_later(lambda: None)
        await it.pilot.pause(0.5)
        assert set(sizes) <= {Size(120, 40)} and len(sizes) < 12
        assert screen.size == it.app.size
