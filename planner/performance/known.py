"""What was worked out before, a row at a time: a question asked again is looked up.

People change one limit after the other, and most of what decides speed stays: the same machines
under another deadline, or a few numbers of machines more.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Generic, Protocol, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.intp]

QUESTIONS = 6  # kept, the newest
MOST_ROWS = 20_000  # of all of them; some hundred bytes each


class Columns(Protocol):
    """Answers as columns, one row each."""

    def take(self, rows: Rows) -> Self:
        """The chosen rows, repeated where asked for more than once."""
        ...


Answers = TypeVar("Answers", bound=Columns)


class Same:
    """A part of a question that is the same while it is the same object, which is held: ``id``
    alone could be another object's later.
    """

    def __init__(self, of: object) -> None:
        self.of = of

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and self.of is other.of

    def __hash__(self) -> int:
        return id(self.of)


class Known(Generic[Answers]):
    """Rows of answers by question and key. An answer must depend on nothing else.

    Threads may share it: what two of them work out at once is kept of one.
    """

    def __init__(self, join: Callable[[Sequence[Answers]], Answers]) -> None:
        self._join = join
        self._found: dict[Hashable, tuple[dict[Hashable, int], Answers]] = {}

    def of(
        self,
        question: Hashable,
        keys: Sequence[Hashable],
        work_out: Callable[[Rows], Answers],
    ) -> Answers:
        """One row a key; ``work_out`` is asked for the places of those that are not known."""
        places, answers = self._found.get(question, ({}, None))
        first = {key: at for at, key in reversed(list(enumerate(keys)))}
        if answers is None or len(first.keys() - places.keys()) + len(places) > MOST_ROWS:
            places, answers = {}, None
        new = [key for key in dict.fromkeys(keys) if key not in places]
        if answers is None or new:
            more = work_out(np.array([first[key] for key in new], np.intp))
            answers = more if answers is None else self._join([answers, more])
            places = {**places, **{key: len(places) + n for n, key in enumerate(new)}}
        self._keep(question, places, answers)
        return answers.take(np.array([places[key] for key in keys], np.intp))

    def _keep(self, question: Hashable, places: dict[Hashable, int], answers: Answers) -> None:
        kept, rows = {question: (places, answers)}, len(places)
        for old, found in reversed(self._found.items()):
            rows += 0 if old == question else len(found[0])
            if len(kept) == QUESTIONS or rows > MOST_ROWS:
                break
            kept.setdefault(old, found)
        self._found = dict(reversed(kept.items()))
