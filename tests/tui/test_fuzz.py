"""Whatever is pressed, wherever: nothing is raised, kept or left unpainted, nothing hangs."""

from __future__ import annotations

import asyncio
import gc
import importlib
import pkgutil
import shutil
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import lru_cache
from pathlib import Path
from statistics import median

import pytest

import catalog
import launchers
import planner
import tui
from planner.actions import saved_screens
from planner.actions.calibration.panel import PANEL
from planner.actions.explore.plan import open_subject
from planner.actions.kept import Kept
from planner.errors import BadInput
from planner.performance import fitted, training
from tests.fakes.sky_module import FakeSky
from tests.launchers.conftest import RESULT_LINE
from tests.launchers.programs import quick
from tests.tui.fuzz import SETTLE_EVERY, Heartbeat, Monkey
from tests.tui.terminal import Terminal, write_as_to_a_terminal
from tui.app import DEFAULT_WORKLOAD, PlannerApp

SEEDS = (20261129, 1)
SAMPLE, ALL = 250, 20_000
PART = 2_000
# Looks that are compared: one differs from the next by a tenth, up and down. The first comes before
# every screen was seen.
EARLY, LATE = slice(1, 4), slice(-3, None)
BLOCKED_S = 0.2  # at most, on a machine that does nothing else
REPAINTS = 3.0  # of the longest step of one: about a third of a second where nothing else runs
LARGEST = (200, 60)
SHOWN_SEED, SHOWN_SAMPLE, SHOWN = 8, 120, 4_000
PAINTED_S = 10  # by then, on a machine that does much else
FLAT = 1.10
WITH_CACHE = lru_cache(lambda: None)


