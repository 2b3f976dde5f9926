"""Asks for a file to write or read, and says there what is wrong with it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input, Static

from planner.errors import BadInput
from tui.screens.closing import ClosingScreen

Act = Callable[[Path, bool], None]


class PathScreen(ClosingScreen[str | None]):
    """``act(path, force)`` does it, in a thread, or raises BadInput, which is shown; the dialog
    then stays.

    Enter on the name of a file that exists is asked again; the second one forces. Dismissed with
    the path, or with None by esc.
    """

    CSS_PATH = "path.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "Close", id="path.close"),
    ]

    def __init__(self, title: str, path: Path, act: Act) -> None:
        super().__init__()
        self._title, self._path, self._act = title, path, act
        self._asked_to_replace = ""
        self._acting = False

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog"):
            yield Static(self._title, id="dialog-title")
            yield Input(str(self._path), id="path", compact=True)
            yield Static("enter does it, esc does not", id="path-says")

    @on(Input.Submitted)
    def _do(self, event: Input.Submitted) -> None:
        event.stop()
        text = event.value.strip()
        if not text:
            self._say("name a file")
            return
        if not self._acting:
            self._acting = True
            self._say("at work ...", error=False)
            self.run_worker(self._do_with(text))

    async def _do_with(self, text: str) -> None:
        path = Path(text).expanduser()
        force = text == self._asked_to_replace
        try:
            await asyncio.to_thread(self._act, path, force)
        except BadInput as error:
            replaceable = path.is_file() and not force and error.problem == "exists already"
            self._asked_to_replace = text if replaceable else ""
            self._say(f"{path} exists: enter again replaces it" if replaceable else str(error))
        else:
            self.dismiss(str(path))
        finally:
            self._acting = False

    def _say(self, what: str, *, error: bool = True) -> None:
        if not self.is_open:  # closed while it was at work
            return
        says = self.query_one("#path-says", Static)
        says.update(Text(what))
        says.set_class(error, "error")


def file_name(text: str) -> str:
    """A name of a workload as the name of a file."""
    kept = "".join(sign if sign.isalnum() or sign in "-_." else "-" for sign in text)
    return kept.strip(".-")[:80] or "session"
