"""Commitments of amounts instead of machines: USD an hour (savings plans), vCPUs or GPUs.

A savings plan commits to ``K`` USD an hour. Machines on demand of eligible offers are covered at
the plan's own rates until these add up to K; what is left of K in a period is lost:

    sum_(o,w) rate[o] c[o,w] <= K + held          c machines covered, at no further price

A commitment of a resource commits to ``K`` units of it. An offer's on-demand price has so many
units in it, each at the pool's price; what is above K pays that price by use:

    x + sum K >= sum_(o,w) units[o] a[o,w] - held    x units above; a machines on demand

and a machine on demand pays for what is not in the pool. Both give a discount, no capacity.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from planner.optimize.capacity.fleet import Classes, Fleet, Option, Plan

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ActivePlans:
    """Plans that a program decides on or that are held, by number in ``fleet.plans``.

    ``most`` has the largest commitment that could be of use, by plan; ``pools`` the numbers in
    ``fleet.pools`` of which some plan is active.
    """

    decided: tuple[int, ...]
    covering: tuple[int, ...]
    pools: tuple[int, ...]
    most: dict[int, float]

    def pooled_usd(self, fleet: Fleet) -> Floats:
        """USD of a machine-hour that are in active pools, shape (O,)."""
        total = np.zeros(len(fleet.offers))
        for number in self.pools:
            pool = fleet.pools[number]
            total += pool.units * pool.on_demand_usd_per_unit_hour
        return total


def active_plans(
    fleet: Fleet, classes: Classes, peak: Floats, options: frozenset[Option]
) -> ActivePlans:
    """Which plans matter at all, and how much of each could be used at most."""
    sold = np.isfinite(classes.on_demand).all(axis=0).astype(float)
    decided, covering, pools = [], [], set()
    most: dict[int, float] = {}
    for number, plan in enumerate(fleet.plans):
        draws = np.nan_to_num(plan.draws)
        useful = _useful(fleet, draws * sold, peak) if len(classes) else 0.0
        wanted = plan.option in options and useful > 0 and plan.max_amount > 0
        if wanted:
            decided.append(number)
            most[number] = min(float(np.ceil(useful)), plan.max_amount)
        if wanted or (plan.held > 0 and useful > 0):
            if plan.pool is None:
                covering.append(number)
            else:
                pools.add(plan.pool)
    return ActivePlans(tuple(decided), tuple(covering), tuple(sorted(pools)), most)


def _useful(fleet: Fleet, draws: Floats, peak: Floats) -> float:
    """The most that on-demand machines can draw in a period, of all offers and workloads."""
    with np.errstate(divide="ignore", invalid="ignore"):
        per_unit = np.where(fleet.throughput > 0, draws[:, None] / fleet.throughput, 0.0)
    by_demand = float((per_unit.max(axis=0, initial=0.0) * peak).sum())
    machines = np.minimum(fleet.max_on_demand, fleet.max_count)
    by_limits = float((draws[draws > 0] * machines[draws > 0]).sum())
    return min(by_demand, by_limits)


def draws_of(plan: Plan) -> Iterable[int]:
    """The offers that a plan covers."""
    return np.flatnonzero(np.nan_to_num(plan.draws) > 0).tolist()
