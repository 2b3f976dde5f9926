"""Routing for given counts: the fractions that load the busiest instances least."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from planner.optimize.mix.problem import Floats, Ids, MixLimits, MixProblem
from planner.optimize.mix.program import MixProgram, define_serve, define_spot, define_spread
from planner.optimize.solver import ModelBuilder, solve

# Beyond full by this much is what rounding of doubles does.
_OVER = 1e-7


def even_routing(
    problem: MixProblem, limits: MixLimits, load: Floats, counts: Ids, solver: str = "HiGHS"
) -> Floats | None:
    """Assignment (o, b) that minimises the highest utilisation; None where counts do not suffice.

    Rows are serve, spot share and spread of the mix program, and for each offer o

        sum_b load[o,b] share[o,b] <= peak (instances[o] - k)
    """
    room = np.maximum(counts - limits.spare_instances, 0)
    used = np.flatnonzero(room > 0)
    part = problem.take(used)
    offer, bucket = np.nonzero(np.isfinite(load[used]))
    if len(np.unique(bucket)) < problem.buckets:
        return None
    build = ModelBuilder("routing")
    peak = build.add_columns("peak", 1, cost=1.0)
    program = MixProgram(
        problem=part,
        limits=replace(limits, spread=tuple(replace(s, at_least=1) for s in limits.spread)),
        load=load[used],
        elastic=frozenset(),
        build=build,
        count=np.empty(0, np.intp),
        pair_offer=offer,
        pair_bucket=bucket,
        share=build.add_columns("share", len(offer), upper=1.0),
        most=np.empty(0),
    )
    define_serve(program)
    define_spot(program)
    define_spread(program)
    # In units of the machines there are: rows of one size, however many instances.
    relative = load[used] / room[used, None]
    each = np.arange(len(used))
    build.add_rows(
        "capacity",
        len(used),
        [
            (offer, program.share, relative[offer, bucket]),
            (each, np.broadcast_to(peak, each.shape), -1.0),
        ],
        upper=0.0,
    )
    found = solve(build.build(), gap=1e-6, solver=solver)
    if not found.has_point:
        return None
    shares = np.zeros((len(used), problem.buckets))
    shares[offer, bucket] = np.maximum(found.values[program.share], 0.0)
    shares[shares < 1e-9] = 0.0
    shares /= shares.sum(axis=0)[None, :]
    busiest = np.where(shares > 0, shares * np.where(shares > 0, relative, 0.0), 0.0).sum(axis=1)
    if busiest.max(initial=0.0) > 1 + _OVER:
        return None
    assignment = np.zeros((problem.offers, problem.buckets))
    assignment[used] = shares
    return assignment
