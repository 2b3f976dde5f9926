"""Published result of ``planner gate``."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from planner.results.base import Result

Verdict = Literal["pass", "over_cost", "over_regret", "infeasible"]


class BaselineNow(Result):
    """The plan that was agreed before, and what it is worth now."""

    file: str
    plan: str = Field(description="what it runs on")
    cost_usd: float = Field(description="as it was agreed")
    cost_usd_now: float | None = Field(
        description="of the same plan for the workload as it is now, at the prices at hand; null: "
        "it cannot do the work any more, or is not sold"
    )
    regret: float | None = Field(
        description="what keeping it costs more than the cheapest plan, over that plan's cost"
    )
    same_workload: bool
    same_choice: bool
    headline: str = Field(description="what changed since")


class Gate(Result):
    """Whether a workload's cheapest plan is within its limits."""

    schema_: Literal["planner.gate/1"] = Field(default="planner.gate/1", alias="schema")
    verdict: Verdict
    name: str
    headline: str
    plan: str = Field(description="what the cheapest plan runs on; empty: infeasible")
    cost_usd: float | None = Field(description="median; a service: over its horizon")
    cost_usd_at_risk: float | None = Field(
        description="not exceeded with the probability asked for: what the limit is held against"
    )
    cost_usd_per_hour: float | None = Field(default=None, description="services")
    max_cost_usd: float | None
    max_regret: float | None
    baseline: BaselineNow | None
    price_as_of: str | None = Field(description="date of the oldest price used")
    reasons: list[str] = Field(description="why it failed")
