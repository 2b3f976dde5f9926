"""Random keys, clicks and sizes for the application, and what watches it meanwhile."""

from __future__ import annotations

import asyncio
import random
import time
import unicodedata
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from textual import events
from textual.app import App
from textual.geometry import Size
from textual.keys import REPLACED_KEYS, _character_to_key, _get_unicode_name_from_key
from textual.pilot import Pilot, WaitForScreenTimeout
from textual.screen import ModalScreen
from textual.widgets import Input

from tui.app import PlannerApp, all_keys
from tui.modes import MODES
from tui.screens.base import PlanningScreen
from tui.screens.path import PathScreen
from tui.widgets.inputs.search import Search
from tui.widgets.live_runs import LiveRuns
from tui.widgets.refresh_pane import RefreshPane
from tui.widgets.tables.options import Options
from tui.widgets.tables.rows import Rows

SIZES = ((80, 24), (120, 40), (200, 60), (100, 30), (60, 20), (30, 10), (12, 5), (1, 1))
EDITING = (
    "tab", "shift+tab", "up", "down", "left", "right", "enter", "escape", "backspace", "space",
    "pageup", "pagedown", "home", "end", "delete", "ctrl+a", "ctrl+u", "ctrl+p",
)  # fmt: skip
TYPED = "0123456789.,hmd$%<gpuawstcké中"
RESIZES, CLICKS, NUMBERS = 0.03, 0.05, 0.04
ONE_REGION_EACH = "us-east-1,eastus,us-central1"
BEAT_S = 0.01
SETTLE_EVERY = 10
LONGEST_S = 120


def send_key(app: App[Any], key: str) -> None:
    """As a terminal sends it: does not wait until anything has come of it, as a pilot does."""
    key = _character_to_key(key) if len(key) == 1 and not key.isalnum() else key
    character: str | None = key if len(key) == 1 else None
    with suppress(KeyError):
        character = unicodedata.lookup(_get_unicode_name_from_key(REPLACED_KEYS.get(key, key)))
    _send(app, events.Key(key, character))


def _send(app: App[Any], event: events.Event) -> None:
    assert app._driver is not None
    event.set_sender(app)
    app._driver.send_message(event)


def bound() -> dict[str, list[str]]:
    """The keys of each binding of every screen, by its id."""
    return {id_: keys.split(",") for id_, keys in all_keys().items()}


