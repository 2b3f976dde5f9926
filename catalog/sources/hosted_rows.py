"""Rows of hosted catalogs, whatever their format, as rows of ours."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from catalog.sources.accelerator_names import accelerator_named, reason_unknown
from catalog.sources.base import Reject
from catalog.sources.cloud_rows import Unusable, printable
from catalog.sources.known_machines import Known, known_of


@dataclass(frozen=True, slots=True)
class HostedRow:
    """One price of one machine in one place. ``gpu`` is the catalog's own spelling of the GPU."""

    instance_type: str
    region: str
    usd_per_hour: float
    spot: bool
    vcpus: float | None
    memory_gib: float | None
    gpu: str = ""
    gpu_count: float | None = None
    gpu_memory_gib: float | None = None


@dataclass(slots=True)
class Rejects:
    """Rejects with how many rows share them: a hosted catalog repeats a type in each region."""

    counts: dict[Reject, int] = field(default_factory=lambda: defaultdict(int))

    def add(self, what: str, reason: str) -> None:
        self.counts[Reject(printable(what), reason)] += 1

    def told(self) -> list[Reject]:
        return [
            Reject(reject.what, f"{reject.reason} ({count} rows)" if count > 1 else reject.reason)
            for reject, count in self.counts.items()
        ]


@dataclass(frozen=True, slots=True)
class Slices:
    """Everything one hosted file says of one cloud, by region; ``all`` where it has one price."""

    rows: dict[tuple[str, bool], list[HostedRow]]
    rejects: list[Reject]


def by_region(cloud: str, rows: Iterable[HostedRow], rejects: Rejects) -> Slices:
    """Rows by region and whether they are spot."""
    slices: dict[tuple[str, bool], list[HostedRow]] = defaultdict(list)
    one_price = known_of(cloud).one_price
    for row in rows:
        slices["all" if one_price else row.region, row.spot].append(row)
    return Slices(slices, rejects.told())


def rows_of(
    cloud: str, region: str, kind: str, hosted: Iterable[HostedRow]
) -> tuple[tuple[dict[str, Any], ...], tuple[dict[str, Any], ...], list[Reject]]:
    """Offers, options and rejects of one slice: the median over zones of each type's price."""
    by_type: dict[str, list[HostedRow]] = defaultdict(list)
    for row in hosted:
        by_type[row.instance_type].append(row)
    offers, options, rejects = [], [], []
    for name in sorted(by_type):
        group = by_type[name]
        try:
            hardware = hardware_of(cloud, group[0])
        except Unusable as error:
            rejects.append(error.reject)
            continue
        place = {"cloud": cloud, "region": region, "zone": "", "instance_type": name}
        offers.append(place | {"hosts": hardware.hosts} | _facts(hardware))
        options.append(
            place
            | {
                "kind": kind,
                "usd_per_hour": round(statistics.median(row.usd_per_hour for row in group), 6),
                "confidence": "volatile" if kind == "spot" else "secondary",
            }
            | dict(known_of(cloud).terms.get((kind, name), {}))
        )
    return tuple(offers), tuple(options), rejects


def hardware_of(cloud: str, row: HostedRow) -> Known:
    """The snapshot's hardware of a type, else what the hosted catalog says. Raises Unusable."""
    known = known_of(cloud).machines.get(row.instance_type)
    if known is not None:
        return known
    if not row.gpu:
        return Known("", None, 1, row.vcpus, row.memory_gib)
    accelerator = accelerator_named(row.gpu, row.gpu_memory_gib)
    if accelerator is None:
        raise Unusable(row.instance_type, reason_unknown(row.gpu, row.gpu_memory_gib))
    if row.gpu_count is None:
        raise Unusable(row.instance_type, f"{row.gpu[:40]} without a count")
    return Known(accelerator, row.gpu_count, 1, row.vcpus, row.memory_gib)


def _facts(hardware: Known) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "vcpus": hardware.vcpus,
        "memory_gib": hardware.memory_gib,
        "accelerator": hardware.accelerator,
        "accelerator_count": hardware.count,
    }
    return {name: value for name, value in facts.items() if value is not None}
