"""Which rows of several columns are alike, as fast as Python can tell."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.intp]


def row_keys(columns: Sequence[NDArray[Any]]) -> list[bytes]:
    """One key a row of ``columns``, each of shape (n,): equal where all their numbers are.

    NaN counts as equal to NaN, and a negative zero to zero. Bytes are compared and hashed faster
    than tuples of floats.
    """
    table = np.empty((len(columns[0]), len(columns)))
    for place, column in enumerate(columns):
        table[:, place] = column
    table += 0.0
    table[np.isnan(table)] = np.nan  # one bit pattern
    found: list[bytes] = table.view(f"V{table.itemsize * len(columns)}").ravel().tolist()
    return found


def distinct(keys: Sequence[Hashable]) -> tuple[Rows, Rows]:
    """The first row of each group of equal keys, and the group of each row; groups in order."""
    groups: dict[Hashable, int] = {}
    member = np.array([groups.setdefault(key, len(groups)) for key in keys], np.intp)
    first = np.empty(len(groups), np.intp)
    first[member[::-1]] = np.arange(len(keys))[::-1]
    return first, member