@pytest.fixture(autouse=True)
def nothing_real(compiled_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeSky:
    """No cloud, no torch, no file outside the test's folder; errors of threads are raised."""
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.setenv("HOME", str(work))
    monkeypatch.setenv("PLANNER_DEBUG", "1")
    write_as_to_a_terminal(monkeypatch)
    cache = tmp_path / "cache"  # a refresh may write to it
    shutil.copytree(compiled_cache, cache)
    monkeypatch.setenv("PLANNER_CACHE_DIR", str(cache))
    quick(monkeypatch, tmp_path)
    few = {name: PANEL[name] for name in ("MNIST CNN, 14 epochs",)}
    monkeypatch.setattr("planner.actions.calibration.panel.PANEL", few)
    save = saved_screens.save

    def save_here(state: saved_screens.SavedScreens, path: Path, *, force: bool = False) -> None:
        if not path.absolute().is_relative_to(tmp_path):
            raise BadInput("is not here", where=str(path))
        save(state, path, force=force)

    monkeypatch.setattr(saved_screens, "save", save_here)
    return FakeSky(tmp_path / "cloud", f"(x, pid=7) {RESULT_LINE}\n").install(monkeypatch)


@asynccontextmanager
async def monkey(seed: int) -> AsyncIterator[Monkey]:
    app = PlannerApp(open_subject(str(DEFAULT_WORKLOAD), shipped=True))
    async with app.run_test(size=(100, 30)) as pilot:
        yield Monkey(pilot, seed)


def tell(one: Monkey, text: str) -> None:
    """Not to the application, which takes what is printed."""
    print(text, file=one.app._original_stdout, flush=True)


@asynccontextmanager
async def beating(heart: Heartbeat) -> AsyncIterator[None]:
    task = asyncio.create_task(heart.run())
    yield
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def repainting(one: Monkey) -> Heartbeat:
    """The longest that the loop is busy with drawing each screen anew, at full size."""
    heart = Heartbeat()
    for mode in "23451":
        one.press(mode)
        await one.act(5)
    async with beating(heart):
        for mode in "23451":
            one.press(mode)
            one.resize(*LARGEST)
            await one.pilot.pause(0.02)
            one.app.action_next_theme()
            await one.pilot.pause(0.02)
        await one.pilot.pause(1)  # what is under way is done before anything else is measured
    return heart


async def test_a_few_hundred_random_keys() -> None:
    async with monkey(SEEDS[0]) as one:
        least = await repainting(one)
        heart = Heartbeat(tell=one.last)
        async with beating(heart):
            await one.act(SAMPLE)
        tell(one, f"blocked {heart}; repainting {least}; at {heart.at}")
        assert heart.longest_cpu_s < REPAINTS * least.longest_cpu_s, heart.at


async def shown(keys: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal shows in the end what is there to be seen, also of what changed while something
    else was being painted, and of what lies behind a question."""
    terminal = Terminal(100, 30, monkeypatch)
    async with monkey(SHOWN_SEED) as one:
        resize = one.resize

        def resize_both(width: int, height: int) -> None:
            terminal.resize(width, height)
            resize(width, height)

        monkeypatch.setattr(one, "resize", resize_both)
        for _ in range(keys // SETTLE_EVERY):
            await one.act(SETTLE_EVERY)
            try:
                async with asyncio.timeout(PAINTED_S):
                    while terminal.differences(one.app):
                        await asyncio.sleep(0.05)
            except TimeoutError:
                raise AssertionError(
                    f"after {one.last()}: {terminal.differences(one.app)}"
                ) from None


async def test_a_terminal_shows_what_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    await shown(SHOWN_SAMPLE, monkeypatch)


@pytest.mark.nightly
async def test_a_terminal_shows_what_is_there_after_thousands_of_keys(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await shown(SHOWN, monkeypatch)


@pytest.mark.nightly
async def test_random_keys_never_block() -> None:
    """Neither by the clock, which keys wait by, nor of CPU, which says whose fault it is."""
    async with monkey(SEEDS[0]) as one:
        heart = Heartbeat(tell=one.last)
        try:
            async with beating(heart):
                await one.act(ALL)
        finally:
            tell(one, f"blocked {heart}; at {heart.at}; by the clock at {heart.late_at}")
        assert heart.longest_cpu_s < BLOCKED_S, heart.at
        assert heart.longest_s < BLOCKED_S, heart.late_at


def forget() -> None:
    """What is kept is bounded, but some answers are ten times as large as others, and caches of the
    libraries fill up for hours: whichever the last keys asked for would be more than what a leak
    makes."""
    for known in (training._KNOWN, fitted._KNOWN):
        known._found = {}
    gc.unfreeze()
    for found in gc.get_objects():
        if type(found) is Kept:
            found.clear()
        elif type(found) is type(WITH_CACHE) and found.cache_parameters()["maxsize"]:
            found.cache_clear()
    gc.freeze()


def import_all() -> None:
    """What is imported when it is first needed, once: random keys come to it sooner or later. The
    SDK of Google alone holds 90 MiB."""
    for package in (catalog, launchers, planner, tui):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            with suppress(ModuleNotFoundError):  # an SDK that is not installed here
                importlib.import_module(module.name)
    for sdk in ("boto3", "google.cloud.compute_v1", "azure.mgmt.compute", "azure.identity"):
        importlib.import_module(sdk)


@pytest.mark.nightly
async def test_random_keys_leak_nothing() -> None:
    """All is traced from the start: of what was there before tracing, only what takes its place
    would be counted. Before each look the screens are as they were at first."""
    import_all()
    tracemalloc.start()
    try:
        async with monkey(SEEDS[1]) as one:
            await one.refresh()  # further modules of the SDKs
            held = []
            for _ in range(0, ALL, PART):
                await one.act(PART)
                await one.begin_again()
                forget()
                one.app._collector.afresh()  # as in a pause, which random keys never make
                held.append(tracemalloc.get_traced_memory()[0])
                tell(one, f"{len(held) * PART} keys: {held[-1] / 2**20:.1f} MiB")
    finally:
        tracemalloc.stop()
    assert median(held[LATE]) < median(held[EARLY]) * FLAT
