"""In the end a terminal shows what is there, however sizes and steps came across each other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from textual.containers import Vertical
from textual.errors import NoWidget
from textual.geometry import Region
from textual.screen import Screen
from textual.widgets import Static

from tests.tui.main_screen import ScreenDriver, opened
from tests.tui.terminal import Terminal
from tests.tui.test_steps import resize
from tui.screens.closing import Palette


class News(Static):
    shown = 0

    def on_show(self) -> None:
        self.shown += 1


@asynccontextmanager
async def shown(
    mode: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[ScreenDriver, Terminal]]:
    terminal = Terminal(100, 30, monkeypatch)
    async with opened(mode, size=(100, 30)) as it:
        await same(it, terminal)
        yield it, terminal


async def same(it: ScreenDriver, terminal: Terminal) -> None:
    try:
        await it.until(lambda: not terminal.differences(it.app), "the picture", seconds=8)
    except AssertionError:
        raise AssertionError(terminal.differences(it.app)) from None


async def test_every_screen_that_is_seen_gets_a_new_size(monkeypatch: pytest.MonkeyPatch) -> None:
    async with shown("catalog", monkeypatch) as (it, terminal):
        it.app.action_help()
        it.app.push_screen(Palette())
        await it.until(lambda: len(it.app.screen_stack) == 3, "the palette")
        await same(it, terminal)
        terminal.resize(60, 20)
        resize(it, 60, 20)
        sizes = [screen._compositor for screen in it.app.screen_stack]
        await it.until(lambda: {each.size for each in sizes} == {(60, 20)}, "the sizes")
        await same(it, terminal)


async def test_a_size_that_comes_back_at_once_is_painted_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What had no room in between, the terminal has lost."""
    async with shown("catalog", monkeypatch) as (it, terminal):
        for width, height in ((12, 5), (100, 30)):
            terminal.resize(width, height)
            resize(it, width, height)
        assert terminal.differences(it.app)
        await same(it, terminal)


async def test_a_place_looked_up_before_the_layout_is_laid_out_and_painted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with shown("catalog", monkeypatch) as (it, terminal):
        screen: Screen[Any] = it.screen
        news = News("look here")
        news.display = False
        box = Vertical(Static("first"), news)
        box.styles.height = "auto"
        await screen.mount(box, before="#status")
        await same(it, terminal)
        news.display = True
        screen._compositor.update_widgets({news})
        assert news.region  # looked up: the library would take it for painted
        await same(it, terminal)
        assert any("look here" in terminal.row(y) for y in range(30))
        assert news.shown == 1


async def test_a_question_forgets_nothing_of_its_own_for_what_lies_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with shown("catalog", monkeypatch) as (it, terminal):
        it.app.action_help()
        await it.until(lambda: it.app.screen._behind is not None, "the question")
        await same(it, terminal)
        question = it.app.screen
        await it.until(lambda: question._paints is None, "all of it")
        text = question.query(Static).first()
        text.update("all new", layout=False)
        while text not in question._dirty_widgets:
            await asyncio.sleep(0)
        assert not question._compositor._dirty_regions
        question.refresh(Region(0, 29, 100, 1))
        question._on_timer_update()
        await same(it, terminal)
        assert any("all new" in terminal.row(y) for y in range(30))


async def test_a_place_looked_up_in_a_layout_arranges_nothing_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with opened("catalog") as it:
        await it.settled()
        compositor = it.screen._compositor
        arrange, arranged = compositor._arrange_root, []

        def looking_up(*of: Any, **how: Any) -> Any:
            arranged.append(of)
            with suppress(NoWidget):
                compositor.find_widget(Static("not laid out yet"))
            return arrange(*of, **how)

        monkeypatch.setattr(compositor, "_arrange_root", looking_up)
        compositor._full_map_invalidated = True
        compositor.reflow(it.screen, it.app.size)
        assert it.screen.status.region
        assert len(arranged) == 1
