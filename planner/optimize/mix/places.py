"""The cheapest mix whose offers share a place: one program a place, most of them never solved.

Offers at ``EVERYWHERE`` (own machines) join any place. Places are tried in the order of a bound
that needs no solver; one whose bound is not below the best mix found, or below what is to be
beaten, holds no better mix. Places that differ in name only are solved once.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from planner.optimize.mix.bounds import lagrangian_bound, separable_bound
from planner.optimize.mix.problem import (
    Floats,
    Ids,
    MixLimits,
    MixProblem,
    MixSolution,
    instances_needed,
)
from planner.optimize.mix.solve import solve_mix
from planner.optimize.options import EVERYWHERE, Apart, Elsewhere
from planner.optimize.solver import Status


@dataclass(frozen=True, eq=False)
class PlacedMix:
    """The best mix found: its ``offers`` (indices) and the solution over them.

    ``bound`` is USD/h that no mix in any place goes below; ``closed`` whether no place was left out
    for want of time. Without a mix the solution is None and the bound what had to be beaten.
    """

    offers: Ids
    solution: MixSolution | None
    bound: float
    closed: bool


def undominated(
    problem: MixProblem, limits: MixLimits, offers: Ids, usd_of_share: Floats | None = None
) -> Ids:
    """The offers without those that another one of them replaces in any mix, at no more cost.

    The other serves every bucket as fast, is of as few machines, exists in any number, draws on no
    limited quota or on no more of the same, is not the one on spot where spot is capped, and is of
    the same kind where kinds are limited. Of mixes that are spread, see ``Elsewhere``. Where whole
    buckets cost ``usd_of_share`` (o, b) on an offer, it is dearer in none.
    """
    part = problem.take(offers)
    limited = np.array([name in limits.quotas for name in part.quota_class], bool)
    spot = part.spot & (limits.max_spot_share is not None)
    nodes = part.nodes if limits.max_nodes is not None else np.zeros(part.offers)
    total = np.where(part.throughput > 0, part.throughput, 0.0).sum(axis=1)
    order = np.lexsort((-total, part.usd_per_hour))
    also = np.zeros((part.offers, 1)) if usd_of_share is None else usd_of_share[offers]
    if usd_of_share is not None:
        order = np.argsort(np.where(np.isfinite(also), also, np.nanmax(also)).sum(axis=1))
    alive = total > 0
    kinds: dict[str, int] = {}
    limited_kinds = part.kind if limits.max_types is not None else [""] * part.offers
    kind = np.array([kinds.setdefault(name, len(kinds)) for name in limited_kinds])
    elsewhere = Elsewhere(_apart(part, limits), part.offers, limits.max_nodes or np.inf)
    kept: list[int] = []
    for index in order.tolist():
        if not alive[index]:
            continue
        kept.append(index)
        if np.isfinite(part.max_count[index]):
            continue
        worse = (
            (part.usd_per_hour >= part.usd_per_hour[index])
            & (part.throughput <= part.throughput[index]).all(axis=1)
            & (nodes >= nodes[index])
            & (spot >= spot[index])
            & (kind == kind[index])
            & (also >= also[index]).all(axis=1)
        )
        if limited[index]:
            same = [name == part.quota_class[index] for name in part.quota_class]
            worse &= np.array(same, bool) & (part.quota_units >= part.quota_units[index])
        alive &= ~elsewhere.redundant(worse, index)
    return offers[np.sort(np.array(kept, np.intp))]


def _apart(problem: MixProblem, limits: MixLimits) -> Apart | None:
    """Where each offer is, in all places that a spread looks at together."""
    if not limits.spread:
        return None
    names = zip(*(problem.place(spread.over) for spread in limits.spread), strict=True)
    numbers: dict[tuple[str, ...], int] = {}
    places = np.array([numbers.setdefault(name, len(numbers)) for name in names], np.intp)
    # Dominance across places is proven for one spread; with several, offers stay where they are.
    one = limits.spread[0] if len(limits.spread) == 1 else None
    if one is None or "" in problem.place(one.over):
        return Apart(places, at_least=problem.offers + 1)
    return Apart(places, one.at_least, one.max_share)


def cheapest_placed(
    problem: MixProblem,
    limits: MixLimits,
    place: Ids,
    *,
    to_beat: float = np.inf,
    gap: float | None = None,
    time_limit_s: float = 10.0,
) -> PlacedMix:
    """The cheapest mix below ``to_beat`` USD/h with all offers in one place.

    ``limits.max_utilisation`` is one number. ``time_limit_s`` counts processor time between solves.
    """
    start = time.process_time()
    names = sorted(set(place.tolist()) - {EVERYWHERE}) or [EVERYWHERE]
    waiting: list[tuple[float, Ids]] = []
    seen: set[bytes] = set()
    for name in names:
        offers = np.flatnonzero((place == name) | (place == EVERYWHERE))
        offers = undominated(problem, limits, offers)
        if not len(offers):
            continue
        if limits.max_types is None and not limits.spread:
            # Names of kinds and places are not in a signature.
            if (signature := _signature(problem, offers)) in seen:
                continue
            seen.add(signature)
        part = problem.take(offers)
        load = instances_needed(part, limits)
        if np.isfinite(load).any(axis=0).all():
            waiting.append((separable_bound(part, load), offers))
    waiting.sort(key=lambda pair: pair[0])
    best: tuple[Ids, MixSolution] | None = None
    worth = to_beat
    bound, closed = np.inf, True
    for floor, offers in waiting:
        if floor >= worth:
            break
        part = problem.take(offers)
        if (floor := max(floor, _lifted(part, limits))) >= worth:
            bound = min(bound, floor)
            continue
        left = time_limit_s - (time.process_time() - start)
        if left <= 0:
            bound, closed = min(bound, floor), False
            continue
        found = solve_mix(part, limits, gap=gap, time_limit_s=left)
        if found.status is Status.INFEASIBLE:
            continue
        bound = min(bound, floor if found.bound is None else max(floor, found.bound))
        if found.objective is not None and found.objective < worth:
            best, worth = (offers, found), found.objective
    offers, solution = best or (np.empty(0, np.intp), None)
    return PlacedMix(offers, solution, min(bound, worth), closed)


def _lifted(part: MixProblem, limits: MixLimits) -> float:
    """A bound that knows that instances are whole."""
    return lagrangian_bound(part, limits, instances_needed(part, limits), rounds=60).usd_per_hour


def _signature(problem: MixProblem, offers: Ids) -> bytes:
    """Everything the program sees of these offers, in an order of their own."""
    columns = (problem.usd_per_hour, problem.quota_units, problem.nodes, problem.max_count)
    rows = [
        b"".join(column[o].tobytes() for column in columns)
        + problem.throughput[o].tobytes()
        + bytes([int(problem.spot[o])])
        + problem.quota_class[o].encode()
        for o in offers.tolist()
    ]
    return b"\0".join(sorted(rows))
