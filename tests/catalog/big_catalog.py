"""A catalog of 150,000 offers: the snapshot's machines over again in more regions, seeded."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from catalog import Catalog
from catalog.attributes import attributes
from catalog.refreshed import Slice, write_slice

OFFERS = 150_000
# Regions with many machines, whose like are made.
MODELS = (("aws", "us-east-1"), ("gcp", "us-central1"), ("azure", "eastus"))


def fill(cache: Path, catalog: Catalog, offers: int = OFFERS, seed: int = 1) -> int:
    """Write slices until catalog and slices have that many offers; returns the number."""
    rng = random.Random(seed)
    names = {
        table: [n for n in columns if n != "source"] for table, columns in attributes().items()
    }
    machines: dict[str, list[dict[str, Any]]] = {}
    prices: dict[str, list[dict[str, Any]]] = {}
    for cloud, region in MODELS:
        place = "cloud = ? AND region = ?"
        machines[cloud] = catalog.rows("offers", place, cloud, region)
        plain = f"{place} AND kind = 'on_demand'"
        prices[cloud] = catalog.rows("purchase_options", plain, cloud, region)
    count, number = catalog.offer_count, 0
    while count < offers:
        cloud, _ = MODELS[number % len(MODELS)]
        region, factor = f"synthetic-{number}", rng.uniform(0.9, 1.4)
        own = [_copied(row, names["offers"], region) for row in machines[cloud]][: offers - count]
        kept = {row["instance_type"] for row in own}
        options = [
            _copied(row, names["purchase_options"], region)
            | {"usd_per_hour": round(row["usd_per_hour"] * factor * rng.uniform(0.98, 1.02), 5)}
            for row in prices[cloud]
            if row["instance_type"] in kept
        ]
        part = Slice(
            cloud, cloud, region, "on_demand", datetime(2026, 11, 24, tzinfo=UTC),
            "synthetic", tuple(own), tuple(options),
        )  # fmt: skip
        write_slice(cache / "refreshed", part)
        count, number = count + len(own), number + 1
    return count


def _copied(row: dict[str, Any], names: list[str], region: str) -> dict[str, Any]:
    kept = {name: row[name] for name in names if row[name] not in (None, "")}
    for name in ("network_source", "interruption_source"):
        kept.pop(name, None)
    return kept | {"region": region}
