"""Yes or no."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Button, Static

from tui.screens.dialog import Dialog


class Confirm(Dialog[bool]):
    """True only where the user agrees; the button that changes nothing has the focus."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "dismiss(True)", "Yes", id="confirm.yes"),
        Binding("n", "dismiss(None)", "No", id="confirm.no"),
    ]

    def __init__(self, text: str, *, yes: str) -> None:
        super().__init__()
        self._text, self._yes = text, yes

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="dialog", can_focus=False):
            yield Static(self._text, id="said", markup=False)
            yield from self.buttons(("cancel", "[u]N[/u]o"), ("yes", f"[u]Y[/u]es: {self._yes}"))

    def on_mount(self) -> None:
        self.set_focus(self.query_one("#cancel", Button))

    @on(Button.Pressed, "#yes")
    def _agree(self) -> None:
        self.dismiss(True)
