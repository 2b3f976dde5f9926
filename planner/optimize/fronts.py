"""Cost against a second measure of a linear program, by the epsilon constraint.

    minimise  cost . x   subject to  the program, and  second . x <= epsilon

for one epsilon after the other between the least that is possible and what the cheapest plan
takes (Haimes et al. 1971). The model stays in the solver, so that a continuous one goes on from its
last basis: thirty points cost about as much as one.

Of a capacity plan, ``second`` may be carbon (kg of each column) or unmet demand (1 for each column
of it); of a mix, the instances.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from planner.optimize.solver import (
    RELATIVE_GAP,
    TIME_LIMIT_S,
    LinearModel,
    Solution,
    Status,
    live,
)
from planner.optimize.solver.model import Block

Floats = NDArray[np.float64]
# Relative, and absolute where figures are small.
_TIE = 1e-9
POINTS = 30


@dataclass(frozen=True, eq=False)
class Point:
    """One plan: its cost, the second measure, and all columns (n,)."""

    cost: float
    second: float
    values: Floats
    optimal: bool


@dataclass(frozen=True, eq=False)
class LinearFront:
    """Points from the cheapest to the least of the second measure; neither rises on the way.

    Without points the status says why: infeasible, unbounded or failed.
    """

    status: Status
    points: tuple[Point, ...]
    message: str = ""


def epsilon_front(
    model: LinearModel,
    second: Floats,
    *,
    points: int = POINTS,
    limits: Sequence[float] | None = None,
    gap: float = RELATIVE_GAP,
    time_limit_s: float = TIME_LIMIT_S,
) -> LinearFront:
    """The front of cost and ``second . x`` (n,), at ``points`` evenly spread values of the latter.

    ``limits`` names the values instead. ``time_limit_s`` holds for each solve. Each point is
    optimal within ``gap``; points that another matches or beats in both are dropped. Raises
    ValueError for a measure that does not fit, pulp.PulpSolverError without HiGHS.
    """
    second = np.asarray(second, float)
    if second.shape != (model.width,) or not np.isfinite(second).all():
        raise ValueError("the second measure needs one finite number a column")
    if limits is None and points < 2:
        raise ValueError("a front has at least two points")
    cost, everything = model.cost.copy(), np.arange(model.width)
    row = model.height
    kept = live(_with_row(model, second))

    def solve(objective: Floats) -> Solution:
        kept.set_cost(everything, objective)
        return kept.solve(time_limit_s=time_limit_s, gap=gap)

    def bound(epsilon: float) -> None:
        kept.set_rows(row, lower=-np.inf, upper=epsilon)

    def point(solution: Solution) -> Point:
        values = solution.values
        return Point(
            model.objective(values),
            float(second @ values),
            values,
            solution.status is Status.OPTIMAL,
        )

    found: list[Point] = []
    if limits is None:
        cheapest = solve(cost)
        if not cheapest.has_point:
            return LinearFront(cheapest.status, (), cheapest.message)
        least = solve(second)
        if not least.has_point:
            return LinearFront(least.status, (), least.message)
        lowest, highest = point(least).second, point(cheapest).second
        limits = np.linspace(highest, lowest, points).tolist()
        found.append(point(cheapest))
    solution = None
    for epsilon in sorted(limits, reverse=True):
        bound(epsilon + _tie(epsilon))
        solution = solve(cost)
        if solution.status is Status.INFEASIBLE:
            break  # every lower limit is as well
        if solution.has_point:
            found.append(point(solution))
    if not found and solution is not None:
        return LinearFront(solution.status, (), solution.message)
    return LinearFront(Status.OPTIMAL, _kept(found))


def _kept(found: Sequence[Point]) -> tuple[Point, ...]:
    """From the cheapest on, what costs more only where the second measure is less."""
    front: list[Point] = []
    for candidate in sorted(found, key=lambda point: (point.cost, point.second)):
        if front and candidate.second >= front[-1].second - _tie(front[-1].second):
            continue
        while front and candidate.cost <= front[-1].cost + _tie(front[-1].cost):
            front.pop()
        front.append(candidate)
    return tuple(front)


def _tie(value: float) -> float:
    """Below this difference two figures of a solver are the same."""
    return _TIE * max(1.0, abs(value))


def _with_row(model: LinearModel, coefficients: Floats) -> LinearModel:
    """The model with one more row, free for now."""
    columns = np.flatnonzero(coefficients)
    blocks = model.row_blocks or (Block("r", (model.height,)),)
    return replace(
        model,
        row_lower=np.append(model.row_lower, -np.inf),
        row_upper=np.append(model.row_upper, np.inf),
        starts=np.append(model.starts, model.starts[-1] + len(columns)),
        columns=np.concatenate([model.columns, columns]),
        coefficients=np.concatenate([model.coefficients, coefficients[columns]]),
        row_blocks=(*blocks, Block("second", ())),
    )
