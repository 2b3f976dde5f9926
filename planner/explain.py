"""Why this answer: sentences made from the figures the choice was made with."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from catalog import Catalog
from planner.amounts import hours, hours_range, money
from planner.candidates import ASSUMED_NETWORK_GBPS, Candidates
from planner.cost.spot import ASSUMED_INTERRUPTION_PER_MONTH
from planner.results import Item
from planner.workload import Workload

Rows = NDArray[np.intp]


def headline(workload: Workload, item: Item, over_budget: bool = False) -> str:
    """One line: what, for how much, how long, how sure, how old the price is."""
    machines = f"{item.nodes} x " if item.nodes > 1 else ""
    age = "of unknown age" if item.price.age_days is None else f"{item.price.age_days} days old"
    text = (
        f"{machines}{item.instance_type} ({item.devices}) in {item.cloud} {item.region}, "
        f"{item.purchase.replace('_', '-')}: {money(item.cost_usd)} in total, {hours(item.hours)} "
        f"({hours_range(item.hours_p10, item.hours_p90)}), {item.throughput.basis} estimate, "
        f"price {age}"
    )
    if over_budget and workload.budget is not None:
        text += f"; over the budget of {money(workload.budget)}"
    return text


def explain(
    workload: Workload,
    candidates: Candidates,
    feasible: Rows,
    ranked: Rows,
    best: int,
    item: Item,
    catalog: Catalog,
) -> list[str]:
    """Sentences, most important first."""
    budget = np.inf if workload.budget is None else workload.budget
    within = int((candidates.usd_at_risk[ranked] <= budget).sum())
    met = f"{within:,} candidates that meet every constraint"
    if not within:
        met = f"{len(ranked):,} candidates that meet every constraint but the budget"
    lines = [
        f"Cheapest of {met}, out of {len(candidates):,} (offers x ways to pay x machine counts)."
    ]
    lines += _deadline(workload, candidates, feasible, best)
    runner_up = next((int(i) for i in ranked if int(i) != best), None)
    if runner_up is not None:
        extra = float(candidates.usd[runner_up] - candidates.usd[best])
        row = int(candidates.row[runner_up])
        name = "/".join(
            candidates.offers.text(column, row)
            for column in ("cloud", "region", "instance_type", "kind")
        )
        lines.append(
            f"Runner-up: {name} x{int(candidates.nodes[runner_up])}, {money(extra)} dearer."
        )
    t = item.throughput
    lines.append(
        f"Throughput {t.value:,.0f} {t.unit} ({t.p10:,.0f} to {t.p90:,.0f} with 80% probability), "
        f"basis {t.basis}; layout {item.parallelism}; needs {item.memory_need_gib:.1f} GiB of "
        + ("unknown memory." if item.memory_gib is None else f"{item.memory_gib:.1f} GiB a device.")
    )
    price = item.price
    lines.append(
        f"Price {price.usd_per_hour:g} USD an hour and machine, from: {price.source} "
        f"(as of {price.as_of or 'unknown'}, confidence {price.confidence})."
    )
    spec = catalog.accelerators.get(item.accelerator)
    if spec is not None:
        lines.append(
            f"Peaks of {spec.name}: {catalog.sources[spec.source].citation} "
            f"(verified by: {spec.verified_by or 'nothing'})."
        )
    lines += _assumptions(candidates, best, item)
    return lines


def _deadline(workload: Workload, candidates: Candidates, feasible: Rows, best: int) -> list[str]:
    if workload.deadline is None:
        return []
    late = feasible[candidates.hours_at_risk[feasible] > workload.deadline]
    cheaper = late[candidates.usd[late] < candidates.usd[best]]
    if not len(cheaper):
        return [f"The deadline of {workload.deadline:g} h does not bind: no slower one is cheaper."]
    cheapest = int(cheaper[np.argmin(candidates.usd[cheaper])])
    saved = float(candidates.usd[best] - candidates.usd[cheapest])
    needed = float(candidates.hours_at_risk[cheapest])
    return [
        f"The deadline of {workload.deadline:g} h binds: {needed - workload.deadline:.2f} h more "
        f"would save {money(saved)}."
    ]


def _assumptions(candidates: Candidates, best: int, item: Item) -> list[str]:
    lines = []
    if candidates.hazard_assumed[best]:
        lines.append(
            f"Assumed: {ASSUMED_INTERRUPTION_PER_MONTH:.0%} of spot machines reclaimed a month; "
            "this cloud publishes no rate."
        )
    elif item.purchase == "spot":
        row = int(candidates.row[best])
        low = candidates.offers.number("interruption_per_month_low", row)
        lines.append(f"Spot: the published band starts at {low:.0%} reclaimed a month.")
    row = int(candidates.row[best])
    known = candidates.offers.number("rdma_gbps", row) or candidates.offers.number(
        "network_gbps", row
    )
    if item.nodes > 1 and known is None:
        lines.append(
            f"Assumed: {ASSUMED_NETWORK_GBPS:g} Gbit/s between machines; not in the catalog."
        )
    if item.throughput.basis == "analytic":
        lines.append("Nothing like this was measured: `planner calibrate run` narrows the range.")
    return lines
