"""Published result of ``planner capacity``. Field names carry units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from planner.results.base import Result

Way = Literal[
    "on_demand", "savings_plan", "spot", "reserved_1y", "reserved_3y", "held", "owned", "purchased"
]


class Counted(Result):
    """Machines of one offer, had in one way."""

    offer: str
    option: Way = Field(description="savings_plan: on demand, paid by a savings plan")
    count: float = Field(description="machines; of on-demand and spot the most in any period")
    mean_count: float = Field(description="machines working, mean over the horizon")
    machine_hours: float = Field(description="hours of work; of idle commitments not")
    utilisation: float | None = Field(
        description="machine-hours of work over those there; null for what is rented by use"
    )
    cost_usd: float = Field(
        description="inside the horizon; 0 for what is sunk, but for running, and for what a "
        "savings plan pays"
    )
    residual_liability_usd: float = Field(
        default=0.0, description="owed or already paid for the term beyond the horizon"
    )


class CommittedAmount(Result):
    """A savings plan, or a commitment of a resource."""

    name: str
    option: Literal["savings_plan", "resource_commitment"]
    term: Literal["1y", "3y"]
    unit: str = Field(description="USD/h, or the resource")
    committed: float = Field(description="each hour, what is held already included")
    mean_used: float
    utilisation: float = Field(description="used over committed; the rest is lost")
    cost_usd: float = Field(description="inside the horizon; what is held is sunk")
    residual_liability_usd: float = 0.0


class CapacityCosts(Result):
    """Where the cost goes; the lines add up to ``cost_usd``."""

    reserved_usd: float = Field(description="commitments by the hour, used or not")
    upfront_usd: float = Field(description="share of upfront payments inside the horizon")
    savings_plan_usd: float = Field(default=0.0, description="savings plans, used or not")
    resource_commitment_usd: float = Field(
        default=0.0, description="commitments of resources, used or not"
    )
    purchase_usd: float = Field(description="annuity, staff and idle power of bought machines")
    on_demand_usd: float
    spot_usd: float
    running_usd: float = Field(description="added by work on owned and bought machines")
    egress_usd: float
    start_usd: float
    unmet_usd: float = Field(description="price of demand left unserved")


class Unmet(Result):
    """Demand of one workload that the plan leaves unserved."""

    workload: str
    unit_hours: float
    share: float = Field(description="of the workload's demand")
    periods: int
    worst_period: int | None = Field(description="0 is the first")
    worst: float = Field(description="units, in the worst period")


class Baseline(Result):
    """What one way alone would cost, and what the plan saves against it."""

    cost_usd: float | None = Field(description="null where it cannot serve the demand")
    saving_usd: float | None
    saving_fraction: float | None
    status: str
    note: str = ""


class Savings(Result):
    all_on_demand: Baseline
    all_reserved_at_peak: Baseline
    all_on_prem: Baseline


class Method(Result):
    """How the answer was found and what it proves."""

    model: Literal["merged", "grouped", "whole", "rolling-horizon"] = Field(
        description="merged: identical periods only, exact; grouped: both bounds; whole: every "
        "period in one model; rolling-horizon: windows in turn"
    )
    periods: int
    distinct_periods: int
    groups: int
    rounds: int
    solver: str
    integer: Literal["commitments", "all"]
    note: str = ""


class CapacityResult(Result):
    """Answer of ``planner capacity``."""

    schema_: Literal["planner.capacity/1"] = Field(default="planner.capacity/1", alias="schema")
    name: str
    status: Literal["optimal", "feasible", "over_budget"] = Field(
        description="optimal: within the gap asked for of a proven bound; feasible: a valid plan, "
        "not proven that good; over_budget: the cheapest plan found costs more than the budget"
    )
    cost_usd: float = Field(description="over the horizon; what is sunk is not in it")
    bound_usd: float = Field(description="no plan costs less")
    gap: float = Field(description="(cost - bound) / cost")
    horizon_hours: float
    period_hours: float
    unit: str
    counts: list[Counted]
    plans: list[CommittedAmount] = Field(
        default_factory=list, description="commitments of USD an hour or of resources"
    )
    cost_breakdown: CapacityCosts
    utilisation: float | None = Field(
        description="machine-hours of work over those committed, held, owned and bought"
    )
    unmet_demand: list[Unmet]
    residual_liability_usd: float
    sunk_usd: float = Field(description="commitments already held, inside the horizon")
    budget_usd: float | None
    savings: Savings
    method: Method
    notes: list[str]
    solve_seconds: float
    seconds: float
    spec: dict[str, Any] = Field(description="offers and limits as planned with, prices filled in")


class CapacityFrontPoint(Result):
    """One plan of the front; commitments and purchases are fractions of machines here."""

    cost_usd: float = Field(description="of machines over the horizon")
    kg_co2e: float | None = Field(default=None, description="over the horizon; null: not asked")
    unmet_unit_hours: float | None = Field(default=None, description="null: not asked")
    unmet_share: float | None = Field(default=None, description="of all demand")
    committed: dict[str, float] = Field(description="machines by offer and option")


class CapacityFront(Result):
    """Cost against carbon or unmet demand: what no other plan beats in both."""

    schema_: Literal["planner.capacity-front/1"] = Field(
        default="planner.capacity-front/1", alias="schema"
    )
    name: str
    over: Literal["carbon", "unmet"]
    unit: str
    horizon_hours: float
    points: list[CapacityFrontPoint] = Field(description="cheapest first")
    solve_seconds: float


@dataclass(frozen=True)
class Dispatch:
    """Machines in use, demand and unmet demand by period: columns of equal length, in order."""

    columns: Mapping[str, NDArray[np.float64] | NDArray[np.intp]]


@dataclass(frozen=True)
class Served:
    """Who serves what when: shape (ways, T), means over each period, in ``unit``.

    Ways are those that occur, named as ways to pay (``owned``, ``reservation``, ``savings_plan``,
    ``on_demand``, ``spot``), then ``unmet``. Of
    several workloads machines are counted, and there is no one ``demand`` (T,).
    """

    unit: str
    period_hours: float
    ways: tuple[str, ...]
    amount: NDArray[np.float64]
    demand: NDArray[np.float64] | None


@dataclass(frozen=True)
class CapacityAnswer:
    """The published result, and beside it the dispatch table and who serves what when."""

    result: CapacityResult
    dispatch: Dispatch
    served: Served
