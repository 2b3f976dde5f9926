"""What estimates stand on, as table, CSV and Markdown; JSON is the model's own."""

from __future__ import annotations

import csv
import io

from rich.console import Console
from rich.table import Table

from planner.amounts import money
from planner.results.calibration_basis import AcceleratorBasis, CalibrationBasis

COLUMNS = tuple(AcceleratorBasis.model_fields)
# Title, and whether it is a figure.
TITLES = (
    ("accelerator", False), ("basis", False), ("runs", True), ("options", True),
    ("cheapest", False), ("cost", True), ("80% range", True),
)  # fmt: skip


def cells(one: AcceleratorBasis) -> tuple[str, ...]:
    """A row under TITLES."""
    cost = money(one.cost_usd)
    if one.cost_usd_per_hour is not None:
        cost = f"{money(one.cost_usd_per_hour)}/h"
    return (
        one.accelerator,
        one.basis,
        str(one.own_runs),
        f"{one.options:,}",
        one.cheapest,
        cost,
        f"{money(one.cost_usd_p10)} - {money(one.cost_usd_p90)}",
    )


def to_csv(found: CalibrationBasis) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([getattr(one, name) for name in COLUMNS] for one in found.accelerators)
    return out.getvalue().rstrip("\n")


def to_markdown(found: CalibrationBasis) -> str:
    lines = ["| " + " | ".join(COLUMNS) + " |", "|" + " --- |" * len(COLUMNS)]
    for one in found.accelerators:
        values = ("" if (v := getattr(one, name)) is None else str(v) for name in COLUMNS)
        lines.append("| " + " | ".join(values) + " |")
    return "\n".join([found.headline, "", *lines])


def print_basis(found: CalibrationBasis, console: Console) -> None:
    """The headline and one line an accelerator, cheapest first."""
    console.print(found.headline)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title, is_figure in TITLES:
        table.add_column(title, justify="right" if is_figure else "left", overflow="fold")
    for one in found.accelerators:
        table.add_row(*cells(one), style="" if one.basis != "analytic" else "dim")
    console.print(table)
