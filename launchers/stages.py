"""The stages of a run as a person follows them, with time and money so far."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from launchers.onlooker import Onlooker
from launchers.spending import Spending

# Nothing said for this long looks like nothing going on.
REMIND_S = 60.0


class Stage(StrEnum):
    ESTIMATE = "estimate"
    CONFIRM = "confirm"
    PROVISION = "provision"
    SET_UP = "set up"
    RUN = "run"
    COLLECT = "collect"
    TEAR_DOWN = "tear down"
    DONE = "done"


# A program on a rented machine is started by a shell that says so with this line.
RUN_MARKER = "@@PLANNER_STAGE run"


class Stages:
    """Says each stage once, when it is entered, and that it goes on when it takes long."""

    def __init__(self, say: Callable[[str], None], spending: Spending) -> None:
        self._say, self._spending = Onlooker(say), spending
        self._entered: list[Stage] = []
        self._said_s = 0.0

    @property
    def stage(self) -> Stage | None:
        return self._entered[-1] if self._entered else None

    def enter(self, stage: Stage, note: str = "") -> None:
        if stage in self._entered:
            return
        self._entered.append(stage)
        self._said_s = self._spending.seconds
        self._say(self._line(note))

    def tick(self) -> None:
        """Called all the time."""
        if self._entered and self._spending.seconds - self._said_s >= REMIND_S:
            self._said_s = self._spending.seconds
            self._say(self._line("still at it"))

    def _line(self, note: str) -> str:
        usd = self._spending.usd
        money = "price unknown" if usd is None else f"{usd:.2f} USD so far"
        text = f"[{_clock(self._spending.seconds)}, {money}] {self._entered[-1]}"
        return f"{text}: {note}" if note else text


def _clock(seconds: float) -> str:
    """``0:07``, ``12:34``, ``1:02:03``."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
