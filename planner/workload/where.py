"""Where and how a workload may run: filters, quotas, own sites, commitments and credits held."""

from __future__ import annotations

import math
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from planner.field_errors import shown
from planner.quantities import (
    Count,
    Gbps,
    Gib,
    Hours,
    Kilowatts,
    Limit,
    Price,
    Share,
    Usd,
    WholeCount,
)
from planner.workload.part import Part


class Purchase(StrEnum):
    """Ways to pay for a machine that is not owned."""

    ON_DEMAND = "on_demand"
    SPOT = "spot"
    RESERVATION = "reservation"
    SAVINGS_PLAN = "savings_plan"
    RESOURCE_COMMITMENT = "resource_commitment"
    CAPACITY_BLOCK = "capacity_block"
    FLEX_START = "flex_start"


class Platform(StrEnum):
    """Who runs the machine: the cloud's plain virtual machine or a managed platform on top."""

    VM = "vm"
    SAGEMAKER = "sagemaker"
    VERTEX_AI = "vertex-ai"
    AZURE_ML = "azure-ml"


Id = Annotated[str, Field(min_length=1, max_length=200)]
MAX_MACHINES = 1_000_000


class Site(Part):
    """An own pool of machines. Owned ones are sunk: only their electricity counts.

    ``charge: full`` charges what the pool costs to have as well (purchase over its life, staff,
    space), spread over the share of time it is used; ``purchase: true`` asks what the job costs
    when the machines must be bought for it.
    """

    name: str = Field(min_length=1, max_length=60)
    system: str | None = Field(
        default=None, description="machine of the catalog, e.g. DGX H100; fills what is not given"
    )
    accelerator: str | None = Field(default=None, description="e.g. H100-80GB, or a CPU type")
    accelerators_per_machine: WholeCount | None = Field(
        default=None, le=1024, description="of a CPU type: sockets; default: the system's, else 1"
    )
    machines: WholeCount = Field(
        default=1, le=MAX_MACHINES, description="how many of them are there"
    )
    vcpus: WholeCount | None = Field(default=None, le=100_000, description="of one machine")
    memory: Gib | None = Field(default=None, description="of one machine, e.g. 2TiB")
    network_gbps: Gbps | None = Field(default=None, description="of one machine, e.g. 400Gbps")
    utilisation: Share = Field(default=0.0, description="share of the pool already taken")
    charge: Literal["marginal", "full"] = Field(
        default="marginal", description="an hour's electricity, or its share of all costs as well"
    )
    expected_utilisation: Share = Field(
        default=0.7, gt=0, le=1, description="share of time the pool is used, for `charge: full`"
    )
    purchase: bool = Field(default=False, description="machines would have to be bought")
    capex_usd: Usd | None = Field(default=None, description="one machine, bought")
    residual_usd: Price | None = Field(default=None, description="resale value at the end of life")
    life: Hours = Field(default=4 * 8766.0, description="e.g. 4y")
    cost_of_capital: Share = Field(default=0.0, description="a year")
    power: Kilowatts | None = Field(default=None, description="one machine at full load, e.g. 10kW")
    pue: Count | None = Field(default=None, ge=1, le=5, description="facility over IT power")
    usd_per_kwh: Price | None = Field(
        default=None, le=10, description="price of electricity, e.g. 0.12"
    )
    region: str | None = Field(
        default=None,
        description="region of the electricity table, used when usd_per_kwh is not given",
    )
    staff_usd_per_year: Price | None = Field(default=None, description="for the whole pool")
    colo_usd_per_kw_month: Price | None = Field(
        default=None, description="space and cooling, per kW of IT power"
    )

    @model_validator(mode="after")
    def _check(self) -> Site:
        if self.system is None and self.accelerator is None:
            raise ValueError("accelerator is missing; name an accelerator or a system")
        if self.utilisation >= 1:
            raise ValueError("utilisation leaves nothing; use a share below 1")
        if self.purchase and self.capex_usd is None and self.system is None:
            raise ValueError(
                "capex_usd is missing; machines to be bought need a price, or name a system"
            )
        if self.capex_usd and self.residual_usd and self.residual_usd > self.capex_usd:
            raise ValueError("residual_usd is above capex_usd; machines do not gain value")
        return self


class HeldCommitment(Part):
    """Machines already committed to: their price is sunk, their number limited."""

    cloud: Id
    instance_type: Id
    region: str | None = Field(default=None, description="empty: every region")
    count: WholeCount = Field(le=MAX_MACHINES, description="machines")
    usd_per_hour: Price = Field(default=0.0, description="still paid for each hour used")


class Spread(Part):
    """Least number of places a mix is spread over, and the most that one of them may carry."""

    over: Literal["zone", "region", "cloud"] = Field(
        description="zone: of machines listed for a whole region of aws, gcp or azure, up to three "
        "zones are assumed"
    )
    at_least: WholeCount = Field(default=1, ge=1, le=100, description="places with machines")
    max_share: Share = Field(
        default=1.0, gt=0, description="largest share of the work in one place, e.g. 60%"
    )

    @model_validator(mode="after")
    def _check(self) -> Spread:
        if not self.binds:
            raise ValueError(
                "at_least is 1 and max_share 100%, which asks for nothing; raise or lower one"
            )
        if self.over == "zone" and self.places > MOST_ZONES:
            raise ValueError(
                f"at_least and max_share need {self.places} zones; regions are assumed to have "
                f"{MOST_ZONES}, so ask for fewer or spread over regions"
            )
        return self

    @property
    def binds(self) -> bool:
        """Whether one place alone is not enough."""
        return self.at_least > 1 or self.max_share < 1

    @property
    def places(self) -> int:
        """The fewest places that do."""
        return max(self.at_least, math.ceil(1 / self.max_share - 1e-9))


