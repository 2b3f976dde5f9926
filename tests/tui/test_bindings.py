"""Every key of every screen reaches what it is for."""

from __future__ import annotations

from typing import Any

import pytest

from planner.actions.explore.plan import open_subject
from tui.app import DEFAULT_WORKLOAD, PlannerApp, keys_and_meanings
from tui.modes import MODES
from tui.screens import calibrate_keys, catalog_keys

# Panes that a key needs, by the action; other screens have one.
PANES = {"calibrate": calibrate_keys, "catalog": catalog_keys}
# Of services: test_services presses it; of files with several workloads: test_workloads.
ELSEWHERE = {"explore.latency", "app.workload"}


class Recorder:
    """Keys that are only looked at do nothing; the others are run."""

    def __init__(self, app: PlannerApp, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ran: list[str] = []
        self.only_look = False
        run = app.run_action

        async def recorded(action: Any, *arguments: Any, **more: Any) -> bool:
            name = action if isinstance(action, str) else action[1]
            self.ran.append(str(name).removeprefix("app."))
            return True if self.only_look else await run(action, *arguments, **more)

        monkeypatch.setattr(app, "run_action", recorded)


def actions() -> dict[str, tuple[str, str]]:
    """Key and action of each binding, by its id."""
    found: dict[str, tuple[str, str]] = {}
    classes: list[type] = [PlannerApp]
    for mode in MODES:
        classes += [base for base in mode.screen_class().__mro__ if "BINDINGS" in vars(base)]
    for owner in classes:
        for binding in vars(owner)["BINDINGS"]:
            if getattr(binding, "id", None) in keys_and_meanings():
                found.setdefault(binding.id, (binding.key, binding.action))
    return found


async def test_every_binding_reaches_its_action(monkeypatch: pytest.MonkeyPatch) -> None:
    app = PlannerApp(open_subject(str(DEFAULT_WORKLOAD), shipped=True))
    wanted, driven = actions(), set(ELSEWHERE)
    async with app.run_test(size=(120, 40)) as pilot:
        recorder = Recorder(app, monkeypatch)
        for mode in MODES:
            await pilot.press(mode.key)
            await pilot.pause()
            assert app.current_mode == mode.name
            keys = PANES.get(mode.name)
            for id_, (pressed, action) in wanted.items():
                if not id_.startswith((f"{mode.name}.", "app.")) or id_ in driven:
                    continue
                pane = keys and keys.ONLY_IN.get(action.partition("(")[0])
                if keys and pane:
                    await pilot.press(next(p.key for p in keys.PANES if p.name == pane))
                for key in pressed.split(","):
                    recorder.ran.clear()
                    recorder.only_look = True
                    await pilot.press(key)
                    recorder.only_look = False
                    assert action in recorder.ran, (id_, key, recorder.ran)
                driven.add(id_)
    assert driven == set(wanted)
