"""A mix as table, CSV and Markdown; JSON is the model's own."""

from __future__ import annotations

import csv
import io

from rich.console import Console
from rich.table import Table
from rich.text import Text

from planner.amounts import money
from planner.results.mix import MixGroup, MixResult

COLUMNS = (
    "type",
    "count",
    "usd_per_hour",
    "cost_usd_per_hour",
    "utilisation",
    "requests_per_second",
    "spot",
    "queue_delay_s",
)


def to_json(result: MixResult) -> str:
    return result.model_dump_json(by_alias=True, indent=2)


def to_csv(result: MixResult) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(_row(group) for group in result.groups)
    return out.getvalue().rstrip("\n")


def to_markdown(result: MixResult) -> str:
    lines = [
        headline(result),
        "",
        "| " + " | ".join(COLUMNS) + " |",
        "|" + " --- |" * len(COLUMNS),
    ]
    lines += ["| " + " | ".join(map(str, _row(group))) + " |" for group in result.groups]
    return "\n".join(lines)


def headline(result: MixResult) -> str:
    """The answer in a sentence."""
    if result.cost_usd_per_hour is None:
        return "no mix meets the limits"
    machines = ", ".join(f"{group.count} x {group.type}" for group in result.groups) or "nothing"
    text = f"{machines} for {money(result.cost_usd_per_hour)}/h"
    if result.cost_usd_per_million_requests is not None:
        text += f" ({money(result.cost_usd_per_million_requests)} per million requests)"
    if result.status == "optimal" and (result.gap or 0.0) <= 1e-6:
        return f"{text}; no mix costs less"
    if result.bound_usd_per_hour is None or result.gap is None:
        return text
    return f"{text}; no mix costs less than {money(result.bound_usd_per_hour)}/h ({result.gap:.2%})"


def cells(group: MixGroup) -> list[str]:
    """A group's figures: machine, count, $/h, $/h in total, loaded, requests/s, waits."""
    return [
        group.type,
        str(group.count),
        f"{group.usd_per_hour:.4g}",
        f"{group.cost_usd_per_hour:,.2f}",
        f"{group.utilisation:.0%}",
        f"{group.requests_per_second:.4g}",
        "" if group.queue_delay_s is None else f"{group.queue_delay_s:.3g} s",
    ]


def print_mix(result: MixResult, console: Console) -> None:
    """Headline, machines and how long requests wait."""
    console.print(Text(f"{result.name}: ", style="bold") + Text(headline(result)))
    if result.groups:
        table = Table(box=None, pad_edge=False, header_style="bold")
        for title in ("machine", "count", "$/h", "$/h in total", "loaded", "requests/s", "waits"):
            table.add_column(title, justify="left" if title == "machine" else "right")
        for group in result.groups:
            table.add_row(*cells(group))
        console.print(table)
    for line in waits(result):
        console.print(line)


def waits(result: MixResult) -> list[str]:
    """How long requests wait in the simulation, and what would help where they queue up."""
    done = result.simulation
    if done is None:
        return []
    limit = "" if done.max_queue_delay_s is None else f" (limit {done.max_queue_delay_s:g} s)"
    lines = [
        f"simulated, p{done.percentile:g} of {done.requests:,} requests: waits "
        f"{done.queue_delay_s:.3g} s, {done.worst_queue_delay_s:.3g} s in the worst group{limit}"
    ]
    if done.max_queue_delay_s is None and done.worst_queue_delay_s > 1:
        lines.append("requests queue up: --max-queue-delay 1 buys the head-room they need")
    return lines


def _row(group: MixGroup) -> list[object]:
    return [
        "" if value is None else value for value in (getattr(group, column) for column in COLUMNS)
    ]
