"""Measurements of the very configuration asked about: the *measured* basis.

Looked up in observations at prediction time, never stored in the artefact.
"""

from __future__ import annotations

import math
import re
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from planner.performance.learned.text import cell

# What makes two rows the same experiment. Outcomes, sources and facts of the model are no part of
# it; the notes are, for they carry scenario, micro-batches and the like.
IDENTITY = (
    "task", "model", "accelerator", "accelerators", "nodes", "framework", "precision",
    "parallelism", "seq_len", "input_len", "output_len", "batch_global", "batch_per_device",
    "img_size", "metric", "notes", "host_cpu",
)  # fmt: skip
# Identical set-ups by different people differ by 1-3%: half-width of the 80% interval, in logs.
_REPEAT = 0.03
# Without these, rows that merely say little would look alike.
_NEEDED = ("framework", "precision", "batch_global", "batch_per_device", "seq_len")


@dataclass(frozen=True, slots=True)
class Measured:
    """Median and 80% interval of runs of one configuration, and their ids."""

    value: float
    p10: float
    p90: float
    ids: tuple[str, ...]


class Measurements:
    """Observations by configuration."""

    def __init__(self, rows: Iterable[Mapping[str, object]]) -> None:
        self._found: dict[tuple[str, ...], list[tuple[str, float]]] = {}
        for row in rows:
            value = float(cell(row, "value") or 0.0)
            if value > 0:
                self._found.setdefault(_key(row), []).append((cell(row, "id"), value))

    def find(self, row: Mapping[str, object]) -> Measured | None:
        """Runs of exactly this configuration; None for rows that name too little of it."""
        runs = self._found.get(_key(row))
        if not runs or not any(cell(row, name) for name in _NEEDED):
            return None
        values = [value for _, value in runs]
        middle = statistics.median(values)
        margin = math.exp(_REPEAT)
        return Measured(
            middle,
            min(middle / margin, min(values)),
            max(middle * margin, max(values)),
            tuple(name for name, _ in runs),
        )


def _key(row: Mapping[str, object]) -> tuple[str, ...]:
    return tuple(_folded(cell(row, name)) for name in IDENTITY)


def _folded(text: str) -> str:
    """Numbers by value, text without regard to case and spaces."""
    if re.fullmatch(r"\d+(\.\d+)?([eE][+-]?\d+)?", text):
        return repr(float(text))
    return " ".join(text.lower().split())
