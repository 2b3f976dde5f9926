"""The terminal application: opens the first screen, holds what all screens share."""

from __future__ import annotations

import gc
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import ClassVar

from textual.app import App, SystemCommand
from textual.binding import ActiveBinding, Binding, BindingType
from textual.screen import Screen

from planner.actions.explore import Subject, open_subject
from tui.screens.explore import ExploreScreen
from tui.screens.help import HelpScreen

DEFAULT_WORKLOAD = Path(__file__).with_name("default_workload.yaml")
DARK, LIGHT = "textual-dark", "textual-light"


class PlannerApp(App[None]):
    """Screens over one subject."""

    TITLE = "planner"
    DEFAULT_MODE = "explore"  # one mode a main screen
    ENABLE_COMMAND_PALETTE = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "question_mark", "help", "Help", key_display="?", id="app.help", tooltip="this help"
        ),
        Binding("f1", "help", "Help", id="app.help_in_fields", show=False, tooltip="this help"),
        Binding(
            "l",
            "toggle_light",
            "Light/dark",
            id="app.light",
            show=False,
            tooltip="light or dark colours; more in the palette",
        ),
        Binding("q", "quit", "Quit", id="app.quit", tooltip="quit"),
    ]

    def __init__(self, subject: Subject) -> None:
        super().__init__()
        self.add_mode("explore", lambda: ExploreScreen(subject))

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        yield from super().get_system_commands(screen)
        for active in self._own_bindings(screen):
            binding = active.binding
            yield SystemCommand(
                binding.description,
                f"{binding.tooltip} (key {self.get_key_display(binding)})",
                partial(self.run_action, binding.action, active.node),
            )

    def action_help(self) -> None:
        """What the screen shows, and its keys."""
        keys = [
            (self.get_key_display(active.binding), active.binding.tooltip)
            for active in self._own_bindings(self.screen)
        ]
        self.push_screen(HelpScreen(getattr(self.screen, "HELP", None) or "", keys))

    def _own_bindings(self, screen: Screen[object]) -> list[ActiveBinding]:
        """Bindings of the screen and of this class that work now, one a thing to do."""
        found: dict[str, ActiveBinding] = {}
        for active in screen.active_bindings.values():
            if (active.binding.id or "").startswith(("explore.", "app.")):
                found.setdefault(active.binding.description, active)
        return list(found.values())

    def action_toggle_light(self) -> None:
        self.theme = LIGHT if self.current_theme.dark else DARK


def run(workload_path: str | None) -> int:
    """Open the application on a workload file, or on the shipped example; returns the exit code.

    Raises BadInput for a file that holds no workload, before the screen is taken over.
    """
    shipped = workload_path is None
    subject = open_subject(workload_path or str(DEFAULT_WORKLOAD), shipped=shipped)
    # The command line turns collection off for commands that live for a second; what has been
    # imported by now stays, so it need not be looked at again.
    gc.freeze()
    gc.enable()
    app = PlannerApp(subject)
    app.run()
    return app.return_code or 0
