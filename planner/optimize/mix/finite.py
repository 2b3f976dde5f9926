"""Mixes of work that ends: machines are paid for the time they work, up to a deadline.

    minimise    sum_o fixed[o] n[o] + sum_(o,b) usd[o,b] x[o,b]        n whole
    subject to  sum_o x[o,b] = 1,  sum_b requests[b] x[o,b] / capacity[o,b] <= n[o]  and the limits

``capacity`` is what one group handles of one bucket until the deadline; ``usd`` what a whole bucket
costs on an offer by the hour. As a ``MixProblem``: capacity is the throughput, requests the rate,
``fixed`` the price. Solved place by place, in the order of a bound: each bucket where it is
cheapest with its part of the fixed price.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from planner.optimize.mix.places import undominated
from planner.optimize.mix.problem import Floats, Ids, MixLimits, MixProblem, instances_needed
from planner.optimize.mix.program import mix_program
from planner.optimize.options import EVERYWHERE
from planner.optimize.solver import Status, solve


@dataclass(frozen=True, eq=False)
class FiniteMix:
    """Counts and shares of the chosen ``offers``; ``bound`` is USD that no mix goes below.

    Without a mix below what was to be beaten ``offers`` is empty and the bound that figure.
    """

    offers: Ids
    counts: NDArray[np.int64]
    shares: Floats  # (o, b)
    usd: float
    bound: float
    closed: bool
    solver: str


def cheapest_finite(
    problem: MixProblem,
    usd_of_share: Floats,
    limits: MixLimits,
    place: Ids,
    *,
    to_beat: float = np.inf,
    gap: float = 1e-6,
    time_limit_s: float = 10.0,
) -> FiniteMix:
    """The cheapest mix below ``to_beat`` USD with all offers in one place (own ones in any).

    ``usd_of_share`` (o, b) is finite where the offer can serve the bucket. ``time_limit_s`` counts
    processor time between solves.
    """
    start = time.process_time()
    names = sorted(set(place.tolist()) - {EVERYWHERE}) or [EVERYWHERE]
    waiting: list[tuple[float, Ids, Floats]] = []
    for name in names:
        offers = np.flatnonzero((place == name) | (place == EVERYWHERE))
        offers = undominated(problem, limits, offers, usd_of_share)
        if not len(offers):
            continue
        part = problem.take(offers)
        load = instances_needed(part, limits)
        if np.isfinite(load).any(axis=0).all():
            waiting.append((_floor(part, usd_of_share[offers], load), offers, load))
    waiting.sort(key=lambda one: one[0])
    nothing = np.empty(0, np.intp)
    best = FiniteMix(nothing, np.empty(0, np.int64), np.empty((0, 0)), to_beat, 0.0, True, "")
    bound, closed = np.inf, True
    for floor, offers, load in waiting:
        if floor >= best.usd * (1 - gap):
            break
        left = time_limit_s - (time.process_time() - start)
        if left <= 0:
            bound, closed = min(bound, floor), False
            continue
        part, usd = problem.take(offers), usd_of_share[offers]
        model, program = mix_program(part, limits, load, np.isfinite(load), usd_of_share=usd)
        found = solve(model, gap=gap, time_limit_s=left)
        if found.status is Status.INFEASIBLE:
            continue
        bound = min(bound, max(floor, found.bound or 0.0))
        closed &= found.status is Status.OPTIMAL
        if not found.has_point:
            continue
        counts = np.round(found.values[program.count]).astype(np.int64)
        shares = np.zeros(load.shape)
        shares[program.pair_offer, program.pair_bucket] = found.values[program.share]
        shares = np.where(counts[:, None] > 0, np.maximum(shares, 0.0), 0.0)
        shares /= shares.sum(axis=0)
        total = float(part.usd_per_hour @ counts + (shares * np.where(shares > 0, usd, 0.0)).sum())
        if total < best.usd:
            best = FiniteMix(offers, counts, shares, total, 0.0, True, found.solver)
    return FiniteMix(
        best.offers,
        best.counts,
        best.shares,
        best.usd,
        min(bound, best.usd),
        closed,
        best.solver,
    )


def _floor(part: MixProblem, usd_of_share: Floats, load: Floats) -> float:
    """USD if parts of groups could be had, each bucket where it is cheapest."""
    with np.errstate(invalid="ignore"):
        each = np.where(np.isfinite(load), usd_of_share + part.usd_per_hour[:, None] * load, np.inf)
    return float(each.min(axis=0).sum())
