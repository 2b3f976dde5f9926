"""The published answer of the mix program, ``planner.mix/1``."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from planner.results.base import Result


class MixGroup(Result):
    """Instances of one offer."""

    type: str = Field(description="the offer's name")
    count: int
    usd_per_hour: float = Field(description="of one instance")
    cost_usd_per_hour: float = Field(description="of all of them")
    utilisation: float = Field(description="load over capacity")
    requests_per_second: float = Field(description="routed to them")
    spot: bool
    accelerator: str
    cloud: str
    region: str
    zone: str
    queue_delay_s: float | None = Field(None, description="simulated, at the percentile")


class MixSimulation(Result):
    """Arrivals and queues of the chosen mix, simulated."""

    seed: int
    requests: int
    burstiness: float
    percentile: float
    queue_delay_s: float = Field(description="of all requests, at the percentile")
    worst_queue_delay_s: float = Field(description="of the group that waits longest")
    max_queue_delay_s: float | None = Field(description="the limit asked for")
    met: bool | None
    tightened: int = Field(description="times the mix was solved again with more head-room")


class MixResult(Result):
    """What to rent and how to route, or why nothing can."""

    schema_: Literal["planner.mix/1"] = Field(default="planner.mix/1", alias="schema")
    name: str
    status: Literal["optimal", "feasible", "infeasible", "failed"]
    groups: list[MixGroup]
    cost_usd_per_hour: float | None
    bound_usd_per_hour: float | None = Field(description="no mix costs less: proven")
    gap: float | None = Field(description="(cost - bound) / cost")
    over_budget: bool = False
    requests_per_second: float
    cost_usd_per_million_requests: float | None
    input_len_buckets: list[int | float | str]
    output_len_buckets: list[int | float | str]
    assignment: dict[str, list[list[float]]] = Field(
        description="share of each input x output bucket that goes to an offer"
    )
    simulation: MixSimulation | None
    solver: str
    solve_seconds: float
    reasons: list[str] = Field(default_factory=list)
    notes: list[str] = Field(default_factory=list)
    profile: dict[str, Any] | None = Field(
        default=None, description="as planned with; null: too large to be repeated here"
    )


class MixFrontPoint(Result):
    """The cheapest mix at one limit."""

    limit: float = Field(description="machine types, or most that an instance is loaded to")
    status: Literal["optimal", "feasible"]
    cost_usd_per_hour: float
    bound_usd_per_hour: float | None = Field(description="no mix within the limit costs less")
    machines: dict[str, int] = Field(description="instances by offer")
    queue_delay_s: float | None = Field(description="simulated, of the group that waits longest")


class MixFront(Result):
    """Cost of a mix against machine types or head-room: what no other beats in both."""

    schema_: Literal["planner.mix-front/1"] = Field(default="planner.mix-front/1", alias="schema")
    name: str
    over: Literal["types", "head-room"]
    percentile: float = Field(description="of the simulated queue delays")
    points: list[MixFrontPoint] = Field(description="by limit")
    solve_seconds: float
