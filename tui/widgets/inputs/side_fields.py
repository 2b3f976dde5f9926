"""Two sides as typed in."""

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

SIDES = "an accelerator, gpu, tpu, cpu, a cloud, on-prem, hybrid, spot, on-demand, or key=value"


class SideFields(Horizontal):
    """One line of two inputs. Posts ``Changed`` with every edit."""

    @dataclass
    class Changed(Message):
        a: str
        b: str

    @dataclass
    class Left(Message):
        """The user is done with the fields."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "To the table", id="fields.leave"),
    ]

    def __init__(self, a: str, b: str, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._told = {"a": a, "b": b}

    def compose(self) -> ComposeResult:
        for name in ("a", "b"):
            yield Label(labelled(self, f"compare.side_{name}", name, name.upper()))
            field = TextField(self._told[name], placeholder="H100-80GB", id=name, compact=True)
            field.tooltip = SIDES
            yield field

    def put(self, a: str, b: str) -> None:
        """Show other sides without telling of it."""
        self._told = {"a": a, "b": b}
        for name, value in self._told.items():
            self.query_one(f"#{name}", Input).value = value

    def action_leave(self) -> None:
        self.post_message(self.Left())

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_leave()

    @on(Input.Changed)
    def _tell(self, event: Input.Changed) -> None:
        event.stop()
        values = {name: self.query_one(f"#{name}", Input).value for name in self._told}
        if values != self._told:
            self._told = values
            self.post_message(self.Changed(**values))
