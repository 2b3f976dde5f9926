"""Azure's VM sizes as rows of ``offers``: pure functions on what resource_skus.list returns.

The API states vCPUs, memory and a number of GPUs, all as texts, but never which GPU: that follows
from the size's name (``Standard_ND96isr_H100_v5``: 8 x H100-80GB). It counts a sixth of an A10 as
one GPU, so that the share follows from the name too, for the series that sell parts.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from catalog.attributes import SNAPSHOT
from catalog.sources.bodies import mapping, sequence

Raw = Mapping[str, Any]
PREFIX = "Standard_"
SPOT_QUOTA = "azure/low-priority vCPUs"
UNKNOWN_SHARE = "which share of the GPU it has is not published"


class Unusable(Exception):
    """Why something of Azure's becomes a reject."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class Series:
    """Sizes with the same accelerator: a pattern on the name without ``Standard_``.

    ``shares`` gives devices by vCPUs where the API's whole number is wrong; ``whole`` is False
    where neither can be trusted.
    """

    pattern: str
    accelerator: str
    shares: Mapping[int, float] | None = None
    whole: bool = True


# Sources: MicrosoftDocs/azure-compute-docs, articles/virtual-machines/sizes/gpu-accelerated and
# fpga-accelerated, one page a series; parts of a GPU as the pages round them.
SERIES = (
    Series(r"NC\d+r?(_Promo)?", "K80"),
    Series(r"NC\d+r?s_v2(_Promo)?", "P100"),
    Series(r"NC\d+r?s_v3", "V100-16GB"),
    Series(r"NC\d+as_T4_v3", "T4"),
    Series(r"NC\d+ads_A10_v4", "A10"),
    Series(r"NC\d+ads_A100_v4", "A100-80GB-PCIe"),
    Series(r"NCC?\d+ad[a-z]*_H100_v5", "H100-NVL"),
    # A quarter is what nvidia-smi shows in NC24lds and NC36lds; 144 and 288 have 1 and 2 by the
    # API; 72 follows in proportion (assumption). The preview's sizes are documented nowhere.
    Series(
        r"NC\d+l?ds_xl_RTXPRO6000BSE_v6",
        "RTX-PRO-6000-Server",
        {24: 0.25, 36: 0.25, 72: 0.5, 144: 1.0, 288: 2.0},
    ),
    Series(r"ND\d+r?s_v2", "V100-32GB"),
    Series(r"ND\d+asr(_A100)?_v4", "A100-40GB"),
    Series(r"ND\d+amsr?_A100_v4", "A100-80GB"),
    Series(r"ND\d+is[a-z]*(_[A-Za-z]+)?_H100_v5", "H100-80GB"),
    Series(r"ND\d+is[a-z]*_H200_v5", "H200"),
    Series(r"ND\d+is[a-z]*_MI300X_v5", "MI300X"),
    Series(r"ND\d+is[a-z]*(_NDR)?_GB200_v6", "GB200"),
    Series(r"ND\d+is[a-z]*(_NDR)?_GB300_v6", "GB300"),
    Series(r"NV\d+(_Promo)?", "M60"),
    Series(r"NV\d+s_v[23](_Promo)?", "M60"),
    Series(r"NV\d+as_v4", "MI25", {4: 0.125, 8: 0.25, 16: 0.5, 32: 1.0}),
    Series(
        r"NV\d+adm?s_A10_v5",
        "A10",
        {6: 0.1667, 12: 0.3333, 18: 0.5, 36: 1.0, 72: 2.0},
    ),
    Series(
        r"NV\d+adm?s_V710_v5",
        "Radeon-V710",
        {4: 0.1667, 8: 0.3333, 12: 0.5, 24: 1.0, 28: 1.0},
    ),
    Series(r"NG\d+adm?s_V620(_v1)?", "Radeon-V620", {8: 0.25, 16: 0.5, 32: 1.0}),
    Series(r"NM\d+ads_MA35D", "AMD-MA35D", whole=False),
    Series(r"NP\d+s", "FPGA-Alveo-U250"),
)
COMPILED = tuple((re.compile(series.pattern), series) for series in SERIES)


def series_of(name: str) -> Series | None:
    """The accelerator series of a size; None for a size without one that we know."""
    short = name.removeprefix(PREFIX)
    return next((series for rx, series in COMPILED if rx.fullmatch(short)), None)


def quota_class(name: str) -> str:
    """The vCPU quota a size draws on: its series, ``Standard_D16s_v5``: ``azure/Ds_v5``."""
    return "azure/" + re.sub(r"^([A-Z]+)\d+(-\d+)?", r"\1", name.removeprefix(PREFIX))


