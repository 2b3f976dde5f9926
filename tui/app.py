"""The terminal application: opens the first screen, holds what all screens share."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import ClassVar

from textual.app import App, SystemCommand
from textual.binding import ActiveBinding, Binding, BindingType
from textual.screen import Screen

from planner.actions.explore import Option, Subject, open_subject
from tui.modes import MODES, modes
from tui.screens.help import HelpScreen

DEFAULT_WORKLOAD = Path(__file__).with_name("default_workload.yaml")
DARK, LIGHT = "textual-dark", "textual-light"


class PlannerApp(App[None]):
    """Screens over one subject.

    ``inputs`` are those of the newest plan on Explore, ``marked`` the options marked there, in the
    order they were marked. ``catalog_version`` counts changes of the catalog.
    """

    TITLE = "planner"
    CSS_PATH = "app.tcss"
    DEFAULT_MODE = MODES[0].name
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
        *(
            Binding(
                mode.key,
                f"switch_mode('{mode.name}')",
                mode.title,
                id=f"app.{mode.name}",
                show=False,
                tooltip=f"to the screen {mode.title}: {mode.does}",
            )
            for mode in modes()
        ),
        Binding("q", "quit", "Quit", id="app.quit", tooltip="quit"),
    ]

    def __init__(self, subject: Subject) -> None:
        super().__init__()
        self.subject, self.inputs = subject, subject.inputs
        self.marked: list[Option] = []
        self.catalog_version = 0
        # Each says whether the application must stay open for now, and asks the user why.
        self.quit_guards: list[Callable[[], bool]] = []
        for mode in modes():
            self.add_mode(mode.name, partial(mode.screen, subject))

    async def action_quit(self) -> None:
        """Close, unless a screen has something under way that the user must decide about."""
        if not any(guard() for guard in self.quit_guards):
            await super().action_quit()

    def catalog_changed(self) -> None:
        """Prices are new: every screen opens the catalog anew, and plans again when it is seen."""
        self.catalog_version += 1

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
        own = (f"{self.current_mode}.", "app.")
        for active in screen.active_bindings.values():
            if (active.binding.id or "").startswith(own):
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
