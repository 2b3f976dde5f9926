"""A capacity plan as a table, JSON, Markdown, and its dispatch as CSV."""

from __future__ import annotations

import csv
import io

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from planner.amounts import money
from planner.results.capacity import Baseline, CapacityResult, CommittedAmount, Counted, Dispatch

WAYS = {
    "all_on_demand": "all on demand",
    "all_reserved_at_peak": "all reserved at peak",
    "all_on_prem": "all on-prem",
}


def headline(result: CapacityResult) -> str:
    """Cost, proof and saving in one sentence."""
    proof = f"no plan costs less than {money(result.bound_usd)}"
    text = f"{money(result.cost_usd)} over {result.horizon_hours:g} h ({result.status}; {proof})"
    on_demand = result.savings.all_on_demand
    if on_demand.saving_fraction is not None and on_demand.saving_usd is not None:
        text += (
            f"; {money(on_demand.saving_usd)} ({on_demand.saving_fraction:.0%}) below all on demand"
        )
    return text


def short(result: CapacityResult) -> str:
    """The same without the proof."""
    text = f"{money(result.cost_usd)} over {result.horizon_hours:g} h, {result.status}"
    against = result.savings.all_on_demand
    if against.saving_fraction is not None:
        text += f", {against.saving_fraction:.0%} below all on demand"
    return text


def print_capacity(result: CapacityResult, console: Console) -> None:
    """Counts, cost lines and savings at a glance in 100 columns."""
    console.print(Text(f"{result.name}: ", style="bold") + Text(headline(result)))
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title, right in (
        ("offer", False),
        ("option", False),
        ("machines", True),
        ("mean in use", True),
        ("used", True),
        ("total $", True),
        ("owed after $", True),
    ):
        table.add_column(title, justify="right" if right else "left", overflow="fold")
    for counted in result.counts:
        table.add_row(*_cells(counted))
    console.print(table)
    for plan in result.plans:
        console.print(Text(plan_line(plan)))
    lines = result.cost_breakdown.model_dump()
    parts = [f"{name.removesuffix('_usd')} {money(usd)}" for name, usd in lines.items() if usd]
    console.print(Text(f"cost: {', '.join(parts) or '$0.00'}"))
    for name, way in WAYS.items():
        console.print(Text(f"{way}: {against(getattr(result.savings, name))}"))
    for unmet in result.unmet_demand:
        if unmet.periods:
            console.print(
                Text(
                    f"unserved: {unmet.share:.3%} of {unmet.workload} in {unmet.periods} periods, "
                    f"most {unmet.worst:.4g} {result.unit} in period {unmet.worst_period}"
                )
            )
    if result.sunk_usd:
        console.print(Text(f"sunk: {money(result.sunk_usd)} for commitments already held"))
    for note in [result.method.note, *result.notes]:
        if note:
            console.print(Text(f"- {note}"))


def plan_line(plan: CommittedAmount) -> str:
    """What is committed of which amount, how far it is used, what it costs."""
    amount = f"{plan.committed:,.6g} {plan.unit}"
    if plan.unit == "USD/h":
        amount = f"{money(plan.committed)}/h"
    owed = ""
    if plan.residual_liability_usd:
        owed = f", {money(plan.residual_liability_usd)} owed after"
    words = plan.option.replace("_", " ")
    return (
        f"{words} {plan.name} ({plan.term}): {amount}, {plan.utilisation:.1%} used, "
        f"{money(plan.cost_usd)}{owed}"
    )


def _cells(counted: Counted) -> list[str]:
    used = "" if counted.utilisation is None else f"{counted.utilisation:.0%}"
    residual = counted.residual_liability_usd
    return [
        counted.offer,
        counted.option.replace("_", "-"),
        machines(counted.count),
        machines(counted.mean_count),
        used,
        money(counted.cost_usd).lstrip("$"),
        money(residual).lstrip("$") if residual else "",
    ]


def machines(count: float) -> str:
    """A number of machines: whole ones exactly, parts to three digits, as means are no truer."""
    if abs(count - round(count)) < 1e-6:
        return f"{round(count):,}"
    return f"{count:,.1f}" if count >= 10 else f"{count:.3g}"


def against(baseline: Baseline) -> str:
    """What a way alone costs, and what the plan saves against it."""
    if baseline.cost_usd is None or baseline.saving_usd is None:
        return baseline.note
    share = "" if baseline.saving_fraction is None else f" ({baseline.saving_fraction:.1%})"
    note = f", {baseline.note}" if baseline.note else ""
    return f"{money(baseline.cost_usd)}, this plan saves {money(baseline.saving_usd)}{share}{note}"


def to_json(result: CapacityResult) -> str:
    return result.model_dump_json(by_alias=True, indent=2)


def to_csv(dispatch: Dispatch) -> str:
    """The dispatch table, one row a period."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(dispatch.columns)
    columns = [_figures(column) for column in dispatch.columns.values()]
    writer.writerows(zip(*columns, strict=True))
    return out.getvalue().rstrip("\n")


def _figures(column: np.ndarray) -> list[object]:
    if np.issubdtype(column.dtype, np.integer):
        return list(column.tolist())
    return [f"{value:.9g}" for value in column.tolist()]


def to_markdown(result: CapacityResult) -> str:
    titles = list(Counted.model_fields)
    lines = [headline(result), "", "| " + " | ".join(titles) + " |", "|" + " --- |" * len(titles)]
    for counted in result.counts:
        cells = ["" if v is None else str(v) for v in counted.model_dump().values()]
        lines.append("| " + " | ".join(cells) + " |")
    lines += ["", *(f"- {plan_line(plan)}" for plan in result.plans)] if result.plans else []
    lines += ["", "| cost line | USD |", "| --- | --- |"]
    lines += [f"| {name} | {usd} |" for name, usd in result.cost_breakdown.model_dump().items()]
    lines += ["", "| instead | |", "| --- | --- |"]
    lines += [f"| {way} | {against(getattr(result.savings, n))} |" for n, way in WAYS.items()]
    return "\n".join(lines)
