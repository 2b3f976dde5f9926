"""Compute Engine's regional quotas in the words of ``purchase_options.quota_class``.

``regions.get`` knows the older metrics. Quotas of TPU v5p and v6e, of RTX PRO 6000 and of the
newer CPU families are kept elsewhere (the Cloud Quotas API), which is not asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from catalog.quotas import Quota
from catalog.sources.base import Reject

PREEMPTIBLE = "PREEMPTIBLE_"
# The metric between NVIDIA_ and _GPUS: accelerator.
GPUS = {
    "K80": "K80",
    "P4": "P4",
    "P100": "P100",
    "T4": "T4",
    "V100": "V100-16GB",
    "A100": "A100-40GB",
    "A100_80GB": "A100-80GB",
    "L4": "L4",
    "H100": "H100-80GB",
    "H200": "H200",
    "B200": "B200",
    "B300": "B300",
    "GB200": "GB200",
    "GB300": "GB300",
}
TPUS = {"TPU_LITE_PODSLICE_V5": "TPU-v5e"}
# Series whose vCPUs are counted together as CPUS.
SHARED_CPUS = ("E2", "N1")
# Counted apart, but of an accelerator whose other quota has the catalog's word already.
APART = {"NVIDIA_H100_MEGA_GPUS": "a3-megagpu", "TPU_LITE_DEVICE_V5": "single devices of v5e"}
ACCELERATOR = re.compile(r"^(?:NVIDIA_|TPU_)")


def quotas_of(raw: Iterable[Any]) -> tuple[tuple[Quota, ...], tuple[Reject, ...]]:
    """Quotas of what the catalog has, from ``regions.get``; what it cannot place is a reject.

    ``metric`` is plain text, so that metrics newer than the client come through.
    """
    quotas: dict[str, Quota] = {}
    rejects: list[Reject] = []
    for item in raw:
        metric = str(item.metric)
        if not (item.limit >= 0 and item.usage >= 0):
            rejects.append(Reject(metric, f"limit {item.limit:g}, used {item.usage:g}"))
            continue
        kind = metric.removeprefix(PREEMPTIBLE)
        if kind in APART:
            rejects.append(Reject(metric, f"counts {APART[kind]} apart; the catalog does not"))
            continue
        if metric == f"{PREEMPTIBLE}CPUS":
            said = "one limit of all series together" if item.limit else "0: counted as CPUs"
            rejects.append(Reject(metric, f"{said}, which no quota class of the catalog is"))
            continue
        placed = _placed(kind, metric != kind)
        if not placed and ACCELERATOR.match(kind):
            rejects.append(Reject(metric, "no quota class of the catalog"))
        for name, unit in placed:
            quotas[name] = Quota(name, float(item.limit), float(item.usage), unit)
    return tuple(quotas[name] for name in sorted(quotas)), tuple(rejects)


def _placed(kind: str, preemptible: bool) -> list[tuple[str, str]]:
    """Quota classes and unit of a metric without its prefix."""
    before = "preemptible " if preemptible else ""
    if kind in TPUS:
        return [(f"gcp/{TPUS[kind]} {before}chips", "chip")]
    if (gpu := re.fullmatch(r"NVIDIA_(\w+)_GPUS", kind)) and gpu.group(1) in GPUS:
        return [(f"gcp/{before}{GPUS[gpu.group(1)]} GPUs", "GPU")]
    if kind == "CPUS":
        return [(f"gcp/{series} CPUs", "vCPU") for series in SHARED_CPUS]
    if series := re.fullmatch(r"([A-Z]\d[A-Z]?)_CPUS", kind):
        return [(f"gcp/{before}{series.group(1)} CPUs", "vCPU")]
    return []
