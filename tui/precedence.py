"""The screen goes first: other threads wait while the event loop is in the midst of a step."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from contextlib import suppress

# How long a thread goes on before it asks again, and how long it waits for an answer at most: it
# may hold a lock that the loop is waiting for.
GO_ON_S = 0.005
WAIT_S = 0.1


class Precedence:
    """Of two threads that run Python each gets half of the time: while one plans, a step of the
    loop takes twice as long, and so does every key that waits for it. Here a thread asks the loop
    for a word when garbage is collected in it, which happens every few milliseconds whatever it
    runs, our code or a library's. A loop that is waiting for keys answers at once, one in the midst
    of a step at its end.

    Threads there are at ``start`` bring keys and take what is painted: they wait for nothing.
    """

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._first: frozenset[int | None] = frozenset()
        self._here = threading.local()

    def start(self) -> None:
        """From now on; called in the loop's thread."""
        self._loop = asyncio.get_running_loop()
        self._first = frozenset(thread.ident for thread in threading.enumerate())
        gc.callbacks.append(self._collected)

    def stop(self) -> None:
        with suppress(ValueError):  # an application that could not be opened has not started it
            gc.callbacks.remove(self._collected)

    def _collected(self, phase: str, info: dict[str, int]) -> None:
        """In any thread, wherever it is just then: no lock may be taken that it may hold."""
        del info
        if phase == "stop" and threading.get_ident() not in self._first:
            self.give_way()

    def give_way(self) -> None:
        """Wait until the loop has nothing else to do; called in another thread."""
        here, now = self._here.__dict__, time.perf_counter()
        asked: threading.Event | None = here.get("asked")
        if asked is not None and not asked.is_set():
            return  # not even an answer yet: the loop waits for this thread, perhaps
        # Neither at its beginning: who starts a thread waits until it says that it has begun.
        if now - here.setdefault("answered", now) < GO_ON_S:
            return
        here["asked"] = asked = threading.Event()
        try:
            assert self._loop is not None
            self._loop.call_soon_threadsafe(asked.set)
        except RuntimeError:  # it is closed
            return
        asked.wait(WAIT_S)
        here["answered"] = time.perf_counter()
