"""The application is closed while a run is under way."""

from __future__ import annotations

from typing import ClassVar, Literal

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Button, Static

from tui.screens.dialog import Dialog

Leaving = Literal["stop", "leave"]


class LeaveDialog(Dialog[Leaving]):
    """``stop`` ends the run first, ``leave`` quits at once; no answer goes on as before."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "dismiss('stop')", "Stop", id="leave.stop"),
        Binding("l", "dismiss('leave')", "Leave", id="leave.leave"),
        Binding("n", "dismiss(None)", "Go on", id="leave.go_on"),
    ]

    def __init__(self, run_id: str, *, rented: bool) -> None:
        super().__init__()
        self._run_id, self._rented = run_id, rented

    def compose(self) -> ComposeResult:
        where = (
            "its machine goes on and costs money; it goes down by itself 10 idle minutes after the "
            "program and takes a result along that nobody has fetched"
            if self._rented
            else "the program goes on here"
        )
        with VerticalScroll(id="dialog", can_focus=False):
            yield Static(f"{self._run_id} is under way", classes="title", markup=False)
            yield Static(
                "Stop: the run ends, everything is given back, then the planner quits.\n"
                f"Leave: the planner quits at once, {where}. "
                f"`planner calibrate resume {self._run_id}` fetches the result and ends it, "
                f"`planner calibrate stop {self._run_id}` ends it.",
                id="said",
                markup=False,
            )
            yield from self.buttons(
                ("cancel", "Go o[u]n[/u]"), ("stop", "[u]S[/u]top it"), ("leave", "[u]L[/u]eave it")
            )

    def on_mount(self) -> None:
        self.set_focus(self.query_one("#cancel", Button))

    @on(Button.Pressed, "#stop")
    def _stop(self) -> None:
        self.dismiss("stop")

    @on(Button.Pressed, "#leave")
    def _leave(self) -> None:
        self.dismiss("leave")
