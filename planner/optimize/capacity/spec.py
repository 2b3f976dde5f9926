"""What a user writes in a capacity spec, ``planner.capacity-spec/1``."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator

from planner.optimize.capacity.amounts import (
    AboveZero,
    Amount,
    PeriodHours,
    UsdOrZero,
    UsdPerHour,
    Whole,
)

Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
MAX_PERIODS = 200_000


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Series(Part):
    """Figures read from a file, one a period."""

    file: str = Field(min_length=1, description="CSV file, relative to the spec")
    column: str | None = Field(
        default=None, description="column of the figures; default `demand`, else the only other"
    )
    format: Literal["csv", "prometheus", "cloudwatch"] = Field(
        default="csv",
        description="csv: period,demand; prometheus: Time,value exports of a range query; "
        "cloudwatch: metric exports with a time and a value column",
    )
    scale: AboveZero = Field(default=1.0, description="figures are multiplied by this")
    fill: Literal["refuse", "zero", "last", "interpolate"] = Field(
        default="refuse", description="what stands in for missing periods of a timed export"
    )


class Diurnal(Part):
    """A day that repeats: a cosine around the mean, highest at ``peak_hour``."""

    shape: Literal["diurnal"]
    mean: Amount
    peak: Amount = Field(description="at peak_hour; the trough is as far below the mean")
    peak_hour: float = Field(default=14.0, ge=0, lt=24, description="hour of day, 0-24")
    growth_per_year: float = Field(default=0.0, gt=-1, le=100, description="0.5 is +50% a year")

    @model_validator(mode="after")
    def _check(self) -> Diurnal:
        if not self.mean <= self.peak <= 2 * self.mean:
            raise ValueError("peak must lie between mean and twice the mean; adjust one of them")
        return self


class Weekly(Part):
    """Diurnal on weekdays, scaled by ``weekend_factor`` on days 6 and 7."""

    shape: Literal["weekly"]
    mean: Amount = Field(description="of a weekday")
    peak: Amount
    peak_hour: float = Field(default=14.0, ge=0, lt=24)
    weekend_factor: float = Field(default=0.6, ge=0, le=10)
    first_day: int = Field(default=1, ge=1, le=7, description="day of the week of period 0; 1=Mon")
    growth_per_year: float = Field(default=0.0, gt=-1, le=100)

    @model_validator(mode="after")
    def _check(self) -> Weekly:
        if not self.mean <= self.peak <= 2 * self.mean:
            raise ValueError("peak must lie between mean and twice the mean; adjust one of them")
        return self


class Growth(Part):
    """Compound growth from ``start`` to ``end`` over the horizon."""

    shape: Literal["growth"]
    start: AboveZero
    end: AboveZero


class LaunchSpike(Part):
    """A base that jumps to ``peak`` at ``launch_hour`` and decays back by half-lives."""

    shape: Literal["launch-spike"]
    base: Amount
    peak: Amount
    launch_hour: float = Field(ge=0, description="hours from the start")
    rise_hours: float = Field(default=0.0, ge=0, description="linear rise before the launch hour")
    half_life_hours: AboveZero = Field(default=72.0)

    @model_validator(mode="after")
    def _check(self) -> LaunchSpike:
        if self.peak < self.base:
            raise ValueError("peak is below base; a launch adds demand")
        return self


Shape = Annotated[Diurnal | Weekly | Growth | LaunchSpike, Field(discriminator="shape")]


class Sum(Part):
    """Several shapes laid over each other."""

    sum: tuple[Shape, ...] = Field(min_length=1)


# Tags are in brackets so that a path of errors tells them from fields of the same name.
def _kind_of_demand(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return "(figures)"
    if not isinstance(value, (dict, BaseModel)):
        return "(name)"
    has = value if isinstance(value, dict) else type(value).model_fields
    return "(shape)" if "shape" in has else "(sum)" if "sum" in has else "(series)"


def _kind_of_figure(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return "(figures)"
    return "(several)" if isinstance(value, (dict, BaseModel)) else "(one)"


Demand = Annotated[
    Annotated[str, Tag("(name)")]
    | Annotated[tuple[Amount, ...], Tag("(figures)")]
    | Annotated[Shape, Tag("(shape)")]
    | Annotated[Sum, Tag("(sum)")]
    | Annotated[Series, Tag("(series)")],
    Discriminator(_kind_of_demand),
]
Price = Annotated[
    Annotated[UsdPerHour, Tag("(one)")]
    | Annotated[tuple[UsdPerHour, ...], Tag("(figures)")]
    | Annotated[Series, Tag("(several)")],
    Discriminator(_kind_of_figure),
]
Throughput = Annotated[
    Annotated[AboveZero, Tag("(one)")] | Annotated[dict[str, Amount], Tag("(several)")],
    Discriminator(lambda value: "(several)" if isinstance(value, dict) else "(one)"),
]


class Migration(Part):
    """Where a workload's data live, and what serving it elsewhere moves."""

    home: Literal["on-prem", "cloud"] = Field(
        default="on-prem", description="capacity elsewhere pays egress for what it serves"
    )
    egress_gb_per_unit_hour: Amount = Field(
        description="GB moved for one unit of demand served away from home for an hour"
    )
    egress_usd_per_gb: UsdOrZero


