"""How rows of a screen are drawn: those that are asked for, and dark ones behind a question."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from rich.segment import Segment
from rich.style import Style as RichStyle
from textual._compositor import Compositor, CompositorMap, ReflowResult
from textual._context import visible_screen_stack
from textual.color import Color
from textual.geometry import Region, Size
from textual.renderables.background_screen import BackgroundScreen
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget

BEHIND_ROWS = 8  # drawn at a time
STYLES = 8192


class RowByRow(Compositor):
    """Draws the rows that are to be painted. The library has each widget draw all of its own for
    any that has changed, and a question all of the screen behind it.

    A place that is looked up between two layouts makes the library arrange all anew, and forget
    what it has painted where: the next layout would find nothing changed. One looked up in a
    layout, as by a scroll bar that comes, makes it arrange all once more within that.
    """

    _laid_out: CompositorMap | None = None

    @property
    def full_map(self) -> CompositorMap:
        if self._full_map_invalidated and self._laid_out is None:
            self._laid_out = self._full_map
        return super().full_map

    def reflow(self, parent: Widget, size: Size) -> ReflowResult:
        if self._laid_out is not None:
            self._full_map, self._laid_out = self._laid_out, None
        self._full_map_invalidated = False  # meanwhile all is where it was, afterwards it is known
        return super().reflow(parent, size)

    def _get_renders(
        self, crop: Region | None = None
    ) -> Iterable[tuple[Region, Region, list[Strip]]]:
        screen = self.size.region
        rows = screen if crop is None else Region(0, crop.y, screen.width, crop.height)
        for widget, (region, clip) in self.visible_widgets.items():
            within = clip.intersection(rows)
            shown = region.intersection(within)
            if shown:
                yield region, within, widget.render_lines(shown.translate(-region.offset))


class Behind:
    """The screen behind a question, tinted, a few rows at a time as they are asked for: the library
    makes all of it one list of pieces, tints each and cuts the list into lines again."""

    def __init__(self, screen: Screen[Any], color: Color) -> None:
        self.screen, self.color = screen, color
        self._lines: dict[int, Strip] = {}

    def forget(self) -> None:
        """What was drawn has changed."""
        self._lines.clear()

    def line(self, y: int) -> Strip:
        """Row ``y`` of the screen; empty below its last."""
        if y not in self._lines:
            first = y - y % BEHIND_ROWS
            for row in range(first, first + BEHIND_ROWS):
                self._lines[row] = Strip([])
            for row, strip in self._drawn(Region(0, first, self.screen.size.width, BEHIND_ROWS)):
                self._lines[row] = self.tinted(strip)
        return self._lines[y]

    def tinted(self, strip: Strip) -> Strip:
        color = self.color
        return Strip(
            [Segment(text, tinted(style, color), control) for text, style, control in strip],
            strip.cell_length,
        )

    def _drawn(self, rows: Region) -> list[tuple[int, Strip]]:
        """The rows with their numbers, with what is behind that screen in its turn."""
        compositor = self.screen._compositor
        rows = rows.intersection(compositor.size.region)
        below = self.screen.app._background_screens
        if self.screen in below:
            below = below[: below.index(self.screen)]
        token = visible_screen_stack.set(below)
        try:
            chops = compositor._render_chops(rows, rows.line_range.__contains__)
        finally:
            visible_screen_stack.reset(token)
        return [(y, Strip.join(chops[y].values())) for y in rows.line_range]


@lru_cache(STYLES)
def tinted(style: RichStyle | None, color: Color) -> RichStyle | None:
    """As the library does it, once a style."""
    (segment,) = BackgroundScreen.process_segments([Segment("", style)], color)
    return segment.style
