"""One way in: the solver asked for, HiGHS unless said otherwise, CBC when HiGHS breaks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from planner.optimize.solver.model import LinearModel
from planner.optimize.solver.status import RELATIVE_GAP, TIME_LIMIT_S, Solution, Solve, Status


def solve(
    model: LinearModel,
    *,
    time_limit_s: float = TIME_LIMIT_S,
    gap: float = RELATIVE_GAP,
    solver: str = "HiGHS",
) -> Solution:
    """Minimise a model of arrays within ``time_limit_s`` to a relative ``gap``.

    ``solver`` is any that PuLP knows (``HiGHS``, ``CBC``, ``GUROBI`` ...). Optimal is said only of
    a point that was checked against every row, and whose bound is within the gap. Raises BadInput
    for a solver that is unknown or not installed.
    """
    import pulp

    from planner.optimize.solver import external

    name = external.full_name(solver)
    if name != "HiGHS":
        return external.solve_with(model, name, time_limit_s, gap)
    from planner.optimize.solver.highs import LiveModel

    try:
        solution = LiveModel(model).solve(time_limit_s=time_limit_s, gap=gap)
    except pulp.PulpSolverError:
        return external.solve_with(model, external.CBC, time_limit_s, gap)
    if solution.status is Status.FAILED and solution.seconds < time_limit_s / 2:
        second = external.solve_with(model, external.CBC, time_limit_s - solution.seconds, gap)
        return second if second.has_point else solution
    return solution


def minimise(
    problem: Any,
    *,
    time_limit_s: float = TIME_LIMIT_S,
    gap: float = RELATIVE_GAP,
    solver: str = "HiGHS",
) -> Solve:
    """Solve a PuLP problem in place. Variables hold the solution when the status has one."""
    import pulp

    from planner.optimize.solver.external import from_pulp

    found = solve(from_pulp(problem), time_limit_s=time_limit_s, gap=gap, solver=solver)
    sign = -1.0 if problem.sense == pulp.LpMaximize else 1.0
    if found.has_point:
        for variable, value in zip(problem.variables(), found.values.tolist(), strict=True):
            variable.varValue = value
    codes = {
        Status.OPTIMAL: (pulp.LpStatusOptimal, pulp.LpSolutionOptimal),
        Status.FEASIBLE: (pulp.LpStatusOptimal, pulp.LpSolutionIntegerFeasible),
        Status.INFEASIBLE: (pulp.LpStatusInfeasible, pulp.LpSolutionInfeasible),
        Status.UNBOUNDED: (pulp.LpStatusUnbounded, pulp.LpSolutionUnbounded),
        Status.FAILED: (pulp.LpStatusNotSolved, pulp.LpSolutionNoSolutionFound),
    }
    problem.assignStatus(*codes[found.status])

    def signed(value: float | None) -> float | None:
        return None if value is None else sign * value

    return Solve(
        found.status,
        found.solver,
        signed(found.objective),
        found.seconds,
        signed(found.bound),
        found.message,
    )


def write_lp(model: LinearModel, file: str | Path) -> None:
    """Write the model in LP format, every column and row by its name. Raises BadInput."""
    from planner.optimize.solver import external

    external.write_lp(model, file)
