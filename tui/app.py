"""The terminal application: opens the first screen, holds what all screens share."""

from __future__ import annotations

import gc
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import ClassVar

from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
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
        Binding("question_mark", "help", "Help", key_display="?", id="app.help"),
        Binding("f1", "help", "Help", id="app.help_in_fields", show=False),
        Binding("l", "toggle_light", "Light/dark", id="app.light", show=False),
        Binding("q", "quit", "Quit", id="app.quit"),
    ]

    def __init__(self, subject: Subject) -> None:
        super().__init__()
        self.add_mode("explore", lambda: ExploreScreen(subject))

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        yield from super().get_system_commands(screen)
        for active in screen.active_bindings.values():
            binding = active.binding
            if active.enabled and binding.id and binding.id.startswith(("explore.", "app.")):
                yield SystemCommand(
                    binding.description,
                    f"key {self.get_key_display(binding)}",
                    partial(self.run_action, binding.action, active.node),
                )

    def action_help(self) -> None:
        """What the screen shows and its keys; each key once, in the order of definition."""
        keys: list[tuple[str, str]] = []
        for active in self.screen.active_bindings.values():
            binding = active.binding
            if binding.id and binding.id.startswith(("explore.", "app.")):
                key = self.get_key_display(binding)
                if (binding.description) not in [does for _, does in keys]:
                    keys.append((key, binding.description))
        about = getattr(self.screen, "HELP", None) or ""
        self.push_screen(HelpScreen(about, keys))

    def action_toggle_light(self) -> None:
        self.theme = LIGHT if self.current_theme.dark else DARK


def run(workload_path: str | None) -> int:
    """Open the application on a workload file, or on the shipped example; returns the exit code.

    Raises BadInput for a file that holds no workload, before the screen is taken over.
    """
    shipped = workload_path is None
    subject = open_subject(workload_path or str(DEFAULT_WORKLOAD), shipped=shipped)
    gc.enable()  # the command line turns it off for commands that live for a second
    app = PlannerApp(subject)
    app.run()
    return app.return_code or 0
