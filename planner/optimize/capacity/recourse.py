"""What a plan costs in every period, exactly, without a linear program for each.

With commitments fixed, a period is a small linear program whose right-hand side alone depends on
demand. An optimal basis B of one period is optimal for every other in which ``B^-1 h`` stays
non-negative (and, where prices differ, in which its reduced costs do), so one solve prices all
periods of its region at once: multiparametric programming, Gal & Nedoma (1972).

The bases also say how to refine a partition: periods of one group that share a basis lose nothing
by being averaged (Song & Luedtke, An adaptive partition-based approach for solving two-stage
stochastic programs with fixed recourse, SIAM J. Optim. 25(3), 2015).

HiGHS is called directly here, since PuLP knows no bases.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import highspy
import numpy as np
from numpy.typing import NDArray

from planner.optimize.capacity.fleet import Classes
from planner.optimize.capacity.formulation import Program

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Flags = NDArray[np.bool_]

# Unserved demand costs this many times the dearest unit: never chosen where anything else serves.
_SHORTFALL_PRICE = 1e3
_PRIMAL = 1e-9
_DUAL = 1e-9
# Share of a period's cost that the solver's tolerance may hide, and how often to look closer.
_PRECISION = 1e-8
_SCALES = 12
# Share of a workload's peak below which a shortfall is rounding.
SHORTFALL_TOLERANCE = 1e-6
# Bases kept from one plan to the next.
_MOST_BASES = 400


@dataclass(frozen=True)
class Priced:
    """A plan on every class of periods.

    ``use`` (C, uses) machines; ``usd_per_hour`` (C,) of use alone; ``region`` (C,) numbers the
    basis; ``shortfall`` (C, W) units that limits leave unserved although they must be served;
    ``duals`` (C, rows) USD per hour and unit of each row, of the continuous program; without
    columns where all classes have the same prices, whose cuts nobody asks for.
    """

    use: Floats
    usd_per_hour: Floats
    region: Ints
    shortfall: Floats
    duals: Floats

    @property
    def is_feasible(self) -> bool:
        return not self.shortfall.any()


class Recourse:
    """Prices plans of one program on one set of classes."""

    def __init__(self, program: Program, classes: Classes) -> None:
        self.program, self.classes = program, classes
        self.prices = program.use_prices(classes.on_demand, classes.spot)
        self.rhs = program.rhs(classes.demand, classes.held)
        self.varying = bool(np.ptp(self.prices, axis=0).any()) if len(classes) else False
        self._demand_rows = [
            (row, int(name.rsplit("_", 1)[1]))
            for row, name in enumerate(program.row_names)
            if name.startswith("demand_")
        ]
        self._peak = classes.demand.max(axis=0) if len(classes) else np.zeros(0)
        self._g, self._elastic = self._with_elastic()
        served = np.array([use.serves for use in program.uses])
        highest = float((self.prices / served).max(initial=0.0)) if len(served) else 0.0
        self.scale = highest or 1.0
        self._shortfall_usd = _SHORTFALL_PRICE
        self._bases: dict[tuple[float, float], list[_Basis]] = {}
        self._numbered = -1
        self._scaled: tuple[tuple[float, float], Floats] | None = None

    def _with_elastic(self) -> tuple[Floats, list[int]]:
        """Columns of unserved demand beside the uses, in shares of each workload's peak."""
        elastic = np.zeros((len(self.program.row_names), len(self._demand_rows)))
        for column, (row, _) in enumerate(self._demand_rows):
            elastic[row, column] = 1.0
        width = len(self.program.uses)
        columns = list(range(width, width + len(self._demand_rows)))
        return np.hstack([self.program.g, elastic]), columns

    def _costs(self, scale: float) -> Floats:
        """Scaled costs of all columns, shape (C, uses + elastic): the same plan after plan."""
        key = (scale, self._shortfall_usd)
        if self._scaled is None or self._scaled[0] != key:
            self._scaled = key, self._costs_at(scale)
        return self._scaled[1]

    def _costs_at(self, scale: float) -> Floats:
        peaks = np.array([self._peak[workload] for _, workload in self._demand_rows])
        usd = peaks * self._shortfall_usd * (self.scale / scale)
        return np.hstack([self.prices / scale, np.tile(usd, (len(self.prices), 1))])

    def price(self, plan: Floats, *, until: float = np.inf) -> Priced | None:
        """Cheapest use of the plan ``z`` (stage1,) in each class; None when time runs out.

        ``until`` is a reading of ``time.perf_counter``.
        """
        priced = self._price(plan, until)
        for _ in range(3):
            if priced is None or priced.is_feasible or not self._could_serve(plan, priced):
                break
            self._shortfall_usd *= 1e3
            priced = self._price(plan, until)
        return priced

    def _could_serve(self, plan: Floats, priced: Priced) -> bool:
        """Whether the worst period could be served after all: its shortfall was too cheap."""
        worst = int(np.argmax((priced.shortfall / np.maximum(self._peak, 1e-300)).max(axis=1)))
        cost = np.zeros(self._g.shape[1])
        cost[self._elastic] = 1.0
        rhs = self.rhs[worst] - self.program.t @ plan
        point, _, _ = _SmallLp(self._g, cost, rhs).solve(cost, rhs)
        return bool(point[self._elastic].sum() <= SHORTFALL_TOLERANCE)

    def _price(self, plan: Floats, until: float) -> Priced | None:
        rhs = self.rhs - self.program.t @ plan
        count, width = len(rhs), len(self.program.uses)
        if not len(self.program.row_names):
            nothing = np.zeros(count)
            return Priced(
                np.zeros((count, width)),
                nothing,
                np.zeros(count, np.intp),
                np.zeros((count, len(self.program.fleet.workloads))),
                np.zeros((count, 0)),
            )
        solution = np.zeros((count, self._g.shape[1]))
        duals = np.zeros((count, rhs.shape[1] if self.varying else 0))
        found = _Found(solution, np.full(count, -1, np.intp), duals, self.scale)
        left = np.arange(count)
        for _ in range(_SCALES):
            if not self._solve(left, rhs, found, until):
                return None
            left, found.scale = self._imprecise(left, found.scale, solution)
            if not len(left):
                break
        use = np.maximum(solution[:, :width], 0.0)
        shortfall = np.zeros((count, len(self.program.fleet.workloads)))
        for column, (_, workload) in zip(self._elastic, self._demand_rows, strict=True):
            share = solution[:, column]
            share = np.where(share > SHORTFALL_TOLERANCE, share, 0.0)
            shortfall[:, workload] = share * self._peak[workload]
        cost = np.einsum("ij,ij->i", use, self.prices)
        return Priced(use, cost, found.region, shortfall, found.duals)

    def _solve(self, left: Ints, rhs: Floats, found: _Found, until: float) -> bool:
        """Solve the classes ``left`` into ``found``; False when out of time."""
        costs = self._costs(found.scale)
        need = _Need.of(rhs)
        key = (found.scale, self._shortfall_usd)
        bases = self._bases.setdefault(key, [])
        # A basis that was optimal under another plan often is under this one.
        for known in bases:
            if not len(left):
                return True
            left = self._spread(known, need, costs, found, left)
        if not len(left):
            return True
        solver = _SmallLp(self._g, costs[0], rhs[0])
        identity = np.eye(len(rhs[0]))
        while len(left):
            if time.perf_counter() > until:
                return False
            pick = left[len(left) // 2]
            point, columns, rows = solver.solve(costs[pick], rhs[pick])
            self._numbered += 1
            known_basis = _inverted(np.hstack([self._g[:, columns], -identity[:, rows]]))
            found.solution[pick], found.region[pick] = point, self._numbered
            found.duals[pick] = 0.0
            left = left[left != pick]
            if known_basis is not None:
                unasked = np.zeros(len(rhs), np.int8)
                known = _Basis(known_basis, columns, self._numbered, unasked)
                if self.varying:
                    found.duals[pick] = known.duals_for(costs, pick[None])[0] * found.scale
                if len(bases) < _MOST_BASES:
                    bases.append(known)
                left = self._spread(known, need, costs, found, left)
        return True

    def _imprecise(self, left: Ints, scale: float, solution: Floats) -> tuple[Ints, float]:
        """Classes whose cost is small against the solver's tolerance, and a scale that fits them.

        Reduced costs are right to within a tolerance of the scale; among prices of 1e-6 and 1e6
        that hides which of the cheap machines is cheapest.
        """
        width = len(self.program.uses)
        of_left, prices = solution, self.prices
        if len(left) < len(solution):
            of_left, prices = solution[left], self.prices[left]
        use = np.maximum(of_left[:, :width], 0.0)
        cost = np.einsum("ij,ij->i", use, prices)
        machines = use @ np.ones(width)
        lacks = np.zeros(len(left), bool)
        for column in self._elastic:
            lacks |= of_left[:, column] > SHORTFALL_TOLERANCE
        small = (cost > 0) & ~lacks & (_DUAL * scale * machines > _PRECISION * cost)
        if not small.any():
            return left[:0], scale
        finer = float(np.max(cost[small] / machines[small]))
        return left[small], min(finer, scale / 10)

    def _spread(self, known: _Basis, need: _Need, costs: Floats, found: _Found, left: Ints) -> Ints:
        """Give the basis to every class in which it is optimal; return the others."""
        basic = known.inverse @ need.rhs.take(left, axis=1)
        optimal: Flags = np.asarray((basic >= -need.room[left]).all(axis=0))
        if self.varying and optimal.any():
            optimal &= self._prices_fit(known, costs, left, optimal)
        taken = left[optimal]
        columns = np.flatnonzero(known.columns)
        fresh = np.zeros((len(taken), found.solution.shape[1]))
        fresh[:, columns] = np.maximum(basic[: len(columns)].compress(optimal, axis=1), 0.0).T
        found.solution[taken] = fresh
        found.region[taken] = known.number
        if self.varying:
            found.duals[taken] = known.duals_for(costs, taken) * found.scale
        rest: Ints = left[~optimal]
        return rest

    def _prices_fit(self, known: _Basis, costs: Floats, left: Ints, asked: Flags) -> Flags:
        """Whether no price makes the basis worse: said once for each basis and class."""
        unknown = left[asked & (known.fits[left] == 0)]
        if len(unknown):
            duals = known.duals_for(costs, unknown, clip=False)
            reduced = costs[unknown] - duals @ self._g
            fits = (duals >= -_DUAL).all(axis=1) & (reduced >= -_DUAL).all(axis=1)
            known.fits[unknown] = np.where(fits, 1, -1)
        return np.asarray(known.fits[left] == 1)


@dataclass
class _Basis:
    """An optimal basis of some class, and in which classes its prices fit (0: not asked yet)."""

    inverse: Floats
    columns: Flags
    number: int
    fits: NDArray[np.int8]

    def duals_for(self, costs: Floats, rows: Ints, *, clip: bool = True) -> Floats:
        """Marginal price of each row of the program, (len(rows), rows of the program)."""
        basic = np.zeros((len(rows), len(self.inverse)))
        basic[:, : int(self.columns.sum())] = costs[rows][:, self.columns]
        duals = basic @ self.inverse
        return np.maximum(duals, 0.0) if clip else duals


@dataclass(frozen=True)
class _Need:
    """What every class asks of a basis, one column a class: NumPy is quicker along long rows.

    ``room`` (C,) is how far below zero rounding may take a value.
    """

    rhs: Floats  # (rows, C)
    room: Floats

    @classmethod
    def of(cls, rhs: Floats) -> _Need:
        columns = np.ascontiguousarray(rhs.T)
        return cls(columns, _PRIMAL * (1 + np.abs(columns).max(axis=0)))


@dataclass
class _Found:
    """What is solved so far, one row a class."""

    solution: Floats
    region: Ints
    duals: Floats
    scale: float


def _inverted(basis: Floats) -> Floats | None:
    if basis.shape[0] != basis.shape[1]:
        return None
    try:
        inverse = np.linalg.inv(basis)
    except np.linalg.LinAlgError:
        return None
    return np.asarray(inverse, np.float64) if np.isfinite(inverse).all() else None


class _SmallLp:
    """``min c x, G x >= h, x >= 0`` kept in HiGHS; solves again from the last basis."""

    def __init__(self, g: Floats, cost: Floats, rhs: Floats) -> None:
        height, width = g.shape
        highs = highspy.Highs()
        for option, value in (("output_flag", False), ("log_to_console", False), ("threads", 1)):
            highs.setOptionValue(option, value)
        highs.setOptionValue("primal_feasibility_tolerance", 1e-9)
        highs.setOptionValue("dual_feasibility_tolerance", 1e-9)
        model = highspy.HighsLp()
        model.num_col_, model.num_row_ = width, height
        model.col_cost_ = cost
        model.col_lower_, model.col_upper_ = np.zeros(width), np.full(width, np.inf)
        model.row_lower_, model.row_upper_ = rhs, np.full(height, np.inf)
        rows, columns = np.nonzero(g)
        model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        starts = np.zeros(height + 1, np.int32)
        np.cumsum(np.bincount(rows, minlength=height), out=starts[1:])
        model.a_matrix_.start_ = starts
        model.a_matrix_.index_ = columns.astype(np.int32)
        model.a_matrix_.value_ = g[rows, columns]
        highs.passModel(model)
        self._highs, self._height, self._width = highs, height, width
        self._rows = np.arange(height, dtype=np.int32)
        self._columns = np.arange(width, dtype=np.int32)
        self._cost, self._rhs = cost.copy(), rhs.copy()

    def solve(self, cost: Floats, rhs: Floats) -> tuple[Floats, Flags, Flags]:
        """The optimum, and which columns and rows are basic. Raises RuntimeError on failure."""
        highs = self._highs
        if not np.array_equal(cost, self._cost):
            highs.changeColsCost(self._width, self._columns, cost)
            self._cost = cost.copy()
        for row in np.flatnonzero(rhs != self._rhs).tolist():
            highs.changeRowBounds(row, float(rhs[row]), highspy.kHighsInf)
        self._rhs = rhs.copy()
        highs.run()
        if highs.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            highs.clearSolver()  # a basis that leads nowhere: start afresh
            highs.run()
            if highs.getModelStatus() != highspy.HighsModelStatus.kOptimal:
                raise RuntimeError(f"a period's dispatch ended {highs.getModelStatus().name}")
        basis = highs.getBasis()
        basic = highspy.HighsBasisStatus.kBasic
        return (
            np.array(highs.getSolution().col_value),
            np.array([status == basic for status in basis.col_status], bool),
            np.array([status == basic for status in basis.row_status], bool),
        )
