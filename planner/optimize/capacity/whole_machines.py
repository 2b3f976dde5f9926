"""Prices plans where the machines in use are whole too (``integer: all``).

Each class of periods is a small integer program of its own. Fractions rounded up are a first
answer wherever they keep the limits; classes are then solved in the order of what rounding may
have cost them, while time lasts. A solution of one serves others too where it is cheaper. What is
left rounded is a valid plan, dearer than need be: the bound, which comes from elsewhere, says by
how much at most.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from planner.optimize.capacity.recourse import Priced, Recourse
from planner.optimize.solver import ModelBuilder, Status, live

if TYPE_CHECKING:
    from planner.optimize.solver.highs import LiveModel

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

_WHOLE = 1e-7
_SAME = 1e-9
# Machines added to a rounded period at most.
_MOST_FILLED = 40


class WholeRecourse(Recourse):
    """As ``Recourse``, with whole machines. A ``region`` is one vector of machines in use."""

    def price(self, plan: Floats, *, until: float = np.inf) -> Priced | None:
        relaxed = super().price(plan, until=until)
        if relaxed is None:
            return None
        rhs = self.rhs - self.program.t @ plan
        counted = np.array([u.offer >= 0 for u in self.program.uses], bool)
        shortfall = relaxed.shortfall.copy()
        lacks: Flags = np.asarray(shortfall.any(axis=1), bool)
        use = self._rounded(relaxed.use, rhs, counted)
        cost = np.einsum("ij,ij->i", use, self.prices)
        cost[lacks] = relaxed.usd_per_hour[lacks]
        keeps = (use @ self.program.g.T >= rhs - self._room(rhs)).all(axis=1)
        cost[~keeps & ~lacks] = np.inf
        lost = (cost - relaxed.usd_per_hour) * self.classes.count
        left = np.flatnonzero((lost > _SAME * (1 + relaxed.usd_per_hour)) & ~lacks)
        left = left[np.argsort(-lost[left], kind="stable")]
        model = self._model(counted)
        # Half of the time is for this plan, unless rounding breaks a limit somewhere.
        soft = time.perf_counter() + max(until - time.perf_counter(), 0.0) / 2
        for pick in left.tolist():
            now = time.perf_counter()
            if now > until:
                break
            if np.isfinite(cost[pick]) and (
                now > soft or cost[pick] <= relaxed.usd_per_hour[pick] * (1 + _SAME)
            ):
                continue
            model.set_rows(np.arange(len(rhs[0])), lower=rhs[pick], upper=np.inf)
            model.set_cost(np.arange(len(counted)), self.prices[pick] / self.scale)
            solution = model.solve(gap=1e-9, time_limit_s=min(max(until - now, 1.0), 10.0))
            if solution.has_point:
                self._adopt(solution.values, rhs, use, cost, lacks)
            elif solution.status is Status.INFEASIBLE:
                shortfall[pick], cost[pick] = self._lacking(pick), relaxed.usd_per_hour[pick]
                lacks[pick] = True
        if not np.isfinite(cost).all():
            return None
        _, region = np.unique(np.round(use, 6), axis=0, return_inverse=True)
        region = region.reshape(-1).astype(np.intp)
        return Priced(use, cost, region, shortfall, relaxed.duals)

    def _rounded(self, relaxed: Floats, rhs: Floats, counted: Flags) -> Floats:
        """Rounded down, then filled up machine by machine, the cheapest for what is missing.

        Classes whose limits leave no room for another machine stay short.
        """
        g, uses = self.program.g, self.program.uses
        near = np.floor(relaxed + _WHOLE * np.maximum(relaxed, 1.0))
        use = np.where(counted, near, relaxed)
        rows = {workload: row for row, workload in self._demand_rows}
        limits = np.array([row not in rows.values() for row in range(len(g))], bool)
        for _ in range(_MOST_FILLED):
            slack = use @ g.T - rhs
            short = np.flatnonzero((slack < -self._room(rhs))[:, list(rows.values())].any(axis=1))
            if not len(short):
                break
            best, chosen = np.full(len(short), np.inf), np.full(len(short), -1)
            for column, one in enumerate(uses):
                if not counted[column]:
                    continue
                row = rows[one.workload]
                missing = np.maximum(-slack[short, row], 0.0)
                fits = (
                    slack[short][:, limits] + g[limits, column]
                    >= -self._room(rhs[short])[:, limits]
                )
                covers = np.minimum(missing, g[row, column])
                with np.errstate(divide="ignore", invalid="ignore"):
                    unit = np.where(covers > 0, self.prices[short, column] / covers, np.inf)
                unit = np.where(fits.all(axis=1), unit, np.inf)
                better = unit < best
                best[better], chosen[better] = unit[better], column
            able = chosen >= 0
            if not able.any():
                break
            use[short[able], chosen[able]] += 1.0
        return use

    def _adopt(self, point: Floats, rhs: Floats, use: Floats, cost: Floats, lacks: Flags) -> None:
        """Give a solution to every class that it serves for less than what it has."""
        price = self.prices @ point
        better = np.flatnonzero((price < cost) & ~lacks)
        served = self.program.g @ point >= rhs[better] - self._room(rhs[better])
        taken = better[served.all(axis=1)]
        use[taken], cost[taken] = point, price[taken]

    def _room(self, rhs: Floats) -> Floats:
        return 1e-9 * (1 + np.abs(rhs))

    def _lacking(self, pick: int) -> Floats:
        """Whole machines do not suffice where fractions would: a token lack marks the period."""
        lack = np.zeros(self.classes.demand.shape[1])
        lack[int(np.argmax(self.classes.demand[pick]))] = 1e-3 * float(self._peak.max())
        return lack

    def _model(self, counted: NDArray[np.bool_]) -> LiveModel:
        g = self.program.g
        builder = ModelBuilder("period")
        columns = builder.add_columns("use", g.shape[1], integer=counted)
        rows, cols = np.nonzero(g)
        builder.add_rows("row", g.shape[0], [(rows, columns[cols], g[rows, cols])], lower=0.0)
        return live(builder.build())
