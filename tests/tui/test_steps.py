"""Screens are styled, laid out and painted in steps, and nothing of it is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import chain, pairwise
from typing import Any

import pytest
from textual import events
from textual.geometry import Size
from textual.renderables.background_screen import BackgroundScreen
from textual.screen import Screen

from tests.tui.main_screen import ScreenDriver, opened
from tui.screens.base import PlanningScreen
from tui.screens.steps import BAND_CELLS, Behind


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
        PlanningScreen.be_sized,
        Screen._refresh_layout,
        Screen._compositor_refresh,
    )

    def styled(self: PlanningScreen[Any, Any], size: Size, *, restyle: bool = True) -> None:
        style(self, size, restyle=restyle)
        steps.append("styles")

    def laid_out(self: Screen[Any], size: Size | None = None, scroll: bool = False) -> None:
        lay_out(self, size, scroll)
        steps.append("layout")

    def painted(self: Screen[Any]) -> None:
        band = {y for each in self._compositor._dirty_regions for y in range(each.y, each.bottom)}
        assert len(band) * self.size.width <= BAND_CELLS
        rows.update(band)
        paint(self)
        steps.append("all" if rows >= set(range(60)) else "band")

    async with opened("catalog") as it:
        await it.settled()
        monkeypatch.setattr(PlanningScreen, "be_sized", styled)
        monkeypatch.setattr(Screen, "_refresh_layout", laid_out)
        monkeypatch.setattr(Screen, "_compositor_refresh", painted)
        async with beating(steps):
            resize(it, 200, 60)
            await it.until(lambda: "all" in steps, "the picture")
        # A key that came meanwhile would have been dealt with where there is a beat.
        places = [steps.index(step) for step in ("styles", "layout", "band", "all")]
        assert places == sorted(places)
        assert all("beat" in steps[one:other] for one, other in pairwise(places)), steps
        await it.pilot.pause(0.2)
        assert it.screen._paints is None
        assert not it.screen._compositor._dirty_regions


async def test_what_lies_behind_a_question_is_tinted_as_the_library_does() -> None:
    async with opened("catalog", size=(80, 24)) as it:
        await it.settled()
        screen = it.screen
        it.app.action_help()
        name = "_render.visual"
        await it.until(lambda: name in it.app.screen._layout_cache, "the screen behind it")
        shown = it.app.screen._layout_cache[name]
        assert isinstance(shown, Behind)
        lines = screen._compositor.render_strips()
        ours = list(chain.from_iterable(shown._tinted(line) for line in lines))
        assert ours == list(
            BackgroundScreen.process_segments(chain.from_iterable(lines), shown.color)
        )
        assert any(segment.style and segment.style.bgcolor for segment in ours)
