"""A mix of serving machines run through the simulation, and held against the latency targets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from planner.items import rounded
from planner.performance.inference.operating_point import FRONT_S
from planner.performance.inference.queueing import crowd, normal_quantile
from planner.performance.inference.request_sizes import targets_of
from planner.performance.throughput import Throughput
from planner.results.service_mix import ServiceSimulation, SimulatedGroup
from planner.simulate.serving import PERCENTILES, Pool, PoolTimes, simulate_service
from planner.workload import Serving

Floats = NDArray[np.float64]

REQUESTS = 40_000
SEED = 0
# A percentile of this many requests is known to about so much.
TOLERANCE = 0.02


@dataclass(frozen=True)
class Load:
    """``groups`` of one configuration that serve ``rate`` requests/s of each class.

    ``estimate`` is of the configuration (its column ``at``) with just these requests, ``of_class``
    that of every class alone there, with its column; ``outputs`` are tokens generated, mean.
    ``groups`` may be a fraction: of machines that are taken back, those that are there.
    """

    groups: float
    rate: Floats
    outputs: Floats
    estimate: Throughput
    at: int
    of_class: Sequence[tuple[Throughput, int]]
    size_scv: float = 0.0


def pool_of(load: Load, workload: Serving) -> Pool:
    """The replicas and times of a load, as slow as the risk asked for allows.

    A class alone may run best on another layout than all together: what more devices a replica
    has, it is quicker.
    """
    found, at = load.estimate.latency, load.at
    assert found is not None and found.replicas is not None and found.decoding is not None
    assert found.places is not None and found.tpot_p50 is not None and found.tpot_p95 is not None
    slack = float(np.exp(normal_quantile(workload.risk) * load.estimate.log_sd[at]))
    replicas = float(found.replicas[at])
    prompt, first = [], []
    for estimate, column in load.of_class:
        alone = estimate.latency
        assert alone is not None and alone.replicas is not None
        assert alone.prompt_s is not None and alone.first_token_s is not None
        quicker = replicas / float(alone.replicas[column])
        prompt.append(float(alone.prompt_s[column]) * quicker * slack)
        unhurried = float(alone.first_token_s[column]) - FRONT_S
        first.append(FRONT_S + unhurried * quicker * slack)
    decoding = float(found.decoding[at])
    tpot = float(found.tpot_p50[at]) * slack
    many = float(crowd(np.array(decoding), 0.95, workload.burstiness))
    return Pool(
        replicas=max(round(load.groups * replicas), 1),
        places=max(int(found.places[at]), 1),
        rate=load.rate,
        prompt_s=np.nan_to_num(np.array(prompt)),
        first_token_s=np.nan_to_num(np.array(first)),
        decode_s=np.maximum(load.outputs - 1, 0.0) * tpot,
        others=(decoding, many),
        tpot_s=(tpot, float(found.tpot_p95[at]) * slack),
        size_scv=load.size_scv,
    )


def simulated(loads: Sequence[Load], workload: Serving) -> list[PoolTimes | None]:
    """The times of every load, in the same arrivals."""
    pools = [pool_of(load, workload) for load in loads]
    return simulate_service(pools, burstiness=workload.burstiness, requests=REQUESTS, seed=SEED)


def failing(times: Sequence[PoolTimes | None], workload: Serving) -> list[float]:
    """By how much each load misses the target it misses most: at most 1 where it keeps all."""
    wanted = targets_of(workload)
    worst = []
    for one in times:
        over = 0.0
        for target in wanted:
            if one is None:
                break
            values = one.ttft_s if target.kind == "ttft" else one.tpot_s
            if values is not None:
                value = values[PERCENTILES.index(100 * target.quantile)]
                over = max(over, value / target.seconds)
        worst.append(over / (1 + TOLERANCE))
    return worst


def published(
    times: Sequence[PoolTimes | None], workload: Serving, tightened: int
) -> ServiceSimulation:
    """The simulation as a result."""
    met = None
    if targets_of(workload):
        met = max(failing(times, workload), default=0.0) <= 1
    return ServiceSimulation(
        seed=SEED,
        requests=REQUESTS,
        burstiness=workload.burstiness,
        groups=[None if one is None else _group(one) for one in times],
        met=met,
        tightened=tightened,
    )


def _group(times: PoolTimes) -> SimulatedGroup:
    p50, p95, p99 = times.ttft_s
    tpot: Sequence[float | None] = (None, None, None)
    if times.tpot_s is not None:
        tpot = [rounded(value) for value in times.tpot_s]
    return SimulatedGroup(
        requests=times.requests,
        ttft_p50_s=rounded(p50),
        ttft_p95_s=rounded(p95),
        ttft_p99_s=rounded(p99),
        tpot_p50_s=tpot[0],
        tpot_p95_s=tpot[1],
        tpot_p99_s=tpot[2],
        wait_p95_s=rounded(times.wait_p95_s),
    )
