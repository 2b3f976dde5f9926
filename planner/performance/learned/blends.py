"""How much each member of a learner counts: weights that predict held-out groups best.

Weights are chosen on the members' cross-validated residuals, for accelerators that were fitted
(folds of model x accelerator pairs) and for unseen ones (accelerators left out). When a fold is
scored, its own rows have no say in the weights that it is scored with. The classes of a learner
count alike, as they do in the measure, however many rows each has.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product

import numpy as np
from numpy.typing import NDArray

from planner.performance.learned.columns import FloatArray
from planner.performance.learned.crossval import HeldOut
from planner.performance.learned.fitting_set import FittingSet, weights
from planner.performance.learned.learner import EVEN, MEMBERS, STEP_MODEL, Blend, blended, combine

_STEPS = 10  # combinations tried are multiples of a tenth: coarse on purpose
_AS_GOOD = 0.01  # combinations this close to the best are as good: their mean is less of a chance
_ENOUGH = 30  # rows; with fewer the members count alike
_GRID = (
    np.array(
        [
            (*parts, _STEPS - sum(parts))
            for parts in product(range(_STEPS + 1), repeat=MEMBERS - 1)
            if sum(parts) <= _STEPS
        ],
        dtype=np.float64,
    )
    / _STEPS
)
_LEARNED = _GRID[_GRID[:, STEP_MODEL] == 0]  # where the step model never speaks


class Chooser:
    """Chooses blends from two cross-validations, all rows or some of them."""

    def __init__(self, data: FittingSet, pairs: HeldOut, accelerators: HeldOut) -> None:
        self._weights = weights(data.groups)
        self._class = np.unique(np.array(data.table.classes), return_inverse=True)[1]
        usable = np.isfinite(data.target)
        self._familiar = _errors(data, pairs, usable & pairs.known)
        self._unseen = _errors(data, accelerators, usable & ~accelerators.known)

    def choose(self, rows: NDArray[np.bool_]) -> Mapping[str, Blend]:
        """The blend of every learner, from the rows marked only."""
        return {
            name: Blend(
                self._best(*self._familiar[name], rows), self._best(*self._unseen[name], rows)
            )
            for name in self._familiar
        }

    def _best(
        self, usable: NDArray[np.int64], errors: FloatArray, rows: NDArray[np.bool_]
    ) -> tuple[float, ...]:
        chosen = rows[usable]
        mine = usable[chosen]
        if len(mine) < _ENOUGH:
            return EVEN.familiar
        own = self._weights[mine]
        counted = own / np.bincount(self._class[mine], own)[self._class[mine]]
        total = counted @ errors[chosen]
        grid = _GRID if errors.shape[1] == len(_GRID) else _LEARNED
        return tuple(grid[total <= (1.0 + _AS_GOOD) * total.min()].mean(axis=0).tolist())


def _errors(
    data: FittingSet, held: HeldOut, usable: NDArray[np.bool_]
) -> Mapping[str, tuple[NDArray[np.int64], FloatArray]]:
    """By learner: its usable rows, and their absolute error (rows x combinations)."""
    target, found = data.target, {}
    usable = usable & np.isfinite(held.members[:STEP_MODEL]).all(axis=0)
    for name, features in data.features.items():
        rows = features.rows[usable[features.rows]]
        members = held.members[:, rows]
        grid = _GRID if np.isfinite(members[STEP_MODEL]).any() else _LEARNED
        errors = [np.abs(blended(members, one[:, None]) - target[rows]) for one in grid]
        found[name] = (rows, np.column_stack(errors))
    return found


def predict_held_out(
    data: FittingSet, held: HeldOut, chooser: Chooser
) -> tuple[FloatArray, FloatArray]:
    """Residual and disagreement of every row, each fold blended without its own rows' say."""
    residual, spread = np.full(len(data), np.nan), np.full(len(data), np.nan)
    for number in np.unique(held.fold).tolist():
        mine = held.fold == number
        blends = chooser.choose(~mine)
        for name, features in data.features.items():
            rows = features.rows[mine[features.rows]]
            residual[rows], spread[rows] = combine(
                held.members[:, rows], held.known[rows], blends[name]
            )
    return residual, spread
