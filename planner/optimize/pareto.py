"""The cost x time front of enumerated candidates."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def pareto_front(
    cost: NDArray[np.float64], time: NDArray[np.float64], order: NDArray[np.intp]
) -> NDArray[np.intp]:
    """Indices that no other candidate beats in both cost and time, fastest first.

    Of exact ties the one with the lowest ``order`` stays.
    """
    by_time = np.lexsort((order, cost, time))
    if not len(by_time):
        return by_time
    sorted_cost = cost[by_time]
    cheapest_so_far = np.concatenate([[np.inf], np.minimum.accumulate(sorted_cost)[:-1]])
    front: NDArray[np.intp] = by_time[sorted_cost < cheapest_so_far]
    return front
