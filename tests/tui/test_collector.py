"""Unused objects are collected when no key waits for it, and at the latest before they are many."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from tests.tui.main_screen import opened
from tui import collector
from tui.collector import Collector


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


def test_what_was_made_lately_waits_for_calm(clock: list[float]) -> None:
    it = Collector()
    it.start()
    ring = lately()
    made(collector.CALM)
    it.heard()
    it.turn()
    assert ring() is not None
    clock[0] += collector.CALM_S + 0.01
    it.turn()
    assert ring() is None
    it.stop()


def test_but_not_for_ever(clock: list[float]) -> None:
    it = Collector()
    it.start()
    ring = lately()
    made(collector.BUSY)
    it.heard()
    it.turn()
    assert ring() is None
    it.stop()


def test_what_is_old_is_looked_at_in_a_pause_or_once_it_is_much(
    clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collector, "WORTH", 10)
    monkeypatch.setattr(collector, "AT_MOST", 1_000)
    monkeypatch.setattr(collector, "GROWTH", 0)
    it = Collector()
    it.start()
    made(collector.BUSY)
    it.turn()  # counts what there is
    before, kept = collections(2), [Ring() for _ in range(100)]
    made(collector.BUSY)
    it.heard()
    it.turn()
    assert collections(2) == before
    clock[0] += collector.VERY_CALM_S + 0.01
    it.turn()
    assert collections(2) == before + 1
    it.turn()
    assert collections(2) == before + 1  # nothing has come since
    kept += [Ring() for _ in range(2_000)]
    made(collector.BUSY)
    it.heard()
    it.turn()
    assert collections(2) == before + 2
    it.stop()


async def test_the_application_leaves_collection_as_it_was() -> None:
    before = gc.get_threshold()
    async with opened("catalog"):
        assert gc.get_threshold() != before
    assert gc.get_threshold() == before
