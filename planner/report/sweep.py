"""A sweep as table, CSV and Markdown; JSON is the model's own."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from planner.amounts import hours, money
from planner.results.sweep import Sweep, SweepRow

COLUMNS = (
    "status", "reason", "id", "purchase", "accelerator", "accelerators", "nodes", "cost_usd",
    "cost_usd_at_risk", "cost_usd_per_hour", "usd_per_million_tokens", "hours", "hours_p10",
    "hours_p90", "throughput", "throughput_unit", "basis", "price_as_of", "mean_cost_usd",
    "p90_cost_usd", "deadline_met", "within_budget", "capacity_met", "regret_usd",
)  # fmt: skip


def to_csv(result: Sweep) -> str:
    """One row a combination: the fields that vary, then ``COLUMNS``."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*result.fields, *COLUMNS])
    writer.writerows(_cells(result, row) for row in result.rows)
    return out.getvalue().rstrip("\n")


def to_markdown(result: Sweep) -> str:
    names = [*result.fields, *COLUMNS]
    lines = ["| " + " | ".join(names) + " |", "|" + " --- |" * len(names)]
    for row in result.rows:
        cells = [str(cell).replace("|", "\\|") for cell in _cells(result, row)]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def print_sweep(result: Sweep, console: Console) -> None:
    """One line a combination: what was asked, what it costs, or why there is no answer."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in result.fields:
        table.add_column(name, overflow="fold")
    for title in ("total $", "time"):
        table.add_column(title, justify="right")
    table.add_column("what, or why not", overflow="fold")
    for row in result.rows:
        asked = [_word(row.values[name]) for name in result.fields]
        cost = "-" if row.cost_usd is None else money(row.cost_usd).lstrip("$")
        took = "-" if row.hours is None else hours(row.hours)
        what = row.id or f"{row.status.replace('_', ' ')}: {row.reason}"
        if row.status == "over_budget":
            what += " (over budget)"
        table.add_row(*asked, cost, took, Text(what, style="" if row.id else "yellow"))
    console.print(table)


def _cells(result: Sweep, row: SweepRow) -> list[object]:
    figures = [getattr(row, name) for name in COLUMNS]
    asked = [_word(row.values[name]) for name in result.fields]
    return [*asked, *("" if figure is None else figure for figure in figures)]


def _word(value: Any) -> str:
    """A value as the file has it; mappings and lists as JSON."""
    return value if isinstance(value, str) else json.dumps(value, default=str)