class Monkey:
    """The same actions for the same seed. The last ones are in ``trail``."""

    def __init__(self, pilot: Pilot[str], seed: int) -> None:
        self.pilot, self.app = pilot, pilot.app
        assert isinstance(self.app, PlannerApp)
        self.planner_app = self.app
        self._size = self.app.size
        # Leaving would end the run; what leaving asks is tested on its own.
        self.app.quit_guards.insert(0, lambda: True)
        self._random = random.Random(seed)
        own = sorted({key for keys in bound().values() for key in keys})
        self._keys = [*own, *own, *EDITING, *EDITING, *TYPED]
        self.trail: deque[str] = deque(maxlen=40)
        self._first: dict[str, object] = {}  # what each screen was asked first, by mode

    async def act(self, times: int) -> None:
        for turn in range(times):
            self._act()
            await asyncio.sleep(BEAT_S / 2)  # keys of a person: one is done before the next comes
            if turn % SETTLE_EVERY == 0:
                await self._settle()
            if self.app._exception is not None or not self.app.is_running:
                raise AssertionError(f"after {' '.join(self.trail)}") from self.app._exception
        await self._settle()

    async def _settle(self) -> None:
        """A widget that goes meanwhile does not answer the pilot, which waits in vain: once."""
        try:
            await self.pilot.pause(0.001)
        except WaitForScreenTimeout:
            await self.pilot.pause(0.001)

    async def refresh(self) -> None:
        """Ask every source once for prices of some region, and wait for the last."""
        await self.app.switch_mode("catalog")
        pane = self.app.screen.query_one(RefreshPane)
        regions = pane.query_one("#regions", Input)
        regions.value = ONE_REGION_EACH
        pane.start()
        regions.value = ""
        await self._until(lambda: not pane.is_running)

    async def begin_again(self) -> None:
        """Nothing lies over any screen, nothing is under way, and each has the answer to what it
        was asked at first, at the first size: a larger screen keeps more of what was drawn."""
        self.resize(*self._size)
        self.planner_app.marked.clear()
        while isinstance(self.app.screen, ModalScreen):
            self.app.screen.dismiss(None)
            await asyncio.sleep(BEAT_S)
        for mode in MODES:
            await self.app.switch_mode(mode.name)
            screen = self.app.screen
            assert isinstance(screen, PlanningScreen)
            await self._until(lambda screen=screen: screen._newest is not None)
            first = self._first.setdefault(mode.name, screen._newest)
            for refresh in screen.query(RefreshPane):
                refresh.stop()
            for work in (*screen.query(RefreshPane), *screen.query(LiveRuns)):
                await self._until(lambda work=work: not work.is_running)
            for refresh in screen.query(RefreshPane):  # hundreds of slices, or a few
                refresh.live = None
                refresh.query_one("#slice-rows", Rows).fill([])
            for search in screen.query(Search):
                search.clear()
            for options in screen.query(Options):
                options.pinned.clear()
            screen.put(first)
            screen.ask(first)
            await self._until(lambda screen=screen: not screen._working)

    async def _until(self, done: Callable[[], bool]) -> None:
        async with asyncio.timeout(LONGEST_S):
            while not done():
                await asyncio.sleep(BEAT_S)

    def _act(self) -> None:
        chance = self._random.random()
        if chance < RESIZES:
            self.resize(*self._random.choice(SIZES))
        elif chance < RESIZES + CLICKS:
            self._click()
        elif chance < RESIZES + CLICKS + NUMBERS:
            self.press(self._random.choice("12345"))
        else:
            self.press(self._random.choice(self._keys))

    def last(self) -> str:
        return " ".join(list(self.trail)[-12:])

    def press(self, key: str) -> None:
        if key == "slash" and isinstance(self.app.screen, PathScreen):
            return  # nothing is to be written outside the test's folder
        self.trail.append(key)
        send_key(self.app, key)

    def resize(self, width: int, height: int) -> None:
        self.trail.append(f"{width}x{height}")
        self.pilot.app._driver._size = (width, height)  # type: ignore[union-attr]
        self._send(events.Resize(Size(width, height), Size(width, height)))

    def _click(self) -> None:
        size = self.app.size
        x, y = (
            self._random.randrange(max(size.width, 1)),
            self._random.randrange(max(size.height, 1)),
        )
        self.trail.append(f"click({x},{y})")
        for kind in (events.MouseMove, events.MouseDown, events.MouseUp):
            button = 0 if kind is events.MouseMove else 1
            self._send(kind(None, x, y, 0, 0, button, False, False, False, x, y))

    def _send(self, event: events.Event) -> None:
        _send(self.app, event)


@dataclass
class Heartbeat:
    """How long the event loop was busy with one thing: on the clock, and of this thread's CPU,
    which other programs and threads do not lengthen."""

    longest_s: float = 0.0
    longest_cpu_s: float = 0.0
    at: str = ""  # the longest of CPU, and that by the clock
    late_at: str = ""
    tell: Callable[[], str] = field(default=lambda: "")

    def __str__(self) -> str:
        clock, cpu = f"{self.longest_s * 1e3:.0f} ms", f"{self.longest_cpu_s * 1e3:.0f} ms of CPU"
        return f"{clock}, {cpu}"

    async def run(self) -> None:
        while True:
            began, cpu = time.perf_counter(), time.thread_time()
            await asyncio.sleep(BEAT_S)
            late = time.perf_counter() - began - BEAT_S
            if late > self.longest_s:
                self.longest_s, self.late_at = late, self.tell()
            spent = time.thread_time() - cpu
            if spent > self.longest_cpu_s:
                self.longest_cpu_s, self.at = spent, self.tell()
