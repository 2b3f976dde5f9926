"""Offers found by a word that is part of a name they have."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from catalog import OfferTable

# Names that tell one offer from another.
WORD_COLUMNS = (
    "accelerator", "cpu", "instance_type", "cloud", "region", "zone", "kind", "platform",
)  # fmt: skip
# Instead of a name: prices that the catalog marks as old, contradicted or from memory.
DOUBTED = "doubtful"

ANYWHERE_FROM = 3

_PARTS = re.compile(r"[^a-z0-9]+")
_DROPPED = str.maketrans("", "", "-_ ")


def word_mask(table: OfferTable, word: str) -> NDArray[np.bool_]:
    """Offers of which a name holds the word; case, ``-`` and ``_`` do not matter."""
    if word == DOUBTED:
        return table.is_in("confidence", ["low"])
    mask = np.zeros(len(table), bool)
    for column in WORD_COLUMNS:
        having = [name for name in table.vocabularies[column] if _holds(name, word)]
        if having:
            mask |= table.is_in(column, having)
    return mask


def names_platform(table: OfferTable, word: str) -> bool:
    """Whether a word can only mean a managed platform: ``sagemaker``, ``vertex``."""
    wanted = _folded(word)
    return len(wanted) > 2 and any(
        wanted in _folded(name) for name in table.vocabularies["platform"] if name
    )


def _holds(name: str, word: str) -> bool:
    """Short words begin a part of the name: ``l4`` is L4 and L40S, not the end of an ``xl4``."""
    wanted = _folded(word)
    if len(wanted) >= ANYWHERE_FROM:
        return wanted in _folded(name)
    return any(part.startswith(wanted) for part in _PARTS.split(name.lower()))


def _folded(text: str) -> str:
    return text.lower().translate(_DROPPED)
