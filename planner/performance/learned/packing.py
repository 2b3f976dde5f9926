"""LightGBM's trees as the masks that ``forest`` evaluates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from planner.performance.learned.forest import WIDTH, Forest

_Node = Mapping[str, Any]
_Split = tuple[int, int, float, int, bool]  # feature, tree, threshold, mask kept, unknown goes left


def pack(trees: Sequence[_Node], features: int) -> Forest:
    """Trees as LightGBM dumps them (each with at least one split), of at most WIDTH leaves."""
    splits: list[_Split] = []
    leaves = np.zeros((len(trees), WIDTH), np.float32)
    for number, root in enumerate(trees):
        values: list[float] = []
        _walk(root, number, splits, values)
        if len(values) > WIDTH:
            raise ValueError(f"a tree has {len(values)} leaves, {WIDTH} fit into a mask")
        leaves[number, : len(values)] = values
    splits.sort(key=lambda split: split[:3])
    feature = np.array([split[0] for split in splits], np.int32)
    return Forest(
        starts=np.searchsorted(feature, np.arange(features + 1)).astype(np.int32),
        threshold=np.array([split[2] for split in splits], np.float32),
        tree=np.array([split[1] for split in splits], np.int16),
        keep=np.array([split[3] for split in splits], np.uint16),
        nan_left=np.array([split[4] for split in splits], np.bool_),
        leaves=leaves,
    )


def _walk(node: _Node, number: int, splits: list[_Split], values: list[float]) -> None:
    """Leaves from left to right into ``values``; each split with the leaves on its left cleared."""
    if "split_index" not in node:
        values.append(float(node["leaf_value"]))
        return
    first = len(values)
    _walk(node["left_child"], number, splits, values)
    cleared = sum(1 << leaf for leaf in range(first, len(values)))
    _walk(node["right_child"], number, splits, values)
    by_default = node["missing_type"] == "NaN"
    nan_left = bool(node["default_left"]) if by_default else node["threshold"] >= 0.0
    splits.append(
        (int(node["split_feature"]), number, float(node["threshold"]), 0xFFFF & ~cleared, nan_left)
    )