# Assumption: what a region of the larger clouds has at least.
MOST_ZONES = 3


def _spread(value: object) -> object:
    """``cloud:2`` and ``zone:2:60%`` for ``{over: zone, at_least: 2, max_share: 60%}``."""
    if not isinstance(value, str):
        return value
    over, *rest = value.split(":")
    if not over or len(rest) > 2 or not all(rest):
        raise ValueError(f"{shown(value)} is no spread; write e.g. cloud:2 or zone:2:60%")
    return {"over": over, **dict(zip(("at_least", "max_share"), rest, strict=False))}


class Where(Part):
    """Where and how the workload may run. Empty means: anywhere the catalog knows."""

    clouds: tuple[str, ...] = Field(default=(), description="clouds allowed")
    regions: tuple[str, ...] = Field(default=(), description="regions allowed")
    residency: tuple[Id, ...] = Field(
        default=(), description="jurisdictions allowed, e.g. eu, us, gov"
    )
    accelerators: tuple[str, ...] = Field(
        default=(), description="accelerators allowed; `cpu` stands for CPU-only machines"
    )
    instance_types: tuple[str, ...] = Field(default=(), description="instance types allowed")
    exclude: tuple[Id, ...] = Field(
        default=(),
        description="candidates not to use, by id or by a leading part of it "
        "(cloud, cloud/region, cloud/region/instance type, ...)",
    )
    purchase: tuple[Purchase, ...] = Field(
        default=(Purchase.ON_DEMAND, Purchase.SPOT),
        min_length=1,
        description="ways to pay; default: on demand and spot, a service on demand only",
    )
    platforms: tuple[Platform, ...] = Field(
        default=(Platform.VM,), min_length=1, description="plain machines or managed platforms"
    )
    amortise_commitments: bool = Field(
        default=False,
        description="let a finite job use new commitments at their hourly rate; the rest of the "
        "term is then assumed to be of use to others",
    )
    max_nodes: WholeCount = Field(
        default=16, ge=1, le=4096, description="largest number of machines"
    )
    price_confidence: Literal["documented", "any"] = Field(
        default="documented",
        description="`any` also uses prices the catalog itself doubts (old or contradicted)",
    )
    spot_interruptions: bool = Field(
        default=True, description="false: pretend that spot machines are never taken back"
    )
    max_spot_share: Share = Field(
        default=1.0, description="largest share of a mix's throughput on spot machines"
    )
    max_types: WholeCount | None = Field(
        default=None, ge=1, le=1000, description="most kinds of accelerator in a mix"
    )
    spread: Annotated[Spread | None, BeforeValidator(_spread)] = Field(
        default=None,
        description="services and batches: zones, regions or clouds they must be spread over, "
        "e.g. {over: cloud, at_least: 2, max_share: 60%}, or cloud:2:60%",
    )
    mix: Literal["region", "anywhere", "none"] = Field(
        default="region",
        description="whether services and batches may use several machine types together: in one "
        "region, anywhere, or not; default region, anywhere with a spread over regions or clouds",
    )
    cloud_offers: bool = Field(default=True, description="false: own sites only")
    on_prem: tuple[Site, ...] = Field(default=(), description="own sites")
    commitments: tuple[HeldCommitment, ...] = Field(default=(), description="already held")
    credits: dict[Id, Usd] = Field(
        default_factory=dict, description="prepaid or granted, by cloud, e.g. {aws: 5000}"
    )
    quotas: dict[Id, Limit] = Field(
        default_factory=dict,
        description="limit by quota class, in the cloud's unit (vCPUs on AWS and Azure, "
        "GPUs on GCP), e.g. {'aws/P on-demand': 192}",
    )

    @model_validator(mode="before")
    @classmethod
    def _spread_leaves_the_region(cls, data: object) -> object:
        """A mix over regions or clouds stays in no single region."""
        if not isinstance(data, dict) or data.get("spread") is None or "mix" in data:
            return data
        spread = data["spread"]
        over = spread.partition(":")[0] if isinstance(spread, str) else None
        if isinstance(spread, dict):
            over = spread.get("over")
        return {**data, "mix": "anywhere"} if over in ("region", "cloud") else data

    @model_validator(mode="after")
    def _check(self) -> Where:
        names = [site.name for site in self.on_prem]
        if len(set(names)) < len(names):
            raise ValueError("on_prem names a site twice; give each a name of its own")
        if not self.cloud_offers and not self.on_prem:
            raise ValueError("cloud_offers is false and on_prem is empty; name a site")
        if not self.cloud_offers:
            for name in ("clouds", "regions", "residency", "instance_types", "commitments"):
                if getattr(self, name):
                    raise ValueError(
                        f"{name} does not go with cloud_offers: false; leave one of them out"
                    )
        spot_only = set(self.purchase) == {Purchase.SPOT}
        if spot_only and self.max_spot_share < 1 and not (self.on_prem or self.commitments):
            raise ValueError(
                f"max_spot_share of {self.max_spot_share:g} leaves the rest to nothing, as purchase"
                " is spot only; add on_demand"
            )
        return self
