"""A plan of one workload in a line, and its inputs in a phrase."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from planner.actions.explore.plan import Change, Inputs, Moved, View, hours, money, seconds
from planner.report.age import how_old, is_old
from tui.widgets.status import Status


def tell(status: Status, view: View, renew: str) -> None:
    """How many options meet the limits; a warning where the budget does not do.

    ``renew`` are the keys that lead to newer prices.
    """
    found = view.recommendation
    counts = f"{view.meeting:,} of {view.feasible:,} options meet all limits"
    if view.unplaced:
        counts += f"; {view.unplaced:,} of unknown latency are not drawn"
    news = "" if view.change is None else _changed(view.change, view)
    stated = all(item.price.layer == "workload" for item in view.chosen[:1])
    counts += f"; {news}" if news else "" if stated else _age(found.catalog.age_days, renew)
    if found.status != "over_budget":
        status.tell(Text(counts))
        return
    least = sum(item.cost_usd_at_risk for item in view.chosen)
    service = view.x_axis.unit != "hours"
    which, more = ("cheapest", "latency") if service else ("cheapest in time", "time")
    status.warn(
        "OVER BUDGET",
        f"{counts}; the {which} costs up to {money(least)} at "
        f"{view.workload.risk:.0%}: raise the budget or allow more {more}",
    )


def _changed(change: Change, view: View) -> str:
    """What own runs or new prices did to the plan."""
    runs = {0: "", 1: "your run"}.get(change.runs, f"{change.runs} runs of yours")
    cause = " and ".join([*([runs] if runs else []), *(["new prices"] if change.prices else [])])
    moved = sum(1 for option in view.options if change.of(option) is not None)
    best = "best stays" if change.best_stays else f"best was {change.best_before.item.id}"
    return f"{cause} moved {moved or 'none'} of {change.listed}, {best}"


def before(move: Moved, view: View) -> str:
    """Cost, time and basis that an option had in the plan before."""
    rate = view.y_axis.unit == "usd_per_hour"
    cost = f"{money(move.y)}/h" if rate else money(move.y)
    words = {"hours": hours, "seconds": seconds}.get(view.x_axis.unit)
    parts = [cost, *([words(move.x)] if words else []), move.basis]
    now = move.option.item.throughput.basis
    return ", ".join(parts) + (f"; now {now}" if now != move.basis else "")


def _age(days: int | None, renew: str) -> str:
    """How old the recommended price is, and what makes it newer, where that matters."""
    return f"; price {how_old(days)}: {renew} renews it" if is_old(days) else ""


def describe(inputs: Inputs, fields: Sequence[str]) -> str:
    """The inputs in a phrase."""
    parts = []
    for name in fields:
        value = getattr(inputs, name).strip()
        if name == "max_nodes":
            parts.append(f"{value} nodes")
        elif name == "budget":
            parts.append(f"budget ${value.lstrip('$ ')}" if value else "no budget")
        else:
            word = name.replace("_", " ").replace("ttft", "TTFT").replace("tpot", "TPOT")
            parts.append(f"{word} {value}" if value else f"no {word}")
    return ", ".join([*parts, " + ".join(kind.replace("_", "-") for kind in inputs.purchase)])
