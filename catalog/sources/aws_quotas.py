"""Service Quotas of EC2 and SageMaker as the catalog's quota classes.

Quotas are found by their names, which say the family, not by their codes: a code that AWS has not
published yet is still read. EC2's count vCPUs of running instances, SageMaker's count instances.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from catalog.quotas import Quota
from catalog.sources.aws_devices import Raw
from catalog.sources.aws_rows import quota_family
from catalog.sources.base import Reject

ON_DEMAND = re.compile(r"Running On-Demand (.+?) instances", re.IGNORECASE)
SPOT = re.compile(r"All (.+?) Spot Instance Requests", re.IGNORECASE)
TRAINING = re.compile(r"(ml\.[a-z0-9-]+\.[a-z0-9-]+) for training job usage", re.IGNORECASE)
# How quotas name families, as the column quota_class does. Spot has several for P: see below.
FAMILIES = {
    "g and vt": "G and VT",
    "inf": "Inf",
    "trn": "Trn",
    "dl": "DL",
    "f": "F",
    "p": "P",
    "x": "X",
    "hpc": "HPC",
    "high memory": "High Memory",
}
# Of instances that do not draw on the quotas of running instances.
NO_QUOTA_LIFECYCLES = ("capacity-block",)
Classify = Callable[[str], str | None]


def ec2_class(name: str) -> str | None:
    """Quota class of an EC2 quota's name; None for quotas of other things."""
    for pattern, kind in ((ON_DEMAND, "on-demand"), (SPOT, "spot")):
        if match := pattern.fullmatch(name.strip()):
            family = _family(match[1])
            return f"aws/{family} {kind}" if family else None
    return None


def sagemaker_class(name: str) -> str | None:
    """Quota class of a SageMaker quota's name; only training's, which the prices are of."""
    match = TRAINING.fullmatch(name.strip())
    return f"sagemaker/{match[1].lower()} instances" if match else None


def _family(words: str) -> str | None:
    lower = words.lower()
    if lower in FAMILIES:
        return FAMILIES[lower]
    if lower.startswith("standard"):
        return "Standard"
    # "P4, P3 and P2", "P5": quotas of the generations of one family.
    generations = re.split(r",\s*(?:and\s+)?|\s+and\s+", lower)
    families = {quota_family(generation + ".large") for generation in generations}
    return families.pop() if len(families) == 1 and families != {"Standard"} else None


def quotas(
    applied: Iterable[Raw],
    defaults: Iterable[Raw],
    classify: Classify,
    unit: str,
    used: Mapping[str, float | None] | None = None,
) -> tuple[tuple[Quota, ...], list[Reject]]:
    """Quotas by class: the applied value, else the default one.

    ``used`` is by class; None = unknown. Where AWS keeps several quotas for one class (P on spot
    has one for P2 to P4 and one for P5) and they differ, the class has no one limit: it stays
    unknown, and all of them are told.
    """
    values: dict[str, tuple[str, float]] = {}
    for item in (*defaults, *applied):  # applied last: it wins
        value, name, code = item.get("Value"), item.get("QuotaName"), item.get("QuotaCode")
        if isinstance(value, int | float) and value >= 0 and name:
            values[str(code or name)] = str(name), float(value)
    by_class: dict[str, list[tuple[float, str]]] = {}
    for name, value in values.values():
        if quota_class := classify(name):
            by_class.setdefault(quota_class, []).append((value, name))
    found, rejects = [], []
    for quota_class, limits in sorted(by_class.items()):
        if len({value for value, _ in limits}) == 1:
            in_use = None if used is None else used.get(quota_class, 0.0)
            found.append(Quota(quota_class, limits[0][0], in_use, unit))
            continue
        for value, name in limits:
            reason = f"{value:g} {unit}: one of several limits of {quota_class}, which is unknown"
            rejects.append(Reject(name, reason))
    return tuple(found), rejects


def vcpus_in_use(reservations: Iterable[Mapping[str, Any]]) -> dict[str, float | None]:
    """vCPUs of running instances by quota class, from DescribeInstances.

    None for a class with an instance whose vCPUs are not stated.
    """
    used: dict[str, float | None] = {}
    for reservation in reservations:
        for instance in reservation.get("Instances", ()):
            name, cpus = str(instance.get("InstanceType", "")), instance.get("CpuOptions", {})
            lifecycle = instance.get("InstanceLifecycle", "")
            if not name or lifecycle in NO_QUOTA_LIFECYCLES:
                continue
            count = (cpus.get("CoreCount") or 0) * (cpus.get("ThreadsPerCore") or 1)
            kind = "spot" if lifecycle == "spot" else "on-demand"
            quota_class = f"aws/{quota_family(name)} {kind}"
            before = used.get(quota_class, 0.0)
            used[quota_class] = before + count if count and before is not None else None
    return used
