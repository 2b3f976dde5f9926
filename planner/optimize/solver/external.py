"""Models as PuLP problems: for every other solver that PuLP knows, and for LP files."""

from __future__ import annotations

import time
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pulp

from planner.errors import BadInput
from planner.field_errors import shown, suggest
from planner.optimize.solver.certify import contradiction, dual_bound, snapped, verdict, violation
from planner.optimize.solver.highs import ArrayHiGHS, LiveModel
from planner.optimize.solver.model import Block, LinearModel, safe
from planner.optimize.solver.status import Solution, Status, without_point

ALIASES = {"highs": "HiGHS", "cbc": "PULP_CBC_CMD", "scip": "SCIP_CMD", "glpk": "GLPK_CMD"}
ALIASES |= {"gurobi": "GUROBI", "cplex": "CPLEX_PY", "xpress": "XPRESS_PY", "mosek": "MOSEK"}
CBC = "PULP_CBC_CMD"
# CBC 2.10 has called worse answers optimal; others are taken at their word.
_DOUBTED = (CBC, "COIN_CMD")


def full_name(solver: str) -> str:
    """PuLP's name of a solver, from that name or a short one, whatever its case. BadInput else."""
    names = _names()
    found = ALIASES.get(solver.lower()) or names.get(solver.lower())
    if found is None:
        raise BadInput(
            f"unknown solver {shown(solver)}",
            where="solver",
            remedy=suggest(solver, sorted({*ALIASES, *names.values()})),
        )
    return found


@cache
def _names() -> dict[str, str]:
    """PuLP makes one of each to list them: as long as a small program takes."""
    return {name.lower(): name for name in pulp.listSolvers()}


def to_pulp(model: LinearModel, scale: float = 1.0) -> tuple[Any, list[Any], list[list[Any]]]:
    """The problem, its variables by column, and its constraints (up to two) by row."""
    problem = pulp.LpProblem(safe(model.name) or "model", pulp.LpMinimize)
    variables = [
        pulp.LpVariable(
            name,
            None if low == -np.inf else low,
            None if high == np.inf else high,
            pulp.LpInteger if whole else pulp.LpContinuous,
        )
        for name, low, high, whole in zip(
            model.column_names,
            model.lower.tolist(),
            model.upper.tolist(),
            model.integer.tolist(),
            strict=True,
        )
    ]
    for variable in variables:
        problem.addVariable(variable)
    objective = pulp.LpAffineExpression(
        zip(variables, (model.cost * scale).tolist(), strict=True), constant=model.offset * scale
    )
    problem.setObjective(objective)
    starts, columns, coefficients = (
        model.starts.tolist(),
        model.columns.tolist(),
        model.coefficients.tolist(),
    )
    constraints: list[list[Any]] = []
    for row, name in enumerate(model.row_names):
        terms = [
            (variables[columns[k]], coefficients[k]) for k in range(starts[row], starts[row + 1])
        ]
        low, high = float(model.row_lower[row]), float(model.row_upper[row])
        wanted: list[tuple[int, float, str]] = []
        if not terms:
            wanted = []
        elif low == high:
            wanted.append((pulp.LpConstraintEQ, low, name))
        else:
            both = np.isfinite(low) and np.isfinite(high)
            if np.isfinite(low):
                wanted.append((pulp.LpConstraintGE, low, f"{name}_lower" if both else name))
            if np.isfinite(high):
                wanted.append((pulp.LpConstraintLE, high, f"{name}_upper" if both else name))
        made = []
        for sense, side, title in wanted:
            constraint = pulp.LpConstraint(pulp.LpAffineExpression(terms), sense, title, side)
            problem.addConstraint(constraint)
            made.append(constraint)
        constraints.append(made)
    return problem, variables, constraints