class _Asked(Part):
    """What one workload asks, whether alone or among others."""

    unmet_usd_per_unit_hour: UsdOrZero | None = Field(
        default=None, description="demand may go unserved at this price; without it, it may not"
    )
    deferrable_hours: Amount = Field(
        default=0.0, description="work may wait this long (couples periods); 0 = serve at once"
    )
    migration: Migration | None = None


class WorkloadSpec(_Asked):
    name: str = Field(min_length=1, max_length=100)
    demand: Demand = Field(description="as the spec's own `demand`")


def _or_price(schema: dict[str, Any]) -> None:
    """A bare price stands for the mapping."""
    whole = dict(schema)
    schema.clear()
    schema["anyOf"] = [whole, {"type": ["number", "string"]}]


class Reserved(Part):
    """A commitment for a term, paid whether used or not."""

    model_config = ConfigDict(json_schema_extra=_or_price)

    usd_per_hour: UsdPerHour
    upfront_usd: UsdOrZero = Field(default=0.0, description="paid once a term")
    max_count: Whole | None = None
    count: Whole | None = Field(
        default=None, description="exactly this many; default as many as cost least"
    )

    @model_validator(mode="before")
    @classmethod
    def _bare_price(cls, value: Any) -> Any:
        return {"usd_per_hour": value} if isinstance(value, (int, float, str)) else value


class Held(Part):
    """A commitment already made: sunk, its capacity is free until it ends."""

    count: Whole
    remaining_hours: PeriodHours
    usd_per_hour: UsdPerHour = Field(default=0.0, description="shown as sunk, never decided on")


class PowerSpec(Part):
    busy_kw: Amount
    idle_kw: Amount = 0.0
    pue: float = Field(default=1.0, ge=1, le=10)
    usd_per_kwh: UsdOrZero

    @model_validator(mode="after")
    def _check(self) -> PowerSpec:
        if self.idle_kw > self.busy_kw:
            raise ValueError("idle_kw is above busy_kw; exchange them")
        return self


class Purchase(Part):
    """A machine that can be bought: an annuity for each year of the horizon."""

    capex_usd: UsdOrZero
    life_years: AboveZero
    max_new: Whole | None = Field(default=None, description="most machines to buy")
    count: Whole | None = Field(
        default=None, description="exactly this many; default as many as cost least"
    )
    cost_of_capital: float = Field(default=0.0, ge=0, le=10, description="yearly, 0.08 is 8%")
    residual_usd: UsdOrZero = Field(default=0.0, description="worth at the end of its life")
    yearly_usd: UsdOrZero = Field(default=0.0, description="staff, colocation, support a machine")

    @model_validator(mode="after")
    def _check(self) -> Purchase:
        if self.residual_usd > self.capex_usd:
            raise ValueError("residual_usd is above capex_usd; a machine loses value")
        return self


class FromCatalog(Part):
    """An offer of the catalog whose prices fill what the spec leaves out."""

    cloud: str = Field(min_length=1)
    region: str = Field(min_length=1)
    instance_type: str = Field(min_length=1)


