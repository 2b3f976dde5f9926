"""A plan by request size as published: its groups as items, who serves what, and the simulation."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np

from catalog import Catalog
from planner.actions.by_size.service import SizedGroup, SizedPlan
from planner.actions.mix.service_check import published
from planner.actions.planning import Prepared
from planner.candidates.columns import Amount
from planner.items import ItemBuilder, rounded
from planner.optimize.solver.status import relative_gap
from planner.results import Item, Mix
from planner.results.service_mix import RequestClass
from planner.workload import Serving


def sized_mix(
    prepared: Prepared, plan: SizedPlan, catalog: Catalog, today: date, single_usd: float
) -> Mix:
    """The plan as a mix; ``single_usd`` is the cost of the best single configuration."""
    workload = prepared.workload
    assert isinstance(workload, Serving)
    rate = workload.peak_rate
    items = [_item(prepared, workload, plan, group, catalog, today) for group in plan.groups]
    hourly = plan.usd_per_hour
    total = hourly * workload.horizon
    tokens = workload.mean_rate * workload.mean_output_length * 3600
    gap = relative_gap(hourly, plan.bound_usd_per_hour)
    return Mix(
        groups=items,
        cost_usd=rounded(total),
        cost_usd_per_hour=rounded(hourly),
        saved_usd=rounded(max(single_usd - total, 0.0)) if np.isfinite(single_usd) else 0.0,
        usd_per_million_tokens=rounded(hourly / tokens * 1e6),
        bound_usd_per_hour=rounded(plan.bound_usd_per_hour),
        gap=None if gap is None else rounded(gap),
        sizes=[
            RequestClass(
                input_length=rounded(one.input_length),
                output_length=rounded(one.output_length),
                share=rounded(one.share),
                requests_per_second=rounded(one.share * rate),
                by_group=[rounded(group.rate[b] / (one.share * rate)) for group in plan.groups],
            )
            for b, one in enumerate(plan.classes)
        ],
        simulation=published(plan.times, workload, plan.tightened),
    )


def _item(
    prepared: Prepared,
    workload: Serving,
    plan: SizedPlan,
    group: SizedGroup,
    catalog: Catalog,
    today: date,
) -> Item:
    """One group as the service that it is: with its own requests, latencies and cost."""
    c, horizon = prepared.candidates, workload.horizon
    of_all = float(group.rate.sum()) / workload.peak_rate
    sent = of_all * workload.mean_rate
    estimate, count = group.estimate, np.array([float(group.count)])
    usd = np.array([group.usd_per_hour * horizon])
    used = min(sent / float(estimate.median[0]), float(group.count)) / group.count
    row = np.array([group.index])
    lines = {name: np.zeros(1) for name in c.lines}
    # What must be bought for it is in the price of the hour already.
    lines |= {"work_usd": usd * used, "headroom_usd": usd * (1 - used)}
    whole = np.array([horizon])
    one = replace(
        c.take(row),
        machines=c.machines.take(c.config[row]),
        throughput=estimate,
        amount=Amount(per_second=of_all, mean_per_second=sent, horizon_hours=horizon),
        config=np.zeros(1, np.intp),
        count=count,
        work_hours=whole * used,
        lost_hours=np.zeros(1),
        interruptions=np.zeros(1),
        hours=whole,
        hours_p10=whole,
        hours_p90=whole,
        hours_at_risk=whole,
        usd=usd,
        usd_p10=usd,
        usd_p90=usd,
        usd_at_risk=usd,
        lines=lines,
    )
    total = float(group.rate.sum())
    outputs = np.array([each.output_length for each in plan.classes])
    generated = float(group.rate @ outputs) / total if total > 0 else 0.0
    item = ItemBuilder(one, catalog, today, generated).item(0)
    return item.model_copy(update={"share_of_work": rounded(of_all), "zone_number": group.zone})