def from_pulp(problem: Any) -> LinearModel:
    """A PuLP problem as arrays; a maximum becomes the minimum of its negative."""
    variables = problem.variables()
    place = {variable: index for index, variable in enumerate(variables)}
    sign = -1.0 if problem.sense == pulp.LpMaximize else 1.0
    objective = problem.objective or pulp.LpAffineExpression()
    rows = list(problem.constraints.items())
    terms = [
        (number, place[variable], float(value))
        for number, (_, constraint) in enumerate(rows)
        for variable, value in constraint.items()
        if value
    ]
    starts = np.zeros(len(rows) + 1, np.intp)
    np.cumsum(np.bincount([t[0] for t in terms], minlength=len(rows)), out=starts[1:])
    sides = [(constraint.getLb(), constraint.getUb()) for _, constraint in rows]
    return LinearModel(
        name=problem.name,
        cost=np.array([sign * objective.get(variable, 0.0) for variable in variables], float),
        lower=_sides([variable.lowBound for variable in variables], -np.inf),
        upper=_sides([variable.upBound for variable in variables], np.inf),
        integer=np.array([variable.cat == pulp.LpInteger for variable in variables], bool),
        row_lower=_sides([low for low, _ in sides], -np.inf),
        row_upper=_sides([high for _, high in sides], np.inf),
        starts=starts,
        columns=np.array([t[1] for t in terms], np.intp),
        coefficients=np.array([t[2] for t in terms], float),
        offset=sign * float(objective.constant),
        column_blocks=tuple(Block(variable.name, ()) for variable in variables),
        row_blocks=tuple(Block(name, ()) for name, _ in rows),
    )


def write_lp(model: LinearModel, file: str | Path) -> None:
    """Write the model in LP format. Raises BadInput when the file cannot be written."""
    problem, _, _ = to_pulp(model)
    try:
        problem.writeLP(str(file), max_length=255)
    except OSError as error:
        raise BadInput(
            f"cannot be written: {error.strerror}", where=str(file), remedy="name another file"
        ) from None


def shown_name(solver: str) -> str:
    """What a result calls the solver."""
    return "CBC" if solver in _DOUBTED else solver


def solve_with(model: LinearModel, solver: str, time_limit_s: float, gap: float) -> Solution:
    """Solve with any solver of PuLP's, and check what it says.

    Raises BadInput when the solver is not installed here.
    """
    start, name = time.perf_counter(), shown_name(solver)
    impossible = contradiction(model)
    if impossible:
        return without_point(Status.INFEASIBLE, name, 0.0, impossible)
    options: dict[str, Any] = {"msg": False, "timeLimit": time_limit_s, "gapRel": gap}
    if solver in _DOUBTED:
        options["options"] = ["increment 0", "allow 0"]
    engine = pulp.getSolver(solver, **options)
    if not engine.available():
        raise BadInput(f"{solver} is not installed here", where="solver", remedy="use HiGHS or CBC")
    scale = ArrayHiGHS(model).scale
    problem, variables, constraints = to_pulp(model, scale)
    try:
        problem.solve(engine)
    except (pulp.PulpSolverError, pulp.PulpError) as error:
        seconds = time.perf_counter() - start
        return without_point(Status.FAILED, name, seconds, str(error).splitlines()[0])
    seconds = time.perf_counter() - start
    if problem.status == pulp.LpStatusInfeasible:
        return without_point(Status.INFEASIBLE, name, seconds)
    if problem.status == pulp.LpStatusUnbounded:
        return without_point(Status.UNBOUNDED, name, seconds)
    found = [variable.varValue for variable in variables]
    if any(value is None for value in found):
        return without_point(Status.FAILED, name, seconds, "stopped before a first solution")
    values = snapped(model, np.array(found, float))
    if violation(model, values) > 1:
        return without_point(Status.FAILED, name, seconds, "the point found breaks a constraint")
    claimed = problem.sol_status == pulp.LpSolutionOptimal
    objective = model.objective(values)
    row_duals = np.empty(0)
    bound = objective if claimed else None
    if not model.integer.any():
        row_duals = np.array([sum(c.pi or 0.0 for c in made) for made in constraints]) / scale
        proven = dual_bound(model, row_duals, values, 1e-6 / scale)
        bound = proven if np.isfinite(proven) else bound
    elif claimed and solver in _DOUBTED:
        bound = _audited(
            model, objective, gap, max(1.0, min(time_limit_s - seconds, max(5.0, 2 * seconds)))
        )
    seconds = time.perf_counter() - start
    # Solution files carry some nine digits.
    slack = 1e-7 * abs(objective)
    return verdict(model, name, claimed, values, bound, row_duals, gap, slack, seconds)


def _audited(model: LinearModel, claimed: float, gap: float, time_limit_s: float) -> float:
    """A bound that HiGHS stands for; the claim itself where HiGHS cannot be asked."""
    try:
        live = LiveModel(model)
        found = live.solve(time_limit_s=time_limit_s, gap=gap)
    except pulp.PulpSolverError:
        return claimed
    return found.bound if found.bound is not None else -np.inf


def _sides(values: list[float | None], endless: float) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.array([endless if value is None else value for value in values], float)
