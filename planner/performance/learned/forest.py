"""Boosted trees as bit masks: evaluation with numpy only, fast where rows share most features.

A tree keeps the set of leaves still reachable as bits, leftmost leaf lowest. A split that sends a
row right clears the leaves of its left side; the leaf reached is the lowest bit left when all
splits have spoken, in whatever order (QuickScorer, Lucchese et al. 2015). So each feature speaks
once, for all trees, and a feature that is the same in all rows speaks for one row.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from catalog.records import dataclass
from planner.performance.learned.columns import FloatArray

WIDTH = 16  # leaves a tree, at most: bits of a mask
_ALL = np.uint16(0xFFFF)
_CHUNK = 2048  # rows evaluated at once: bounds memory at rows x trees
# Place of the lowest set bit of a mask that has only that bit.
_PLACE = np.zeros(1 << WIDTH, np.uint8)
_PLACE[1 << np.arange(WIDTH)] = np.arange(WIDTH)


@dataclass(frozen=True)
class Forest:
    """Splits of all trees sorted by feature, then tree; ``starts[f]`` is the first of feature f.

    A split sends a row left when value <= ``threshold``; ``nan_left`` says where an unknown goes;
    ``keep`` is the mask of leaves that remain when the row goes right. ``leaves`` has one row a
    tree. A prediction is the sum of one leaf per tree.
    """

    starts: NDArray[np.int32]
    threshold: NDArray[np.float32]
    tree: NDArray[np.int16]
    keep: NDArray[np.uint16]
    nan_left: NDArray[np.bool_]
    leaves: NDArray[np.float32]

    def predict(self, matrix: FloatArray) -> FloatArray:
        """One value a row of ``matrix`` (columns in the order of fitting)."""
        found = np.empty(len(matrix))
        for start in range(0, len(found), _CHUNK):
            places = self.leaf_places(matrix[start : start + _CHUNK])
            leaves = self.leaves.ravel()[places]
            found[start : start + _CHUNK] = leaves.sum(axis=0, dtype=np.float64)
        return found

    def leaf_places(self, matrix: FloatArray) -> NDArray[np.int32]:
        """Leaf that each row reaches in each tree, shape (trees, rows)."""
        # Thresholds are kept in 32 bits: compare in the same precision.
        values = np.ascontiguousarray(matrix.T, dtype=np.float32)
        common = np.full(len(self.leaves), _ALL)
        varying: list[tuple[_Splits, NDArray[np.intp]]] = []
        for feature in np.flatnonzero(np.diff(self.starts)).tolist():
            value = values[feature]
            if (value == value[0]).all() or np.isnan(value).all():
                # One value in all rows: no need of bins, which are what a forest's start costs.
                part = slice(int(self.starts[feature]), int(self.starts[feature + 1]))
                unknown = ~self.nan_left[part] if np.isnan(value[0]) else False
                right = np.flatnonzero((value[0] > self.threshold[part]) | unknown)
                trees = self.tree[part][right]  # sorted
                first = np.flatnonzero(np.diff(trees, prepend=-1))
                kept = np.bitwise_and.reduceat(self.keep[part][right], first)
                common[trees[first]] &= kept
                continue
            splits = self._by_feature(feature)
            bins = splits.bins(value)
            if (bins == bins[0]).all():
                common[splits.trees] &= splits.masks[:, bins[0]]
            else:
                varying.append((splits, bins))
        alive = np.repeat(common[:, None], values.shape[1], axis=1)
        for splits, bins in varying:
            alive[splits.trees] &= splits.masks[:, bins]
        lowest = alive & (~alive + np.uint16(1))
        leaf = np.arange(0, self.leaves.size, WIDTH, dtype=np.int32)
        return np.asarray(_PLACE[lowest] + leaf[:, None])

    def _by_feature(self, feature: int) -> _Splits:
        found = self._splits_made.get(feature)
        if found is None:
            part = slice(int(self.starts[feature]), int(self.starts[feature + 1]))
            found = self._splits_made[feature] = _splits(
                self.threshold[part], self.tree[part], self.keep[part], self.nan_left[part]
            )
        return found

    @cached_property
    def _splits_made(self) -> dict[int, _Splits]:
        return {}


@dataclass(frozen=True, slots=True)
class _Splits:
    """All splits on one feature: ``masks[t, b]`` is what they leave of tree ``trees[t]`` for a
    value in bin b; the bins lie between ``edges``, the last one holds unknowns.
    """

    edges: NDArray[np.float32]
    trees: NDArray[np.int16]
    masks: NDArray[np.uint16]

    def bins(self, values: NDArray[np.float32]) -> NDArray[np.intp]:
        found = np.searchsorted(self.edges, values)
        return found + np.isnan(values)


def _splits(
    threshold: NDArray[np.float32],
    tree: NDArray[np.int16],
    keep: NDArray[np.uint16],
    nan_left: NDArray[np.bool_],
) -> _Splits:
    edges, at = np.unique(threshold, return_inverse=True)
    # Bin b holds values above b edges; a split sends those above its own edge right.
    right = np.arange(len(edges) + 2)[None, :] > at[:, None]
    right[:, -1] = ~nan_left
    masks = np.where(right, keep[:, None], _ALL)
    trees, first = np.unique(tree, return_index=True)
    return _Splits(edges, trees, np.bitwise_and.reduceat(masks, first, axis=0))
