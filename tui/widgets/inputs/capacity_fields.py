"""Demand, spot share, the number on the row under the cursor, and the file, as typed in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input, Label

from tui.keys import labelled
from tui.widgets.inputs.text_field import TextField

FIELDS = {
    "demand_scale": ("Demand ×", "1", "all demand times this: 1.5"),
    "max_spot_share": ("Spot ≤", "", "most of the demand on spot: 25%, empty for no limit"),
    "count": (
        "Number on row", "", "machines on the row under the cursor; empty: the best number",
    ),
    "file": (
        "Open", "", "a capacity spec or a mix profile, then enter; empty: this workload",
    ),
}  # fmt: skip
# Keys that lead there: their name in the config file, and the default.
KEYS = {
    "demand_scale": ("capacity.demand", "d"),
    "max_spot_share": ("capacity.spot_share", "s"),
    "count": ("capacity.number", "n"),
    "file": ("capacity.open", "o"),
}
RENTED = "by use"  # instead of a number, where machines come and go with the demand
LIVE = ("demand_scale", "max_spot_share", "count")


class CapacityFields(Horizontal):
    """One line of inputs. Posts ``Changed`` with every edit; of a file, once it is entered."""

    @dataclass
    class Changed(Message):
        """``name`` of FIELDS holds ``value`` now."""

        name: str
        value: str

    @dataclass
    class Left(Message):
        """The user is done with the fields."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "To the table", id="fields.leave"),
    ]

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._told = {name: first for name, (_, first, _) in FIELDS.items()}

    def compose(self) -> ComposeResult:
        for name, (label, first, tooltip) in FIELDS.items():
            yield Label(labelled(self, *KEYS[name], label))
            placeholder = {"count": RENTED, "file": "spec.yaml", "max_spot_share": "none"}
            field = TextField(first, placeholder=placeholder.get(name, ""), id=name, compact=True)
            field.tooltip = tooltip
            yield field

    def put(self, name: str, value: str, *, enabled: bool = True) -> None:
        """Show a value without telling of it."""
        field = self.query_one(f"#{name}", Input)
        field.disabled = not enabled
        if name == "count":
            field.placeholder = "best" if enabled else RENTED
        self._told[name] = value
        field.value = value

    def offer_count(self, best: int) -> None:
        """Say which number of machines is used where none is typed."""
        self.query_one("#count", Input).placeholder = f"best {best}"

    def action_leave(self) -> None:
        self.post_message(self.Left())

    @on(Input.Changed)
    def _tell(self, event: Input.Changed) -> None:
        event.stop()
        name = event.input.id
        if name in LIVE and self._told[name] != event.input.value:
            self._told[name] = event.input.value
            self.post_message(self.Changed(name, event.input.value))

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if event.input.id == "file":
            self.post_message(self.Changed("file", event.value))
        self.action_leave()
