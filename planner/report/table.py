"""A recommendation as a table that a person reads at a glance in 100 columns."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from planner.amounts import hours, hours_range, money, seconds
from planner.report.rows import chosen
from planner.results import FrontPoint, Item, PortfolioResult, Recommendation

_JOB = (("total $", True), ("hours", True), ("80% range", True))
_SERVICE = (("$/h", True), ("$/M tokens", True), ("latency p95", True))


def print_recommendation(result: Recommendation, console: Console, *, explain: bool) -> None:
    """Write headline, table and, when asked, the explanation."""
    name = str(result.workload.get("name", "workload"))
    console.print(Text(f"{name}: ", style="bold") + Text(result.headline))
    service = result.recommendation.horizon_hours is not None
    table = _empty(("", False), *_PLACE, *(_SERVICE if service else _JOB))
    for item in chosen(result):
        table.add_row(*_cells("=>", item), style="bold green")
    for number, item in enumerate(result.alternatives, start=1):
        table.add_row(*_cells(str(number), item))
    console.print(table)
    if explain:
        console.print()
        _explanation(result, console)


def print_portfolio(result: PortfolioResult, console: Console, *, explain: bool) -> None:
    """Write one line a workload, the total, and what limits were used."""
    console.print(Text(f"{result.name}: ", style="bold") + Text(result.headline))
    table = _empty(("workload", False), *_PLACE, ("total $", True), ("hours", True))
    for part in result.workloads:
        name = str(part.workload.get("name", ""))
        for item in chosen(part):
            table.add_row(*_cells(name, item)[:6], _when(item))
            name = ""
    console.print(table)
    if explain:
        console.print()
        for line in result.explanation:
            console.print(Text(f"- {line}"))
        for part in result.workloads:
            console.print(Text(f"\n{part.workload.get('name', '')}", style="bold"))
            _explanation(part, console)


def print_front(points: list[FrontPoint], console: Console) -> None:
    """Write the front, fastest first."""
    service = any(point.hours is None for point in points)
    columns = (
        (("latency", True), ("$/h", True)) if service else (("hours", True), ("total $", True))
    )
    table = _empty(*columns, ("what", False))
    for point in points:
        if service:
            latency = "-" if point.latency_s is None else seconds(point.latency_s)
            table.add_row(latency, money(point.cost_usd_per_hour or 0.0).lstrip("$"), point.id)
        else:
            table.add_row(hours(point.hours or 0.0), money(point.cost_usd).lstrip("$"), point.id)
    console.print(table)


_PLACE = (("cloud region", False), ("machine", False), ("runs on", False), ("buy", False))


def _empty(*columns: tuple[str, bool]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title, right in columns:
        table.add_column(title, justify="right" if right else "left", overflow="fold")
    return table


def _explanation(result: Recommendation, console: Console) -> None:
    for line in result.explanation:
        console.print(Text(f"- {line}"))
    for number, item in enumerate(result.alternatives, start=1):
        console.print(Text(f"- {number} lost: {item.why_not}"))
    if result.failover:
        order = "; ".join(point.id for point in result.failover)
        console.print(Text(f"- when sold out, try in this order: {order}"))
    for reason, count in result.excluded.items():
        console.print(Text(f"- left out: {count:,} for {reason}"))


def _cells(mark: str, item: Item) -> list[str]:
    machine = item.instance_type if item.nodes == 1 else f"{item.nodes} x {item.instance_type}"
    cells = [
        mark,
        f"{item.cloud} {item.region}",
        machine,
        item.devices,
        item.purchase.replace("_", "-"),
    ]
    if item.cost_usd_per_hour is None:
        spread = ""
        if item.hours_p10 is not None and item.hours_p90 is not None:
            spread = hours_range(item.hours_p10, item.hours_p90)
        return [*cells, money(item.cost_usd).lstrip("$"), _when(item), spread]
    tokens = item.usd_per_million_tokens
    return [
        *cells,
        money(item.cost_usd_per_hour).lstrip("$"),
        "" if tokens is None else money(tokens).lstrip("$"),
        _latency(item),
    ]


def _when(item: Item) -> str:
    if item.hours is not None:
        return hours(item.hours)
    return f"{hours(item.horizon_hours)} served" if item.horizon_hours is not None else ""


def _latency(item: Item) -> str:
    found = item.latency
    if found is None:
        return ""
    if found.tpot_p95_s is not None:
        first = "" if found.ttft_p95_s is None else f"{seconds(found.ttft_p95_s)} + "
        return f"{first}{seconds(found.tpot_p95_s)}"
    return "" if found.latency_p95_s is None else seconds(found.latency_p95_s)
