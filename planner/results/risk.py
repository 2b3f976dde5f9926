"""Published answer of the scenarios: distributions, probabilities and regret."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from planner.results.base import Result

Objective = Literal["median-cost", "p90-cost", "expected-cost"]


class Distribution(Result):
    """Mean and quantiles over the scenarios."""

    mean: float
    p10: float
    p50: float
    p90: float
    p95: float
    p99: float


class RiskOption(Result):
    """One way to run the workload in the scenarios."""

    id: str
    cost_usd: Distribution = Field(description="to pay, credits held taken off")
    hours: Distribution | None = Field(default=None, description="jobs")
    capacity_per_second: Distribution | None = Field(
        default=None, description="services: within the SLO, of the machines there at one moment"
    )
    interruptions: float = Field(description="mean; a service: machine groups away at one moment")
    deadline_met: float | None = Field(default=None, description="probability")
    within_budget: float | None = Field(default=None, description="probability")
    capacity_met: float | None = Field(
        default=None, description="probability that the rate is carried within the SLO"
    )
    regret_usd: float = Field(description="mean, against the cheapest in hindsight that is in time")
    best_in_hindsight: float = Field(description="share of the scenarios")
    meets_limits: bool = Field(description="false: considered in hindsight only")


class Risk(Result):
    """Scenarios of the recommendation and of what it was compared with."""

    scenarios: int
    seed: int
    objective: Objective
    picked: RiskOption
    regret_usd: Distribution = Field(description="of the recommendation")
    avoidably_late: float | None = Field(
        default=None, description="share of scenarios in which only others are in time"
    )
    robust_pick: str = Field(description="id of the least cost at p90 among those that meet limits")
    median_pick: str = Field(description="id of the choice by median cost")
    compared: int = Field(description="ways to run it in the scenarios")
    options: list[RiskOption] = Field(description="the best by the objective, best first")
    assumptions: list[str]
    cpu_seconds: float


class WorkloadRisk(Result):
    """One workload of a portfolio in the scenarios."""

    name: str
    cost_usd: Distribution = Field(description="before credits, which are shared")
    hours: Distribution | None = Field(default=None, description="jobs")
    deadline_met: float | None = Field(default=None, description="probability")
    capacity_met: float | None = Field(default=None, description="probability; services")


class PortfolioRisk(Result):
    """All workloads of a portfolio in the same scenarios."""

    scenarios: int
    seed: int
    cost_usd: Distribution = Field(description="to pay in total, credits held taken off")
    within_budget: float | None = Field(default=None, description="probability")
    limits_met: float = Field(description="probability that all deadlines and rates are kept")
    all_met: float = Field(description="probability of that and of the budget")
    workloads: list[WorkloadRisk]
    assumptions: list[str]
    cpu_seconds: float