def accelerator_of(name: str, vcpus: float, gpus: float) -> tuple[str, float | None]:
    """Accelerator and count; ``("", None)`` for CPU only. ``gpus`` is the API's count, 0 if none.

    Raises Unusable for a GPU without facts or of unknown share.
    """
    series = series_of(name)
    if series is None:
        if gpus:
            raise Unusable("no facts about its GPU")
        return "", None
    if not series.whole:
        raise Unusable(UNKNOWN_SHARE)
    if series.shares is not None:
        size = _size(name)
        if size not in series.shares:
            raise Unusable(UNKNOWN_SHARE)
        return series.accelerator, series.shares[size]
    if series.accelerator.startswith("FPGA") and not gpus:
        gpus = vcpus / 10  # FPGAs are no GPUs to the API; every ten vCPUs have one
    if gpus <= 0 or gpus != int(gpus):
        raise Unusable(f"{gpus:g} x {series.accelerator} is no count")
    return series.accelerator, gpus


def _size(name: str) -> int:
    digits = re.match(r"[A-Z]+(\d+)", name.removeprefix(PREFIX))
    return int(digits.group(1)) if digits else 0


def capabilities(sku: Raw) -> dict[str, str]:
    """Capabilities of a SKU by name; their values are texts, also the numbers."""
    listed = (mapping(item) for item in sequence(sku.get("capabilities")))
    return {
        str(item["name"]): str(item["value"])
        for item in listed
        if item.get("name") and item.get("value") is not None
    }


def is_here(sku: Raw, region: str) -> bool:
    """Whether a SKU is a VM size of the region; Azure writes WestUS3 and westus3."""
    places = [str(place).lower() for place in sequence(sku.get("locations"))]
    return sku.get("resourceType") == "virtualMachines" and region in places


def offer_row(sku: Raw, region: str) -> dict[str, Any]:
    """One VM size as a row of ``offers``. Raises Unusable."""
    name, caps = str(sku.get("name") or ""), capabilities(sku)
    # Constrained sizes (E64-16s_v5) bill for all their cores and show some of them.
    vcpus = _number(caps.get("vCPUsAvailable")) or _number(caps.get("vCPUs"))
    memory_gib = _number(caps.get("MemoryGB"))
    if not name or not vcpus or not memory_gib:
        raise Unusable("vCPUs or memory not stated")
    accelerator, count = accelerator_of(name, vcpus, _number(caps.get("GPUs")) or 0.0)
    return machine(name, region, vcpus, memory_gib, accelerator, count)


def machine(
    name: str,
    region: str,
    vcpus: float | None,
    memory_gib: float | None,
    accelerator: str,
    count: float | None,
) -> dict[str, Any]:
    """A row of ``offers``. The API says nothing of bandwidth: unknown, the catalog's stays."""
    return {
        "cloud": "azure",
        "region": region,
        "zone": "",
        "instance_type": name,
        "vcpus": vcpus,
        "memory_gib": memory_gib,
        "accelerator": accelerator,
        "accelerator_count": count,
        "hosts": 1,
    }


def _number(text: str | None) -> float | None:
    try:
        value = float(text) if text is not None else None
    except ValueError:
        return None
    return value if value is not None and 0 < value < 1e6 else None


def restriction(sku: Raw, region: str) -> str:
    """What keeps the asking subscription from a size, in words; empty for nothing."""
    found = []
    for item in (mapping(entry) for entry in sequence(sku.get("restrictions"))):
        code = str(item.get("reasonCode") or "restricted")
        if str(item.get("type")) == "Zone":
            info = mapping(item.get("restrictionInfo"))
            zones = ", ".join(sorted(str(zone) for zone in sequence(info.get("zones"))))
            found.append(f"not in zone {zones or '?'} for the subscription that asked ({code})")
        elif region in [str(p).lower() for p in sequence(item.get("values")) or (region,)]:
            found.insert(0, f"not for the subscription that asked ({code})")
    return "; ".join(found)


def is_spot_capable(sku: Raw) -> bool:
    return capabilities(sku).get("LowPriorityCapable", "True").lower() != "false"


@cache
def known_machines() -> Mapping[str, Raw]:
    """Sizes of the embedded catalog by lower-case name, for those who have no credentials.

    Sizes whose accelerator count neither it nor the name tells are not in it.
    """
    with (SNAPSHOT / "offers.csv").open(newline="", encoding="utf-8") as lines:
        rows = [row for row in csv.DictReader(lines) if row["cloud"] == "azure"]
    return merged(rows)


def merged(rows: Iterable[Raw]) -> dict[str, Raw]:
    """One row a size from the rows of its regions: whatever any of them knows."""
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        facts = found.setdefault(str(row["instance_type"]).lower(), {})
        for column, value in row.items():
            if value not in (None, ""):
                facts.setdefault(column, value)
    known: dict[str, Raw] = {}
    for key, facts in found.items():
        name, vcpus = str(facts["instance_type"]), _number(facts.get("vcpus"))
        accelerator = str(facts.get("accelerator", ""))
        count = _number(facts.get("accelerator_count"))
        if accelerator and count is None:
            try:
                accelerator, count = accelerator_of(name, vcpus or 0.0, 0.0)
            except Unusable:
                continue
        memory_gib = _number(facts.get("memory_gib"))
        known[key] = machine(name, "", vcpus, memory_gib, accelerator, count)
    return known
