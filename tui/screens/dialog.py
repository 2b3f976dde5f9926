"""Base of the questions that are answered before anything else."""

from __future__ import annotations

from typing import ClassVar, TypeVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Button, Input, Label, Static

from planner.actions.problems import Problem
from tui.screens.closing import ClosingScreen
from tui.widgets.inputs.fields import Field

Answer = TypeVar("Answer")


class Dialog(ClosingScreen[Answer]):
    """Escape closes it without an answer. What is still under way then tells it nothing."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "Cancel", id="dialog.cancel", tooltip="change nothing"),
    ]

    def field(self, one: Field) -> ComposeResult:
        """A labelled line; the input's id is the field's name."""
        with Horizontal(classes="field"):
            yield Label(one.label)
            field = Input(one.value, placeholder=one.hint, id=one.name, compact=True)
            field.tooltip = one.tip or None
            yield field

    def buttons(self, *buttons: tuple[str, str]) -> ComposeResult:
        """Ids and labels, the usual one first."""
        with Horizontal(id="buttons"):
            for name, label in buttons:
                yield Button(label, id=name, compact=True)

    def value(self, name: str) -> str:
        return self.query_one(f"#{name}", Input).value.strip()

    def tell(self, text: str) -> None:
        if not self.is_open:
            return
        said = self.query_one("#said", Static)
        said.set_class(False, "error")
        said.update(Text(text))

    def problem(self, problem: Problem) -> None:
        """Where it arose, with the remedy."""
        if not self.is_open:
            return
        for field in self.query(Input):
            field.set_class(field.id == problem.field, "wrong")
        said = self.query_one("#said", Static)
        said.set_class(True, "error")
        said.update(Text("; ".join([problem.text, *problem.remedies])))

    @on(Button.Pressed, "#cancel")
    def _cancel(self) -> None:
        self.dismiss(None)
