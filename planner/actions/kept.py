"""The newest answers to costly questions, for whoever changes one limit after the other."""

from __future__ import annotations

from typing import Generic, TypeVar

Answer = TypeVar("Answer")


class Kept(Generic[Answer]):
    """At most ``most`` answers by question; a question needs equality only."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._newest: tuple[tuple[object, Answer], ...] = ()

    def find(self, question: object) -> Answer | None:
        found = next((answer for known, answer in self._newest if known == question), None)
        if found is not None:
            self.keep(question, found)
        return found

    def keep(self, question: object, answer: Answer) -> None:
        """As the newest. Replaced whole, so that threads may share it."""
        others = [each for each in self._newest if each[0] != question]
        self._newest = ((question, answer), *others)[: self._most]

    def clear(self) -> None:
        self._newest = ()
