"""Predictions for observation-like rows, in each row's own metric, with 80% intervals."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from catalog import Catalog
from planner.performance.learned.artefact import Artefact, shipped
from planner.performance.learned.features import build
from planner.performance.learned.intervals import Quantiles
from planner.performance.learned.table import Columns, read_rows
from planner.performance.learned.text import cell

METRICS = frozenset(
    (
        "tokens_per_s_per_device", "samples_per_s_per_device", "images_per_s_per_device",
        "ms_per_inference", "ms_per_step", "mfu",
    )
)  # fmt: skip
CALIBRATED, ANALYTIC = "calibrated", "analytic"


@dataclass(frozen=True, slots=True)
class RowPrediction:
    """Median and 80% interval in the row's metric; ``reason`` says why there is none.

    ``basis`` is ``calibrated`` where the accelerator or the model was among the fitted ones, else
    ``analytic`` (an own or published measurement of the very configuration is looked up elsewhere).
    ``feasible`` is False where the model cannot fit into the memory of the devices named.
    """

    predicted: float | None
    p10: float | None
    p90: float | None
    basis: str
    feasible: bool
    reason: str


def predict_rows(
    rows: Sequence[Mapping[str, object]], catalog: Catalog, artefact: Artefact | None = None
) -> list[RowPrediction]:
    """One prediction a row, in order. Never raises for what a row says; see ``reason``."""
    fitted = artefact or shipped()
    quantiles = Quantiles(fitted.quantiles)
    table = read_rows(rows, catalog)
    found = [RowPrediction(None, None, None, ANALYTIC, False, reason) for reason in table.reasons]
    if all(table.reasons):  # nothing readable: there are no columns to compute with
        return found
    for name, learner in fitted.learners.items():
        features = build(table, name)
        if not len(features.rows):
            continue
        models = [table.models[i] for i in features.rows]
        classes = [table.classes[i] for i in features.rows]
        known = np.array([table.accelerators[i] in learner.accelerators for i in features.rows])
        seen = np.array([model in learner.models for model in models])
        residual, spread = learner.predict(features.matrix, models, known)
        low, high = quantiles.bounds(
            classes, np.where(known, "pair", "accelerator").tolist(), spread
        )
        # A model unseen in fitting widens the interval; both unseen widen it more.
        wider = np.where(seen, 1.0, 1.2)
        low, high = low * wider, high * wider
        middle = features.offset + features.sign * (features.log_analytic + residual)
        for place, row in enumerate(features.rows):
            values = [
                math.exp(min(max(v, -60.0), 60.0))
                for v in (middle[place] + low[place], middle[place], middle[place] + high[place])
            ]
            metric = cell(rows[row], "metric").lower()
            if metric not in METRICS:
                known_metrics = ", ".join(sorted(METRICS))
                reason = f"unknown metric {metric or '(empty)'!r}: use one of {known_metrics}"
                found[row] = RowPrediction(None, None, None, ANALYTIC, False, reason)
            elif not math.isfinite(middle[place]):
                reason = "too little is known of the model or device: give params_b or fwd_gmacs"
                found[row] = RowPrediction(None, None, None, ANALYTIC, False, reason)
            else:
                basis = CALIBRATED if known[place] or seen[place] else ANALYTIC
                reason = _shortfall(table.columns, int(row))
                found[row] = RowPrediction(
                    values[1], values[0], values[2], basis, not reason, reason
                )
    return found


def _shortfall(columns: Columns, row: int) -> str:
    """Why the weights alone cannot fit, or nothing."""
    weights_gib = columns["params"][row] * 1e9 * columns["weight_bits"][row] / 8 / 2**30
    have = columns["memory"][row] * columns["devices"][row]
    if columns["edge"][row] > 0 or columns["kind_ASIC"][row] > 0 or not weights_gib > 1.1 * have:
        return ""
    return (
        f"weights of {weights_gib:.0f} GiB exceed {have:.0f} GiB of device memory; "
        "the figure assumes they stream from the host"
    )
