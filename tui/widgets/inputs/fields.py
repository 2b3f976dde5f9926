"""A line of labelled text fields."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import Input, Label

from tui.widgets.inputs.text_field import TextField


@dataclass(frozen=True)
class Field:
    """``cells`` is its width, 0 for all that is left; ``hint`` is shown while it is empty."""

    name: str
    label: str
    value: str = ""
    hint: str = ""
    cells: int = 10
    tip: str = ""


class Fields(Horizontal):
    """One line; ids of the inputs are the fields' names."""

    def __init__(self, fields: Sequence[Field], *, id: str | None = None) -> None:
        super().__init__(id=id, classes="fields")
        self._fields = tuple(fields)

    def compose(self) -> ComposeResult:
        for one in self._fields:
            yield Label(one.label)
            field = TextField(one.value, placeholder=one.hint, id=one.name, compact=True)
            field.tooltip = one.tip or None
            field.styles.width = one.cells or "1fr"
            yield field

    def value(self, name: str) -> str:
        return self.query_one(f"#{name}", Input).value.strip()
