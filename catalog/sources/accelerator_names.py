"""Vendors' and clouds' spellings of accelerators as catalog names.

Names and aliases are the snapshot's (``accelerators.csv``, ``accelerator_aliases.csv``), compared
without case and punctuation. An accelerator that comes in several memory sizes is told by the
memory; a size that is none of them is unknown rather than the nearest name.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from catalog.errors import fold

SNAPSHOT = Path(__file__).parent.parent / "snapshot"
# Words in front of a model's name that tell nothing of the model.
VENDOR = re.compile(r"(?i)^(?:nvidia|amd|intel|tesla|geforce|instinct|radeon instinct)[ _-]+")
# Clouds round memory, count GB for GiB, or leave out what ECC takes (24 GiB are shown as 22.5).
MEMORY_TOLERANCE = 0.12


@dataclass(frozen=True, slots=True)
class _Names:
    by_spelling: Mapping[str, str]
    memory_gib: Mapping[str, float | None]


@cache
def _known() -> _Names:
    memory: dict[str, float | None] = {}
    with (SNAPSHOT / "accelerators.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            memory[row["name"]] = float(row["memory_gib"]) if row["memory_gib"] else None
    spellings = {fold(name): name for name in memory}
    with (SNAPSHOT / "accelerator_aliases.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["accelerator"]:
                spellings.setdefault(fold(row["alias"]), row["accelerator"])
    return _Names(spellings, memory)


def accelerator_named(spelling: str, memory_gib: float | None = None) -> str | None:
    """The catalog's name of an accelerator; None when it is unknown or of another memory size.

    ``memory_gib`` is of one device, where the provider states it.
    """
    known = _known()
    plain = spelling.strip()
    while (shorter := VENDOR.sub("", plain)) != plain:
        plain = shorter
    words = [plain]
    if memory_gib:
        words = [f"{plain} {size}GB" for size in _sizes(memory_gib)] + words
    for word in words:
        name = known.by_spelling.get(fold(word))
        if name is not None and _fits(known.memory_gib[name], memory_gib):
            return name
    return None


def reason_unknown(spelling: str, memory_gib: float | None = None) -> str:
    """The reject's reason for a spelling that ``accelerator_named`` does not know."""
    size = f" with {memory_gib:g} GiB" if memory_gib else ""
    return f"no facts about accelerator {spelling[:60]!r}{size}"


def _sizes(memory_gib: float) -> list[int]:
    """Nominal sizes that a stated one may mean, the nearest first."""
    nominal = (8, 10, 11, 12, 16, 20, 24, 32, 40, 48, 64, 80, 94, 96, 128, 141, 144, 180, 192)
    near = [size for size in nominal if abs(memory_gib / size - 1) <= MEMORY_TOLERANCE]
    return sorted(near, key=lambda size: abs(size - memory_gib))


def _fits(known_gib: float | None, stated_gib: float | None) -> bool:
    if not known_gib or not stated_gib:
        return True
    return abs(stated_gib / known_gib - 1) <= MEMORY_TOLERANCE
