"""Help for the screen beneath: what it shows and every key that works there."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Static

from tui.screens.closing import ClosingScreen


class HelpScreen(ClosingScreen[None]):
    """Closes with any of the usual keys."""

    CSS_PATH = "help.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,f1,q", "dismiss", "Close", id="help.close"),
    ]

    def __init__(self, about: str, keys: list[tuple[str, str]]) -> None:
        super().__init__()
        self._about, self._keys = about, keys

    def compose(self) -> ComposeResult:
        text = Text(f"{self._about}\n\n")
        width = max((len(key) for key, _ in self._keys), default=0)
        for key, does in self._keys:
            text.append(f"{key:>{width}}", style="bold").append(f"  {does}\n")
        text.append("\nIn a field: ", style="bold").append(
            "letters are typed; enter or esc leaves it.\n"
        )
        text.append("esc closes this help", style="italic")
        with VerticalScroll(id="help"):
            yield Static(text)
