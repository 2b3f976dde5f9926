"""How screens come to be painted: in steps, so that a key waits for one of them only."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from rich.segment import Segment
from rich.style import Style as RichStyle
from textual.color import Color
from textual.css.styles import RulesMap
from textual.geometry import Region
from textual.renderables.background_screen import BackgroundScreen
from textual.screen import Screen
from textual.strip import Strip
from textual.style import Style
from textual.visual import RenderOptions, Visual
from textual.widget import Widget

if TYPE_CHECKING:
    from rich.console import RenderableType
    from textual.timer import Timer

    Base = Screen[Any]
else:
    Base = object  # the library would take a second base that is a screen for the only one

SOON_S = 0.001  # whatever has come meanwhile is dealt with first
BEHIND_S = 0.05  # a question over a screen is painted anew, all of it, for each change behind it
MANY_CELLS = 2000  # about a screen of 80x24: less is painted at once
BAND_CELLS = 5000  # about one of 120x40: of more, one such band after the other
STYLES = 8192


class Steps(Base):
    """For a screen, named before its base. The library styles, lays out and paints in one go, a
    fifth of a second for a large screen; and after a change of its size it paints all of it once
    more for what its widgets then change.
    """

    _paints: Timer | None = None

    def _compositor_refresh(self) -> None:
        is_behind = self.app.screen is not self
        cells = sum(region.area for region in self._compositor._dirty_regions)
        if self.app.is_inline or (cells < MANY_CELLS and not is_behind):
            self._paint()
        elif self._paints is None:
            self._paints = self.set_timer(BEHIND_S if is_behind else SOON_S, self._paint)

    def _paint(self) -> None:
        if self._paints is not None:
            self._paints.stop()
            self._paints = None
        if self.app._batch_count:  # nothing would be displayed
            self._paints = self.set_timer(SOON_S, self._paint)
            return
        later = self._beyond_a_band()
        super()._compositor_refresh()
        if later:
            self._compositor._dirty_regions.update(later)
            self._paints = self.set_timer(SOON_S, self._paint)
        else:
            self.check_idle()  # what waits for it

    def _beyond_a_band(self) -> set[Region]:
        """What is left to be painted once the upper rows are, as many as ``BAND_CELLS`` fill; those
        remain to be painted now.
        """
        screen = self.size.region
        regions = {each.intersection(screen) for each in self._compositor._dirty_regions}
        regions = {each for each in regions if each}
        if self.app.screen is not self or sum(each.area for each in regions) <= BAND_CELLS:
            return set()
        rows = max(BAND_CELLS // screen.width, 1)
        band = Region(0, min(each.y for each in regions), screen.width, rows)
        below = Region(0, band.bottom, screen.width, screen.height)
        self._compositor._dirty_regions = {
            each.intersection(band) for each in regions if each.overlaps(band)
        }
        return {each.intersection(below) for each in regions if each.overlaps(below)}

    async def _invoke_and_clear_callbacks(self) -> None:
        """What is to be done once all is painted."""
        if self._paints is None:
            await super()._invoke_and_clear_callbacks()

    async def _message_loop_exit(self) -> None:
        """What was drawn goes with the screen: a collection would have to find it."""
        gone = list(self.walk_children(Widget, with_self=True))
        await super()._message_loop_exit()
        for widget in gone:
            widget._styles_cache.clear()
            widget._box_model_cache.clear()
            widget._layout_cache.clear()

    def render(self) -> RenderableType:
        shown = super().render()
        if isinstance(shown, BackgroundScreen):
            return Behind(shown.screen, shown.color)
        return shown


class Behind(BackgroundScreen, Visual):
    """The screen behind a question, tinted, as strips: the library makes it one list of all its
    pieces, tints each and cuts it into lines again."""

    def render_strips(
        self, width: int, height: int | None, style: Style, options: RenderOptions
    ) -> list[Strip]:
        del style, options
        strips = self.screen._compositor.render_strips()[:height]
        return [self._tinted(strip).crop(0, width) for strip in strips]

    def get_optimal_width(self, rules: RulesMap, container_width: int) -> int:
        del rules
        return container_width

    def get_height(self, rules: RulesMap, width: int) -> int:
        del rules, width
        return self.screen.size.height

    def _tinted(self, strip: Strip) -> Strip:
        color = self.color
        return Strip(
            [Segment(text, tinted(style, color), control) for text, style, control in strip],
            strip.cell_length,
        )


@lru_cache(STYLES)
def tinted(style: RichStyle | None, color: Color) -> RichStyle | None:
    """As the library does it, once a style."""
    (segment,) = BackgroundScreen.process_segments([Segment("", style)], color)
    return segment.style
