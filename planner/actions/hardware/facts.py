"""What the catalog knows of a device: peaks, memory, links, and its cheapest offers."""

from __future__ import annotations

from collections import Counter
from datetime import date
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

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

Floats = NDArray[np.float64]


class Facts:
    """The catalog's figures of devices on one day; offers and measurements are read once.

    Doubted prices and managed platforms are left out.
    """

    def __init__(self, catalog: Catalog, today: date | None = None) -> None:
        self.catalog, self.today = catalog, today or date.today()

    def listed(self, kind: str | None = None) -> HardwareList:
        """Every accelerator of a kind (or all), by kind and age. Raises BadInput."""
        known = self.catalog.accelerators.values()
        kinds = {spec.kind.value.lower(): spec.kind for spec in known}
        if kind is not None and kind.lower() not in kinds:
            raise BadInput(
                f"{shown(kind)} is no kind of hardware",
                where="--kind",
                remedy=f"say {', '.join(sorted(kinds))}",
            )
        wanted = [s for s in known if kind is None or s.kind is kinds[kind.lower()]]
        entries = [self._entry(spec) for spec in wanted]
        entries.sort(key=lambda e: (e.kind, -(e.release_year or 0), e.name))
        return HardwareList(catalog=self.catalog.content_id, entries=entries)

    def _entry(self, spec: Accelerator) -> HardwareEntry:
        found = self.prices(spec)
        rented = next((p for p in found if p.purchase == ON_DEMAND), None)
        return HardwareEntry(
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
            measurements=sum(self._measurements.get(spec.name, Counter()).values()),
        )

    def sheet(self, name: str) -> HardwareSheet:
        """One device. Raises BadInput for a name the catalog does not have."""
        spec = accelerator_named(self.catalog, name)
        precision = priced_in(spec)
        peak = None if precision is None else spec.peak_tera_ops[precision]
        bandwidth = spec.memory_bandwidth_gb_per_s
        source = self.catalog.sources.get(spec.source)
        as_of = None if source is None else source.as_of
        peaks = {p: spec.peak_tera_ops[p] for p in PRECISIONS if p in spec.peak_tera_ops}
        ridges = {p: rounded(tera * 1e3 / bandwidth) for p, tera in peaks.items() if bandwidth}
        counted = self._measurements.get(spec.name, Counter[str]())
        return HardwareSheet(
            name=spec.name,
            vendor=spec.vendor,
            kind=spec.kind.value,
            memory_gib=spec.memory_gib,
            memory_bandwidth_gb_per_s=bandwidth,
            peak_tera_ops=peaks,
            ridge_ops_per_byte=ridges,
            link=spec.link,
            link_bandwidth_gb_per_s=spec.link_bandwidth_gb_per_s,
            link_domain=spec.link_domain_size,
            tdp_w=spec.tdp_w,
            tera_ops_per_w=None if not (peak and spec.tdp_w) else rounded(peak / spec.tdp_w),
            release_year=spec.release_year,
            cores=spec.cores,
            can_run=sorted(spec.can_run),
            price_precision=precision,
            prices=self.prices(spec),
            measurements=dict(counted.most_common()),
            source="" if source is None else source.citation,
            source_as_of=None if as_of is None else as_of.isoformat(),
            verified_by=spec.verified_by,
            catalog=self.catalog.content_id,
        )

    def on_demand(self, spec: Accelerator) -> DevicePrice | None:
        """The cheapest on demand."""
        return next((p for p in self.prices(spec) if p.purchase == ON_DEMAND), None)

    def prices(self, spec: Accelerator) -> list[DevicePrice]:
        """The cheapest offer by each way to pay, cheapest first."""
        table = self.catalog.offers
        rows = np.flatnonzero(self._good & (self._device == spec.name))
        found = []
        for code in np.unique(table.codes["kind"][rows]).tolist():
            mine = rows[table.codes["kind"][rows] == code]
            row = int(mine[np.argmin(self._each[mine])])
            found.append(self._price(spec, row, table.vocabularies["kind"][code], len(mine)))
        return sorted(found, key=lambda price: price.usd_per_hour)

    def _price(self, spec: Accelerator, row: int, kind: str, offers: int) -> DevicePrice:
        table, usd = self.catalog.offers, float(self._each[row])
        precision = priced_in(spec)
        peak = None if precision is None else spec.peak_tera_ops[precision]
        bandwidth = spec.memory_bandwidth_gb_per_s
        source = self.catalog.sources.get(table.text("price_source", row))
        as_of = None if source is None else source.as_of
        return DevicePrice(
            purchase=kind,
            usd_per_hour=rounded(usd),
            machine=table.text("instance_type", row),
            devices=rounded(self._count[row]),
            cloud=table.text("cloud", row),
            region=table.text("region", row),
            offers=offers,
            as_of=None if as_of is None else as_of.isoformat(),
            age_days=None if as_of is None else (self.today - as_of).days,
            source="" if source is None else source.citation,
            usd_per_tflops_hour=None if not peak else rounded(usd / peak),
            usd_per_gb_per_s_hour=None if not bandwidth else rounded(usd / bandwidth),
        )

    @cached_property
    def _device(self) -> NDArray[np.str_]:
        """The device of each offer: accelerator, or the CPU where there is none."""
        table = self.catalog.offers
        accelerator = np.array(table.vocabularies["accelerator"])[table.codes["accelerator"]]
        cpu = np.array(table.vocabularies["cpu"])[table.codes["cpu"]]
        return np.where(accelerator == "", cpu, accelerator)

    @cached_property
    def _count(self) -> Floats:
        """Devices of each offer's machine; of CPUs sockets, or a part of one."""
        numbers, bare = self.catalog.offers.numbers, self.catalog.offers.is_in("accelerator", [""])
        return np.where(bare, numbers["cpu_sockets"], numbers["accelerator_count"])

    @cached_property
    def _each(self) -> Floats:
        """USD an hour of one device of each offer."""
        with np.errstate(invalid="ignore", divide="ignore"):
            result: Floats = self.catalog.offers.numbers["usd_per_hour"] / self._count
        return result

    @cached_property
    def _good(self) -> NDArray[np.bool_]:
        table = self.catalog.offers
        plain = table.is_in("platform", [""]) & ~table.is_in("confidence", ["low"])
        result: NDArray[np.bool_] = np.isfinite(self._each) & (self._each > 0) & plain
        return result

    @cached_property
    def _measurements(self) -> dict[str, Counter[str]]:
        """Published rows by device and task."""
        found: dict[str, Counter[str]] = {}
        canonical: dict[str, str] = {}
        for row in self.catalog.rows("observations", "value > 0"):
            name = str(row["accelerator"])
            if name not in canonical:
                try:
                    canonical[name] = self.catalog.accelerator(name).name
                except UnknownName:
                    canonical[name] = name
            found.setdefault(canonical[name], Counter())[str(row["task"])] += 1
        return found


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
