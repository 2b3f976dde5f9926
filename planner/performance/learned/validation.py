"""Cross-validation as a report: blends and intervals of a fold come from the other folds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from planner.performance.learned.blends import Chooser, predict_held_out
from planner.performance.learned.columns import FloatArray
from planner.performance.learned.crossval import SCHEMES, HeldOut, Progress, held_out
from planner.performance.learned.fitting_set import FittingSet, weights
from planner.performance.learned.intervals import (
    ACCELERATOR,
    LEVELS,
    PAIR,
    Quantiles,
    calibrate,
)
from planner.performance.learned.report import Report
from planner.performance.learned.scores import score


@dataclass(frozen=True, slots=True)
class Scheme:
    """One cross-validation: log(measured / predicted throughput) and the members' disagreement."""

    held: HeldOut
    errors: FloatArray
    spread: FloatArray


@dataclass(frozen=True, slots=True)
class Validation:
    """Cross-validations by name, with what was learnt from them."""

    data: FittingSet
    chooser: Chooser
    schemes: Mapping[str, Scheme]

    def intervals(
        self, rows: NDArray[np.bool_], levels: tuple[float, float] = LEVELS
    ) -> dict[str, tuple[float, float]]:
        """Quantiles from the held-out errors of the rows marked."""
        row_weights, classes = weights(self.data.groups), np.array(self.data.table.classes)
        groups = np.array(self.data.groups)
        pair, other = self.schemes[PAIR], self.schemes[ACCELERATOR]
        familiar = rows & pair.held.known
        return calibrate(
            pair.errors, pair.spread, classes, groups, row_weights, PAIR, familiar, levels
        ) | calibrate(
            other.errors, other.spread, classes, groups, row_weights, ACCELERATOR, rows, levels
        )

    def covered(self, name: str, levels: tuple[float, float] = LEVELS) -> NDArray[np.bool_]:
        """Whether each row's interval holds, each fold's made from the other folds' errors."""
        scheme = self.schemes[name]
        classes = np.array(self.data.table.classes)
        familiarity = np.where(scheme.held.known, PAIR, ACCELERATOR)
        found = np.zeros(len(self.data), dtype=np.bool_)
        for number in np.unique(scheme.held.fold).tolist():
            mine = scheme.held.fold == number
            low, high = Quantiles(self.intervals(~mine, levels)).bounds(
                classes[mine].tolist(), familiarity[mine].tolist(), scheme.spread[mine]
            )
            errors = scheme.errors[mine]
            found[mine] = (errors >= low) & (errors <= high)
        return found

    def log_ratio(self, name: str) -> FloatArray:
        """log(predicted / measured) of each row's own value."""
        return np.asarray(-self.data.sign * self.schemes[name].errors)

    def report(self, name: str) -> Report:
        """The scheme's table."""
        return score(name, self.data, self.log_ratio(name), self.covered(name))


def cross_validate(
    data: FittingSet,
    schemes: Sequence[str] = SCHEMES,
    jobs: int = 1,
    progress: Progress | None = None,
) -> Validation:
    """The schemes asked for; pairs and accelerators always, which choose blends and intervals."""
    found = {
        name: held_out(data, name, jobs, progress)
        for name in dict.fromkeys((PAIR, ACCELERATOR, *schemes))
    }
    chooser = Chooser(data, found[PAIR], found[ACCELERATOR])
    parts = {}
    for name, held in found.items():
        residual, spread = predict_held_out(data, held, chooser)
        parts[name] = Scheme(held, data.target - residual, spread)
    return Validation(data, chooser, parts)
