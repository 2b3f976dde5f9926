"""Fronts of a mix: cost against machine types, or against head-room. One solve a point.

Integer programs gain nothing from a live model; each point is solved and proven by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from planner.optimize.mix.problem import MixLimits, MixProblem, MixSolution
from planner.optimize.mix.solve import solve_mix
from planner.optimize.solver import TIME_LIMIT_S

# Most that an instance is loaded to at the points of a head-room front.
UTILISATIONS = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4)


@dataclass(frozen=True, eq=False)
class MixPoint:
    """The cheapest mix at one ``limit``: machine types, or utilisation of the fullest instance."""

    limit: float
    solution: MixSolution


def types_in(problem: MixProblem, solution: MixSolution) -> int:
    """Machine types with instances."""
    return len({problem.kind[o] for o in np.flatnonzero(solution.counts).tolist()})


def types_front(
    problem: MixProblem,
    limits: MixLimits,
    *,
    gap: float | None = None,
    time_limit_s: float = TIME_LIMIT_S,
    solver: str = "HiGHS",
) -> list[MixPoint]:
    """The cheapest mix of at most k machine types, for each k that makes it cheaper.

    From the fewest types that can carry the load to those of the cheapest mix of all; empty when
    no mix can. ``time_limit_s`` holds for each point.
    """
    best = solve_mix(problem, limits, gap=gap, time_limit_s=time_limit_s, solver=solver)
    if best.objective is None:
        return []
    found = [MixPoint(float(types_in(problem, best)), best)]
    for types in range(types_in(problem, best) - 1, 0, -1):
        fewer = solve_mix(
            problem,
            replace(limits, max_types=types),
            gap=gap,
            time_limit_s=time_limit_s,
            solver=solver,
        )
        if fewer.objective is None:
            break
        used = float(types_in(problem, fewer))
        if fewer.objective <= (found[-1].solution.objective or 0.0):
            found.pop()  # as cheap with fewer types
        found.append(MixPoint(used, fewer))
        if used <= 1:
            break
    return found[::-1]


def headroom_front(
    problem: MixProblem,
    limits: MixLimits,
    *,
    utilisations: Sequence[float] = UTILISATIONS,
    gap: float | None = None,
    time_limit_s: float = TIME_LIMIT_S,
    solver: str = "HiGHS",
) -> list[MixPoint]:
    """The cheapest mix in which no instance is loaded beyond each of ``utilisations``, fullest
    first. What ``limits`` cap already is capped at every point; points that cost no less than one
    with more head-room are dropped.
    """
    asked = np.asarray(limits.max_utilisation, float)
    found: list[MixPoint] = []
    for most in sorted({min(float(u), float(asked.max())) for u in utilisations}, reverse=True):
        capped = replace(limits, max_utilisation=np.minimum(asked, most))
        solution = solve_mix(problem, capped, gap=gap, time_limit_s=time_limit_s, solver=solver)
        if solution.objective is None:
            break
        while found and (found[-1].solution.objective or 0.0) >= solution.objective:
            found.pop()
        found.append(MixPoint(most, solution))
    return found
