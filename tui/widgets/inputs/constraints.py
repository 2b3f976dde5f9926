"""Deadline or latencies, budget, machines and ways to pay, as typed in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import Checkbox, Input, Label

from planner.actions.explore.plan import Inputs, Subject
from tui.keys import labelled
from tui.widgets.inputs.text_field import TextField
from tui.widgets.ways import way_of

LABELS = {
    "deadline": "Deadline",
    "ttft_p95": "TTFT",
    "tpot_p95": "TPOT",
    "latency_p95": "Latency",
    "budget": "Budget $",
    "max_nodes": "Nodes ≤",
    "clouds": "Where: clouds",
    "regions": "regions",
    "risk": "sure",
    "on_demand": "on-demand",
    "spot": "spot",
    "reservation": "reserved",
}
# Keys that lead there: their name in the config file, and the default.
KEYS = {
    "deadline": ("explore.deadline", "d"),
    "budget": ("explore.budget", "b"),
    "max_nodes": ("explore.nodes", "n"),
    "clouds": ("explore.where", "w"),
    "on_demand": ("explore.on_demand", "o"),
    "spot": ("explore.spot", "s"),
    "reservation": ("explore.reserved", "r"),
}
TOOLTIPS = {
    "ttft_p95": "time to first token, 95th percentile: 1s",
    "tpot_p95": "time per output token, 95th percentile: 50ms",
    "clouds": "names with commas between them: aws, gcp; empty for any",
    "regions": "names with commas between them: us-east-1; empty for any",
    "risk": "how sure the limits must hold: 90%",
    "latency_p95": "of one request or frame, 95th percentile: 20ms",
}
TICKS = ("on_demand", "spot", "reservation")
FIRST_LINE = ("on_demand", "spot")


class Tick(Checkbox):
    """A check box whose state shows without colour as well."""

    def __init__(self, label: str, value: bool, *, id: str) -> None:
        super().__init__(label, value, id=id, compact=True)
        self.BUTTON_INNER = "X" if value else " "

    def watch_value(self) -> None:
        self.BUTTON_INNER = "X" if self.value else " "
        super().watch_value()


class Constraints(Vertical):
    """Two lines of inputs. Posts ``Changed`` with every edit.

    On low screens the second one is there while it has the focus or limits anything.
    """

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
        self._first, self._fields, self._places = subject.inputs, subject.fields, subject.places
        self._buys = subject.buys
        # Fields also say that they changed when they are first filled.
        self._told = subject.inputs

    def compose(self) -> ComposeResult:
        first = self._first
        with Horizontal():
            for name in self._fields:
                yield from self._field(name, "" if name == "max_nodes" else "none")
            if self._buys:
                yield from (self._tick(name) for name in FIRST_LINE)
                others = [way_of(name).name for name in first.purchase if name not in TICKS]
                if others:  # the legend names them
                    more = Label(f"+{len(others)}", id="other-ways")
                    more.tooltip = "also allowed by the workload: " + ", ".join(others)
                    yield more
        with Horizontal(id="places"):
            for name in self._places:
                yield from self._field(name, "90%" if name == "risk" else "any")
            if self._buys:
                yield from (self._tick(name) for name in TICKS if name not in FIRST_LINE)

    def _tick(self, name: str) -> Tick:
        return Tick(self._label(name), name in self._first.purchase, id=name)

    def _label(self, name: str) -> str:
        return labelled(self, *KEYS[name], LABELS[name]) if name in KEYS else LABELS[name]

    def _field(self, name: str, placeholder: str) -> ComposeResult:
        yield Label(self._label(name))
        value = getattr(self._first, name)
        field = TextField(value, placeholder=placeholder, id=name, compact=True)
        field.tooltip = TOOLTIPS.get(name)
        yield field

    # Not :focus-within: what is inside is not styled anew when that changes.
    def on_descendant_focus(self) -> None:
        self.add_class("-editing")

    def on_descendant_blur(self) -> None:
        self.remove_class("-editing")

    def on_mount(self) -> None:
        self._say_whether_limiting()

    def _say_whether_limiting(self) -> None:
        """Of the second line: the class keeps it in sight where there is little room."""
        limits = [name for name in self._places if name != "risk"]
        typed = any(self.query_one(f"#{name}", Input).value.strip() for name in limits)
        if self._places and self.query_one("#risk", Input).value != self._first.risk:
            typed = True
        ticked = any(tick.value for tick in self.query(Tick) if tick.id not in FIRST_LINE)
        self.set_class(typed or ticked, "-limiting")

    @property
    def inputs(self) -> Inputs:
        """What the fields hold now. Ways to pay without a box stay as the workload has them."""
        names = (*self._fields, *self._places)
        text = {name: self.query_one(f"#{name}", Input).value for name in names}
        ways = self._first.purchase
        if self._buys:
            ticked = {name: self.query_one(f"#{name}", Tick).value for name in TICKS}
            kept = [name for name in ways if ticked.get(name, True)]
            ways = (*kept, *(name for name, on in ticked.items() if on and name not in kept))
        return replace(self._first, **text, purchase=ways)

    def put(self, inputs: Inputs) -> None:
        """Write other inputs into the fields, without saying that they changed."""
        self._told = inputs
        with self.prevent(Input.Changed, Checkbox.Changed):
            for name in (*self._fields, *self._places):
                self.query_one(f"#{name}", Input).value = getattr(inputs, name)
            for tick in self.query(Tick):
                tick.value = tick.id in inputs.purchase
        self._say_whether_limiting()

    def mark(self, field: str) -> None:
        """Show which field is at fault; empty clears the mark."""
        for name in (*self._fields, *self._places):
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
        self._say_whether_limiting()
        inputs = self.inputs
        if inputs != self._told:
            self._told = inputs
            self.post_message(self.Changed(inputs))
