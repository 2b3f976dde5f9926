"""A front of mixes as table, CSV and Markdown; JSON is the model's own."""

from __future__ import annotations

import csv
import io

from rich.console import Console
from rich.table import Table
from rich.text import Text

from planner.amounts import money, seconds
from planner.results.mix import MixFront, MixFrontPoint

COLUMNS = ("limit", "cost_usd_per_hour", "bound_usd_per_hour", "queue_delay_s", "machines")


def to_csv(front: MixFront) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(_row(point) for point in front.points)
    return out.getvalue().rstrip("\n")


def to_markdown(front: MixFront) -> str:
    lines = ["| " + " | ".join(COLUMNS) + " |", "|" + " --- |" * len(COLUMNS)]
    lines += ["| " + " | ".join(map(str, _row(point))) + " |" for point in front.points]
    return "\n".join(lines)


def print_front(front: MixFront, console: Console) -> None:
    """One line a point."""
    types = front.over == "types"
    console.print(Text(f"{front.name}: ", style="bold") + Text(f"cost against {front.over}"))
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("types" if types else "loaded to", "$/h", f"waits p{front.percentile:g}"):
        table.add_column(title, justify="right")
    table.add_column("machines", overflow="fold")
    for point in front.points:
        limit = f"{point.limit:g}" if types else f"{point.limit:.0%}"
        waits = "" if point.queue_delay_s is None else seconds(point.queue_delay_s)
        usd = money(point.cost_usd_per_hour).lstrip("$")
        table.add_row(limit, usd, waits, _machines(point))
    console.print(table)


def _row(point: MixFrontPoint) -> list[object]:
    figures = [point.limit, point.cost_usd_per_hour, point.bound_usd_per_hour, point.queue_delay_s]
    return [*("" if figure is None else figure for figure in figures), _machines(point)]


def _machines(point: MixFrontPoint) -> str:
    return ", ".join(f"{count} x {name}" for name, count in point.machines.items())
