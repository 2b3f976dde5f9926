"""Boosted trees as flat arrays: evaluation with numpy only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from planner.performance.learned.table import FloatArray

_CHUNK = 2048  # rows evaluated at once: bounds memory at rows x trees


@dataclass(frozen=True, slots=True)
class Forest:
    """Trees of one ensemble, one after the other; a child below 0 is leaf ``-child - 1``.

    ``nan_left`` says where an unknown feature goes. ``roots`` and ``leaf_roots`` are the first
    node and leaf of each tree. A prediction is the sum of one leaf per tree.
    """

    feature: NDArray[np.int16]
    threshold: NDArray[np.float32]
    left: NDArray[np.int16]
    right: NDArray[np.int16]
    nan_left: NDArray[np.bool_]
    roots: NDArray[np.int32]
    leaves: NDArray[np.float32]
    leaf_roots: NDArray[np.int32]

    def predict(self, matrix: FloatArray) -> FloatArray:
        """One value a row of ``matrix`` (columns in the order of fitting)."""
        found = np.empty(len(matrix))
        for start in range(0, len(matrix), _CHUNK):
            found[start : start + _CHUNK] = self._chunk(matrix[start : start + _CHUNK])
        return found

    def _chunk(self, matrix: FloatArray) -> FloatArray:
        rows = np.arange(len(matrix))[:, None]
        # Thresholds are kept in 32 bits: compare in the same precision.
        values = matrix.astype(np.float32)
        node = np.zeros((len(matrix), len(self.roots)), dtype=np.int32)
        while True:
            inner = node >= 0
            if not inner.any():
                break
            at = self.roots[None, :] + np.where(inner, node, 0)
            value = values[rows, self.feature[at]]
            goes_left = np.where(np.isnan(value), self.nan_left[at], value <= self.threshold[at])
            node = np.where(inner, np.where(goes_left, self.left[at], self.right[at]), node)
        result: FloatArray = self.leaves[self.leaf_roots[None, :] - node - 1].sum(
            axis=1, dtype=np.float64
        )
        return result

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        return {name: getattr(self, name) for name in self.__slots__}
