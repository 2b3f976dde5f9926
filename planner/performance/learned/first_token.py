"""Time to the first token under load: a regression on what a serving system is busy with.

Measured with a fixed number of requests in flight (a new one enters as one ends): prompts queue
for a place between decode steps, so that the first token comes several prefills late even where
the device is not full. log(seconds) is linear in the logs of requests per replica, prompt, output,
prefill and decode step; inputs are held inside the range that was fitted.
"""

from __future__ import annotations

import numpy as np

from catalog.records import dataclass
from planner.performance.learned.columns import Columns, FloatArray

_RIDGE = 1.0  # against collinear logs; the rows fitted on are thousands
LEAST_ROWS = 100


@dataclass(frozen=True, slots=True)
class FirstToken:
    """``weights`` of intercept and inputs; bounds of the inputs; ``log_sd`` of the errors."""

    weights: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    log_sd: float

    def seconds(self, parts: Columns, residual: FloatArray) -> FloatArray:
        """Median time to the first token; never less than the prefill itself."""
        held = np.clip(inputs(parts, residual), np.array(self.low), np.array(self.high))
        found = np.exp(self.weights[0] + held @ np.array(self.weights[1:]))
        return np.asarray(np.fmax(found, parts["prefill"] * np.exp(-residual)))


def inputs(parts: Columns, residual: FloatArray) -> FloatArray:
    """Logs of the regression's inputs, shape (rows, 5); times slowed by what was learnt."""
    slower = np.exp(-residual)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.column_stack(
            [
                np.log(np.fmin(parts["requests_per_replica"], 4096.0)),
                np.log(np.fmax(parts["prompt"], 1.0)),
                np.log(np.fmax(parts["output"], 1.0)),
                np.log(np.fmax(parts["prefill"] * slower, 1e-6)),
                np.log(parts["step"] * slower),
            ]
        )


def fit_first_token(parts: Columns, residual: FloatArray, seconds: FloatArray) -> FirstToken | None:
    """Fit to measured times to the first token, NaN where unknown; None with too few."""
    usable = np.isfinite(seconds) & (seconds > 0) & (parts["prompt"] > 1)
    if usable.sum() < LEAST_ROWS:
        return None
    x, y = inputs(parts, residual)[usable], np.log(seconds[usable])
    centre = x.mean(axis=0)
    moved = x - centre
    slopes = np.linalg.solve(
        moved.T @ moved + _RIDGE * np.eye(x.shape[1]), moved.T @ (y - y.mean())
    )
    intercept = float(y.mean() - centre @ slopes)
    errors = y - intercept - x @ slopes
    return FirstToken(
        (intercept, *slopes.tolist()),
        tuple(x.min(axis=0).tolist()),
        tuple(x.max(axis=0).tolist()),
        float(errors.std()),
    )
