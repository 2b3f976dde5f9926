"""Long steps take turns, so that keys come between them."""

from __future__ import annotations

import asyncio

# Turns of the loop that are left to all else after a long step: what has woken up meanwhile, a key
# from the terminal as well, needs up to three to have its word.
QUIET = 4


class Turn:
    """One long step, then turns of the event loop without any. Several may be due in the same one,
    or in one after the other: a screen is laid out, another painted, an answer shown; a key that
    comes meanwhile would wait for all of them. In the turns between it is dealt with.
    """

    def __init__(self) -> None:
        self._taken_in: asyncio.AbstractEventLoop | None = None
        self._left = 0  # turns until it is free

    @property
    def is_taken(self) -> bool:
        return self._taken_in is asyncio.get_running_loop()

    def take(self) -> bool:
        """Whether this turn is free; if so, it is taken now."""
        if self.is_taken:
            return False
        self._taken_in = loop = asyncio.get_running_loop()
        self._left = QUIET
        loop.call_soon(self._go_by)
        return True

    async def wait(self) -> None:
        """Take the next turn that is free."""
        while not self.take():
            await asyncio.sleep(0)

    async def pause(self) -> None:
        """Between parts of one step: keys are dealt with, other long steps go on waiting."""
        for _ in range(QUIET - 1):
            self._left = QUIET
            await asyncio.sleep(0)

    def _go_by(self) -> None:
        self._left -= 1
        if self._left:
            asyncio.get_running_loop().call_soon(self._go_by)
        else:
            self._taken_in = None


TURN = Turn()
