"""What the embedded catalog knows of instance types: hardware, quota class, billing.

Hosted catalogs state prices for the clouds' own instance types; their hardware is the cloud's, so
that of the catalog holds and theirs only describes types it does not know.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from catalog.sources.accelerator_names import SNAPSHOT
from catalog.sources.cloud_rows import ALL


@dataclass(frozen=True, slots=True)
class Known:
    """Hardware of an instance type; ``count`` is None for a CPU machine."""

    accelerator: str
    count: float | None
    hosts: int = 1
    vcpus: float | None = None
    memory_gib: float | None = None


@dataclass(frozen=True, slots=True)
class CloudKnowledge:
    """One cloud in the snapshot. ``terms`` are quota class and billing by kind and type."""

    machines: Mapping[str, Known]
    terms: Mapping[tuple[str, str], Mapping[str, Any]]
    one_price: bool


@cache
def known_of(cloud: str) -> CloudKnowledge:
    machines: dict[str, Known] = {}
    regions = set()
    for row in _rows("offers", cloud):
        count, vcpus, memory_gib = (
            float(row[name]) if row[name] else None
            for name in ("accelerator_count", "vcpus", "memory_gib")
        )
        machines[row["instance_type"]] = Known(
            row["accelerator"], count, int(row["hosts"]), vcpus, memory_gib
        )
        regions.add(row["region"])
    terms: dict[tuple[str, str], Mapping[str, Any]] = {}
    for row in _rows("purchase_options", cloud):
        numbers = {
            name: int(row[name]) for name in ("billing_increment_s", "minimum_s") if row[name]
        }
        terms[row["kind"], row["instance_type"]] = {"quota_class": row["quota_class"], **numbers}
    return CloudKnowledge(machines, terms, regions == {ALL})


def _rows(table: str, cloud: str) -> list[dict[str, str]]:
    with (SNAPSHOT / f"{table}.csv").open(encoding="utf-8", newline="") as file:
        return [row for row in csv.DictReader(file) if row["cloud"] == cloud]
