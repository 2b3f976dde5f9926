"""Threads that work leave the event loop alone while it is in the midst of a step."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from collections.abc import Iterator

import pytest

from tests.tui.main_screen import opened
from tui.collector import Collector
from tui.precedence import GO_ON_S, WAIT_S, Precedence

STEP_S, STEPS = 0.05, 8


@pytest.fixture
def often() -> Iterator[None]:
    """Garbage is collected as often as in the application."""
    collector = Collector()
    collector.start()
    yield
    collector.stop()


@pytest.fixture
def always(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread asks whenever it may."""
    monkeypatch.setattr("tui.precedence.GO_ON_S", 0.0)


class Worker:
    """A thread that makes objects, as all that plans does. ``cpu_s`` is what it has used so far."""

    def __init__(self) -> None:
        self.cpu_s = 0.0
        self._ends = False
        self._thread = threading.Thread(target=self._work)

    def __enter__(self) -> Worker:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._ends = True
        self._thread.join()

    def _work(self) -> None:
        while not self._ends:
            [[number] for number in range(1000)]
            self.cpu_s = time.thread_time()


def step() -> None:
    """What painting is to the loop: Python without a pause."""
    began = time.thread_time()
    while time.thread_time() - began < STEP_S:
        sum(range(50))


async def taken() -> float:
    """CPU that a thread used while the loop was in the midst of steps, in all."""
    found = 0.0
    with Worker() as worker:
        for _ in range(STEPS):
            await asyncio.sleep(2 * GO_ON_S)
            before = worker.cpu_s
            step()
            found += worker.cpu_s - before
    return found


@pytest.mark.usefixtures("often")
async def test_a_thread_takes_little_of_a_step() -> None:
    without, precedence = await taken(), Precedence()
    precedence.start()
    try:
        given = await taken()
    finally:
        precedence.stop()
    print(f"of {STEPS * STEP_S:.1f} s: {given:.3f} s, without {without:.3f} s")
    assert given < without / 3


@pytest.mark.usefixtures("always")
async def test_a_thread_goes_on_where_the_loop_waits_for_it() -> None:
    """It waits once, holding what the loop needs; then it goes on without asking."""
    precedence, lock, done = Precedence(), threading.Lock(), []

    def work() -> None:
        with lock:
            holds.set()
            began = time.perf_counter()
            for _ in range(20):
                precedence.give_way()
            done.append(time.perf_counter() - began)

    holds = threading.Event()
    precedence.start()
    try:
        thread = threading.Thread(target=work)
        thread.start()
        holds.wait()
        with lock:  # no turn of the loop until the thread has given it back
            pass
        thread.join()
    finally:
        precedence.stop()
    assert WAIT_S / 2 < done[0] < 10 * WAIT_S


async def test_a_thread_that_begins_waits_for_nothing() -> None:
    """Who starts it waits for it."""
    precedence, took = Precedence(), []

    def work() -> None:
        began = time.perf_counter()
        precedence.give_way()
        took.append(time.perf_counter() - began)

    precedence.start()
    try:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    finally:
        precedence.stop()
    assert took[0] < WAIT_S


async def test_all_is_as_before_once_the_application_is_closed() -> None:
    before = list(gc.callbacks)
    async with opened("explore"):
        assert len(gc.callbacks) == len(before) + 1
    assert gc.callbacks == before


@pytest.mark.usefixtures("always")
async def test_a_thread_that_outlives_the_loop_goes_on() -> None:
    precedence = Precedence()

    def other_loop() -> None:
        async def start() -> None:
            precedence.start()

        asyncio.run(start())
        precedence.stop()
        precedence.give_way()
        precedence.give_way()

    await asyncio.to_thread(other_loop)
