"""Widgets that draw line by line look up their own style once for all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

if TYPE_CHECKING:
    Base = Widget
else:
    Base = object  # the library would take a second base that is a widget for the only one


class LinesOfOneStyle(Base):
    """For a widget, named before its base. The library goes through all it lies in for every line:
    a fifth of the time that a chart takes to be drawn.
    """

    _drawn_in: Style | None = None
    _draws = False

    def render_lines(self, crop: Region) -> list[Strip]:
        self._drawn_in, self._draws = None, True
        try:
            return super().render_lines(crop)
        finally:
            self._draws = False

    @property
    def rich_style(self) -> Style:
        if not self._draws:
            return super().rich_style
        if self._drawn_in is None:
            self._drawn_in = super().rich_style
        return self._drawn_in
