"""The solver behind every program: HiGHS in process through PuLP, CBC when that fails."""

from __future__ import annotations

import time
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

TIME_LIMIT_S = 30.0
RELATIVE_GAP = 1e-6


class Status(StrEnum):
    """How a solve ended, as the solver reports it."""

    OPTIMAL = "optimal"
    FEASIBLE = "feasible"  # stopped at the time limit or gap with a solution
    INFEASIBLE = "infeasible"
    UNBOUNDED = "unbounded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Solve:
    status: Status
    solver: str
    objective: float | None
    seconds: float


def minimise(
    problem: Any, *, time_limit_s: float = TIME_LIMIT_S, gap: float = RELATIVE_GAP
) -> Solve:
    """Solve a PuLP problem in place. Variables hold the solution when the status has one."""
    import pulp

    start = time.perf_counter()
    used = "HiGHS"
    try:
        problem.solve(pulp.HiGHS(msg=False, timeLimit=time_limit_s, gapRel=gap))
    except pulp.PulpSolverError:
        used = "CBC"
        problem.solve(pulp.PULP_CBC_CMD(msg=False, timeLimit=time_limit_s, gapRel=gap))
    seconds = time.perf_counter() - start
    status = {
        pulp.LpStatusInfeasible: Status.INFEASIBLE,
        pulp.LpStatusUnbounded: Status.UNBOUNDED,
        pulp.LpStatusOptimal: Status.OPTIMAL,
    }.get(problem.status, Status.FAILED)
    if problem.sol_status == pulp.LpSolutionIntegerFeasible:
        status = Status.FEASIBLE
    has_solution = status in (Status.OPTIMAL, Status.FEASIBLE)
    objective = float(pulp.value(problem.objective)) if has_solution else None
    return Solve(status, used, objective, seconds)
