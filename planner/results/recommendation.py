"""Recommendations, portfolios, fronts and estimates."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from planner.results.base import Result
from planner.results.risk import PortfolioRisk, Risk
from planner.results.service_mix import RequestClass, ServiceSimulation


class Throughput(Result):
    """Units of work per second; the true value lies in p10..p90 with 80% probability."""

    value: float
    unit: str
    p10: float
    p90: float
    basis: Literal["measured", "calibrated", "analytic"]


class CostBreakdown(Result):
    """Where the median cost goes; the lines add up to ``cost_usd``."""

    work_usd: float = Field(description="productive hours; a service: machines the mean load needs")
    set_up_usd: float = Field(
        default=0.0, description="provisioning, image, staging of weights and data"
    )
    interruption_usd: float = Field(
        default=0.0, description="work lost to spot interruptions and restarts"
    )
    rounding_usd: float = Field(default=0.0, description="billing increment and minimum")
    headroom_usd: float = Field(
        default=0.0, description="machines of a service beyond the mean load: peak, SLO, spares"
    )
    capital_usd: float = Field(default=0.0, description="machines bought for this work")
    egress_usd: float = Field(default=0.0, description="data moved between clouds and regions")
    storage_usd: float = Field(default=0.0, description="data kept beside the machines")


class TimeBreakdown(Result):
    """Where the median hours go; the lines add up to ``hours``. Null: not estimated."""

    compute_hours: float
    communication_hours: float
    overhead_hours: float = Field(description="kernel launches that computing does not hide")
    input_hours: float | None = Field(
        default=None, description="devices waiting for data to be read and decoded"
    )
    bubble_hours: float | None = Field(
        default=None, description="stages of a pipeline without work"
    )
    set_up_hours: float
    interruption_hours: float


class Price(Result):
    """The price a plan was made with."""

    usd_per_hour: float = Field(description="one machine")
    source: str
    layer: str = Field(
        default="snapshot", description="snapshot, derived, refreshed, overlay NAME or workload"
    )
    as_of: str | None = Field(description="ISO date; null when the source is undated")
    age_days: int | None
    confidence: str


class Latency(Result):
    """Latencies of a service in seconds at its operating point; null where they do not apply."""

    ttft_p50_s: float | None = Field(default=None, description="time to first token")
    ttft_p95_s: float | None = None
    ttft_p99_s: float | None = None
    tpot_p50_s: float | None = Field(default=None, description="time per output token")
    tpot_p95_s: float | None = None
    tpot_p99_s: float | None = None
    latency_p95_s: float | None = Field(default=None, description="of one request or frame")
    concurrency: float | None = Field(default=None, description="requests in flight of one group")


class Item(Result):
    """One way to run the workload.

    A job that ends has ``hours``; a service has ``cost_usd_per_hour`` and ``latency`` instead, and
    ``cost_usd`` is over ``horizon_hours``.
    """

    id: str
    cloud: str
    region: str
    zone: str | None
    zone_number: int | None = Field(
        default=None,
        description="of a spread over zones where the catalog lists the region only: groups of "
        "different numbers go to different zones, whichever they are",
    )
    instance_type: str
    purchase: str
    platform: str | None = Field(default=None, description="managed platform; null: plain machine")
    nodes: int
    accelerator: str
    accelerators: float = Field(description="in total; CPU sockets for CPU machines")
    vcpus: float | None = Field(description="in total")
    groups: int = Field(
        default=1, description="independent replicas of the configuration, each `parallelism`"
    )
    parallelism: str
    hours: float | None = None
    hours_p10: float | None = None
    hours_p90: float | None = None
    cost_usd_per_hour: float | None = Field(default=None, description="services")
    horizon_hours: float | None = Field(default=None, description="services")
    usd_per_million_tokens: float | None = Field(
        default=None, description="language inference: all costs over generated tokens"
    )
    usd_per_thousand_samples: float | None = Field(
        default=None, description="other inference: images, texts or frames"
    )
    latency: Latency | None = None
    share_of_work: float = Field(default=1.0, description="of this group in a mix")
    cost_usd: float
    cost_usd_p10: float
    cost_usd_p90: float
    cost_usd_at_risk: float = Field(description="not exceeded with the asked probability")
    cost_breakdown: CostBreakdown
    time_breakdown: TimeBreakdown | None = None
    throughput: Throughput
    memory_need_gib: float = Field(description="per device")
    memory_gib: float | None = Field(description="per device")
    expected_interruptions: float
    price: Price
    why_not: str = Field(default="", description="why it lost to the recommendation")

    @property
    def headroom_share(self) -> float | None:
        """Share of a service's cost beyond what its mean load needs."""
        if self.cost_usd_per_hour is None or self.cost_usd <= 0:
            return None
        return self.cost_breakdown.headroom_usd / self.cost_usd

    @property
    def devices(self) -> str:
        """What it runs on as people say it: ``8 H100-80GB``, ``2 vCPU IceLake-8375C``."""
        if self.accelerator.startswith("CPU-") and self.vcpus is not None:
            return f"{self.vcpus:g} vCPU {self.accelerator.removeprefix('CPU-')}"
        return f"{self.accelerators:.4g} {self.accelerator}"


class FrontPoint(Result):
    """One point of the cost x time front."""

    id: str
    purchase: str
    accelerator: str
    nodes: int
    hours: float | None = None
    latency_s: float | None = Field(
        default=None, description="services: per output token, else per request (p95)"
    )
    cost_usd_per_hour: float | None = None
    cost_usd: float
    kg_co2e: float | None = Field(
        default=None, description="where carbon was asked for; null: unknown"
    )


