"""How much each member of a learner counts: weights that predict held-out groups best.

Weights are chosen on the members' cross-validated residuals, for accelerators that were fitted
(folds of model x accelerator pairs) and for unseen ones (accelerators left out). When a fold is
scored, its own rows have no say in the weights that it is scored with.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product

import numpy as np
from numpy.typing import NDArray

from planner.performance.learned.columns import FloatArray
from planner.performance.learned.crossval import HeldOut
from planner.performance.learned.fitting_set import FittingSet, weights
from planner.performance.learned.learner import EVEN, MEMBERS, Blend, combine

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


class Chooser:
    """Chooses blends from two cross-validations, all rows or some of them."""

    def __init__(self, data: FittingSet, pairs: HeldOut, accelerators: HeldOut) -> None:
        target = data.target
        self._weights = weights(data.groups)
        self._features = data.features
        # Weighted absolute error of each combination (columns) on each row, computed once.
        self._familiar, self._unseen = (
            np.abs(_GRID @ np.nan_to_num(held.members) - target).T * self._weights[:, None]
            for held in (pairs, accelerators)
        )
        usable = np.isfinite(target)
        self._is_familiar = usable & pairs.known & np.isfinite(pairs.members).all(axis=0)
        self._is_unseen = usable & ~accelerators.known
        self._is_unseen &= np.isfinite(accelerators.members).all(axis=0)

    def choose(self, rows: NDArray[np.bool_]) -> Mapping[str, Blend]:
        """The blend of every learner, from the rows marked only."""
        found = {}
        for name, features in self._features.items():
            mine = features.rows[rows[features.rows]]
            found[name] = Blend(
                self._best(self._familiar, mine[self._is_familiar[mine]]),
                self._best(self._unseen, mine[self._is_unseen[mine]]),
            )
        return found

    @staticmethod
    def _best(errors: FloatArray, rows: NDArray[np.int64]) -> tuple[float, ...]:
        if len(rows) < _ENOUGH:
            return EVEN.familiar
        total = errors[rows].sum(axis=0)
        return tuple(_GRID[total <= (1.0 + _AS_GOOD) * total.min()].mean(axis=0).tolist())


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
