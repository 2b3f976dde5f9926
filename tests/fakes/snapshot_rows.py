"""What the embedded catalog sells, for fakes whose answers must pass the checks against it."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

SNAPSHOT = Path(__file__).parents[2] / "catalog" / "snapshot"


@dataclass(frozen=True)
class Sold:
    """One machine of the snapshot with its on-demand and spot price (None: not sold so)."""

    region: str
    instance_type: str
    vcpus: float | None
    memory_gib: float | None
    accelerator: str
    count: float
    on_demand: float | None
    spot: float | None


@cache
def sold_by(cloud: str) -> tuple[Sold, ...]:
    prices: dict[tuple[str, str, str], float] = {}
    for row in _rows("purchase_options"):
        if row["cloud"] == cloud:
            key = row["region"], row["instance_type"], row["kind"]
            prices[key] = float(row["usd_per_hour"])
    return tuple(
        Sold(
            row["region"],
            row["instance_type"],
            float(row["vcpus"]) if row["vcpus"] else None,
            float(row["memory_gib"]) if row["memory_gib"] else None,
            row["accelerator"],
            float(row["accelerator_count"] or 0),
            prices.get((row["region"], row["instance_type"], "on_demand")),
            prices.get((row["region"], row["instance_type"], "spot")),
        )
        for row in _rows("offers")
        if row["cloud"] == cloud
    )


@cache
def _rows(table: str) -> list[dict[str, str]]:
    with (SNAPSHOT / f"{table}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
