"""The drawing surface of charts, made safe for NO_COLOR."""

from __future__ import annotations

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual_hires_canvas import Canvas

from tui.widgets.charts.lines import LinesOfOneStyle


class SafeCanvas(LinesOfOneStyle, Canvas):
    """Canvas whose every segment has a style.

    The canvas of textual-plot leaves the style of empty lines unset, which Textual's filter for
    NO_COLOR cannot handle: it crashes on the first paint.
    """

    def render_line(self, y: int) -> Strip:
        strip = super().render_line(y)
        null = Style.null()
        styled = [Segment(text, style or null, control) for text, style, control in strip]
        return Strip(styled, strip.cell_length)
