"""What a terminal shows of what the application has written to it."""

from __future__ import annotations

from typing import Any

import pyte
import pytest
from textual._context import visible_screen_stack
from textual.app import App
from textual.drivers.headless_driver import HeadlessDriver


def write_as_to_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is painted is written, to nobody: that takes its time as well."""
    monkeypatch.setattr(HeadlessDriver, "is_headless", property(lambda self: False))


class Terminal:
    """Reads what is written by the application of a test from now on."""

    def __init__(self, width: int, height: int, monkeypatch: pytest.MonkeyPatch) -> None:
        self._screen = pyte.Screen(width, height)
        stream = pyte.Stream(self._screen)
        write_as_to_a_terminal(monkeypatch)
        monkeypatch.setattr(HeadlessDriver, "write", lambda driver, data: stream.feed(data))

    def resize(self, width: int, height: int) -> None:
        """Another size begins with nothing on it, so that all of it has to be painted."""
        if (width, height) != (self._screen.columns, self._screen.lines):
            self._screen.resize(height, width)
            self._screen.reset()

    def row(self, y: int) -> str:
        line = self._screen.buffer[y]
        return "".join(line[x].data for x in range(self._screen.columns)).rstrip()

    def differences(self, app: App[Any]) -> list[tuple[int, str, str]]:
        """Rows whose text is not what the application would paint now: number, text here, there."""
        if app.size != (self._screen.columns, self._screen.lines):
            return [(-1, f"{self._screen.columns}x{self._screen.lines}", str(app.size))]
        visible_screen_stack.set(app._background_screens)
        there = [strip.text.rstrip() for strip in app.screen._compositor.render_strips()]
        rows = ((y, self.row(y), text) for y, text in enumerate(there))
        return [(y, here, text) for y, here, text in rows if here != text]
