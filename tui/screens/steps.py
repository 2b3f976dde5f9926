"""How screens come to be painted: in steps, so that a key waits for one of them only."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.renderables.background_screen import BackgroundScreen
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget

from tui.screens.drawing import BEHIND_ROWS, Behind, RowByRow
from tui.turn import TURN

if TYPE_CHECKING:
    from rich.console import RenderableType
    from textual.timer import Timer

    Base = Screen[Any]
else:
    Base = object  # the library would take a second base that is a screen for the only one

SOON_S = 0.001  # whatever has come meanwhile is dealt with first
BEHIND_S = 0.05  # the rows of a question are painted anew for each change behind it
MANY_CELLS = 600  # a third of a screen of 80x24: less is painted at once, and without waiting
PAINT_S = 0.03  # of more, one band of rows after the other until so much time has passed


class Steps(Base):
    """For a screen, named before its base. The library styles, lays out and paints in one go, a
    fifth of a second for a large screen; and after a change of its size it paints all of it once
    more for what its widgets then change.
    """

    _paints: Timer | None = None
    _updates: Timer | None = None
    _behind: Behind | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._compositor = RowByRow()

    def _compositor_refresh(self) -> None:
        is_behind = self.app.screen is not self
        cells = sum(region.area for region in self._compositor._dirty_regions)
        # Nothing would be displayed of what is painted while updates are held back.
        waits = is_behind or cells >= MANY_CELLS or self.app._batch_count or TURN.is_taken
        if self.app.is_inline or not waits:
            self._paint()
        elif self._paints is None:
            self._paints = self.set_timer(BEHIND_S if is_behind else SOON_S, self._paint_in_turn)

    def _paint_in_turn(self) -> None:
        if self.app._batch_count or not TURN.take():
            self._paints = self.set_timer(SOON_S, self._paint_in_turn)
        elif self._layout_required and self.app.screen is self:
            self._paints = None
            super()._on_timer_update()  # all that moves would be painted once more
        else:
            self._paint()

    def _paint(self) -> None:
        if self._paints is not None:
            self._paints.stop()
            self._paints = None
        self._take_up()
        if self in self.app._background_screens:
            self._show_behind()
            self.check_idle()
            return
        until = time.perf_counter() + PAINT_S
        while later := self._beyond_a_band():
            super()._compositor_refresh()
            self._compositor._dirty_regions.update(later)
            if time.perf_counter() > until:
                self._paints = self.set_timer(SOON_S, self._paint_in_turn)
                return
        super()._compositor_refresh()
        self.check_idle()  # what waits for it

    def _on_timer_update(self) -> None:
        if self._layout_required and not TURN.take():
            self.update_soon()
            return
        if self._repaint_required:
            self._take_up()  # the library forgets it, even where a part is to be painted anew
        super()._on_timer_update()

    def update_soon(self) -> None:
        """What has changed is shown at the next tick, a sixtieth of a second off, or sooner."""
        if self._updates is None:
            self._updates = self.set_timer(SOON_S, self._update_now)

    def _update_now(self) -> None:
        self._updates = None
        self._on_timer_update()

    def _watch_maximized(self, before: Widget | None, widget: Widget | None) -> None:
        """The library works out the styles of all widgets: the rules for it are about the screen,
        and about what fills it."""
        self.set_class(widget is not None, "-maximized-view", update=False)
        self.app.stylesheet.update_nodes([self])
        super()._watch_maximized(before, widget)

    def post_message(self, message: Message) -> bool:
        """Each screen gets word of a size of its own: what one of them has prevented, and that it
        was stopped, would hold for all."""
        if isinstance(message, events.Resize):
            message = events.Resize(
                message.size, message.virtual_size, message.container_size, message.pixel_size
            )
        return super().post_message(message)

    async def _on_resize(self, event: events.Resize) -> None:
        """Each screen lays itself out, for the size that the terminal has now. A screen hears of
        each size that it got: of two sizes that come with something between them, one would bring
        the other back, and so for ever. And the library lays out all behind a question with it.

        All is painted, also where it is the same size again: the terminal has lost what another
        had no room for."""
        event.prevent_default()
        event.stop()
        await TURN.wait()
        if not self.is_past(event.size):
            self._compositor._dirty_regions.add(event.size.region)
            self._screen_resized(event.size)

    def is_past(self, size: Size) -> bool:
        """Whether the terminal has another by now, which will be heard of."""
        return size != self.app.size

    def _take_up(self) -> None:
        """What has changed since this step was put off would be forgotten with what is painted;
        and what was below the last row of a screen that is lower now is not there any more."""
        compositor = self._compositor
        # Those that are there: the library would arrange all anew for one that is not laid out yet.
        compositor.update_widgets(self._dirty_widgets & compositor.visible_widgets.keys())
        self._dirty_widgets.clear()
        screen = compositor.size.region
        regions = {each.intersection(screen) for each in compositor._dirty_regions}
        compositor._dirty_regions = {each for each in regions if each}

    def _show_behind(self) -> None:
        """What has changed, beneath the question. The library would have this screen painted once
        more with it, and so for as long as the question is open, twenty times a second."""
        regions = self._compositor._dirty_regions
        if regions:
            self.app.screen.refresh(*regions)
        regions.clear()

    def _beyond_a_band(self) -> set[Region]:
        """What is left to be painted once the upper rows are, those that are drawn together behind
        a question; they remain to be painted now."""
        screen, regions = self._compositor.size, self._compositor._dirty_regions
        if self.app.screen is not self or sum(each.area for each in regions) <= MANY_CELLS:
            return set()
        top = min(each.y for each in regions)
        band = Region(0, top, screen.width, BEHIND_ROWS - top % BEHIND_ROWS)
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
        self._behind = None
        if isinstance(shown, BackgroundScreen):
            self._behind = Behind(shown.screen, shown.color)
        return shown

    def render_line(self, y: int) -> Strip:
        if self._dirty_regions:
            self._render()  # what is behind
            if self._behind is not None:
                self._behind.forget()
                self._dirty_regions.clear()
        return super().render_line(y) if self._behind is None else self._behind.line(y)
