"""Grouped cross-validation: what the model predicts for groups it has never seen.

The measure: by class, the mean over source x model x accelerator groups of the group's median
absolute percentage error, each group capped at 100%; a refusal counts as 100%.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from catalog import Catalog
from planner.performance.learned.columns import FloatArray
from planner.performance.learned.fit import (
    FOLDS,
    FittingSet,
    fitting_set,
    folds,
    held_out,
    log_errors,
    weights,
)
from planner.performance.learned.intervals import Quantiles, calibrate

SCHEMES = ("pair", "accelerator", "source")


@dataclass(frozen=True, slots=True)
class ClassScore:
    """Errors are shares (0.2 = 20%); ``bias`` is the median log(predicted / measured) of groups."""

    name: str
    rows: int
    groups: int
    error: float
    median_abs_log: float
    bias: float
    coverage: float


@dataclass(frozen=True, slots=True)
class Report:
    scheme: str
    scores: tuple[ClassScore, ...]
    refused: int

    @property
    def mean_error(self) -> float:
        """Mean over classes of the measure."""
        return float(np.mean([score.error for score in self.scores]))

    def text(self) -> str:
        """The table as Markdown."""
        lines = [
            f"Leave out {self.scheme}: mean over classes {self.mean_error:.1%}, "
            f"{self.refused} rows refused",
            "",
            "| class | rows | groups | error | median abs ln | bias | 80% interval covers |",
            "|---|---|---|---|---|---|---|",
        ]
        lines += [
            f"| {s.name} | {s.rows} | {s.groups} | {s.error:.1%} | {s.median_abs_log:.3f} "
            f"| {s.bias:+.3f} | {s.coverage:.0%} |"
            for s in self.scores
        ]
        return "\n".join(lines)


def validate(catalog: Catalog, scheme: str, data: FittingSet | None = None) -> Report:
    """Cross-validate by whole groups; ``scheme`` is one of ``SCHEMES``. Takes minutes."""
    rows = data or fitting_set(catalog)
    keys = {"pair": rows.pairs, "accelerator": rows.table.accelerators, "source": rows.sources}[
        scheme
    ]
    count = FOLDS if scheme == "pair" else len(set(keys))
    predicted, spread = held_out(rows, keys, count)
    covered = _coverage(
        rows, keys, count, predicted, spread, "pair" if scheme == "pair" else "accelerator"
    )
    return _report(scheme, rows, predicted, covered)


def _coverage(
    data: FittingSet,
    keys: Sequence[str],
    count: int,
    predicted: FloatArray,
    spread: FloatArray,
    familiarity: str,
) -> NDArray[np.bool_]:
    """Whether each interval holds, its quantiles calibrated on the other folds' errors."""
    errors = log_errors(data, predicted)
    row_weights = weights(data.groups)
    fold = folds(keys, count)
    classes = np.array(data.table.classes)
    covered = np.zeros(len(errors), dtype=np.bool_)
    for number in range(count):
        held = fold == number
        found = calibrate(
            errors[~held], spread[~held], classes[~held].tolist(), row_weights[~held], familiarity
        )
        quantiles = Quantiles({"all|accelerator": found[f"all|{familiarity}"], **found})
        size = int(held.sum())
        low, high = quantiles.bounds(classes[held].tolist(), [familiarity] * size, spread[held])
        covered[held] = (errors[held] >= low) & (errors[held] <= high)
    return covered


def _report(
    scheme: str, data: FittingSet, predicted: FloatArray, covered: NDArray[np.bool_]
) -> Report:
    classes, groups = np.array(data.table.classes), np.array(data.groups)
    log_ratio = predicted - np.log(data.values)
    share = np.where(np.isfinite(log_ratio), np.abs(np.expm1(log_ratio)), 1.0)
    scores = []
    for name in sorted(set(data.table.classes)):
        mine = np.flatnonzero(classes == name)
        _, position = np.unique(groups[mine], return_inverse=True)
        members = [mine[position == group] for group in range(int(position.max()) + 1)]
        logs = [float(np.nanmedian(log_ratio[rows])) for rows in members]
        scores.append(
            ClassScore(
                name=name,
                rows=len(mine),
                groups=len(members),
                error=float(np.mean([min(1.0, float(np.median(share[rows]))) for rows in members])),
                median_abs_log=float(np.nanmedian(np.abs(logs))),
                bias=float(np.nanmedian(logs)),
                coverage=float(np.mean(covered[mine])),
            )
        )
    refused = sum(not math.isfinite(value) for value in predicted)
    return Report(scheme, tuple(scores), refused)
