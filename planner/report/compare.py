"""A comparison as table, CSV and Markdown; JSON is the model's own."""

from __future__ import annotations

import csv
import io

from rich.console import Console
from rich.table import Table
from rich.text import Text

from planner.amounts import hours, hours_range, money
from planner.report.compare_words import subject_of
from planner.report.words import when
from planner.results.comparison import ComparedSide, Comparison

COLUMNS = (
    "record", "side", "status", "cost_usd", "cost_usd_p10", "cost_usd_p90", "cost_usd_per_hour",
    "hours", "hours_p10", "hours_p90", "id", "axis", "unit", "now", "at", "low", "high",
    "cheaper_below", "cheaper_above", "cause", "searched_from", "searched_to",
)  # fmt: skip


def to_csv(result: Comparison) -> str:
    """Records of two kinds: a side each, then a crossing each (an axis without one: ``at`` empty).

    Columns that a record does not have are empty.
    """
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for side in (result.a, result.b):
        writer.writerow(_side(side))
    for axis in result.axes:
        common = {
            name: getattr(axis, name)
            for name in ("axis", "unit", "now", "searched_from", "searched_to")
        }
        for flip in axis.crossings or (None,):
            own = {} if flip is None else flip.model_dump()
            writer.writerow({"record": "crossing", **common, **own})
    return out.getvalue().rstrip("\n")


def _side(side: ComparedSide) -> dict[str, object]:
    row: dict[str, object] = {"record": "side", "side": side.name, "status": side.status}
    for name in ("cost_usd", "cost_usd_p10", "cost_usd_p90", "cost_usd_per_hour", "hours"):
        row[name] = getattr(side, name)
    if side.plan is not None and side.mix is None:
        row |= {name: getattr(side.plan, name) for name in ("hours_p10", "hours_p90")}
    row["id"] = side.plan.id if side.plan is not None else ""
    return row


def to_markdown(result: Comparison) -> str:
    lines = [result.headline, "", "| | " + " | ".join(s.name for s in _sides(result)) + " |"]
    lines.append("| --- | --- | --- |")
    lines += [f"| {title} | {' | '.join(cells)} |" for title, *cells in rows(result)]
    lines += ["", *(f"- {line}" for line in sentences(result))]
    return "\n".join(lines)


def print_comparison(result: Comparison, console: Console) -> None:
    """Headline, both sides in columns, and where the cheaper one flips."""
    name = str(result.workload.get("name", "workload"))
    console.print(Text(f"{name}: ", style="bold") + Text(result.headline))
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("")
    for side in _sides(result):
        style = "bold green" if side is _cheaper(result) else ""
        table.add_column(side.name, style=style, overflow="fold")
    for row in rows(result):
        table.add_row(*row)
    console.print(table)
    if result.axes or result.not_searched:
        console.print(Text("Where the cheaper side flips", style="bold"))
    for line in sentences(result):
        console.print(Text(f"- {line}"))


def sentences(result: Comparison) -> list[str]:
    """Crossings, then axes that say nothing here."""
    lines = [axis.sentence for axis in result.axes]
    return lines + [
        f"{subject_of(name, result.a.name, result.b.name)}: not searched, {why}."
        for name, why in result.not_searched.items()
    ]


def _sides(result: Comparison) -> tuple[ComparedSide, ComparedSide]:
    return result.a, result.b


def _cheaper(result: Comparison) -> ComparedSide | None:
    return {"a": result.a, "b": result.b}.get(result.cheaper)


def rows(result: Comparison) -> list[tuple[str, str, str]]:
    """Title and a cell of each side."""
    sides = _sides(result)
    service = any(side.cost_usd_per_hour is not None for side in sides)
    found = {
        "machine": [_machine(side) for side in sides],
        "buy": [_of_plan(side, "purchase").replace("_", "-") for side in sides],
        "cost": [_money(side.cost_usd_per_hour if service else side.cost_usd) for side in sides],
    }
    if service:
        found["cost"] = [f"{cell}/h" if cell != "-" else cell for cell in found["cost"]]
        found["latency p95"] = [when(side.plan) if side.plan else "-" for side in sides]
    else:
        found["cost, 80%"] = [
            "-"
            if side.cost_usd_p10 is None or side.cost_usd_p90 is None
            else f"{money(side.cost_usd_p10)} - {money(side.cost_usd_p90)}"
            for side in sides
        ]
        found["time"] = ["-" if side.hours is None else hours(side.hours) for side in sides]
        found["time, 80%"] = [_range(side) for side in sides]
    found["layout"] = [_of_plan(side, "parallelism") for side in sides]
    if any(side.status != "ok" for side in sides):
        found["status"] = [side.status.replace("_", " ") for side in sides]
        found["why not"] = ["; ".join(side.why_not) for side in sides]
    return [(title, *cells) for title, cells in found.items()]  # type: ignore[misc]


def _money(usd: float | None) -> str:
    return "-" if usd is None else money(usd)


def _of_plan(side: ComparedSide, name: str) -> str:
    return "-" if side.plan is None else str(getattr(side.plan, name))


def _machine(side: ComparedSide) -> str:
    groups = side.mix.groups if side.mix is not None else [side.plan] if side.plan else []
    found = [f"{g.nodes} x {g.instance_type} ({g.devices}), {g.cloud} {g.region}" for g in groups]
    return " + ".join(found) or "-"


def _range(side: ComparedSide) -> str:
    plan = side.plan
    if plan is None or plan.hours_p10 is None or plan.hours_p90 is None or side.mix is not None:
        return "-"
    return hours_range(plan.hours_p10, plan.hours_p90)
