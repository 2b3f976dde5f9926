"""The top line of every main screen: which screens there are, and what is under study."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from rich.markup import escape
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import Static

from tui.modes import modes
from tui.widgets.steady import Steady

if TYPE_CHECKING:
    from planner.actions.explore.plan import Subject
    from tui.app import PlannerApp

FULL_FROM_WIDTH = 60  # narrower: numbers and the name of this screen only


class ModeBar(Horizontal):
    """``mode`` is the screen it is on. A click on a title goes there, as its number does.

    Of a workload that is one of several it says which, and the key to the others.
    """

    def __init__(self, mode: str, subject: Subject) -> None:
        super().__init__(id="modes")
        self._mode, self._subject, self._busy = mode, subject, ""

    def compose(self) -> ComposeResult:
        yield Static(self._titles(full=True), id="mode-titles")
        yield Steady(id="busy")
        yield Static(self._about(self._subject), id="title")

    def show(self, subject: Subject) -> None:
        """Another workload is under study."""
        self._subject = subject
        self.query_one("#title", Static).update(self._about(subject))

    def _about(self, subject: Subject) -> str:
        workload, names = subject.workload, subject.names
        text = escape(f"{workload.name}: {workload.kind} {workload.subject}")
        if len(names) < 2:
            return text
        key = escape(cast("PlannerApp", self.app).key_of("app.workload", "W"))
        at = f"{names.index(workload.name) + 1}/{len(names)}"
        return f"[@click=app.other_workload][b]{key}[/] {at}[/] {text}"

    def on_resize(self) -> None:
        full = self.app.size.width >= FULL_FROM_WIDTH
        self.query_one("#mode-titles", Static).update(self._titles(full))

    def busy(self, what: str) -> None:
        """Say what is being worked on; empty when nothing is."""
        if what != self._busy:
            self._busy = what
            self.query_one("#busy", Static).update(escape(what))

    def _titles(self, full: bool) -> str:
        shown = []
        app = cast("PlannerApp", self.app)
        for mode in modes():
            key = escape(app.key_of(f"app.{mode.name}", mode.key))
            if mode.name == self._mode:
                shown.append(f"[b reverse] {key} {mode.title} [/]")
            else:
                name = f" {mode.title}" if full else ""
                shown.append(f"[@click=app.switch_mode('{mode.name}')] {key}{name} [/]")
        return "".join(shown)
