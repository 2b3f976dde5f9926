"""Why this answer: sentences made from the figures the choice was made with."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from catalog import Catalog
from planner.amounts import hours, hours_range, money, seconds
from planner.candidates import ASSUMED_NETWORK_GBPS, Candidates
from planner.cost.spot import ASSUMED_INTERRUPTION_PER_MONTH
from planner.report.service_mix import size_lines
from planner.results import Item, Latency, Mix
from planner.workload import Workload

Rows = NDArray[np.intp]
# Costs nearer to each other than this are said to be the same.
SAME_COST = 5e-4


def headline(
    workload: Workload,
    item: Item,
    over_budget: bool = False,
    mix: Mix | None = None,
    candidates: Candidates | None = None,
    best: int | None = None,
) -> str:
    """One line: what, for how much, how long or at what latency, how sure, how old the price is."""
    groups = mix.groups if mix is not None else [item]
    what = " + ".join(_machines(group) for group in groups[:3])
    if len(groups) > 3:
        what += f" + {len(groups) - 3} more"
    age = "of unknown age" if item.price.age_days is None else f"{item.price.age_days} days old"
    if item.price.layer.startswith("overlay"):
        age = f"of {item.price.layer}, {age}"
    elif item.price.layer.startswith("refreshed"):
        age = f"refreshed, {age}"
    if item.price.source == "stated in the workload":
        age = "as stated in the workload"
    total = mix.cost_usd if mix is not None else item.cost_usd
    hourly = mix.cost_usd_per_hour if mix is not None else item.cost_usd_per_hour
    tokens = item.usd_per_million_tokens if mix is None else mix.usd_per_million_tokens
    text = f"{what}: {_price(tokens, total, hourly)}"
    if item.hours is not None:
        spread = ""
        if item.hours_p10 is not None and item.hours_p90 is not None:
            spread = f" ({hours_range(item.hours_p10, item.hours_p90)})"
        text += f", {hours(item.hours)}{spread}"
    elif item.latency is not None:
        text += latency_words(item.latency)
    text += f", {item.throughput.basis} estimate, price {age}"
    if candidates is not None and best is not None:
        assumed = _assumptions(candidates, best, item)
        if assumed:
            text += f"; {assumed[0][0].lower()}{assumed[0][1:].rstrip('.')}"
    if over_budget and workload.budget is not None:
        text += f"; over the budget of {money(workload.budget)}"
    return text


def _machines(item: Item) -> str:
    machines = f"{item.nodes} x " if item.nodes > 1 else ""
    platform = f" on {item.platform}" if item.platform else ""
    return (
        f"{machines}{item.instance_type} ({item.devices}) in {item.cloud} {item.region}"
        f"{platform}, {item.purchase.replace('_', '-')}"
    )


def _price(tokens: float | None, total: float, hourly: float | None) -> str:
    text = f"{money(total)} in total" if hourly is None else f"{money(hourly)}/h"
    return text if tokens is None else f"{text} ({money(tokens)}/M tokens)"


def latency_words(latency: Latency) -> str:
    """The percentiles that are known, for people."""
    parts = []
    for name, value in (
        ("TTFT p95", latency.ttft_p95_s),
        ("TPOT p95", latency.tpot_p95_s),
        ("latency p95", latency.latency_p95_s),
    ):
        if value is not None:
            parts.append(f"{name} {seconds(value)}")
    return "".join(f", {part}" for part in parts)


def mix_lines(mix: Mix, *, alone: bool) -> list[str]:
    """What a mix is made of and why it beats one configuration, if one could do it ``alone``."""
    against = f"{money(mix.saved_usd)} cheaper than the best single configuration"
    if mix.saved_usd <= 0:
        against = "no single configuration does it for less" if alone else "none alone does it"
    return [
        f"A mix of {len(mix.groups)}: {against}.",
        *(
            f"Group: {_machines(group)}, {group.share_of_work:.0%} of the work, "
            f"{money(group.cost_usd)}."
            for group in mix.groups
        ),
        *size_lines(mix),
    ]


def explain(
    workload: Workload,
    candidates: Candidates,
    feasible: Rows,
    ranked: Rows,
    best: int,
    item: Item,
    catalog: Catalog,
    *,
    mixed_usd: float | None = None,
) -> list[str]:
    """Sentences, most important first. ``mixed_usd`` is the cost of a mix, where one was chosen."""
    budget = np.inf if workload.budget is None else workload.budget
    within = int((candidates.usd_at_risk[ranked] <= budget).sum())
    met = f"{within:,} candidates that meet every constraint"
    if not within:
        met = f"{len(ranked):,} candidates that meet every constraint but the budget"
    if not len(ranked):
        met = "mixes, as no single configuration meets every constraint"
    lines = [
        f"Cheapest of {met}, out of {len(candidates):,} (offers x ways to pay x machine counts)."
    ]
    if mixed_usd is None:
        lines += _deadline(workload, candidates, feasible, best)
    lines += _latency(workload, item)
    won = float(candidates.usd[best]) if mixed_usd is None else mixed_usd
    others = (int(i) for i in ranked if mixed_usd is not None or int(i) != best)
    runner_up = next(others, None)
    if runner_up is not None:
        extra = float(candidates.usd[runner_up]) - won
        row = int(candidates.row[runner_up])
        name = "/".join(
            candidates.offers.text(column, row)
            for column in ("cloud", "region", "instance_type", "kind")
        )
        behind = "at the same cost" if extra <= SAME_COST * won else f"{money(extra)} dearer"
        lines.append(f"Runner-up: {name} x{int(candidates.nodes[runner_up])}, {behind}.")
    t = item.throughput
    lines.append(
        f"Throughput {t.value:,.4g} {t.unit} ({t.p10:,.4g} to {t.p90:,.4g} with 80% probability), "
        f"basis {t.basis}; layout {item.parallelism}; needs {item.memory_need_gib:.1f} GiB of "
        + ("unknown memory." if item.memory_gib is None else f"{item.memory_gib:.1f} GiB a device.")
    )
    price = item.price
    if item.headroom_share is not None:
        lines.append(
            f"Sized for the peak at {workload.risk:.0%} probability: {item.headroom_share:.0%} of "
            "the cost is head-room beyond the mean load."
        )
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


def _latency(workload: Workload, item: Item) -> list[str]:
    """Each percentile asked for beside the one expected."""
    if item.latency is None:
        return []
    found = []
    for name in ("ttft", "tpot", "latency"):
        for percentile in ("p50", "p95", "p99"):
            asked = getattr(workload, f"{name}_{percentile}", None)
            expected = getattr(item.latency, f"{name}_{percentile}_s", None)
            if asked is not None and expected is not None:
                found.append(
                    f"{name.upper()} {percentile} asked {seconds(asked)}, expected "
                    f"{seconds(expected)}."
                )
    return found


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
        low = candidates.offers.number("interruption_per_month_low", row) or 0.0
        high = candidates.offers.number("interruption_per_month_high", row)
        band = f"{low:.0%} or more" if high is None else f"{low:.0%} to {high:.0%}"
        lines.append(f"Published: {band} of these spot machines reclaimed a month.")
    row = int(candidates.row[best])
    known = candidates.offers.number("rdma_gbps", row) or candidates.offers.number(
        "network_gbps", row
    )
    together = candidates.machines.nodes[int(candidates.config[best])]
    if together > 1 and known is None:
        lines.append(
            f"Assumed: {ASSUMED_NETWORK_GBPS:g} Gbit/s between machines; not in the catalog."
        )
    if item.throughput.basis == "analytic":
        lines.append("Nothing like this was measured: `planner calibrate run` narrows the range.")
    return lines
