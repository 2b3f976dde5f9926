"""Deadline or latencies, budget, machines and ways to pay, as typed in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Checkbox, Input, Label

from planner.actions.explore import Inputs, Subject
from tui.widgets.ways import way_of

LABELS = {
    "deadline": "[u]D[/u]eadline",
    "ttft_p95": "TTFT",
    "tpot_p95": "TPOT",
    "latency_p95": "Latency",
    "budget": "[u]B[/u]udget $",
    "max_nodes": "[u]N[/u]odes ≤",
}
TOOLTIPS = {
    "ttft_p95": "time to first token, 95th percentile: 1s",
    "tpot_p95": "time per output token, 95th percentile: 50ms",
    "latency_p95": "of one request or frame, 95th percentile: 20ms",
}
TICKS = {"on_demand": "[u]o[/u]n-demand", "spot": "[u]s[/u]pot"}


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

    def __init__(self, subject: Subject, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._first, self._fields = subject.inputs, subject.fields
        self._buys = subject.buys

    def compose(self) -> ComposeResult:
        first = self._first
        for name in self._fields:
            yield Label(LABELS[name])
            value = getattr(first, name)
            placeholder = "" if name == "max_nodes" else "none"
            field = Input(value, placeholder=placeholder, id=name, compact=True)
            field.tooltip = TOOLTIPS.get(name)
            yield field
        if self._buys:
            for name, label in TICKS.items():
                yield Tick(label, name in first.purchase, id=name)
            others = [way_of(name).name for name in first.purchase if name not in TICKS]
            if others:  # the legend names them
                more = Label(f"+{len(others)}", id="other-ways")
                more.tooltip = "also allowed by the workload: " + ", ".join(others)
                yield more

    @property
    def inputs(self) -> Inputs:
        """What the fields hold now. Ways to pay without a box stay as the workload has them."""
        text = {name: self.query_one(f"#{name}", Input).value for name in self._fields}
        ways = self._first.purchase
        if self._buys:
            ticked = {name: self.query_one(f"#{name}", Tick).value for name in TICKS}
            kept = [name for name in ways if ticked.get(name, True)]
            ways = (*kept, *(name for name, on in ticked.items() if on and name not in kept))
        return replace(self._first, **text, purchase=ways)

    def mark(self, field: str) -> None:
        """Show which field is at fault; empty clears the mark."""
        for name in self._fields:
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
