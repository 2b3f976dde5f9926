"""Call something that blocks, while staying able to time out, to stop and to show output."""

from __future__ import annotations

import io
import queue
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Generic, TypeVar

from launchers.base import OnLine

POLL_S = 0.1
T = TypeVar("T")


class TookTooLong(Exception):
    """The call did not return in time; it goes on in its thread."""


class LineStream(io.TextIOBase):
    """A text stream that hands on whole lines. Written in one thread, drained in another."""

    def __init__(self) -> None:
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._rest = ""

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            self._lines.put(line.rsplit("\r", 1)[-1] if "\r" in line.rstrip("\r") else line)
        return len(text)

    def finish(self) -> None:
        """Hand on what came after the last line's end."""
        if self._rest:
            self.write("\n")

    def drain(self, on_line: OnLine) -> None:
        """Give the lines that have come to ``on_line``, in the caller's thread."""
        while True:
            try:
                line = self._lines.get_nowait()
            except queue.Empty:
                return
            on_line(line.rstrip("\r"))


class _StdoutOfOthers(io.TextIOBase):
    """Stands in for ``sys.stdout``: the owner's thread goes through, all others are captured."""

    def __init__(self, output: LineStream) -> None:
        self._owner, self._real, self._output = threading.get_ident(), sys.stdout, output

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        mine = threading.get_ident() == self._owner
        return self._real.write(text) if mine else self._output.write(text)

    def flush(self) -> None:
        self._real.flush()


@contextmanager
def others_captured(output: LineStream) -> Iterator[None]:
    """Send what other threads print on stdout, where only results belong, to ``output``."""
    with redirect_stdout(_StdoutOfOthers(output)):
        yield


class _Outcome(Generic[T]):
    def __init__(self) -> None:
        self.values: list[T] = []
        self.error: BaseException | None = None


def call(function: Callable[[], T], timeout_s: float, meanwhile: Callable[[], None]) -> T:
    """The function's value, or what it raised. ``meanwhile`` is called all the time.

    Ctrl-C reaches the caller at once, though the function does not return. Raises TookTooLong.
    """
    outcome: _Outcome[T] = _Outcome()

    def work() -> None:
        try:
            outcome.values.append(function())
        except BaseException as error:  # noqa: BLE001  # raised again in the caller's thread
            outcome.error = error

    thread = threading.Thread(target=work, daemon=True)
    end_s = time.monotonic() + timeout_s
    thread.start()
    while thread.is_alive() and time.monotonic() < end_s:
        thread.join(POLL_S)
        meanwhile()
    if thread.is_alive():
        raise TookTooLong(f"did not return within {timeout_s:g} s")
    meanwhile()
    if outcome.error is not None:
        raise outcome.error
    return outcome.values[0]
