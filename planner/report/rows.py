"""The same figures as JSON, CSV and Markdown."""

from __future__ import annotations

import csv
import io

from planner.results import Item, Recommendation

COLUMNS = (
    "rank",
    "cloud",
    "region",
    "instance_type",
    "purchase",
    "nodes",
    "accelerator",
    "accelerators",
    "parallelism",
    "cost_usd",
    "cost_usd_p10",
    "cost_usd_p90",
    "hours",
    "hours_p10",
    "hours_p90",
    "throughput",
    "throughput_unit",
    "basis",
    "usd_per_hour",
    "price_as_of",
)


def to_json(result: Recommendation) -> str:
    return result.model_dump_json(by_alias=True, indent=2)


def to_csv(result: Recommendation) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(_ranked(result))
    return out.getvalue().rstrip("\n")


def to_markdown(result: Recommendation) -> str:
    lines = [
        result.headline,
        "",
        "| " + " | ".join(COLUMNS) + " |",
        "|" + " --- |" * len(COLUMNS),
    ]
    lines += ["| " + " | ".join(map(str, row)) + " |" for row in _ranked(result)]
    return "\n".join(lines)


def _ranked(result: Recommendation) -> list[list[object]]:
    items = [result.recommendation, *result.alternatives]
    return [_row(rank, item) for rank, item in enumerate(items)]


def _row(rank: int, item: Item) -> list[object]:
    return [
        rank,
        item.cloud,
        item.region,
        item.instance_type,
        item.purchase,
        item.nodes,
        item.accelerator,
        item.accelerators,
        item.parallelism,
        item.cost_usd,
        item.cost_usd_p10,
        item.cost_usd_p90,
        item.hours,
        item.hours_p10,
        item.hours_p90,
        item.throughput.value,
        item.throughput.unit,
        item.throughput.basis,
        item.price.usd_per_hour,
        item.price.as_of or "",
    ]
