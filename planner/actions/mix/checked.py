"""A mix for the average request: simulated, with more head-room where it misses a target."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from planner.actions.mix.service_check import Load, failing, published, simulated
from planner.actions.planning import Prepared
from planner.optimize.choice import Choice, Cover, Group, shares
from planner.performance.inference.request_sizes import request_mix
from planner.results.service_mix import ServiceSimulation
from planner.simulate.serving import PoolTimes
from planner.workload import Serving

ROUNDS = 6
# Of what its groups carry, a mix that misses a target gives up so much in each round.
_STEP = 0.05


def checked_mix(
    prepared: Prepared, choice: Choice, choose_again: Callable[[Cover], Choice]
) -> tuple[Choice, ServiceSimulation | None]:
    """The choice, or one with more head-room that keeps the targets, and its simulation.

    Nothing is simulated where one configuration is chosen, or no language model is served.
    ``choose_again`` chooses with other groups to mix. A mix that never keeps the targets is
    returned as it was first, its simulation says what it misses.
    """
    workload, cover = prepared.workload, prepared.cover()
    if not isinstance(workload, Serving) or cover is None or 0 not in choice.mixes:
        return choice, None
    if prepared.shape.kind != "transformer" or len(choice.mixes[0]) < 2:
        return choice, None
    times = _times(prepared, workload, cover, choice.mixes[0])
    first, seen = choice, times
    for tightened in range(ROUNDS):
        if max(failing(times, workload)) <= 1:
            return choice, published(times, workload, tightened)
        room = (1 - _STEP) ** (tightened + 1)
        again = choose_again(replace(cover, capacity=cover.capacity * room))
        if not again.picks:
            break
        choice = again
        if len(choice.mixes.get(0, ())) < 2:
            return choice, None  # one configuration, sized by the performance model alone
        times = _times(prepared, workload, cover, choice.mixes[0])
    return first, published(seen, workload, 0)


def _times(
    prepared: Prepared, workload: Serving, cover: Cover, groups: tuple[Group, ...]
) -> list[PoolTimes | None]:
    """Each group gets the part of the requests that it can carry of all."""
    c, rows = prepared.candidates, prepared.cover_rows()
    sizes = request_mix(workload)
    parts = shares(cover, groups, service=True)
    loads = []
    for group, part in zip(groups, parts, strict=True):
        config = int(c.config[rows[group.index]])
        loads.append(
            Load(
                groups=float(group.count),
                rate=np.array([part * workload.peak_rate]),
                outputs=np.array([workload.mean_output_length]),
                estimate=c.throughput,
                at=config,
                of_class=[(c.throughput, config)],
                size_scv=sizes.size_scv,
            )
        )
    return simulated(loads, workload)
