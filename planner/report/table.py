"""A recommendation as a table that a person reads at a glance in 100 columns."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from planner.amounts import hours, money, seconds
from planner.report.rows import chosen
from planner.report.service_mix import size_lines
from planner.report.words import cost, spread, titles, when
from planner.results import Front, Item, PortfolioResult, Recommendation


def print_recommendation(result: Recommendation, console: Console, *, explain: bool) -> None:
    """Write headline, table and, when asked, the explanation."""
    name = str(result.workload.get("name", "workload"))
    console.print(Text(f"{name}: ", style="bold") + Text(result.headline))
    figures = titles(result.recommendation.horizon_hours is not None)
    table = _empty(("", False), *_PLACE, *((title, True) for title in figures))
    for item in chosen(result):
        table.add_row(*_cells("=>", item), style="bold green")
    for number, item in enumerate(result.alternatives, start=1):
        table.add_row(*_cells(str(number), item))
    for number, item in enumerate(result.near or (), start=1):
        table.add_row(*_cells(f"~{number}", item))
    console.print(table)
    for number, item in enumerate(result.near or (), start=1):
        console.print(Text(f"~{number}: {item.why_not}"))
    if explain:
        console.print()
        _explanation(result, console)
    elif result.mix is not None and result.mix.sizes:
        for line in size_lines(result.mix):
            console.print(Text(f"- {line}"))


def print_portfolio(result: PortfolioResult, console: Console, *, explain: bool) -> None:
    """Write one line a workload, the total, and what limits were used."""
    console.print(Text(f"{result.name}: ", style="bold") + Text(result.headline))
    table = _empty(("workload", False), *_PLACE, ("total $", True), ("takes", True))
    for part in result.workloads:
        name = str(part.workload.get("name", ""))
        for item in chosen(part):
            total = money(item.cost_usd).lstrip("$")
            table.add_row(*_cells(name, item)[:5], total, when(item))
            name = ""
    console.print(table)
    if result.risk is not None and not explain:
        from planner.report.risk import portfolio_sentences

        for line in portfolio_sentences(result.risk, result.budget_usd):
            console.print(Text(f"- {line}"))
    if explain:
        console.print()
        for line in result.explanation:
            console.print(Text(f"- {line}"))
        for part in result.workloads:
            console.print(Text(f"\n{part.workload.get('name', '')}", style="bold"))
            _explanation(part, console)


def print_front(front: Front, console: Console) -> None:
    """Write the front, fastest first."""
    points = front.points
    service = any(point.hours is None for point in points)
    carbon = front.carbon_known is not None
    columns = [("latency", True), ("$/h", True)] if service else [("time", True), ("total $", True)]
    table = _empty(*columns, *([("kg CO2e", True)] if carbon else []), ("what", False))
    for point in points:
        if service:
            cells = ["-" if point.latency_s is None else seconds(point.latency_s)]
            cells.append(money(point.cost_usd_per_hour or 0.0).lstrip("$"))
        else:
            cells = [hours(point.hours or 0.0), money(point.cost_usd).lstrip("$")]
        if carbon:
            cells.append("unknown" if point.kg_co2e is None else f"{point.kg_co2e:.3g}")
        table.add_row(*cells, point.id)
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


def _zone(item: Item) -> str:
    return f" (zone {item.zone_number})" if item.zone_number else ""


def _cells(mark: str, item: Item) -> list[str]:
    machine = item.instance_type if item.nodes == 1 else f"{item.nodes} x {item.instance_type}"
    cells = [
        mark,
        f"{item.cloud} {item.region}{_zone(item)}",
        machine,
        item.devices,
        item.purchase.replace("_", "-"),
    ]
    return [*cells, cost(item), when(item), spread(item)]
