"""What stands beside a saved recommendation in its report, ``planner.study/1``."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from planner.results.base import Result
from planner.results.recommendation import Recommendation, Relaxed, Weighed
from planner.results.risk import Risk

# Costs further apart are another answer.
SAME = 1e-3


class End(Result):
    """One end of a factor."""

    said: str = Field(description="the factor's value there, in words")
    usd: float | None = Field(description="of the cheapest plan then; null: no plan is left")
    plan: str = Field(default="", description="what that plan runs on")


class Sensitivity(Result):
    """A factor with its two ends."""

    factor: str
    field: str = Field(description="of the workload or of the result")
    low: End
    high: End
    replanned: bool = Field(default=True, description="false: the plan is kept")

    def swing(self, base_usd: float) -> float:
        """USD by which the cost differs at most; an end without a plan counts twice the base."""
        ends = [2 * base_usd if end.usd is None else end.usd for end in (self.low, self.high)]
        return max(abs(usd - base_usd) for usd in ends)


class Sensitivities(Result):
    """One thing changed at a time; ``usd`` of a service are over its horizon."""

    base_usd: float = Field(description="cost of the cheapest plan as things are, after credits")
    horizon_hours: float | None = Field(description="services")
    rows: list[Sensitivity] = Field(description="the widest swing first")


class Fact(Result):
    """What a figure rests on."""

    about: str
    citation: str
    as_of: str | None = Field(description="ISO date; null: undated")
    age_days: int | None


class Study(Result):
    """A saved recommendation, answered again, with what follows from the model beside it."""

    schema_: Literal["planner.study/1"] = Field(default="planner.study/1", alias="schema")
    result: Recommendation = Field(description="as saved")
    now: Recommendation | None = Field(description="today's answer; null: none, see `why_none`")
    why_none: str = ""
    same_catalog: bool = Field(description="whether today's catalog is that of the saved result")
    risk: Risk | None = Field(description="the file's, else that of `now`")
    relaxations: list[Relaxed] | None = Field(description="the file's, else those of `now`")
    sensitivities: Sensitivities | None
    observations: list[str] = Field(description="published ones that weigh most in the speed")
    own_runs: list[Weighed]
    facts: list[Fact]
    assumptions: list[str]

    @property
    def same_plan(self) -> bool:
        """Whether today's answer is the saved one."""
        if self.now is None:
            return False
        a, b = self.result.recommendation, self.now.recommendation
        return a.id == b.id and abs(a.cost_usd - b.cost_usd) <= SAME * max(a.cost_usd, 1e-9)
