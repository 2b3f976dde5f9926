"""Ctrl-C, polite kills and lost terminals around a run: it ends, once all is given back.

An exception in the wrong moment (between the end of a run and the beginning of its tear-down, in
the tear-down itself) would leave a machine that costs money, so that signals are counted here.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, Self

NAMES = ("SIGINT", "SIGTERM", "SIGHUP")


class Interrupts:
    """A context. The first signal in it raises KeyboardInterrupt, unless ``hold`` was called.

    From then on all are kept until the context ends, and the first is said; but a second Ctrl-C
    raises at once, because whoever presses it read what it abandons. Signals that the process
    ignores (``nohup``) stay ignored. Does nothing outside the main thread.
    """

    def __init__(self, say: Callable[[str], None], kept: str = "") -> None:
        self._say, self._text = say, kept
        self._is_held = False
        self._kept: list[int] = []
        self._before: dict[signal.Signals, Any] = {}

    def hold(self) -> None:
        """Nothing is interrupted from here on, unless the user insists."""
        self._is_held = True

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in (getattr(signal, name) for name in NAMES if hasattr(signal, name)):
                if signal.getsignal(number) is not signal.SIG_IGN:
                    self._before[number] = signal.signal(number, self._take)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if error is None and self._kept:
            raise KeyboardInterrupt

    def _take(self, number: int, _frame: FrameType | None) -> None:
        if not self._is_held:
            self._is_held = True
            raise KeyboardInterrupt
        self._kept.append(number)
        if self._kept.count(signal.SIGINT) > 1:
            raise KeyboardInterrupt
        if len(self._kept) == 1:
            self._say(self._text)
