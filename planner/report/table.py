"""A recommendation as a table that a person reads at a glance in 100 columns."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from planner.amounts import hours, hours_range, money
from planner.results import Item, Recommendation


def print_recommendation(result: Recommendation, console: Console, *, explain: bool) -> None:
    """Write headline, table and, when asked, the explanation."""
    name = str(result.workload.get("name", "workload"))
    console.print(Text(f"{name}: ", style="bold") + Text(result.headline))
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title, right in (
        ("", False),
        ("cloud region", False),
        ("machine", False),
        ("runs on", False),
        ("buy", False),
        ("total $", True),
        ("hours", True),
        ("80% range", True),
    ):
        table.add_column(title, justify="right" if right else "left", overflow="fold")
    table.add_row(*_cells("=>", result.recommendation), style="bold green")
    for number, item in enumerate(result.alternatives, start=1):
        table.add_row(*_cells(str(number), item))
    console.print(table)
    if explain:
        console.print()
        for line in result.explanation:
            console.print(Text(f"- {line}"))
        for number, item in enumerate(result.alternatives, start=1):
            console.print(Text(f"- {number} lost: {item.why_not}"))
        for reason, count in result.excluded.items():
            console.print(Text(f"- left out: {count:,} for {reason}"))


def _cells(mark: str, item: Item) -> list[str]:
    machine = item.instance_type if item.nodes == 1 else f"{item.nodes} x {item.instance_type}"
    return [
        mark,
        f"{item.cloud} {item.region}",
        machine,
        item.devices,
        item.purchase.replace("_", "-"),
        money(item.cost_usd).lstrip("$"),
        hours(item.hours),
        hours_range(item.hours_p10, item.hours_p90),
    ]
