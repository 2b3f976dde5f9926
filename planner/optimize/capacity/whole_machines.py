"""Prices plans where the machines in use are whole too (``integer: all``).

Each class of periods is a small integer program of its own. Two things keep their number low: a
continuous optimum that happens to be whole needs none, and a solution of one period that costs no
more than another's continuous bound solves that one too.
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
Ints = NDArray[np.intp]

_WHOLE = 1e-7
_SAME = 1e-9


class WholeRecourse(Recourse):
    """As ``Recourse``, with whole machines. A ``region`` is one vector of machines in use."""

    def price(self, plan: Floats, *, until: float = np.inf) -> Priced | None:
        relaxed = super().price(plan, until=until)
        if relaxed is None:
            return None
        rhs = self.rhs - self.program.t @ plan
        use, cost = relaxed.use.copy(), relaxed.usd_per_hour.copy()
        shortfall = relaxed.shortfall.copy()
        counted = np.array([u.offer >= 0 for u in self.program.uses], bool)
        off = np.abs(use - np.round(use))[:, counted].max(axis=1, initial=0.0)
        left = np.flatnonzero((off > _WHOLE) & ~shortfall.any(axis=1))
        use[off <= _WHOLE] = np.where(counted, np.round(use), use)[off <= _WHOLE]
        model = self._model(counted)
        # From the highest demand down: a solution for much often serves for a little less.
        left = left[np.argsort(-self.classes.demand[left].sum(axis=1), kind="stable")]
        while len(left):
            if time.perf_counter() > until:
                return None
            pick = int(left[0])
            model.set_rows(np.arange(len(rhs[0])), lower=rhs[pick], upper=np.inf)
            model.set_cost(np.arange(len(counted)), self.prices[pick] / self.scale)
            solution = model.solve(
                gap=1e-9, time_limit_s=min(max(until - time.perf_counter(), 1), 10)
            )
            if not solution.has_point:
                if solution.status is not Status.INFEASIBLE:
                    return None
                shortfall[pick] = self._lacking(pick)
                left = left[1:]
                continue
            point = solution.values
            use[pick], cost[pick] = point, float(self.prices[pick] @ point)
            left = left[1:]
            if len(left):
                # ``left`` holds lower demands: those that this point serves at their own bound.
                serves = (self.program.g @ point >= rhs[left] - 1e-9).all(axis=1)
                price = self.prices[left] @ point
                best = price <= relaxed.usd_per_hour[left] * (1 + _SAME) + 1e-12
                taken = left[serves & best]
                use[taken], cost[taken] = point, price[serves & best]
                left = left[~(serves & best)]
        _, region = np.unique(np.round(use, 6), axis=0, return_inverse=True)
        return Priced(use, cost, region.reshape(-1).astype(np.intp), shortfall, relaxed.duals)

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
