"""The cost x time front of enumerated candidates."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def front(
    cost: NDArray[np.float64], time: NDArray[np.float64], order: NDArray[np.intp]
) -> NDArray[np.intp]:
    """Indices that no other candidate beats in both cost and time, fastest first.

    Of exact ties the one with the lowest ``order`` stays.
    """
    by_time = np.lexsort((order, cost, time))
    kept: list[int] = []
    cheapest = np.inf
    for index in by_time:
        if cost[index] < cheapest:
            cheapest = float(cost[index])
            kept.append(int(index))
    return np.array(kept, np.intp)
