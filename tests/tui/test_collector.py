"""Unused objects are collected when no key waits for it, and at the latest before they are many."""

from __future__ import annotations

import asyncio
import gc
import sys
import weakref
from collections.abc import Iterator

import pytest

from tests.tui.main_screen import opened
from tui import collector
from tui.collector import Collector
from tui.turn import TURN
from tui.widgets.tables.table import Table


class Ring:
    """Only a collection takes it away."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    now = [100.0]
    monkeypatch.setattr(collector.time, "monotonic", lambda: now[0])
    before = gc.get_threshold()
    gc.collect()
    yield now
    gc.set_threshold(*before)


def collections(generation: int) -> int:
    found: int = gc.get_stats()[generation]["collections"]
    return found


def made(young: int) -> None:
    """So many collections of the youngest."""
    for _ in range(young):
        gc.collect(0)


def lately() -> weakref.ref[Ring]:
    """To one that is not needed any more, and no longer among the youngest."""
    ring = Ring()
    gc.collect(0)
    return weakref.ref(ring)


def turn(it: Collector, *, is_asked: bool) -> None:
    due = it.due(is_asked=is_asked)
    if due is not None:
        due()


def test_what_was_made_lately_waits_for_calm(clock: list[float]) -> None:
    it = Collector()
    it.start()
    ring = lately()
    made(collector.CALM)
    it.heard()
    turn(it, is_asked=False)
    assert ring() is not None
    clock[0] += collector.CALM_S + 0.01
    turn(it, is_asked=False)
    assert ring() is None
    it.stop()


def test_but_not_for_ever(clock: list[float]) -> None:
    it = Collector()
    it.start()
    ring = lately()
    made(collector.BUSY)
    it.heard()
    turn(it, is_asked=False)
    assert ring() is None
    it.stop()


def test_what_is_older_is_looked_at_once_it_is_much_and_all_of_it_in_a_pause(
    clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    blocks = [1_000_000]
    monkeypatch.setattr(sys, "getallocatedblocks", lambda: blocks[0])
    it = Collector()
    it.start()
    before = collections(2)
    old = Ring()
    found = weakref.ref(old)
    blocks[0] += collector.AT_MOST + 1
    made(collector.BUSY)
    for _ in range(2):  # first what was made lately
        it.heard()
        turn(it, is_asked=False)
    assert collections(2) == before + 1
    del old
    gc.collect()  # it was looked at: no collection goes through it again
    assert found() is not None
    before = collections(2)
    blocks[0] += collector.WORTH + 1 - collector.AT_MOST
    clock[0] += collector.VERY_CALM_S + 0.01
    made(collector.CALM)
    for _ in range(3):
        turn(it, is_asked=False)
    assert found() is None and collections(2) == before + 1  # nothing has come since
    it.stop()


def test_what_took_long_waits_for_a_longer_pause(
    clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    blocks, took_s = [1_000_000], iter((0.0, 0.3, 0.0, 0.0))
    monkeypatch.setattr(sys, "getallocatedblocks", lambda: blocks[0])
    monkeypatch.setattr(collector.time, "perf_counter", lambda: next(took_s))
    it = Collector()
    it.start()
    it.afresh()
    old = Ring()
    found = weakref.ref(old)
    gc.freeze()
    del old
    blocks[0] += collector.WORTH + 1
    it._grown = collector.WORTH + 1
    it.heard()
    clock[0] += collector.VERY_CALM_S + 1
    turn(it, is_asked=False)
    assert found() is not None
    it._grown = collector.WORTH + 1
    clock[0] += collector.PATIENCE * 0.3
    turn(it, is_asked=False)
    assert found() is None
    it.stop()


def test_growth_counts_from_the_lowest_point_since(
    clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What counts as old goes too, unasked: what comes in its place may be no less to look at."""
    blocks = [1_000_000]
    monkeypatch.setattr(sys, "getallocatedblocks", lambda: blocks[0])
    it = Collector()
    it.start()
    before = collections(2)
    for more in (-50_000, collector.AT_MOST + 1, 0):
        blocks[0] += more
        made(collector.BUSY)
        it.heard()
        turn(it, is_asked=False)
    assert collections(2) == before + 1
    it.stop()


def test_a_question_is_gone_before_it_counts_as_old(clock: list[float]) -> None:
    it = Collector()
    it.start()
    ring = Ring()
    made(collector.BUSY)
    before = collections(1)
    it.heard()
    turn(it, is_asked=True)
    assert collections(1) == before
    gone = weakref.ref(ring)
    del ring
    turn(it, is_asked=False)
    assert gone() is None
    it.stop()


async def test_a_table_that_is_filled_anew_leaves_nothing_to_collect() -> None:
    async with opened("catalog") as it:
        await it.settled()
        table = it.screen.query(Table).first()
        await it.until(lambda: len(table._line_cache) > 5, "the table")
        caches = (table._line_cache, table._row_render_cache, table._row_renderable_cache)
        links = [link for cache in caches for link in cache._cache.values()]
        assert all(links)
        table._clear_caches()
        assert not any(links)  # each held the next and the one before


async def test_the_application_leaves_collection_as_it_was() -> None:
    before = gc.get_threshold()
    async with opened("catalog"):
        assert gc.get_threshold() != before
    assert gc.get_threshold() == before and not gc.get_freeze_count()


async def test_what_is_due_is_done_in_the_next_free_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened("catalog") as it:
        await it.settled()
        done: list[bool] = []
        monkeypatch.setattr(
            it.app._collector, "due", lambda is_asked: lambda: done.append(is_asked)
        )
        await TURN.wait()
        collecting = asyncio.create_task(it.app._collect())
        await asyncio.sleep(0)
        assert not done
        await collecting
        assert done[-1:] == [False]
