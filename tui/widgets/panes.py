"""Several panes in one screen, one shown at a time, and the line that says which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual.widgets import Static


@dataclass(frozen=True)
class Pane:
    """``name`` is the id of its widget; ``key`` goes there; ``does`` is said in help."""

    name: str
    key: str
    title: str
    does: str


class PaneLine(Static):
    """Titles with their keys, the one in sight reversed; a click goes there as its key does."""

    def __init__(self, panes: Sequence[Pane]) -> None:
        super().__init__(id="panes")
        self._panes, self._note = tuple(panes), {pane.name: "" for pane in panes}
        self._shown = self._panes[0].name

    def on_mount(self) -> None:
        self._draw()

    def show(self, name: str) -> None:
        self._shown = name
        self._draw()

    def note(self, name: str, text: str) -> None:
        """A word behind a pane's title: what goes on there."""
        if self._note[name] != text:
            self._note[name] = text
            self._draw()

    def _draw(self) -> None:
        parts = []
        for pane in self._panes:
            note = f" {self._note[pane.name]}" if self._note[pane.name] else ""
            if pane.name == self._shown:
                parts.append(f"[b reverse] {pane.key} {pane.title}{note} [/]")
            else:
                parts.append(
                    f"[@click=screen.pane('{pane.name}')] [b]{pane.key}[/] {pane.title}{note} [/]"
                )
        self.update("".join(parts))
