"""Predictions for observation-like rows, in each row's own metric, with 80% intervals."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from catalog import Catalog
from planner.performance.learned.artefact import Artefact, current
from planner.performance.learned.columns import Columns
from planner.performance.learned.evaluation import ANALYTIC, evaluate
from planner.performance.learned.table import read_rows
from planner.performance.learned.text import cell

METRICS = frozenset(
    (
        "tokens_per_s_per_device", "samples_per_s_per_device", "images_per_s_per_device",
        "ms_per_inference", "ms_per_step", "mfu",
    )
)  # fmt: skip


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
    fitted = artefact or current()
    table = read_rows(rows, catalog)
    found = [RowPrediction(None, None, None, ANALYTIC, False, reason) for reason in table.reasons]
    for part in evaluate(table, fitted):
        sign, middle = part.features.sign, part.features.offset.copy()
        middle += sign * part.log_throughput
        low = np.where(sign > 0, part.low, -part.high)
        high = np.where(sign > 0, part.high, -part.low)
        bounded = np.clip(np.stack([middle, middle + low, middle + high]), -60.0, 60.0)
        for place, row in enumerate(part.features.rows.tolist()):
            metric = cell(rows[row], "metric").lower()
            if metric not in METRICS:
                known_metrics = ", ".join(sorted(METRICS))
                reason = f"unknown metric {metric or '(empty)'!r}: use one of {known_metrics}"
                found[row] = RowPrediction(None, None, None, ANALYTIC, False, reason)
            elif not math.isfinite(middle[place]):
                reason = "too little is known of the model or device: give params_b or fwd_gmacs"
                found[row] = RowPrediction(None, None, None, ANALYTIC, False, reason)
            else:
                median, p10, p90 = np.exp(bounded[:, place]).tolist()
                reason = _shortfall(table.columns, row)
                found[row] = RowPrediction(median, p10, p90, part.basis[place], not reason, reason)
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
