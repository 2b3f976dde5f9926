"""An application under a pilot that opens on a screen of panes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from textual.binding import Binding
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import Input, Static

from planner.actions.explore.plan import open_subject
from tui.app import DEFAULT_WORKLOAD, PlannerApp
from tui.widgets.tables.rows import Rows


class Paned:
    """What a person does and sees."""

    def __init__(self, app: PlannerApp, pilot: Pilot[None]) -> None:
        self.app, self.pilot = app, pilot

    @property
    def screen(self) -> Any:
        return self.app.screen

    def text(self, where: str, screen: Screen[Any] | None = None) -> str:
        return str((screen or self.screen).query_one(where, Static).render())

    @property
    def status(self) -> str:
        return self.text("#status")

    def rows(self, where: str) -> Rows:
        found: Rows = self.screen.query_one(where, Rows)
        return found

    def cells(self, where: str) -> list[tuple[str, ...]]:
        return [row.cells for row in self.rows(where).shown]

    async def until(self, condition: Callable[[], bool], what: str, seconds: float = 20) -> None:
        for _ in range(int(seconds / 0.02)):
            if condition():
                await self.pilot.pause()
                return
            await self.pilot.pause(0.02)
        seen = self.status if self.screen.query("#status") else type(self.screen).__name__
        raise AssertionError(f"{what} did not happen; status: {seen}")

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)

    def set(self, where: str, text: str) -> None:
        """Quicker than a press for each letter, and the same to the screen."""
        self.screen.query_one(where, Input).value = text


@asynccontextmanager
async def opened(
    mode: str, size: tuple[int, int] = (120, 40), file: Path | None = None
) -> AsyncIterator[Paned]:
    """The application on this screen alone: others are built on their first visit."""
    with patch.object(PlannerApp, "DEFAULT_MODE", mode):
        app = PlannerApp(open_subject(str(file or DEFAULT_WORKLOAD), shipped=file is None))
    async with app.run_test(size=size) as pilot:
        it = Paned(app, pilot)
        await it.until(lambda: "Opening" not in it.status, "the first answer")
        yield it


def ids(bindings: list[Any]) -> set[str]:
    return {str(one.id) for one in bindings if isinstance(one, Binding)}
