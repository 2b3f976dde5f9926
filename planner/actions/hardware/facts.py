"""What the catalog knows of a device: peaks, memory, links, and its cheapest offers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date

import numpy as np

from catalog import Catalog, UnknownName
from catalog.accelerators import PRECISIONS, Accelerator
from catalog.errors import nearest
from planner.errors import BadInput
from planner.field_errors import shown
from planner.items import rounded
from planner.results.hardware import DevicePrice, HardwareEntry, HardwareList, HardwareSheet

# The arithmetic that prices are compared in: the first that a device has.
PRICED_IN = ("bf16", "fp16", "fp8", "int8", "fp32", "fp64")
ON_DEMAND = "on_demand"


def listed(catalog: Catalog, *, kind: str | None = None, today: date | None = None) -> HardwareList:
    """Every accelerator of a kind (or all), by kind and name. Raises BadInput for another kind."""
    kinds = {spec.kind.value.lower(): spec.kind for spec in catalog.accelerators.values()}
    if kind is not None and kind.lower() not in kinds:
        raise BadInput(
            f"{shown(kind)} is no kind of hardware",
            where="--kind",
            remedy=f"say {', '.join(sorted(kinds))}",
        )
    counts = _measurements(catalog)
    prices = _Prices(catalog, today or date.today())
    entries = []
    for spec in catalog.accelerators.values():
        if kind is not None and spec.kind is not kinds[kind.lower()]:
            continue
        found = prices.of(spec)
        rented = next((p for p in found if p.purchase == ON_DEMAND), None)
        entries.append(
            HardwareEntry(
                name=spec.name,
                vendor=spec.vendor,
                kind=spec.kind.value,
                memory_gib=spec.memory_gib,
                memory_bandwidth_gb_per_s=spec.memory_bandwidth_gb_per_s,
                peak_tera_ops=dict(spec.peak_tera_ops),
                tdp_w=spec.tdp_w,
                release_year=spec.release_year,
                usd_per_hour=None if rented is None else rented.usd_per_hour,
                price_age_days=None if rented is None else rented.age_days,
                offers=sum(price.offers for price in found),
                measurements=sum(counts.get(spec.name, Counter()).values()),
            )
        )
    entries.sort(key=lambda e: (e.kind, -(e.release_year or 0), e.name))
    return HardwareList(catalog=catalog.content_id, entries=entries)


def sheet(catalog: Catalog, name: str, *, today: date | None = None) -> HardwareSheet:
    """One device. Raises BadInput for a name the catalog does not have."""
    spec = accelerator_named(catalog, name)
    precision = priced_in(spec)
    peak = None if precision is None else spec.peak_tera_ops[precision]
    bandwidth = spec.memory_bandwidth_gb_per_s
    source = catalog.sources.get(spec.source)
    as_of = None if source is None else source.as_of
    return HardwareSheet(
        name=spec.name,
        vendor=spec.vendor,
        kind=spec.kind.value,
        memory_gib=spec.memory_gib,
        memory_bandwidth_gb_per_s=bandwidth,
        peak_tera_ops={p: spec.peak_tera_ops[p] for p in PRECISIONS if p in spec.peak_tera_ops},
        ridge_ops_per_byte={}
        if not bandwidth
        else {
            p: rounded(spec.peak_tera_ops[p] * 1e3 / bandwidth)
            for p in PRECISIONS
            if p in spec.peak_tera_ops
        },
        link=spec.link,
        link_bandwidth_gb_per_s=spec.link_bandwidth_gb_per_s,
        link_domain=spec.link_domain_size,
        tdp_w=spec.tdp_w,
        tera_ops_per_w=None if not (peak and spec.tdp_w) else rounded(peak / spec.tdp_w),
        release_year=spec.release_year,
        cores=spec.cores,
        can_run=sorted(spec.can_run),
        price_precision=precision,
        prices=_Prices(catalog, today or date.today()).of(spec),
        measurements=dict(_measurements(catalog).get(spec.name, Counter()).most_common()),
        source="" if source is None else source.citation,
        source_as_of=None if as_of is None else as_of.isoformat(),
        verified_by=spec.verified_by,
        catalog=catalog.content_id,
    )


def accelerator_named(catalog: Catalog, name: str) -> Accelerator:
    """By name or alias. Raises BadInput that names the nearest ones."""
    try:
        return catalog.accelerator(name)
    except UnknownName:
        close = nearest(name, [*catalog.accelerators])
        raise BadInput(
            f"{shown(name)} is no hardware that the catalog has",
            where="hardware",
            remedy=f"did you mean {', '.join(close)}?" if close else "see planner hardware list",
        ) from None


def priced_in(spec: Accelerator) -> str | None:
    return next((p for p in PRICED_IN if p in spec.peak_tera_ops), None)


def price_of(catalog: Catalog, spec: Accelerator, today: date) -> Sequence[DevicePrice]:
    """The cheapest offer by each way to pay, cheapest first."""
    return _Prices(catalog, today).of(spec)


class _Prices:
    """Offers by device. Doubted prices and managed platforms are left out."""

    def __init__(self, catalog: Catalog, today: date) -> None:
        self.catalog, self.today = catalog, today
        table = catalog.offers
        numbers = table.numbers
        accelerator = np.array(table.vocabularies["accelerator"])[table.codes["accelerator"]]
        cpu = np.array(table.vocabularies["cpu"])[table.codes["cpu"]]
        self.device = np.where(accelerator == "", cpu, accelerator)
        self.count = np.where(
            accelerator == "", numbers["cpu_sockets"], numbers["accelerator_count"]
        )
        with np.errstate(invalid="ignore", divide="ignore"):
            self.each = numbers["usd_per_hour"] / self.count
        good = np.isfinite(self.each) & (self.each > 0) & table.is_in("platform", [""])
        self.good = good & ~table.is_in("confidence", ["low"])

    def of(self, spec: Accelerator) -> list[DevicePrice]:
        table = self.catalog.offers
        rows = np.flatnonzero(self.good & (self.device == spec.name))
        precision = priced_in(spec)
        peak = None if precision is None else spec.peak_tera_ops[precision]
        bandwidth = spec.memory_bandwidth_gb_per_s
        found = []
        for code in np.unique(table.codes["kind"][rows]).tolist():
            mine = rows[table.codes["kind"][rows] == code]
            row = int(mine[np.argmin(self.each[mine])])
            usd = float(self.each[row])
            source = self.catalog.sources.get(table.text("price_source", row))
            as_of = None if source is None else source.as_of
            found.append(
                DevicePrice(
                    purchase=table.vocabularies["kind"][code],
                    usd_per_hour=rounded(usd),
                    machine=table.text("instance_type", row),
                    devices=rounded(self.count[row]),
                    cloud=table.text("cloud", row),
                    region=table.text("region", row),
                    offers=len(mine),
                    as_of=None if as_of is None else as_of.isoformat(),
                    age_days=None if as_of is None else (self.today - as_of).days,
                    source="" if source is None else source.citation,
                    usd_per_tflops_hour=None if not peak else rounded(usd / peak),
                    usd_per_gb_per_s_hour=None if not bandwidth else rounded(usd / bandwidth),
                )
            )
        return sorted(found, key=lambda price: price.usd_per_hour)


def _measurements(catalog: Catalog) -> dict[str, Counter[str]]:
    """Published rows by device and task."""
    found: dict[str, Counter[str]] = {}
    canonical: dict[str, str] = {}
    for row in catalog.rows("observations", "value > 0"):
        name = str(row["accelerator"])
        if name not in canonical:
            try:
                canonical[name] = catalog.accelerator(name).name
            except UnknownName:
                canonical[name] = name
        found.setdefault(canonical[name], Counter())[str(row["task"])] += 1
    return found
