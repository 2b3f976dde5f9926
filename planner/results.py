"""Published result types. Field names carry units; ``schema`` changes when a meaning does."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class _Result(BaseModel):
    model_config = ConfigDict(frozen=True, populate_by_name=True, defer_build=True)


class Throughput(_Result):
    """Units of work per second; the true value lies in p10..p90 with 80% probability."""

    value: float
    unit: str
    p10: float
    p90: float
    basis: Literal["measured", "calibrated", "analytic"]


class CostBreakdown(_Result):
    """Where the median cost goes; the lines add up to ``cost_usd``."""

    work_usd: float = Field(description="productive hours")
    set_up_usd: float = Field(description="provisioning, image, staging of weights and data")
    interruption_usd: float = Field(description="work lost to spot interruptions and restarts")
    rounding_usd: float = Field(description="billing increment and minimum")


class TimeBreakdown(_Result):
    """Where the median hours go; the lines add up to ``hours``."""

    compute_hours: float
    communication_hours: float
    overhead_hours: float = Field(description="kernel launches and input pipeline")
    set_up_hours: float
    interruption_hours: float


class Price(_Result):
    """The price a plan was made with."""

    usd_per_hour: float = Field(description="one machine")
    source: str
    as_of: str | None = Field(description="ISO date; null when the source is undated")
    age_days: int | None
    confidence: str


class Item(_Result):
    """One way to run the workload."""

    id: str
    cloud: str
    region: str
    zone: str | None
    instance_type: str
    purchase: str
    nodes: int
    accelerator: str
    accelerators: float = Field(description="in total; CPU sockets for CPU machines")
    vcpus: float | None = Field(description="in total")
    parallelism: str
    hours: float
    hours_p10: float
    hours_p90: float
    cost_usd: float
    cost_usd_p10: float
    cost_usd_p90: float
    cost_usd_at_risk: float = Field(description="not exceeded with the asked probability")
    cost_breakdown: CostBreakdown
    time_breakdown: TimeBreakdown
    throughput: Throughput
    memory_need_gib: float = Field(description="per device")
    memory_gib: float | None = Field(description="per device")
    expected_interruptions: float
    price: Price
    why_not: str = Field(default="", description="why it lost to the recommendation")

    @property
    def devices(self) -> str:
        """What it runs on as people say it: ``8 H100-80GB``, ``2 vCPU IceLake-8375C``."""
        if self.accelerator.startswith("CPU-") and self.vcpus is not None:
            return f"{self.vcpus:g} vCPU {self.accelerator.removeprefix('CPU-')}"
        return f"{self.accelerators:.4g} {self.accelerator}"


class FrontPoint(_Result):
    """One point of the cost x time front."""

    id: str
    purchase: str
    accelerator: str
    nodes: int
    hours: float
    cost_usd: float


class CatalogInfo(_Result):
    content_id: str
    as_of: str | None = Field(description="date of the recommended price")
    age_days: int | None
    offers: int
    refreshed_slices: int


class Solver(_Result):
    name: str
    status: str
    candidates: int = Field(description="offers x ways to pay x machine counts")
    feasible: int
    in_program: int = Field(description="left after exact pruning")


class Recommendation(_Result):
    """Answer of ``planner recommend``."""

    schema_: Literal["planner.recommendation/1"] = Field(
        default="planner.recommendation/1", alias="schema"
    )
    status: Literal["ok", "over_budget"]
    workload: dict[str, Any]
    catalog: CatalogInfo
    headline: str
    recommendation: Item
    alternatives: list[Item]
    pareto: list[FrontPoint]
    explanation: list[str]
    excluded: dict[str, int] = Field(description="offers and candidates left out, by reason")
    solver: Solver
    seconds: float = Field(description="time to answer")


class Weighed(_Result):
    """An own measurement and the share of the correction that came from it."""

    observation: str
    weight: float


class Estimate(_Result):
    """Answer of ``planner estimate`` for one workload on named hardware."""

    schema_: Literal["planner.estimate/1"] = Field(default="planner.estimate/1", alias="schema")
    workload: dict[str, Any]
    on: str
    accelerator: str
    accelerators: int
    nodes: int
    parallelism: str
    throughput: Throughput
    hours: float = Field(description="productive time, without set-up and waiting")
    hours_p10: float
    hours_p90: float
    memory_need_gib: float = Field(description="per device")
    memory_gib: float | None = Field(description="per device")
    weighed: list[Weighed] = Field(description="own measurements behind it, heaviest first")
