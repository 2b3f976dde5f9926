"""A portfolio in scenarios: all workloads in the same ones, so that their costs rise together."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from catalog import Catalog
from planner.actions.recommend.answer import Decided
from planner.actions.recommend.risk import RiskOptions, decided_way, distribution
from planner.candidates.scenarios import ACCELERATOR_SHARE, simulate
from planner.errors import BadInput
from planner.results.risk import PortfolioRisk, WorkloadRisk

Floats = NDArray[np.float64]


def refuse_objective(options: RiskOptions | None) -> None:
    """A portfolio is chosen by its median cost. Raises BadInput for another objective."""
    if options is not None and options.objective != "median-cost":
        raise BadInput(
            f"{options.objective} chooses one workload",
            where="--objective",
            remedy="leave it out, or ask for each workload in a file of its own",
        )


def assess_portfolio(
    parts: Sequence[Decided],
    catalog: Catalog,
    options: RiskOptions,
    credits: Mapping[str, float],
    budget: float | None,
) -> PortfolioRisk:
    """Distribution of the total, and how likely budget, deadlines and rates are kept together."""
    start = time.process_time()
    by_cloud: dict[str, Floats] = {}
    kept = np.ones(options.scenarios, bool)
    workloads = []
    for found in parts:
        one, works = _workload(found, catalog, options, by_cloud)
        workloads.append(one)
        kept &= works
    to_pay = np.sum(
        [np.maximum(usd - credits.get(cloud, 0.0), 0.0) for cloud, usd in by_cloud.items()], axis=0
    )
    within = None if budget is None else to_pay <= budget
    return PortfolioRisk(
        scenarios=options.scenarios,
        seed=options.seed,
        cost_usd=distribution(to_pay),
        within_budget=None if within is None else float(within.mean()),
        limits_met=float(kept.mean()),
        all_met=float((kept if within is None else kept & within).mean()),
        workloads=workloads,
        assumptions=[
            f"Errors of the speed: {ACCELERATOR_SHARE:.0%} of their variance is common to all "
            "machines of an accelerator (assumption), in all workloads; accelerators are drawn "
            "apart."
        ],
        cpu_seconds=round(time.process_time() - start, 3),
    )


def _workload(
    found: Decided, catalog: Catalog, options: RiskOptions, by_cloud: dict[str, Floats]
) -> tuple[WorkloadRisk, NDArray[np.bool_]]:
    """One workload's part of the cost, added to its clouds', and where it keeps its limits."""
    prepared = found.prepared
    c = prepared.candidates
    # Credits are shared: taken off the total of a cloud, not of each workload.
    place = prepared.workload.where.model_copy(update={"credits": {}})
    workload = prepared.workload.model_copy(update={"where": place})
    way = decided_way(found)
    outcomes = simulate(
        workload,
        c,
        [(part,) for part in way],
        catalog.offers,
        scenarios=options.scenarios,
        seed=options.seed,
    )
    for part, usd in zip(way, outcomes.usd, strict=True):
        cloud = c.offers.text("cloud", int(c.row[part.index]))
        by_cloud[cloud] = by_cloud.get(cloud, np.zeros(options.scenarios)) + usd
    works = np.ones(options.scenarios, bool)
    hours = None if outcomes.hours is None else outcomes.hours.max(axis=0)
    limited = False
    if outcomes.capacity is not None and outcomes.carried is not None:
        limited = True
        need = c.amount.per_second or 0.0
        together = outcomes.capacity.sum(axis=0) >= need * (1 - 1e-9)
        works = outcomes.carried[0] if len(way) == 1 else together
    elif hours is not None and workload.deadline is not None:
        limited, works = True, hours <= workload.deadline
    total = outcomes.usd.sum(axis=0)
    service = c.amount.is_service
    met = float(works.mean()) if limited else None
    one = WorkloadRisk(
        name=workload.name,
        cost_usd=distribution(total),
        hours=None if hours is None or service else distribution(hours),
        deadline_met=None if service else met,
        capacity_met=met if service else None,
    )
    return one, works
