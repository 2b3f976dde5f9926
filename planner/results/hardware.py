"""Published answers of ``planner hardware``."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from planner.results.base import Result


class DevicePrice(Result):
    """The cheapest way to have one device by one way to pay."""

    purchase: str
    usd_per_hour: float = Field(description="of one device; of a CPU, one socket")
    machine: str
    devices: float = Field(description="of the machine, which is rented whole")
    cloud: str
    region: str
    offers: int = Field(description="ways to pay so, everywhere")
    as_of: str | None
    age_days: int | None
    source: str
    usd_per_tflops_hour: float | None = Field(
        description="of 1e12 dense operations/s in `price_precision`; null: peak unknown"
    )
    usd_per_gb_per_s_hour: float | None = Field(description="of 1e9 bytes/s of memory bandwidth")


class HardwareEntry(Result):
    """One accelerator in a list."""

    name: str
    vendor: str
    kind: str
    memory_gib: float | None
    memory_bandwidth_gb_per_s: float | None
    peak_tera_ops: dict[str, float] = Field(description="dense, by precision")
    tdp_w: float | None
    release_year: int | None
    usd_per_hour: float | None = Field(description="cheapest on demand, a device; null: none")
    price_age_days: int | None
    offers: int
    measurements: int = Field(description="published ones in the catalog")


class HardwareList(Result):
    schema_: Literal["planner.hardware-list/1"] = Field(
        default="planner.hardware-list/1", alias="schema"
    )
    catalog: str
    entries: list[HardwareEntry]


class HardwareSheet(Result):
    """One device: peaks, memory, links, prices, what is known of it."""

    schema_: Literal["planner.hardware/1"] = Field(default="planner.hardware/1", alias="schema")
    name: str
    vendor: str
    kind: str
    memory_gib: float | None
    memory_bandwidth_gb_per_s: float | None
    peak_tera_ops: dict[str, float] = Field(description="dense, by precision")
    ridge_ops_per_byte: dict[str, float] = Field(
        description="operations per byte from which arithmetic binds, by precision"
    )
    link: str
    link_bandwidth_gb_per_s: float | None = Field(description="both directions together")
    link_domain: int = Field(description="devices that share the fast link")
    tdp_w: float | None
    tera_ops_per_w: float | None = Field(description="in `price_precision`")
    release_year: int | None
    cores: int | None
    can_run: list[str]
    price_precision: str | None = Field(description="of prices per operation; null: no peak known")
    prices: list[DevicePrice]
    measurements: dict[str, int] = Field(description="published ones in the catalog, by task")
    source: str
    source_as_of: str | None
    verified_by: str
    catalog: str


class OperatorOn(Result):
    """One operator of the workload on one device."""

    name: str
    flops: float = Field(description="operations of one unit of work on one device")
    bytes: float = Field(description="moved between memory and device")
    ops_per_byte: float
    bound: Literal["arithmetic", "memory"]
    flops_per_s: float = Field(description="as the model expects it, before learned corrections")
    share: float = Field(description="of the operators' time")


class DeviceOn(Result):
    """The workload on the fewest devices of one kind that hold it."""

    name: str
    kind: str
    devices: int | None = Field(description="null: no number tried can do it")
    why_not: str = ""
    layout: str = ""
    throughput: float | None = None
    throughput_p10: float | None = None
    throughput_p90: float | None = None
    unit: str = ""
    basis: str = ""
    precision: str = ""
    peak_flops: float | None = Field(default=None, description="dense, of one device")
    memory_bytes_per_s: float | None = None
    usd_per_hour: float | None = Field(default=None, description="all devices, cheapest on demand")
    usd_per_million_units: float | None = None
    operators: list[OperatorOn] = Field(default_factory=list)


class SidePoint(Result):
    """The cheapest plan of one side at one value of what is varied."""

    usd: float | None = Field(description="a service: over its horizon; null: it cannot")
    device: str = ""


class Flip(Result):
    """Where the cheapest side changes. 80% interval: outside it the winner is that sure."""

    at: float
    low: float | None
    high: float | None
    below: str
    above: str
    cause: Literal["cost", "ability"]


class Sweep(Result):
    """One quantity varied; all else as the workload says."""

    axis: Literal["model_size", "batch", "latency", "rate", "deadline"]
    unit: str
    now: float | None
    values: list[float]
    sides: dict[str, list[SidePoint]]
    winners: list[str | None] = Field(description="cheapest side at each value; null: none can")
    flips: list[Flip]
    sentence: str


class HardwareComparison(Result):
    """Several devices, or kinds of them, for one workload."""

    schema_: Literal["planner.hardware-comparison/1"] = Field(
        default="planner.hardware-comparison/1", alias="schema"
    )
    sheets: list[HardwareSheet]
    workload: str | None
    work_unit: str = Field(default="", description="what the operators' amounts are of")
    on: list[DeviceOn]
    sweeps: list[Sweep]
    not_swept: dict[str, str]
    catalog: str
