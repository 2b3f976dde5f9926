"""The search field above the table: there while it is used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input, Static

from planner.actions.explore.plan import Found
from tui.widgets.inputs.text_field import TextField
from tui.widgets.steady import Steady


class Search(Horizontal):
    """Enter goes back to the table and keeps what was found; esc empties the field as well."""

    @dataclass
    class Changed(Message):
        text: str

    @dataclass
    class Left(Message):
        """The user is done with the field."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "clear", "End the search", id="search.clear"),
    ]

    def compose(self) -> ComposeResult:
        yield Static("/", id="search-sign")
        yield TextField(
            placeholder="words: aws h100 spot; enter keeps them, esc ends",
            id="search-text",
            compact=True,
        )
        yield Steady(id="search-found")

    @property
    def text(self) -> str:
        return self.query_one(Input).value.strip()

    def tell(self, found: Found | None) -> None:
        """How many there are, and how many of them are shown."""
        self.set_class(bool(self.text), "-searching")
        said = ""
        if found is not None:
            shown = len(found.options)
            said = f"{found.matching:,} found, {found.meeting:,} meet all limits"
            if shown < found.matching:
                said += f"; the {shown} cheapest"
        self.query_one("#search-found", Static).update(said)

    def clear(self) -> None:
        self.query_one(Input).value = ""

    def action_clear(self) -> None:
        self.clear()
        self.post_message(self.Left())

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.post_message(self.Left())

    @on(Input.Changed)
    def _tell(self, event: Input.Changed) -> None:
        event.stop()
        self.post_message(self.Changed(self.text))
