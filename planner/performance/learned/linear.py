"""A ridge regression with partially pooled model effects: smooth, and it extrapolates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from catalog.records import dataclass
from planner.performance.learned.columns import FloatArray

_CLIP = 2.5  # standard deviations: beyond, the straight line is not trusted


@dataclass(frozen=True, slots=True)
class Linear:
    """residual = intercept + weights . standardised features + the model's effect (unseen: 0)."""

    median: FloatArray
    mean: FloatArray
    scale: FloatArray  # 0 where the feature never varied
    weights: FloatArray
    intercept: float
    effects: Mapping[str, float]

    def standardised(self, matrix: FloatArray) -> FloatArray:
        """Unknowns take the median; constant features give 0."""
        filled = np.where(np.isnan(matrix), self.median, matrix)
        usable = self.scale > 0
        scaled = (filled - self.mean) / np.where(usable, self.scale, 1.0)
        return np.asarray(np.where(usable, np.clip(scaled, -_CLIP, _CLIP), 0.0))

    def predict(self, matrix: FloatArray, models: Sequence[str]) -> FloatArray:
        effects = np.array([self.effects.get(model, 0.0) for model in models])
        return np.asarray(self.intercept + self.standardised(matrix) @ self.weights + effects)
