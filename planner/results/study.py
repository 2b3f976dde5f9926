"""What stands beside a saved result in its report."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from planner.results.base import Result
from planner.results.break_even import BreakEven
from planner.results.capacity import CapacityResult
from planner.results.comparison import Comparison
from planner.results.mix import MixFront, MixResult
from planner.results.recommendation import PortfolioResult, Recommendation, Relaxed, Weighed
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


class Grounds(Result):
    """What the figures of several plans rest on."""

    facts: list[Fact]
    assumptions: list[str]
    evidence: dict[str, list[str]] = Field(
        description="published measurements and own runs that weigh most, by plan"
    )


class PortfolioStudy(Result):
    """A saved portfolio with what it rests on."""

    schema_: Literal["planner.portfolio-study/1"] = Field(
        default="planner.portfolio-study/1", alias="schema"
    )
    result: PortfolioResult = Field(description="as saved")
    grounds: Grounds


class ComparisonStudy(Result):
    """A saved comparison with what it rests on."""

    schema_: Literal["planner.comparison-study/1"] = Field(
        default="planner.comparison-study/1", alias="schema"
    )
    result: Comparison = Field(description="as saved")
    grounds: Grounds


class MixStudy(Result):
    """A saved mix, planned again otherwise: what fewer types, more head-room, other loads cost."""

    schema_: Literal["planner.mix-study/1"] = Field(default="planner.mix-study/1", alias="schema")
    result: MixResult = Field(description="as saved")
    fronts: list[MixFront]
    sensitivities: Sensitivities | None = Field(description="USD an hour")
    why_none: str = Field(default="", description="why it was not planned again")


class CapacityStudy(Result):
    """A saved capacity plan, planned again otherwise: other demand, prices and shares of spot."""

    schema_: Literal["planner.capacity-study/1"] = Field(
        default="planner.capacity-study/1", alias="schema"
    )
    result: CapacityResult = Field(description="as saved")
    break_even: BreakEven | None = Field(description="of cloud, on-prem and both, along the demand")
    sensitivities: Sensitivities | None = Field(description="USD over the horizon")
    why_none: str = Field(default="", description="why it was not planned again")
