"""Conformal intervals: quantiles of cross-validated errors by class and familiarity.

An error is log(measured / predicted) over (0.12 + disagreement of the members), so that rows on
which the members disagree get wider intervals. Vovk et al. 2005; Romano et al. 2019.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from catalog.records import dataclass
from planner.performance.learned.columns import FloatArray

PAIR, ACCELERATOR = "pair", "accelerator"  # what is new about a row: at least this
FLOOR = 0.12  # log units: what the disagreement of members can never show
LEVELS = (0.1, 0.9)
_POOLED_ROWS = 40.0  # a class counts fully only with many more rows than this
# Of n groups the conformal 90% tail is the ceil(0.9 (n + 1))th: it exists from 9 groups on. With
# fewer, groups are what is counted: rows of a group are no second opinion.
_TAIL_GROUPS = 9
_POOLED_GROUPS = 5.0


@dataclass(frozen=True, slots=True)
class Quantiles:
    """Low and high quantile of the scaled error by "class|familiarity"."""

    by_group: Mapping[str, tuple[float, float]]

    def bounds(
        self, classes: Sequence[str], familiarity: Sequence[str], spread: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Log offsets (low < 0 < high) of the bounds of value's throughput."""
        default = self.by_group[f"all|{ACCELERATOR}"]
        pairs = np.array(
            [
                self.by_group.get(f"{c}|{f}", default)
                for c, f in zip(classes, familiarity, strict=True)
            ]
        ).reshape(-1, 2)
        scale = FLOOR + spread
        # The median stays inside and the interval never collapses.
        low = np.fmin(pairs[:, 0], -0.15) * scale
        high = np.fmax(pairs[:, 1], 0.15) * scale
        return np.asarray(np.fmax(low, -4.0)), np.asarray(np.fmin(high, 4.0))


def calibrate(
    errors: FloatArray,
    spread: FloatArray,
    classes: NDArray[np.str_],
    groups: NDArray[np.str_],
    weights: FloatArray,
    familiarity: str,
    chosen: NDArray[np.bool_],
    levels: tuple[float, float] = LEVELS,
) -> dict[str, tuple[float, float]]:
    """Quantiles by class from the chosen rows, small classes drawn towards those of all rows."""
    scaled = errors / (FLOOR + spread)
    usable = chosen & np.isfinite(scaled)
    if not usable.any():
        return {}
    everything = _quantiles(
        scaled[usable], weights[usable], _outwards(levels, len(np.unique(groups[usable])))
    )
    found = {f"all|{familiarity}": everything}
    for name in np.unique(classes[usable]).tolist():
        rows = usable & (classes == name)
        distinct = len(np.unique(groups[rows]))
        own = _quantiles(scaled[rows], weights[rows], _outwards(levels, distinct))
        share = _own_share(int(rows.sum()), distinct)
        found[f"{name}|{familiarity}"] = (
            share * own[0] + (1 - share) * everything[0],
            share * own[1] + (1 - share) * everything[1],
        )
    return found


def _own_share(rows: int, groups: int) -> float:
    """How much a class's own quantiles count beside those of all classes."""
    if groups < _TAIL_GROUPS:
        return groups / (groups + _POOLED_GROUPS)
    return rows / (rows + _POOLED_ROWS)


def _outwards(levels: tuple[float, float], groups: int) -> tuple[float, float]:
    """Levels for few groups: rows of a group err alike, so that the range seen is too narrow.

    A quantile q of n becomes (1 + 1/n) q, as in split conformal prediction.
    """
    factor = 1.0 + 1.0 / groups
    low = 1.0 - factor * (1.0 - levels[0])
    return max(low, 0.0), min(factor * levels[1], 1.0)


def _quantiles(
    values: FloatArray, weights: FloatArray, levels: tuple[float, float]
) -> tuple[float, float]:
    order = np.argsort(values)
    total = np.cumsum(weights[order])
    total = total / total[-1]
    low, high = (
        float(values[order][min(int(np.searchsorted(total, level)), len(values) - 1)])
        for level in levels
    )
    return low, high
