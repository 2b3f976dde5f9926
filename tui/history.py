"""Inputs that had an answer, to go back and forth between."""

from __future__ import annotations

from typing import Generic, TypeVar

T = TypeVar("T")
MOST = 200


class History(Generic[T]):
    """Values in the order they came; what was undone is forgotten once something new comes."""

    def __init__(self) -> None:
        self._values: list[T] = []
        self._at = -1

    def record(self, value: T) -> None:
        """The newest value. One equal to where history stands is none."""
        if self._at >= 0 and self._values[self._at] == value:
            return
        self._values = [*self._values[: self._at + 1], value][-MOST:]
        self._at = len(self._values) - 1

    def back(self, shown: T | None) -> T | None:
        """The value before ``shown``; where that had no answer, the last one that had."""
        if self._at < 0:
            return None
        if shown is not None and shown != self._values[self._at]:
            return self._values[self._at]
        if self._at == 0:
            return None
        self._at -= 1
        return self._values[self._at]

    def forth(self) -> T | None:
        """The value that was undone last."""
        if self._at + 1 >= len(self._values):
            return None
        self._at += 1
        return self._values[self._at]
