"""The same figures as JSON, CSV and Markdown."""

from __future__ import annotations

import csv
import io

from pydantic import BaseModel

from planner.results import Front, Item, PortfolioResult, Recommendation

COLUMNS = (
    "rank", "cloud", "region", "instance_type", "platform", "purchase", "nodes", "accelerator",
    "accelerators", "groups", "parallelism", "share_of_work", "cost_usd", "cost_usd_p10",
    "cost_usd_p90", "cost_usd_at_risk", "hours", "hours_p10", "hours_p90", "cost_usd_per_hour",
    "horizon_hours", "usd_per_million_tokens", "usd_per_thousand_samples", "ttft_p95_s",
    "tpot_p95_s", "latency_p95_s", "throughput", "throughput_unit", "basis", "usd_per_hour",
    "price_as_of",
)  # fmt: skip


def to_json(result: BaseModel) -> str:
    return result.model_dump_json(by_alias=True, indent=2)


def to_csv(result: Recommendation | PortfolioResult) -> str:
    """One row an option; of a portfolio, one row a chosen configuration, its workload first."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    columns, rows = table_of(result)
    writer.writerow(columns)
    writer.writerows(_shown(rows))
    return out.getvalue().rstrip("\n")


def to_markdown(result: Recommendation | PortfolioResult) -> str:
    columns, rows = table_of(result)
    lines = [
        result.headline,
        "",
        "| " + " | ".join(columns) + " |",
        "|" + " --- |" * len(columns),
    ]
    lines += ["| " + " | ".join(map(str, row)) + " |" for row in _shown(rows)]
    return "\n".join(lines)


def table_of(
    result: Recommendation | PortfolioResult | Front,
) -> tuple[tuple[str, ...], list[list[object]]]:
    """Columns and rows; None is unknown or does not apply."""
    if isinstance(result, Front):
        columns = _front_columns(result)
        return columns, [[getattr(point, name) for name in columns] for point in result.points]
    if isinstance(result, Recommendation):
        return COLUMNS, _ranked(result)
    rows = [
        [str(part.workload.get("name", "")), *_row(0, item)]
        for part in result.workloads
        for item in chosen(part)
    ]
    return ("workload", *COLUMNS), rows


FRONT_COLUMNS = (
    "id", "purchase", "accelerator", "nodes", "hours", "latency_s", "cost_usd_per_hour", "cost_usd",
)  # fmt: skip


def front_csv(result: Front) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    columns, rows = table_of(result)
    writer.writerow(columns)
    writer.writerows(_shown(rows))
    return out.getvalue().rstrip("\n")


def front_markdown(result: Front) -> str:
    columns, rows = table_of(result)
    lines = ["| " + " | ".join(columns) + " |", "|" + " --- |" * len(columns)]
    lines += ["| " + " | ".join(map(str, row)) + " |" for row in _shown(rows)]
    return "\n".join(lines)


def _front_columns(result: Front) -> tuple[str, ...]:
    """Carbon only where it was asked for."""
    return FRONT_COLUMNS if result.carbon_known is None else (*FRONT_COLUMNS, "kg_co2e")


def _shown(rows: list[list[object]]) -> list[list[object]]:
    """What is unknown is an empty cell."""
    return [["" if cell is None else cell for cell in row] for row in rows]


def chosen(result: Recommendation) -> list[Item]:
    """What is recommended: one configuration, or the groups of a mix."""
    return result.mix.groups if result.mix is not None else [result.recommendation]


def _ranked(result: Recommendation) -> list[list[object]]:
    rows = [_row(0, item) for item in chosen(result)]
    return rows + [_row(rank, item) for rank, item in enumerate(result.alternatives, start=1)]


def _row(rank: int, item: Item) -> list[object]:
    latency = item.latency
    return [
        rank,
        item.cloud,
        item.region,
        item.instance_type,
        item.platform,
        item.purchase,
        item.nodes,
        item.accelerator,
        item.accelerators,
        item.groups,
        item.parallelism,
        item.share_of_work,
        item.cost_usd,
        item.cost_usd_p10,
        item.cost_usd_p90,
        item.cost_usd_at_risk,
        item.hours,
        item.hours_p10,
        item.hours_p90,
        item.cost_usd_per_hour,
        item.horizon_hours,
        item.usd_per_million_tokens,
        item.usd_per_thousand_samples,
        None if latency is None else latency.ttft_p95_s,
        None if latency is None else latency.tpot_p95_s,
        None if latency is None else latency.latency_p95_s,
        item.throughput.value,
        item.throughput.unit,
        item.throughput.basis,
        item.price.usd_per_hour,
        item.price.as_of,
    ]
