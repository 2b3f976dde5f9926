"""The yardstick: by class, the mean over source x model x accelerator groups of the group's median
absolute percentage error, each group capped at 100%; a refusal counts as 100%.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from planner.performance.learned.columns import FloatArray
from planner.performance.learned.fitting_set import FittingSet
from planner.performance.learned.report import ClassScore, Report


def score(
    scheme: str, data: FittingSet, log_ratio: FloatArray, covered: NDArray[np.bool_]
) -> Report:
    """``log_ratio`` is log(predicted / measured) of each row's value, NaN where refused."""
    classes, groups = np.array(data.table.classes), np.array(data.groups)
    share = np.where(np.isfinite(log_ratio), np.abs(np.expm1(log_ratio)), 1.0)
    scores = []
    for name in sorted(set(data.table.classes)):
        mine = np.flatnonzero(classes == name)
        _, position = np.unique(groups[mine], return_inverse=True)
        members = [mine[position == group] for group in range(int(position.max()) + 1)]
        answered = [log_ratio[rows][np.isfinite(log_ratio[rows])] for rows in members]
        logs = np.array([np.median(part) for part in answered if len(part)])
        scores.append(
            ClassScore(
                name=name,
                rows=len(mine),
                groups=len(members),
                error=float(np.mean([min(1.0, float(np.median(share[rows]))) for rows in members])),
                median_abs_log=float(np.median(np.abs(logs))) if len(logs) else float("nan"),
                bias=float(np.median(logs)) if len(logs) else float("nan"),
                coverage=float(np.mean(covered[mine])),
            )
        )
    return Report(scheme, tuple(scores), int(np.sum(~np.isfinite(log_ratio))))
