"""The use case behind ``planner mix --front``: what fewer machine types or more head-room cost."""

from __future__ import annotations

import time
from typing import Literal

import numpy as np

from planner.actions.mix.plan import MixOptions, simulated_queues
from planner.optimize.mix.front import MixPoint, headroom_front, types_front
from planner.optimize.mix.profile import MixProfile
from planner.optimize.solver import Status
from planner.results.mix import MixFront, MixFrontPoint

Over = Literal["types", "head-room"]


def mix_front(profile: MixProfile, over: Over, options: MixOptions) -> MixFront:
    """The cheapest mix for each number of machine types, or for each load of the fullest instance.

    A limit of the profile on queue delays is not enforced: each point shows its delay instead.
    Without points no mix meets the profile's limits.
    """
    start = time.perf_counter()
    problem, limits = profile.problem(), profile.mix_limits()
    solve = types_front if over == "types" else headroom_front
    found = solve(
        problem,
        limits,
        gap=options.gap,
        time_limit_s=options.time_limit_s,
        solver=options.solver,
    )

    def point(at: MixPoint) -> MixFrontPoint:
        solution = at.solution
        simulated = simulated_queues(profile, problem, solution, options)
        return MixFrontPoint(
            limit=at.limit,
            status="optimal" if solution.status is Status.OPTIMAL else "feasible",
            cost_usd_per_hour=float(f"{solution.objective or 0.0:.12g}"),
            bound_usd_per_hour=solution.bound,
            machines={
                profile.offers[o].name: int(solution.counts[o])
                for o in np.flatnonzero(solution.counts).tolist()
            },
            queue_delay_s=None if simulated is None else simulated.worst_s,
        )

    return MixFront(
        name=profile.name,
        over=over,
        percentile=profile.slo.percentile if profile.slo else 95.0,
        points=sorted((point(at) for at in found), key=lambda p: p.limit),
        solve_seconds=round(time.perf_counter() - start, 4),
    )
