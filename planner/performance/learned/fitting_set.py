"""What is fitted on: observations as the learners read them, weights, targets.

Rows weigh 1 / (rows of their source x model x accelerator group)^0.6, so that no publisher's long
table dominates. Each row enters a second time, at a quarter of the weight, with random cells
blanked: rows to be predicted often miss columns.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from catalog import Catalog
from planner.performance.learned.columns import FloatArray
from planner.performance.learned.features import LEARNERS, Features, build
from planner.performance.learned.table import Table, read_rows
from planner.performance.learned.text import positive

# Cells that a row to be predicted may lack.
OPTIONAL_CELLS = (
    "params_b", "framework", "precision", "accelerators", "nodes", "parallelism", "seq_len",
    "input_len", "output_len", "batch_global", "batch_per_device", "notes", "model_class",
    "img_size", "fwd_gmacs", "host_cpu",
)  # fmt: skip
_BLANK_SHARE = 0.15


@dataclass(frozen=True, slots=True)
class FittingSet:
    """Observations as the learners read them, and copies with random cells blanked."""

    table: Table
    values: FloatArray
    first_token: FloatArray  # seconds to the first token, NaN where not published
    groups: list[str]  # source x model x accelerator: the unit of the yardstick
    pairs: list[str]  # model x accelerator
    sources: list[str]
    features: Mapping[str, Features]
    blanked: Mapping[str, Features]

    def __len__(self) -> int:
        return len(self.values)

    @property
    def target(self) -> FloatArray:
        """log(measured / analytic) throughput of every row; NaN where it cannot be timed."""
        found = np.full(len(self), np.nan)
        for features in self.features.values():
            found[features.rows] = residuals(features, self.values)
        return found

    @property
    def sign(self) -> FloatArray:
        """1 where a row's value is a rate, -1 where it is a time."""
        found = np.ones(len(self))
        for features in self.features.values():
            found[features.rows] = features.sign
        return found

    @property
    def digest(self) -> str:
        """Of all that was measured: equal digests are the same data."""
        text = "\n".join(self.groups).encode()
        return hashlib.sha256(self.values.tobytes() + text).hexdigest()


def fitting_set(catalog: Catalog, rows: Sequence[Mapping[str, Any]] | None = None) -> FittingSet:
    """Read the catalog's observations, or ``rows`` in their place, each with a ``value`` > 0."""
    observations = catalog.rows("observations", "value > 0") if rows is None else rows
    table = read_rows(observations, catalog)
    draw = random.Random(5)
    thinned = [
        {
            name: None if name in OPTIONAL_CELLS and draw.random() < _BLANK_SHARE else value
            for name, value in row.items()
        }
        for row in observations
    ]
    other = read_rows(thinned, catalog, step_rates=False)
    return FittingSet(
        table=table,
        values=np.array([float(row["value"]) for row in observations]),
        first_token=np.array([positive(row, "ttft_ms") / 1000.0 for row in observations]),
        groups=[f"{row['source_id']}|{row['model']}|{row['accelerator']}" for row in observations],
        pairs=[f"{m}|{a}" for m, a in zip(table.models, table.accelerators, strict=True)],
        sources=[str(row["source_id"]) for row in observations],
        features={name: build(table, name) for name in LEARNERS},
        blanked={name: build(other, name) for name in LEARNERS},
    )


def residuals(features: Features, values: FloatArray) -> FloatArray:
    """log(measured / analytic) throughput of a learner's rows."""
    measured = features.sign * (np.log(values[features.rows]) - features.offset)
    return np.asarray(measured - features.log_analytic)


def weights(groups: Sequence[str]) -> FloatArray:
    """Row weights that let every group count nearly alike; 1 in the mean."""
    _, position, counts = np.unique(np.array(groups), return_inverse=True, return_counts=True)
    raw = counts[position] ** -0.6
    return np.asarray(raw / raw.mean())
