"""Deadline, budget, machines and ways to pay, as typed in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Checkbox, Input, Label

from planner.actions.explore import Inputs

TEXT_FIELDS = ("deadline", "budget", "max_nodes")
PURCHASE = ("on_demand", "spot")


class Tick(Checkbox):
    """A check box whose state shows without colour as well."""

    def __init__(self, label: str, value: bool, *, id: str) -> None:
        super().__init__(label, value, id=id, compact=True)
        self.BUTTON_INNER = "X" if value else " "

    def watch_value(self) -> None:
        self.BUTTON_INNER = "X" if self.value else " "
        super().watch_value()


class Constraints(Horizontal):
    """One line of inputs. Posts ``Changed`` with every edit."""

    @dataclass
    class Changed(Message):
        inputs: Inputs

    @dataclass
    class Left(Message):
        """The user is done with the fields."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "To the table", id="fields.leave"),
    ]

    def __init__(self, inputs: Inputs, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._first = inputs

    def compose(self) -> ComposeResult:
        first = self._first
        yield Label("[u]D[/u]eadline")
        yield Input(first.deadline, placeholder="none", id="deadline", compact=True)
        yield Label("[u]B[/u]udget $")
        yield Input(first.budget, placeholder="none", id="budget", compact=True)
        yield Label("[u]N[/u]odes ≤")
        yield Input(first.max_nodes, id="max_nodes", compact=True)
        yield Tick("[u]o[/u]n-demand", "on_demand" in first.purchase, id="on_demand")
        yield Tick("[u]s[/u]pot", "spot" in first.purchase, id="spot")

    @property
    def inputs(self) -> Inputs:
        """What the fields hold now."""
        text = {name: self.query_one(f"#{name}", Input).value for name in TEXT_FIELDS}
        purchase = tuple(name for name in PURCHASE if self.query_one(f"#{name}", Tick).value)
        return Inputs(text["deadline"], text["budget"], text["max_nodes"], purchase)

    def mark(self, field: str) -> None:
        """Show which field is at fault; empty clears the mark."""
        for name in TEXT_FIELDS:
            self.query_one(f"#{name}").set_class(name == field, "wrong")
        for tick in self.query(Tick):
            tick.set_class(field == "purchase", "wrong")

    def action_leave(self) -> None:
        self.post_message(self.Left())

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_leave()

    @on(Input.Changed)
    @on(Checkbox.Changed)
    def _tell(self, event: Input.Changed | Checkbox.Changed) -> None:
        event.stop()
        self.post_message(self.Changed(self.inputs))
