"""An application under a pilot, with its first plan made."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, Static

from catalog import Catalog
from planner.actions.explore.plan import View, open_subject
from planner.actions.session import Session
from tests.catalog.conftest import (
    aws,
    credentials,
    no_real_cloud,
    own_cache,
    service_models,
    small_cache,
    small_snapshot,
)
from tests.planner.conftest import child_environment
from tui.app import DEFAULT_WORKLOAD, PlannerApp
from tui.screens import base
from tui.screens.explore import ExploreScreen

# Fixtures of a fake cloud, of a catalog that a test may refresh and of a process as a user's.
__all__ = [
    "aws", "child_environment", "credentials", "no_real_cloud", "own_cache", "service_models",
    "small_cache", "small_snapshot",
]  # fmt: skip

Start = Callable[..., AbstractAsyncContextManager["Driver"]]


def measured_lora() -> None:
    """A run of the example on an A100, slower than it is expected to be."""
    from catalog.observations import Observation, OwnObservations

    fields = {
        "id": "", "source": "test", "source_id": "own", "task": "finetune", "model": "Llama-3.1-8B",
        "accelerator": "A100-40GB", "precision": "bf16", "framework": "pytorch2.13-eager",
        "batch_global": "8", "accelerators": 1.0, "nodes": 1.0, "seq_len": 4096.0,
        "parallelism": "lora", "metric": "tokens_per_s_per_device", "value": 3000.0,
    }  # fmt: skip
    OwnObservations().append(Observation(**fields), machine="m", result_json="{}")


class Driver:
    """What a person does and sees."""

    def __init__(self, app: PlannerApp, pilot: Pilot[None]) -> None:
        self.app, self.pilot = app, pilot

    @property
    def screen(self) -> ExploreScreen:
        screen = self.app.screen
        assert isinstance(screen, ExploreScreen)
        return screen

    @property
    def view(self) -> View:
        assert self.screen.answer is not None
        return self.screen.answer

    @property
    def status(self) -> str:
        return str(self.screen.query_one("#status", Static).render())

    @property
    def detail(self) -> str:
        return str(self.screen.query_one("#detail-text", Static).render())

    async def until(self, condition: Callable[[], bool], what: str, seconds: float = 10) -> None:
        for _ in range(int(seconds / 0.02)):
            if condition():
                return
            await self.pilot.pause(0.02)
        raise AssertionError(f"{what} did not happen within {seconds} s; status: {self.status}")

    async def type_into(self, key: str, text: str) -> None:
        """Go to a field by its key and replace what it holds."""
        await self.pilot.press(key)
        field = self.app.focused
        assert isinstance(field, Input)
        field.value = text  # quicker than a press for each letter, and the same to the screen

    async def planned(self, check: Callable[[View], bool]) -> None:
        await self.until(lambda: check(self.view) and not self.screen.has_class("-old"), "the plan")
        await self.pilot.pause()


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Start:
    monkeypatch.setattr(base, "DEBOUNCE_S", 0.02)

    @asynccontextmanager
    async def started(
        size: tuple[int, int] = (120, 40), file: Path | None = None
    ) -> AsyncIterator[Driver]:
        path = file or DEFAULT_WORKLOAD
        app = PlannerApp(open_subject(str(path), shipped=file is None))
        async with app.run_test(size=size) as pilot:
            driver = Driver(app, pilot)
            await driver.until(lambda: "Opening" not in driver.status, "the first plan")
            await pilot.pause()
            yield driver

    return started


@pytest.fixture
def session(catalog: Catalog) -> Session:
    return Session(catalog)
