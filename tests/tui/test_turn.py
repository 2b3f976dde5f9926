"""Of long steps that are due together, each has a turn of the event loop."""

from __future__ import annotations

import asyncio
from itertools import pairwise

from tests.tui.main_screen import opened
from tui.turn import TURN, Turn


async def test_a_turn_is_taken_once_and_goes_by() -> None:
    turn = Turn()
    assert turn.take() and not turn.take()
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
        TURN._go_by()
        await it.until(lambda: not screen._layout_required, "the layout")
        await it.until(lambda: not screen._compositor._dirty_regions, "the picture")
