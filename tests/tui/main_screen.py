"""An application that opens on one of the main screens, driven by a pilot."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, Static

from planner.actions.explore.plan import open_subject
from tui.app import DEFAULT_WORKLOAD, PlannerApp
from tui.screens.base import PlanningScreen


class ScreenDriver:
    """What a person does and sees on a main screen."""

    def __init__(self, app: PlannerApp, pilot: Pilot[None]) -> None:
        self.app, self.pilot = app, pilot

    @property
    def screen(self) -> PlanningScreen[Any, Any]:
        screen = self.app.screen
        assert isinstance(screen, PlanningScreen)
        return screen

    def text(self, id_: str) -> str:
        return str(self.screen.query_one(f"#{id_}", Static).render())

    @property
    def status(self) -> str:
        return self.text("status")

    async def until(self, condition: Callable[[], bool], what: str, seconds: float = 20) -> None:
        for _ in range(int(seconds / 0.02)):
            if condition():
                return
            await self.pilot.pause(0.02)
        raise AssertionError(f"{what} did not happen within {seconds} s; status: {self.status}")

    async def settled(self) -> None:
        """Everything asked for has been answered and shown."""
        screen = self.screen
        await self.until(
            lambda: (
                screen.answer is not None
                and not screen._working
                and (screen.has_class("-old") or screen.answered == screen._newest)
                and getattr(screen, "_asked", screen._newest) == screen._newest
            ),
            "the answer",
        )
        await self.pilot.pause()

    async def keys(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.settled()

    async def type_into(self, key: str, text: str) -> None:
        """Go to a field by its key and replace what it holds."""
        await self.pilot.press(key)
        field = self.app.focused
        assert isinstance(field, Input), field
        field.value = text
        await self.pilot.pause()


@asynccontextmanager
async def opened(
    mode: str, file: Path | None = None, size: tuple[int, int] = (120, 40)
) -> AsyncIterator[ScreenDriver]:
    """Opened on one mode: Explore is not planned beside it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PlannerApp, "DEFAULT_MODE", mode)
        app = PlannerApp(open_subject(str(file or DEFAULT_WORKLOAD), shipped=file is None))
        async with app.run_test(size=size) as pilot:
            driver = ScreenDriver(app, pilot)
            await driver.settled()
            yield driver
