"""Offers that differ in nothing the program sees, such as zones of one region, become one.

Capacity adds up, so any mix of the merged offer splits back into one of its members at the same
cost. Places stay apart where a spread looks at them; with spare instances every offer stays apart,
because each offer in use keeps its own.
"""

from __future__ import annotations

import numpy as np

from planner.optimize.mix.problem import Floats, Ids, MixLimits, MixProblem


def groups(problem: MixProblem, limits: MixLimits) -> Ids:
    """Group number of each offer, shape (o,), counted from 0 in order of first appearance."""
    if limits.spare_instances:
        return np.arange(problem.offers)
    places = {spread.over for spread in limits.spread}
    most = np.broadcast_to(np.asarray(limits.max_utilisation, float), (problem.offers,))
    seen: dict[tuple[object, ...], int] = {}
    found = []
    for index in range(problem.offers):
        limited = problem.quota_class[index] in limits.quotas
        key = (
            problem.usd_per_hour[index],
            problem.throughput[index].tobytes(),
            most[index],
            problem.quota_class[index] if limited else "",
            problem.quota_units[index] if limited else 0.0,
            bool(problem.spot[index]) if limits.max_spot_share is not None else False,
            problem.kind[index] if limits.max_types is not None else "",
            problem.nodes[index] if limits.max_nodes is not None else 0.0,
            *(problem.place(over)[index] for over in sorted(places)),
        )
        found.append(seen.setdefault(key, len(seen)))
    return np.array(found, np.intp)


def merged(problem: MixProblem, limits: MixLimits, group: Ids) -> tuple[MixProblem, MixLimits]:
    """One offer a group, as many of it as of all members together."""
    count = int(group.max(initial=-1)) + 1
    first = np.full(count, problem.offers, np.intp)
    np.minimum.at(first, group, np.arange(problem.offers))
    most = np.zeros(count)
    np.add.at(most, group, problem.max_count)
    one = problem.take(first)
    fewer = MixProblem(**{**one.__dict__, "max_count": most})
    utilisation = limits.max_utilisation
    if isinstance(utilisation, np.ndarray):
        utilisation = utilisation[first]
    return fewer, MixLimits(**{**limits.__dict__, "max_utilisation": utilisation})


def split(problem: MixProblem, group: Ids, counts: Ids, assignment: Floats) -> tuple[Ids, Floats]:
    """Counts and assignment of the members: spread evenly, as far as each member's limit goes."""
    of_members = np.zeros(problem.offers, np.int64)
    shares = np.zeros((problem.offers, assignment.shape[1]))
    for number in np.flatnonzero(counts).tolist():
        members = np.flatnonzero(group == number)
        left = int(counts[number])
        room = problem.max_count[members].copy()
        given = np.zeros(len(members), np.int64)
        while left > 0:
            open_ = np.flatnonzero(given < room)
            each = max(1, left // len(open_))
            for member in open_.tolist():
                step = int(min(each, left, room[member] - given[member]))
                given[member] += step
                left -= step
        of_members[members] = given
        shares[members] = assignment[number][None, :] * (given / given.sum())[:, None]
    return of_members, shares
