"""Of long steps that are due together, each has a turn of the event loop."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import Any

import pytest
from textual.screen import Screen

from tests.tui.main_screen import opened
from tui.stylesheet import Sheet
from tui.turn import QUIET, TURN, Turn
from tui.widgets.charts.chart import Chart


async def test_a_turn_is_taken_once_and_goes_by() -> None:
    turn = Turn()
    assert turn.take() and not turn.take()
    for _ in range(QUIET):  # in these keys are dealt with
        assert not turn.take()
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert turn.take()


async def test_what_waits_comes_in_turns_of_its_own() -> None:
    turn, order = Turn(), []

    async def step(name: str) -> None:
        await turn.wait()
        order.append(name)

    async def keys() -> None:
        while len(order) < 12:
            order.append("key")
            await asyncio.sleep(0)

    await asyncio.gather(step("paint"), step("layout"), step("answer"), keys())
    steps = [order.index(name) for name in ("paint", "layout", "answer")]
    assert steps == sorted(steps)
    assert all("key" in order[one:other] for one, other in pairwise(steps))


def test_a_turn_that_never_went_by_is_not_for_ever() -> None:
    turn = Turn()

    async def take() -> bool:
        return turn.take()

    loop = asyncio.new_event_loop()
    loop.run_until_complete(take())
    turn._taken_in = loop  # closed before its next turn
    loop.close()
    assert asyncio.run(take())


async def test_parts_of_a_step_have_keys_between_and_nothing_else_that_is_long() -> None:
    turn, order = Turn(), []

    async def parts() -> None:
        await turn.wait()
        for part in ("style 1", "style 2", "style 3"):
            order.append(part)
            await turn.pause()

    async def layout() -> None:
        await turn.wait()
        order.append("layout")

    async def keys() -> None:
        while "layout" not in order:
            if order[-1:] != ["key"]:
                order.append("key")
            await asyncio.sleep(0)

    await asyncio.gather(parts(), layout(), keys())
    assert order == [
        "style 1", "key", "style 2", "key", "style 3", "key", "layout",
    ]  # fmt: skip


async def test_layout_and_painting_wait_for_their_turn() -> None:
    async with opened("catalog") as it:
        await it.settled()
        screen = it.screen
        screen.refresh(layout=True)
        TURN._taken_in = asyncio.get_running_loop()
        await asyncio.sleep(0.1)
        assert screen._layout_required
        screen._compositor._dirty_regions.add(screen.region)
        screen._compositor_refresh()
        await asyncio.sleep(0.1)
        assert screen._compositor._dirty_regions
        TURN._left = 1
        TURN._go_by()
        await it.until(lambda: not screen._layout_required, "the layout")
        await it.until(lambda: not screen._compositor._dirty_regions, "the picture")


async def test_a_key_comes_between_the_steps_of_a_theme(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is read, put on the screen in sight, and on another that comes into sight; that one is
    laid out."""
    steps: list[str] = []

    def noted(owner: type, name: str) -> None:
        does = getattr(owner, name)

        def step(*args: Any, **kwargs: Any) -> Any:
            steps.append(name)
            return does(*args, **kwargs)

        monkeypatch.setattr(owner, name, step)

    async def keys() -> None:
        while True:
            if steps[-1] != "key":
                steps.append("key")
            await asyncio.sleep(0)

    async with opened("catalog") as it:
        await it.settled()
        await it.app.switch_mode("calibrate")
        await it.settled()
        steps.append("key")
        between = asyncio.create_task(keys())
        for name in ("reparse", "update", "update_in_parts"):
            noted(Sheet, name)
        noted(Screen, "_screen_resized")
        it.app.theme = "textual-light"
        await it.until(lambda: "update" in steps, "the theme")
        await it.settled()
        # What is read is kept: the second time it is at hand.
        assert steps[1:5] == ["reparse", "key", "reparse", "update"]
        del steps[:-1]
        await it.app.action_switch_mode("catalog")
        assert steps == ["key", "update_in_parts", "key", "_screen_resized"]
        between.cancel()


async def test_what_fills_the_screen_has_the_styles_it_would_have() -> None:
    """They are worked out for what the rules are about alone."""
    async with opened("explore") as it:
        await it.settled()
        screen = it.screen

        def styles() -> list[dict[str, Any]]:
            return [dict(node.styles.base.get_rules()) for node in screen.walk_children()]

        apart = styles()
        screen.maximize(screen.query_one(Chart))
        first = styles()
        assert first != apart
        it.app.stylesheet.update(screen)
        assert styles() == first
        screen.minimize()
        assert styles() == apart
