"""What lies over a main screen closes once."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TypeVar

from textual import events, on
from textual.app import ComposeResult
from textual.await_complete import AwaitComplete
from textual.command import CommandList, CommandPalette
from textual.screen import ModalScreen
from textual.timer import Timer, TimerCallback
from textual.widgets import Input

from tui.screens.steps import Steps

Answer = TypeVar("Answer")


class ClosingScreen(Steps, ModalScreen[Answer]):
    """A second key that arrives together with the one that closes it (over a slow line, say) has
    no effect. The library would take away whatever screen is on top by then; here what came to lie
    over it goes with it."""

    @property
    def is_open(self) -> bool:
        """Work that was begun for it may end after its widgets are gone."""
        return self.is_attached and any(self in stack for stack in self.app._screen_stacks.values())

    def dismiss(self, result: Answer | None = None) -> AwaitComplete:
        if self not in self.app.screen_stack:
            return AwaitComplete()
        while self.app.screen is not self:
            self.app.screen.dismiss()
        return super().dismiss(result)


class _Commands(CommandList):
    async def _on_click(self, event: events.Click) -> None:
        """A line that is still drawn but no longer in the list: the library would raise."""
        line = event.style.meta.get("option")
        if line is not None and line >= self.option_count:
            event.prevent_default()


class Palette(Steps, CommandPalette):
    """The library's command palette, which closes once and lives in any room."""

    _counts_down = False

    def compose(self) -> ComposeResult:
        for widget in super().compose():
            yield _Commands() if isinstance(widget, CommandList) else widget

    @on(events.Click)
    def _beyond(self, event: events.Click) -> None:
        """On what the terminal had before it became smaller: the library would raise."""
        if not self._compositor.size.region.contains(event.screen_x, event.screen_y):
            event.prevent_default()

    def _on_mount(self, event: events.Mount) -> None:
        """Where another screen came before it was up, the library would search that, or raise."""
        if self.app.screen is not self:
            event.prevent_default()

    def on_screen_resume(self) -> None:
        """Seen after all, with nothing to search."""
        if self._calling_screen is None:
            self.dismiss()

    def dismiss(self, result: None = None) -> AwaitComplete:
        return super().dismiss(result) if self.is_active else AwaitComplete()

    @on(Input.Changed)
    def _late(self, event: Input.Changed) -> None:
        """A letter that arrives with the key that closes it: its list is gone by then."""
        if not self.is_active:
            event.prevent_default()

    def _start_no_matches_countdown(self, search_value: str) -> None:
        self._counts_down = True
        super()._start_no_matches_countdown(search_value)
        self._counts_down = False

    def set_timer(
        self,
        delay: float,
        callback: TimerCallback | None = None,
        *,
        name: str | None = None,
        pause: bool = False,
    ) -> Timer:
        """That nothing matches is not said in a list that is gone: the library would raise."""
        if self._counts_down and callback is not None:
            callback = partial(self._unless_gone, callback)
        return super().set_timer(delay, callback, name=name, pause=pause)

    def _watch__list_visible(self) -> None:
        """What is found once the list is gone, when something else closed the palette."""
        if self.query(CommandList):
            super()._watch__list_visible()

    async def _watch__show_busy(self) -> None:
        if self.query(CommandList):
            await super()._watch__show_busy()

    def _unless_gone(self, say: TimerCallback) -> None:
        if self.query(CommandList):
            say()

    def _action_command_list(self, action: str) -> None:
        # The library's list has no lines to page through where there is no room for it.
        with suppress(KeyError):
            super()._action_command_list(action)
