"""A plan of one workload in a line, and its inputs in a phrase."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from planner.actions.explore.plan import Inputs, View, money
from tui.modes import MODES
from tui.widgets.status import Status

FRESH_DAYS = 7


def tell(status: Status, view: View) -> None:
    """How many options meet the limits; a warning where the budget does not do."""
    found = view.recommendation
    counts = f"{view.meeting:,} of {view.feasible:,} options meet every limit"
    if view.unplaced:
        counts += f"; {view.unplaced:,} of unknown latency are not drawn"
    counts += _age(found.catalog.age_days)
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


def _age(days: int | None) -> str:
    """How old the recommended price is, and what makes it newer, where that matters."""
    if days is not None and days <= FRESH_DAYS:
        return ""
    old = "price of unknown age" if days is None else f"price {days:,} days old"
    refresh = next(mode for mode in MODES if mode.name == "catalog")
    how = f"{refresh.key} refreshes" if refresh.exists else "planner catalog refresh renews it"
    return f"; {old}, {how}"


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
