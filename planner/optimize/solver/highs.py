"""HiGHS in process: arrays handed over behind PuLP's interface, and models that stay live.

PuLP builds a solver's model variable by variable, which takes ten seconds for half a million
coefficients; ``ArrayHiGHS`` passes the same model as arrays in a tenth of one.

HiGHS stops at absolute tolerances (1e-7 on reduced costs, 1e-6 on the gap), which a model whose
answer costs 1e-6 meets at once: costs are scaled by a power of two so that the objective is of
ordinary size, absolute gaps are switched off, and what comes back is checked in the model's own
units.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import highspy
import numpy as np
import pulp
from numpy.typing import ArrayLike

from catalog.records import dataclass
from planner.optimize.solver.certify import (
    contradiction,
    dual_bound,
    snapped,
    verdict,
    violation,
)
from planner.optimize.solver.model import Floats, LinearModel, safe
from planner.optimize.solver.status import (
    RELATIVE_GAP,
    TIME_LIMIT_S,
    Solution,
    Status,
    without_point,
)

NAME = "HiGHS"
# Scaled objectives outside this range are solved again at a better scale.
_SIZES = (1e-2, 1e8)
_TIGHT = 1e-9
_DUAL_TOLERANCE = 1e-6  # of a scaled reduced cost that counts as 0
# Up to so many, jumping to a first point takes longer than the rest of the search.
_SMALL_COLUMNS = 2000
_STOPPED = {"kTimeLimit", "kIterationLimit", "kInterrupt", "kHighsInterrupt", "kSolutionLimit"}
_STOPPED |= {"kMemoryLimit", "kObjectiveBound", "kObjectiveTarget", "kUnknown"}
_TOLERANCES = (
    "primal_feasibility_tolerance",
    "dual_feasibility_tolerance",
    "mip_feasibility_tolerance",
)


@dataclass
class _Answer:
    """What one run of HiGHS left, costs in scaled units."""

    status: str
    values: Floats
    row_duals: Floats
    bound: float


class ArrayHiGHS(pulp.HiGHS):  # type: ignore[misc]
    """PuLP's HiGHS that reads a ``LinearModel`` in place of an ``LpProblem``'s variables."""

    def __init__(self, model: LinearModel, **options: Any) -> None:
        super().__init__(msg=False, **options)
        self.model = model
        self.answer: _Answer | None = None
        self.scale = _first_scale(model)

    def buildSolverModel(self, lp: Any) -> None:  # noqa: N802 - PuLP's name
        model, highs = self.model, lp.solverModel
        arrays = highspy.HighsLp()
        arrays.num_col_, arrays.num_row_ = model.width, model.height
        arrays.col_cost_ = model.cost * self.scale
        arrays.col_lower_, arrays.col_upper_ = model.lower, model.upper
        arrays.row_lower_, arrays.row_upper_ = model.row_lower, model.row_upper
        arrays.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        arrays.a_matrix_.start_ = model.starts.astype(np.int32)
        arrays.a_matrix_.index_ = model.columns.astype(np.int32)
        arrays.a_matrix_.value_ = model.coefficients
        if model.integer.any():
            kinds = (highspy.HighsVarType.kContinuous, highspy.HighsVarType.kInteger)
            arrays.integrality_ = [kinds[flag] for flag in model.integer.tolist()]
        if highs.passModel(arrays) == highspy.HighsStatus.kError:
            raise pulp.PulpSolverError("HiGHS refused the model")

    def findSolutionValues(self, lp: Any) -> tuple[int, int]:  # noqa: N802 - PuLP's name
        highs = lp.solverModel
        solution = highs.getSolution()
        bound = highs.getInfo().mip_dual_bound if self.model.integer.any() else -math.inf
        status = highs.getModelStatus().name
        self.answer = _Answer(
            status, np.array(solution.col_value), np.array(solution.row_dual), bound
        )
        if status == "kOptimal":
            return pulp.LpStatusOptimal, pulp.LpSolutionOptimal
        return pulp.LpStatusNotSolved, pulp.LpSolutionNoSolutionFound

    def actualResolve(self, lp: Any, **_: Any) -> int:  # noqa: N802 - PuLP's name
        """Run again from where the last run ended, after changes through ``lp.solverModel``."""
        self.callSolver(lp)
        status, sol_status = self.findSolutionValues(lp)
        lp.assignStatus(status, sol_status)
        return status


class LiveModel:
    """A model that stays in HiGHS, so that changing bounds, sides or costs is cheap.

    A continuous model solves again from its last basis: 30 points of a front cost about as much
    as one fresh solve. Integer models start afresh each time.
    """

    def __init__(self, model: LinearModel) -> None:
        """Raises pulp.PulpSolverError when HiGHS is not installed."""
        self.model = replace(
            model,
            cost=model.cost.copy(),
            lower=model.lower.copy(),
            upper=model.upper.copy(),
            row_lower=model.row_lower.copy(),
            row_upper=model.row_upper.copy(),
        )
        self._problem = pulp.LpProblem(safe(model.name) or "model", pulp.LpMinimize)
        self._problem.resolveOK = True
        self._solver = ArrayHiGHS(self.model)
        self._problem.setSolver(self._solver)
        if not self._solver.available():
            raise pulp.PulpSolverError("HiGHS is not installed")
        self._built = False

    def set_rows(self, rows: ArrayLike, *, lower: ArrayLike, upper: ArrayLike) -> None:
        """New sides of some rows."""
        ids = np.atleast_1d(np.asarray(rows, np.int32)).reshape(-1)
        self.model.row_lower[ids] = np.broadcast_to(np.asarray(lower, float), ids.shape)
        self.model.row_upper[ids] = np.broadcast_to(np.asarray(upper, float), ids.shape)
        if self._built:
            highs = self._problem.solverModel
            for row in ids.tolist():
                highs.changeRowBounds(row, self.model.row_lower[row], self.model.row_upper[row])

    def set_columns(self, columns: ArrayLike, *, lower: ArrayLike, upper: ArrayLike) -> None:
        """New bounds of some columns."""
        ids = np.atleast_1d(np.asarray(columns, np.int32)).reshape(-1)
        self.model.lower[ids] = np.broadcast_to(np.asarray(lower, float), ids.shape)
        self.model.upper[ids] = np.broadcast_to(np.asarray(upper, float), ids.shape)
        self._send_bounds(ids, self.model.lower, self.model.upper)

    def set_cost(self, columns: ArrayLike, cost: ArrayLike) -> None:
        """New costs of some columns."""
        ids = np.atleast_1d(np.asarray(columns, np.int32)).reshape(-1)
        self.model.cost[ids] = np.broadcast_to(np.asarray(cost, float), ids.shape)
        self._send_cost()

    def solve(self, *, time_limit_s: float = TIME_LIMIT_S, gap: float = RELATIVE_GAP) -> Solution:
        """Solve the model as it stands. Raises pulp.PulpSolverError when HiGHS breaks."""
        start = time.perf_counter()
        impossible = contradiction(self.model)
        if impossible:
            return without_point(Status.INFEASIBLE, NAME, 0.0, impossible)
        if not self.model.width:
            return self._empty()

        def left() -> float:
            return max(0.01, time_limit_s - (time.perf_counter() - start))

        answer = self._run(left(), gap)
        if answer.status == "kUnboundedOrInfeasible":
            answer = self._without_presolve(left(), gap)
        if answer.status == "kOptimal" and self._better_scale(answer):
            answer = self._run(left(), gap)
        solution = self._judged(answer, gap, start)
        if (
            answer.status in ("kOptimal", "kUnknown")
            and solution.status is not Status.OPTIMAL
            and time.perf_counter() - start < time_limit_s
        ):
            tight = self._tightly(left(), gap, start)
            if tight.has_point and (
                not solution.has_point
                or tight.status is Status.OPTIMAL
                or (tight.objective or 0.0) < (solution.objective or 0.0)
            ):
                solution = tight
        return solution

    def _empty(self) -> Solution:
        """No columns: every row's sum is 0."""
        model = self.model
        none = np.empty(0)
        duals = np.zeros(model.height)
        return Solution(Status.OPTIMAL, NAME, model.offset, model.offset, none, duals, none, 0.0)

    def _run(
        self,
        time_limit_s: float,
        gap: float,
        *,
        relaxed: bool = False,
        options: Mapping[str, float] = MappingProxyType({}),
    ) -> _Answer:
        problem, solver = self._problem, self._solver
        if not self._built:
            solver.createAndConfigureSolver(problem)
            solver.buildSolverModel(problem)
            if self.model.width <= _SMALL_COLUMNS and self.model.integer.any():
                problem.solverModel.setOptionValue("mip_heuristic_run_feasibility_jump", False)
            self._built = True
        highs = problem.solverModel
        settings = {"mip_rel_gap": gap, "mip_abs_gap": 0.0, **options}
        # HiGHS counts the time of a continuous model from its first run, of others from this one.
        counted = 0.0 if self.model.integer.any() and not relaxed else highs.getRunTime()
        settings["time_limit"] = counted + time_limit_s
        for name, value in settings.items():
            highs.setOptionValue(name, value)
        problem.resolve()
        assert solver.answer is not None
        return solver.answer

    def _without_presolve(self, time_limit_s: float, gap: float) -> _Answer:
        """Presolve cannot tell unbounded from infeasible; without costs the difference shows."""
        highs = self._problem.solverModel
        everything = np.arange(self.model.width, dtype=np.int32)
        highs.changeColsCost(len(everything), everything, np.zeros(len(everything)))
        answer = self._run(time_limit_s, gap)
        self._send_cost()
        if answer.status == "kOptimal":
            return replace(answer, status="kUnbounded")
        return answer

    def _better_scale(self, answer: _Answer) -> bool:
        """Choose a cost scale by the objective found; true when it changed."""
        size = abs(float(self.model.cost @ answer.values)) * self._solver.scale
        if size == 0 or not math.isfinite(size) or _SIZES[0] <= size <= _SIZES[1]:
            return False
        self._solver.scale *= 2.0 ** round(math.log2(100 / size))
        self._send_cost()
        return True

    def _tightly(self, time_limit_s: float, gap: float, start: float) -> Solution:
        """Once more with the tightest tolerances, for models that the usual ones do not settle."""
        highs = self._problem.solverModel
        usual = {name: highs.getOptionValue(name)[1] for name in _TOLERANCES}
        answer = self._run(time_limit_s, gap, options=dict.fromkeys(_TOLERANCES, _TIGHT))
        for name, value in usual.items():
            highs.setOptionValue(name, value)
        return self._judged(answer, gap, start)

    def _judged(self, answer: _Answer, gap: float, start: float) -> Solution:
        """The status that the answer deserves, after its point and bound were checked."""
        model, scale = self.model, self._solver.scale
        seconds = time.perf_counter() - start
        if answer.status == "kInfeasible":
            return without_point(Status.INFEASIBLE, NAME, seconds)
        if answer.status == "kUnbounded":
            return without_point(Status.UNBOUNDED, NAME, seconds)
        proven = answer.bound / scale + model.offset if math.isfinite(answer.bound) else None
        if answer.status != "kOptimal" and answer.status not in _STOPPED:
            return without_point(Status.FAILED, NAME, seconds, _words(answer.status), proven)
        if len(answer.values) != model.width:
            message = "stopped before a first solution" if answer.status in _STOPPED else "no point"
            return without_point(Status.FAILED, NAME, seconds, message, proven)
        whole = bool(model.integer.any())
        values = snapped(model, answer.values)
        row_duals = answer.row_duals / scale
        if whole and violation(model, values) > 1:
            values = self._rest_for(values)
        if violation(model, values) > 1:
            message = "stopped before a first solution"
            if answer.status == "kOptimal":
                message = "the point found breaks a constraint"
            return without_point(Status.FAILED, NAME, seconds, message, proven)
        objective = model.objective(values)
        if not whole and len(row_duals) == model.height:
            bound = dual_bound(model, row_duals, values, _DUAL_TOLERANCE / scale)
            proven = bound if math.isfinite(bound) else None
        return verdict(
            model,
            NAME,
            answer.status == "kOptimal",
            values,
            proven,
            row_duals if not whole else np.empty(0),
            gap,
            # Rounding to integers within tolerance moves the objective by this much.
            float(np.abs(model.cost) @ np.abs(values - answer.values))
            if whole
            else 1e-9 * abs(objective),
            time.perf_counter() - start,
        )

    def _rest_for(self, values: Floats) -> Floats:
        """Continuous columns that go with rounded integers; the values as given if none do."""
        highs, model = self._problem.solverModel, self.model
        ids = np.flatnonzero(model.integer).astype(np.int32)
        kinds = highspy.HighsVarType
        for column in ids.tolist():
            highs.changeColIntegrality(column, kinds.kContinuous)
        self._send_bounds(ids, values, values)
        self._run(TIME_LIMIT_S, RELATIVE_GAP, relaxed=True)
        found = np.array(highs.getSolution().col_value)
        for column in ids.tolist():
            highs.changeColIntegrality(column, kinds.kInteger)
        self._send_bounds(ids, model.lower, model.upper)
        return snapped(model, found) if len(found) == model.width else values

    def _send_bounds(self, ids: Any, lower: Floats, upper: Floats) -> None:
        if self._built:
            self._problem.solverModel.changeColsBounds(len(ids), ids, lower[ids], upper[ids])

    def _send_cost(self) -> None:
        if self._built:
            everything = np.arange(self.model.width, dtype=np.int32)
            cost = self.model.cost * self._solver.scale
            self._problem.solverModel.changeColsCost(len(everything), everything, cost)


def _first_scale(model: LinearModel) -> float:
    """A power of two that brings the middle of the costs near 1."""
    sizes = np.abs(model.cost[model.cost != 0])
    return 2.0 ** -round(float(np.median(np.log2(sizes)))) if len(sizes) else 1.0


def _words(status: str) -> str:
    return {
        "kModelError": "the model is not valid",
        "kLoadError": "the model could not be read",
        "kSolveError": "the solver broke off",
        "kPresolveError": "the solver's presolve broke off",
        "kPostsolveError": "the solver's postsolve broke off",
    }.get(status, f"the solver ended with {status}")