class OfferSpec(Part):
    """One kind of machine and the ways to have it. A price that is left out is not offered."""

    name: str = Field(min_length=1, max_length=100)
    throughput: Throughput = Field(
        description="units of demand a machine serves; by workload where there are several"
    )
    catalog: FromCatalog | None = None
    on_demand_usd_per_hour: Price | None = None
    spot_usd_per_hour: Price | None = None
    spot_capacity_factor: float = Field(
        default=1.0, gt=0, le=1, description="usable share of a spot machine"
    )
    reserved_1y: Reserved | None = Field(default=None, description="price, or {usd_per_hour, ...}")
    reserved_3y: Reserved | None = None
    held: tuple[Held, ...] = ()
    max_count: Whole | None = Field(default=None, description="reserved + on-demand + spot")
    max_on_demand: Whole | None = None
    max_spot: Whole | None = None
    owned_count: Whole = Field(default=0, description="machines already there: sunk")
    running_usd_per_hour: UsdPerHour = Field(
        default=0.0, description="added when an owned or bought machine works"
    )
    purchase: Purchase | None = None
    power: PowerSpec | None = Field(default=None, description="of an owned or bought machine")
    family: str = Field(default="", max_length=100, description="for plans that cover a family")
    resources: dict[str, Amount] = Field(
        default_factory=dict, description="units in a machine, e.g. {vcpu: 12, gpu: 1}"
    )
    kg_co2e_per_hour: Amount | None = Field(
        default=None, description="emitted by one machine in an hour of work; for `--front carbon`"
    )
    start_usd: UsdOrZero = Field(default=0.0, description="per start (couples periods)")
    min_up_hours: Amount = Field(default=0.0, description="stays up this long (couples periods)")


class _PlanSpec(Part):
    """What commitments of amounts have in common. Without names, every offer is eligible."""

    name: str = Field(min_length=1, max_length=100)
    term: Literal["1y", "3y"] = "1y"
    offers: tuple[str, ...] = Field(default=(), description="eligible offers, by name")
    families: tuple[str, ...] = Field(default=(), description="and by their `family`")


class SavingsPlan(_PlanSpec):
    """USD an hour for a term, paid whether used or not, that pays for machines on demand."""

    discount: float | None = Field(
        default=None, ge=0, lt=1, description="off the on-demand price of eligible offers; 0.27"
    )
    usd_per_hour: dict[str, UsdPerHour] = Field(
        default_factory=dict, description="the plan's rate by offer, before `discount`"
    )
    whole: bool = Field(default=False, description="whole USD an hour only")
    max_usd_per_hour: UsdOrZero | None = Field(default=None, description="most to commit to")
    held_usd_per_hour: UsdOrZero = Field(
        default=0.0, description="committed already, for the whole horizon: sunk"
    )

    @model_validator(mode="after")
    def _check(self) -> SavingsPlan:
        if self.discount is None and not self.usd_per_hour:
            raise ValueError("discount is missing, and so is usd_per_hour; give one of them")
        return self


class ResourceCommitment(_PlanSpec):
    """Units of a resource (vCPUs, GPUs, GiB) for a term, paid whether used or not."""

    resource: str = Field(min_length=1, max_length=40, description="as in the offers' `resources`")
    usd_per_unit_hour: UsdOrZero = Field(description="of a unit committed to")
    on_demand_usd_per_unit_hour: UsdOrZero = Field(
        description="of a unit on demand: what of a machine's price is for it"
    )
    whole: bool = Field(default=True, description="whole units only")
    max_units: Amount | None = None
    held_units: Amount = Field(
        default=0.0, description="committed already, for the whole horizon: sunk"
    )


class Limits(Part):
    max_spot_share: Share | None = Field(default=None, description="of each period's demand")
    budget_usd: UsdOrZero | None = None


class CapacitySpec(_Asked):
    """Input of ``planner capacity``."""

    schema_: Literal["planner.capacity-spec/1"] = Field(
        default="planner.capacity-spec/1", alias="schema"
    )
    name: str = Field(default="capacity", min_length=1, max_length=100)
    unit: str = Field(default="units", max_length=40, description="of demand, e.g. requests/s")
    period_hours: PeriodHours = Field(default=1.0, description="1, 15m, 1d")
    periods: Whole | None = Field(
        default=None, description="length of a shape; default one year. Of a file: its first rows"
    )
    demand: Demand | None = Field(
        default=None,
        description="a CSV file, a list of figures, {file: ...}, {shape: diurnal | weekly | growth "
        "| launch-spike, ...} or {sum: [shapes]}",
    )
    demand_scale: AboveZero = Field(default=1.0, description="all demand is multiplied by this")
    workloads: tuple[WorkloadSpec, ...] = Field(default=(), description="several share the fleet")
    offers: tuple[OfferSpec, ...] = Field(max_length=5000)
    savings_plans: tuple[SavingsPlan, ...] = Field(
        default=(), max_length=50, description="commitments in USD an hour"
    )
    resource_commitments: tuple[ResourceCommitment, ...] = Field(
        default=(), max_length=50, description="commitments of vCPUs, GPUs, GiB"
    )
    limits: Limits = Limits()
    integer: Literal["commitments", "all"] = Field(
        default="commitments",
        description="all: machines used per period are whole as well, not only commitments",
    )
