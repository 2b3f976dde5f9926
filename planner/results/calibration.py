"""Published answer of ``planner calibrate results``: own runs, their use, and what they change."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from planner.results.base import Result


class MeasuredRun(Result):
    """One own run against what was expected of it before any own run."""

    id: str
    measured_at: str = Field(description="UTC, ISO 8601")
    machine: str = Field(description="fingerprint of the machine that was measured")
    use: str = Field(description="used, or why not: undone, outlier, contradicts, contended ...")
    reason: str = ""
    expected: float | None = Field(description="in the observation's metric; null: nobody asks")
    measured_over_expected: float | None
    surprise_sd: float | None = Field(description="standard deviations off, other runs considered")
    observation: dict[str, Any]


class Move(Result):
    """A question's pick and cost before and after; empty and null where nothing could do it."""

    question: str
    before: str
    after: str
    cost_usd_before: float | None
    cost_usd_after: float | None

    @property
    def changed(self) -> bool:
        return self.before != self.after


class Effect(Result):
    """What own runs change. Questions of tasks that nobody measured cannot have moved: they count
    as unchanged and are not among ``moves``.
    """

    asked: int
    unchanged: int
    changed: int
    moves: list[Move]

    @property
    def sentence(self) -> str:
        """``7 of 9 recommendations unchanged, 2 changed``."""
        return f"{self.unchanged} of {self.asked} recommendations unchanged, {self.changed} changed"


class CalibrationResults(Result):
    """Every own run, oldest first; ``effect`` of all that are used, together."""

    schema_: Literal["planner.calibration-results/1"] = Field(
        default="planner.calibration-results/1", alias="schema"
    )
    results: list[MeasuredRun]
    effect: Effect | None
