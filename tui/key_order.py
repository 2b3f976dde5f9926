"""Keys act in the order they are pressed, however fast they come."""

from __future__ import annotations

import asyncio
import time
from typing import TypeVar

from textual import events
from textual.app import App
from textual.widget import Widget
from textual.widgets import Input

from tui.turn import TURN

Result = TypeVar("Result")
LONG_S, TURN_S = 0.02, 0.001
LONGEST_S = 3.0  # no widget takes as long; one that does must not stop the keyboard


class OrderedKeysApp(App[Result]):
    """What a key is bound to runs before the next key is looked at.

    The library hands a key to the widget with the focus and looks for what it is bound to once it
    has bubbled up, message by message; keys that come meanwhile go to the old focus: of ``/h200``
    the first letters would act as keys. Over a slow line, or while a table is filled, that is what
    happens.
    """

    _owes_a_turn = False  # to all else: what took long is painted before the next key

    async def on_event(self, event: events.Event) -> None:
        if self._owes_a_turn and isinstance(event, events.InputEvent):
            self._owes_a_turn = False
            await asyncio.sleep(TURN_S)
        began = time.monotonic()
        if isinstance(event, events.Key) and not event.is_forwarded and await self._acts(event):
            self._owes_a_turn = self._owes_a_turn or time.monotonic() - began > LONG_S
            return
        await super().on_event(event)

    async def _acts(self, event: events.Key) -> bool:
        """Whether the key was bound to something, which has been done."""
        if not self.screen_stack:  # closing
            return False
        if self.screen.maximized is not None and event.key == "escape":
            return False  # the library's own: it minimizes
        field = self.focused
        if not isinstance(field, Input):
            return await self._run_bound(event.key)
        if event.is_printable:
            return False  # typed
        await _passed(field)  # letters typed before are in it
        done = await self._run_bound(event.key)
        if done:  # whoever is told that the field is left moves the focus
            await _passed(*(node for node in field.ancestors_with_self if isinstance(node, Widget)))
        return done

    async def _run_bound(self, key: str) -> bool:
        TURN.take()
        before = self.screen
        done = await self._check_bindings(key, priority=True) or await self._check_bindings(key)
        if self.screen is not before:  # the next key is for the new one, once it is there
            await _passed(self.screen)
        return done


async def _passed(*widgets: Widget) -> None:
    """Each of them in turn has dealt with what it was sent so far, or is gone."""
    for widget in widgets:
        done = asyncio.Event()
        if not widget.is_attached or widget._task is None or not widget.call_later(done.set):
            continue
        dealt = asyncio.create_task(done.wait())
        await asyncio.wait(
            (dealt, widget._task), timeout=LONGEST_S, return_when=asyncio.FIRST_COMPLETED
        )
        dealt.cancel()
