"""Fronts of enumerated candidates: cost x time, and any number of measures."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def pareto_front(
    cost: NDArray[np.float64], time: NDArray[np.float64], order: NDArray[np.intp]
) -> NDArray[np.intp]:
    """Indices that no other candidate beats in both cost and time, fastest first.

    Of exact ties the one with the lowest ``order`` stays.
    """
    # One quick sort, in which ties fall anyhow, leaves few for the exact one.
    left = np.argsort(time)
    left = left[cost[left] <= _least_before(cost[left])]
    by_time = left[np.lexsort((order[left], cost[left], time[left]))]
    front: NDArray[np.intp] = by_time[cost[by_time] < _least_before(cost[by_time])]
    return front


def _least_before(cost: NDArray[np.float64]) -> NDArray[np.float64]:
    """The least of all that come before each, shape (n,); infinite before the first."""
    least: NDArray[np.float64] = np.concatenate([[np.inf], np.fmin.accumulate(cost)])[:-1]
    return least


def nondominated(points: NDArray[np.float64], order: NDArray[np.intp]) -> NDArray[np.intp]:
    """Rows of ``points`` (n, k) that no other matches or beats in all columns; less is better.

    In order of the first column, then the second and so on. Of exact ties the one with the lowest
    ``order`` stays. NaN is no number here: put inf for what is unknown. Exact; time grows with
    n times the size of the front.
    """
    keys = (order, *points.T[::-1])
    left = np.lexsort(keys)
    front: list[int] = []
    while len(left):
        # No later row is better than the first in everything: it would have been sorted before.
        first = int(left[0])
        front.append(first)
        left = left[(points[left] < points[first]).any(axis=1)]
    return np.array(front, np.intp)


def spread_out(points: NDArray[np.float64], most: int) -> NDArray[np.intp]:
    """At most ``most`` rows of ``points`` (n, k), far from each other, in their own order.

    The best of each column come first, then always the one farthest from those taken; distances
    are in ranks, so that units do not matter.
    """
    count = len(points)
    if count <= most:
        return np.arange(count)
    ranks = np.argsort(np.argsort(points, axis=0, kind="stable"), axis=0, kind="stable") / count
    taken = list(dict.fromkeys(int(i) for i in points.argmin(axis=0)))[:most]
    away = np.min([((ranks - ranks[i]) ** 2).sum(axis=1) for i in taken], axis=0)
    while len(taken) < most:
        taken.append(int(away.argmax()))
        away = np.minimum(away, ((ranks - ranks[taken[-1]]) ** 2).sum(axis=1))
    return np.sort(np.array(taken, np.intp))
