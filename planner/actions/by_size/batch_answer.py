"""A batch's plan by request size as published: its groups as items, and who does what."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from statistics import NormalDist

import numpy as np

from catalog import Catalog
from planner.actions.by_size.batch import BatchGroup, BatchPlan
from planner.actions.planning import Prepared
from planner.candidates.columns import Amount
from planner.items import ItemBuilder, rounded
from planner.optimize.solver.status import relative_gap
from planner.performance.efficiency import Z90
from planner.results import Item, Mix
from planner.results.service_mix import RequestClass
from planner.workload import BatchInference


def batch_mix(
    prepared: Prepared, plan: BatchPlan, catalog: Catalog, today: date, single_usd: float
) -> Mix:
    """The plan as a mix; ``single_usd`` is the cost of the best single configuration."""
    workload, found = prepared.workload, plan.found
    assert isinstance(workload, BatchInference)
    items = [_item(prepared, workload, plan, group, catalog, today) for group in plan.groups]
    tokens = workload.request_count * workload.mean_output_length
    gap = None if plan.bound_usd is None else relative_gap(plan.usd, plan.bound_usd)
    saved = max(single_usd - plan.usd, 0.0) if np.isfinite(single_usd) else 0.0
    return Mix(
        groups=items,
        cost_usd=rounded(plan.usd),
        saved_usd=rounded(saved),
        usd_per_million_tokens=rounded(plan.usd / tokens * 1e6),
        bound_usd=None if plan.bound_usd is None else rounded(plan.bound_usd),
        gap=None if gap is None else rounded(gap),
        sizes=[
            RequestClass(
                input_length=rounded(one.input_length),
                output_length=rounded(one.output_length),
                share=rounded(one.share),
                requests=rounded(found.requests[b]),
                by_group=[rounded(group.requests[b] / found.requests[b]) for group in plan.groups],
            )
            for b, one in enumerate(plan.classes)
        ],
    )


def _item(
    prepared: Prepared,
    workload: BatchInference,
    plan: BatchPlan,
    group: BatchGroup,
    catalog: Catalog,
    today: date,
) -> Item:
    """One group as the batch that it does: its own requests, hours, speed and cost."""
    c, found = prepared.candidates, plan.found
    config, total = int(c.config[group.index]), float(group.requests.sum())
    parts = group.requests if total > 0 else found.requests
    machines, estimate = c.machines.take(np.array([config])), group.estimate
    shared = float(found.shared[group.at])

    def worked(z: float) -> float:
        """Hours that each group works, ``z`` standard deviations faster than in the median."""
        return total / group.count / (float(estimate.quantile(z)[0]) * shared * 3600)

    work = worked(0.0)
    longer, set_up = float(found.longer[group.at]), float(c.set_up_hours[group.index])
    z = NormalDist().inv_cdf(workload.risk)
    hourly = float(found.hourly_usd[group.at]) * group.count

    def usd(z: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        return np.array([group.fixed_usd + worked(z) * longer * hourly])

    def hours(z: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        return np.array([set_up + worked(z) * longer])

    lost = work * (longer - 1)
    set_up_usd = set_up * hourly
    row = np.array([group.index])
    lines = {name: np.zeros(1) for name in c.lines} | {
        "work_usd": np.array([work * hourly]),
        "interruption_usd": np.array([lost * hourly]),
        "set_up_usd": np.array([set_up_usd]),
        "capital_usd": np.array([max(group.fixed_usd - set_up_usd, 0.0)]),
    }
    one = replace(
        c.take(row),
        machines=machines,
        throughput=estimate,
        amount=Amount(total=max(total, 1.0)),
        config=np.zeros(1, np.intp),
        count=np.array([float(group.count)]),
        work_hours=np.array([work]),
        lost_hours=np.array([lost]),
        interruptions=np.nan_to_num(c.interruptions[row]) * group.count,
        usd=usd(0.0),
        usd_p10=usd(Z90),
        usd_p90=usd(-Z90),
        usd_at_risk=usd(-z),
        hours=hours(0.0),
        hours_p10=hours(Z90),
        hours_p90=hours(-Z90),
        hours_at_risk=hours(-z),
        lines=lines,
    )
    outputs = np.array([each.output_length for each in plan.classes])
    generated = float(parts @ outputs) / float(parts.sum())
    item = ItemBuilder(one, catalog, today, generated).item(0)
    share = total / workload.request_count
    return item.model_copy(update={"share_of_work": rounded(share), "zone_number": group.zone})
