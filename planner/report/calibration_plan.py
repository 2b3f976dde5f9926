"""A calibration plan as table, CSV and Markdown; JSON is the model's own."""

from __future__ import annotations

import csv
import io

from rich.console import Console
from rich.table import Table

from planner.amounts import money
from planner.results.calibration_plan import CalibrationPlan, PlannedRun

COLUMNS = tuple(PlannedRun.model_fields)
# Title, and whether it is a figure.
TITLES = (
    ("", False), ("run", False), ("on", False), ("price", True), ("saves", True), ("per $", True),
    ("changes", True), ("error", True), ("then", True), ("why not", False),
)  # fmt: skip
NOTHING = "-"
# Runs not worth their price that a table shows.
DECLINED = 8


def to_csv(plan: CalibrationPlan) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([getattr(run, name) for name in COLUMNS] for run in plan.runs)
    return out.getvalue().rstrip("\n")


def to_markdown(plan: CalibrationPlan) -> str:
    lines = ["| " + " | ".join(COLUMNS) + " |", "|" + " --- |" * len(COLUMNS)]
    for run in plan.runs:
        cells = ["" if (v := getattr(run, n)) is None else str(v) for n in COLUMNS]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join([plan.headline, "", *lines])


def cells(run: PlannedRun, number: int) -> tuple[str, ...]:
    """A row under TITLES; only runs worth their price are numbered."""
    per_usd = "free" if run.value_per_usd is None else f"{run.value_per_usd:.3g}"
    return (
        str(number) if run.worth_it else "",
        run.benchmark,
        run.accelerator,
        money(run.price_usd),
        money(run.value_usd) if run.value_usd else NOTHING,
        per_usd if run.value_usd else NOTHING,
        f"{run.changes_choice:.0%}",
        f"{run.error_now:.0%}",
        f"{run.error_after:.0%}",
        run.why_not,
    )


def choice(plan: CalibrationPlan) -> str:
    """What would be chosen today, and what knowing more could save."""
    estimate, average = money(plan.choice_cost_usd), money(plan.choice_usd)
    on_average = "" if average == estimate else f" ({average} on average, should it be slow)"
    return (
        f"chosen today: {plan.choice}, estimated at {estimate}{on_average}; knowing every speed "
        f"exactly would save {money(plan.perfect_usd)}"
    )


def print_plan(plan: CalibrationPlan, console: Console) -> None:
    """The headline, one line a run, and how to make the first one."""
    console.print(plan.headline)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title, is_figure in TITLES:
        table.add_column(title, justify="right" if is_figure else "left", overflow="fold")
    worth = sum(run.worth_it for run in plan.runs)
    for number, run in enumerate(plan.runs[: worth + DECLINED], 1):
        table.add_row(*cells(run, number), style="" if run.worth_it else "dim")
    console.print(table)
    if (hidden := len(plan.runs) - worth - DECLINED) > 0:
        console.print(f"{hidden} more are not worth their price; --format csv has all")
    first = next((run for run in plan.runs if run.worth_it), None)
    if first is not None and first.on:
        console.print(f"next: planner calibrate run {first.benchmark} --on {first.on}")
    if plan.lesson:
        console.print(plan.lesson)
    console.print(choice(plan))
    for line in plan.assumptions:
        console.print(f"  {line}", style="dim")
