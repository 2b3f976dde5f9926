"""From a table to log throughput with 80% intervals: what rows and set-ups share."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from catalog.records import dataclass
from planner.performance.learned.artefact import Artefact
from planner.performance.learned.columns import FloatArray
from planner.performance.learned.features import Features, build
from planner.performance.learned.intervals import ACCELERATOR, PAIR, Quantiles
from planner.performance.learned.table import Table

CALIBRATED, ANALYTIC = "calibrated", "analytic"
_UNSEEN_MODEL = 1.2  # assumption: a model unseen in fitting widens the interval by this factor


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Rows of one learner: log throughput of a device and log offsets (low < 0 < high) of its 80%
    interval. ``residual`` is log(predicted / analytic). NaN where too little is known.
    """

    features: Features
    residual: FloatArray
    low: FloatArray
    high: FloatArray
    familiar: NDArray[np.bool_]  # accelerator or model were among the fitted ones

    @property
    def log_throughput(self) -> FloatArray:
        return np.asarray(self.features.log_analytic + self.residual)

    @property
    def basis(self) -> list[str]:
        return [CALIBRATED if familiar else ANALYTIC for familiar in self.familiar.tolist()]


def evaluate(table: Table, artefact: Artefact) -> Iterator[Evaluation]:
    """One evaluation per learner that has rows in the table."""
    quantiles = Quantiles(artefact.quantiles)
    for name in artefact.learners:
        if name not in table.learners:
            continue
        learner = artefact.learners[name]
        features = build(table, name)
        rows = features.rows.tolist()
        models = [table.models[i] for i in rows]
        known = np.array([table.accelerators[i] in learner.accelerators for i in rows])
        seen = np.array([model in learner.models for model in models])
        residual, spread = learner.predict(features.matrix, models, known)
        low, high = quantiles.bounds(
            [table.classes[i] for i in rows],
            np.where(known, PAIR, ACCELERATOR).tolist(),
            spread,
        )
        wider = np.where(seen, 1.0, _UNSEEN_MODEL)
        yield Evaluation(features, residual, low * wider, high * wider, known | seen)