class Front(Result):
    """Answer of ``planner pareto``: fastest (a service: lowest latency) first.

    With carbon, no other is at least as good in cost, time and carbon; unknown carbon counts as
    the worst.
    """

    schema_: Literal["planner.pareto/1"] = Field(default="planner.pareto/1", alias="schema")
    workload: dict[str, Any]
    points: list[FrontPoint]
    on_front: int = Field(description="points before the list was thinned")
    carbon_known: int | None = Field(
        default=None, description="feasible candidates whose carbon is known; null: not asked"
    )
    candidates: int = Field(description="feasible candidates the front was taken of")


class CatalogInfo(Result):
    content_id: str
    as_of: str | None = Field(description="date of the recommended price")
    age_days: int | None
    offers: int
    refreshed_slices: int


class Mix(Result):
    """Several configurations that carry the workload together."""

    groups: list[Item]
    cost_usd: float
    cost_usd_per_hour: float | None = None
    saved_usd: float = Field(description="against the best single configuration")
    usd_per_million_tokens: float | None = None
    bound_usd_per_hour: float | None = Field(
        default=None, description="planned by request size: no mix costs less"
    )
    bound_usd: float | None = Field(
        default=None, description="a batch planned by request size: no mix costs less"
    )
    gap: float | None = Field(default=None, description="cost over bound, less one")
    sizes: list[RequestClass] | None = Field(
        default=None, description="which group serves which requests, planned by request size"
    )
    simulation: ServiceSimulation | None = None


class Baseline(Result):
    """A hosted model API at the price the user gave."""

    name: str
    cost_usd: float
    cost_usd_per_hour: float | None = None
    usd_per_million_tokens: float
    cheaper: bool = Field(description="than the recommendation")


class Solver(Result):
    name: str
    status: str
    candidates: int = Field(description="offers x ways to pay x machine counts")
    feasible: int
    in_program: int = Field(description="left after exact pruning")


class Relaxed(Result):
    """A constraint that binds, and what giving way there saves."""

    constraint: str = Field(description="field of the workload, e.g. deadline, where.clouds")
    change: str = Field(description="in words, e.g. `6.0 h more`")
    amount: float | None = Field(default=None, description="how much more, where it is a number")
    unit: str | None = None
    cost_usd: float = Field(description="of the cheapest plan then")
    saves_usd: float
    saves_usd_per_hour: float | None = Field(default=None, description="services")
    plan: str = Field(description="what that plan runs on")
    method: Literal["same candidates", "planned again"]
    sentence: str


class Display(Result):
    """Costs in another currency than USD, at a rate that is dated."""

    currency: str
    per_usd: float = Field(description="units of the currency for one USD")
    rate_as_of: str = Field(description="ISO date")
    rate_source: str
    cost: float
    cost_per_hour: float | None = None
    alternatives: list[float] = Field(description="costs, in their order")


class Recommendation(Result):
    """Answer of ``planner recommend``."""

    schema_: Literal["planner.recommendation/1"] = Field(
        default="planner.recommendation/1", alias="schema"
    )
    status: Literal["ok", "over_budget"]
    workload: dict[str, Any]
    catalog: CatalogInfo
    headline: str
    recommendation: Item = Field(description="a mix: its largest group, see `mix`")
    mix: Mix | None = None
    baseline: Baseline | None = None
    credit_usd: float = Field(default=0.0, description="of the cost, paid by credits held")
    alternatives: list[Item]
    failover: list[FrontPoint] = Field(
        default_factory=list, description="what to try, in order, when the first is sold out"
    )
    pareto: list[FrontPoint]
    risk: Risk | None = Field(default=None, description="where scenarios were asked for")
    display: Display | None = Field(default=None, description="only with --currency")
    relaxations: list[Relaxed] | None = Field(
        default=None, description="constraints that bind; only with --explain"
    )
    near: list[Item] | None = Field(
        default=None, description="plans of nearly the same cost that differ; only with --near"
    )
    explanation: list[str]
    excluded: dict[str, int] = Field(description="offers and candidates left out, by reason")
    solver: Solver
    seconds: float = Field(description="time to answer")


class PortfolioResult(Result):
    """Answer of ``planner recommend`` for several workloads that share limits."""

    schema_: Literal["planner.portfolio/1"] = Field(default="planner.portfolio/1", alias="schema")
    status: Literal["ok", "over_budget"]
    name: str
    headline: str
    cost_usd: float
    cost_usd_at_risk: float
    budget_usd: float | None
    credit_usd: float = 0.0
    quotas: dict[str, dict[str, float]] = Field(
        default_factory=dict, description="used and limit, by quota class"
    )
    workloads: list[Recommendation]
    risk: PortfolioRisk | None = Field(default=None, description="where scenarios were asked for")
    relaxations: list[Relaxed] | None = Field(
        default=None, description="limits that bind, and deadlines; only with --explain"
    )
    explanation: list[str]
    solver: Solver
    seconds: float


class Weighed(Result):
    """An own measurement and the share of the correction that came from it."""

    observation: str
    weight: float


class Estimate(Result):
    """Answer of ``planner estimate`` for one workload on named hardware."""

    schema_: Literal["planner.estimate/1"] = Field(default="planner.estimate/1", alias="schema")
    workload: dict[str, Any]
    on: str
    accelerator: str
    accelerators: int
    nodes: int
    parallelism: str
    throughput: Throughput
    hours: float | None = Field(
        description="productive time of a job, without set-up and waiting; null: a service"
    )
    hours_p10: float | None
    hours_p90: float | None
    latency: Latency | None = None
    memory_need_gib: float = Field(description="per device")
    memory_gib: float | None = Field(description="per device")
    weighed: list[Weighed] = Field(description="own measurements behind it, heaviest first")
    observations: list[str] = Field(
        default_factory=list, description="published measurements that weigh most, with --explain"
    )
