"""A refresh under way, as a screen follows it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from planner.actions.catalog.refresh import (
    Outcome,
    Refreshed,
    Status,
    refresh_catalog,
    why,
    words_of,
)
from planner.actions.live import Live


@dataclass(frozen=True)
class TypedRefresh:
    """What to ask for as a person types it: words with commas; empty is all."""

    only: str = ""
    regions: str = ""
    kinds: str = ""
    accept_jumps: bool = False

    def command(self) -> str:
        """The same as a command."""
        import shlex

        words = ["planner", "catalog", "refresh"]
        for name in ("only", "regions", "kinds"):
            found = words_of(getattr(self, name))
            words += [f"--{name}", ",".join(found)] if found else []
        return shlex.join([*words, *(["--accept-jumps"] if self.accept_jumps else [])])


class LiveRefresh(Live):
    """``outcomes`` grow while it runs; ``slices`` is how many there will be, 0 before that is
    known; ``said`` are remarks. ``result`` is there when it ended well or was stopped."""

    def __init__(self, asked: TypedRefresh, ended: Callable[[], object] = lambda: None) -> None:
        super().__init__(ended)
        self.asked = asked
        self.slices = 0
        self.outcomes: list[Outcome] = []
        self.said: list[str] = []
        self.result: Refreshed | None = None

    def work(self) -> None:
        self.result = refresh_catalog(
            only=words_of(self.asked.only),
            regions=words_of(self.asked.regions),
            kinds=words_of(self.asked.kinds),
            accept_jumps=self.asked.accept_jumps,
            say=self.said.append,
            started=self._started,
            progress=self.outcomes.append,
            is_stopped=lambda: self.is_stopping,
        )

    def count(self, status: Status) -> int:
        return sum(outcome.status is status for outcome in self.outcomes)

    @property
    def failures(self) -> str:
        """How many slices were not published, and the commonest reason with its remedy; empty
        where there is none."""
        good = (Status.PUBLISHED, Status.NOTHING)
        reasons = Counter(why(outcome) for outcome in self.outcomes if outcome.status not in good)
        if not reasons:
            return ""
        reason, count = reasons.most_common(1)[0]
        return f"{reasons.total()} of {len(self.outcomes)} slices, {count} of them: {reason}"

    def _started(self, slices: int) -> None:
        self.slices = slices
