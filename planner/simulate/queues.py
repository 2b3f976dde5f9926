"""Requests that arrive in bursts, are routed to pools of machines, and wait their turn there.

Each pool is first come, first served over all its slots. A request of bucket b occupies one slot
of a machine of offer o for ``concurrency / throughput[o,b]`` seconds, so that a full machine
serves its throughput. With a concurrency of 1, waiting is overestimated for machines that batch
(the same work in fewer, faster slots waits longer): on the safe side.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class PoolDelay:
    """What requests to one pool waited, in seconds, warm-up left out."""

    requests: int
    mean_s: float
    percentile_s: float
    max_s: float
    utilisation: float


@dataclass(frozen=True)
class Simulated:
    """One run: ``pools`` by offer index; ``percentile_s`` over all requests."""

    requests: int
    simulated_s: float
    percentile: float
    percentile_s: float
    pools: dict[int, PoolDelay]

    @property
    def worst_s(self) -> float:
        """The percentile of the pool that waits longest."""
        return max((pool.percentile_s for pool in self.pools.values()), default=0.0)


def arrivals(rng: np.random.Generator, rate: float, count: int, burstiness: float) -> Floats:
    """Arrival times in seconds of a renewal process with gamma gaps.

    ``burstiness`` is the gaps' squared coefficient of variation: 1 is a Poisson process.
    """
    shape = 1.0 / burstiness
    return np.cumsum(rng.gamma(shape, burstiness / rate, count))


def waits(arrive: Floats, service: Floats, slots: int) -> Floats:
    """Seconds that each request waits, first come first served, for one of ``slots``."""
    waited = np.empty(len(arrive))
    if len(arrive) <= slots:
        return np.zeros(len(arrive))
    free = [0.0] * slots
    replace = heapq.heapreplace
    for index, (at, takes) in enumerate(zip(arrive.tolist(), service.tolist(), strict=True)):
        start = max(at, free[0])
        replace(free, start + takes)
        waited[index] = start - at
    return waited


def simulate(
    rate: Floats,
    throughput: Floats,
    assignment: Floats,
    counts: NDArray[np.int64],
    *,
    concurrency: NDArray[np.int64] | None = None,
    burstiness: float = 1.0,
    percentile: float = 95.0,
    requests: int = 200_000,
    warm_up: float = 0.1,
    seed: int = 0,
) -> Simulated:
    """Run ``requests`` arrivals through a mix; the first ``warm_up`` of them are not counted.

    ``rate`` (b,) and ``throughput`` (o, b) in requests/s, ``assignment`` (o, b) fractions,
    ``counts`` (o,) machines. The same seed gives the same run.
    """
    total = float(rate.sum())
    if total <= 0 or not counts.any():
        return Simulated(0, 0.0, percentile, 0.0, {})
    rng = np.random.default_rng(seed)
    at = arrivals(rng, total, requests, burstiness)
    offer, bucket = np.nonzero(assignment > 0)
    weight = assignment[offer, bucket] * rate[bucket]
    cumulative = np.cumsum(weight)
    drawn = np.searchsorted(cumulative, rng.random(requests) * cumulative[-1], side="right")
    drawn = np.minimum(drawn, len(offer) - 1)
    counted = np.arange(requests) >= int(warm_up * requests)
    slots = np.ones(len(counts), np.int64) if concurrency is None else concurrency
    takes = slots[offer] / throughput[offer, bucket]
    waited = np.zeros(requests)
    pools = {}
    for index in np.unique(offer).tolist():
        mine = np.flatnonzero(offer[drawn] == index)
        service = takes[drawn[mine]]
        waited[mine] = waits(at[mine], service, int(counts[index] * slots[index]))
        seen = mine[counted[mine]]
        if not len(seen):
            continue
        pools[index] = PoolDelay(
            requests=len(seen),
            mean_s=float(waited[seen].mean()),
            percentile_s=float(np.percentile(waited[seen], percentile)),
            max_s=float(waited[seen].max()),
            utilisation=float(service.sum() / (at[-1] * counts[index] * slots[index])),
        )
    over_all = waited[counted]
    return Simulated(
        requests=int(counted.sum()),
        simulated_s=float(at[-1]),
        percentile=percentile,
        percentile_s=float(np.percentile(over_all, percentile)),
        pools=pools,
    )
