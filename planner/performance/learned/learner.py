"""One learner: two forests and a ridge on log(measured / analytic), blended by familiarity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from planner.performance.learned.columns import FloatArray
from planner.performance.learned.features import DEVICE_FEATURES
from planner.performance.learned.forest import Forest
from planner.performance.learned.linear import Linear

# Weights of (forest with device, forest without, ridge) for known and for unseen accelerators.
# Few and round on purpose: read off grouped cross-validation, not fitted to it.
BLENDS: Mapping[str, tuple[tuple[float, float, float], tuple[float, float, float]]] = {
    "language_training": ((0.35, 0.25, 0.40), (0.25, 0.25, 0.50)),
    "language_inference": ((0.60, 0.35, 0.05), (0.45, 0.45, 0.10)),
    "training": ((0.55, 0.40, 0.05), (0.45, 0.45, 0.10)),
    "inference": ((0.60, 0.40, 0.00), (0.10, 0.90, 0.00)),
}

# A handful of CPU measurements beside thousands on GPUs: what GPUs teach is not true of CPUs, so
# that the analytic core is corrected by this share only.
_CPU_LANGUAGE_TRUST = 0.25


@dataclass(frozen=True, slots=True)
class Learner:
    """``accelerators`` and ``models`` are the names seen in fitting (not their measurements)."""

    name: str
    features: tuple[str, ...]
    with_device: Forest
    without_device: Forest
    linear: Linear
    accelerators: frozenset[str]
    models: frozenset[str]

    def predict(
        self, matrix: FloatArray, models: Sequence[str], known: NDArray[np.bool_]
    ) -> tuple[FloatArray, FloatArray]:
        """Residual of each row, and the disagreement (standard deviation) of the three members.

        ``known`` marks rows whose accelerator was seen in fitting.
        """
        members = np.stack(
            [
                self.with_device.predict(matrix),
                self.without_device.predict(matrix[:, device_free(self.features)]),
                self.linear.predict(matrix, models),
            ]
        )
        familiar, unseen = (np.array(weights)[:, None] for weights in BLENDS[self.name])
        weights = np.where(known[None, :], familiar, unseen)
        mean = (weights * members).sum(axis=0)
        if self.name == "language_inference":
            on_cpu = matrix[:, self.features.index("kind_CPU")] > 0
            mean = np.where(on_cpu, _CPU_LANGUAGE_TRUST * mean, mean)
        spread = np.sqrt((np.square(members - mean) * np.array([[0.4], [0.4], [0.2]])).sum(axis=0))
        return mean, spread


def device_free(names: Sequence[str]) -> NDArray[np.int64]:
    """Columns of the forest that does not see the device's own figures."""
    return np.array(
        [i for i, name in enumerate(names) if name not in DEVICE_FEATURES], dtype=np.int64
    )
