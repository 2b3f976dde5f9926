"""What a cross-validation found, class by class: stored in the artefact, printed by the CLI."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from catalog.records import dataclass

DESCRIPTIONS: Mapping[str, str] = {
    "pair": "unseen model x accelerator pairs",
    "accelerator": "unseen accelerators",
    "source": "unseen sources",
}


@dataclass(frozen=True, slots=True)
class ClassScore:
    """Errors are shares (0.2 = 20%); ``bias`` is the median over groups of log(predicted /
    measured), ``median_abs_log`` that of its absolute value.
    """

    name: str
    rows: int
    groups: int
    error: float
    median_abs_log: float
    bias: float
    coverage: float


@dataclass(frozen=True, slots=True)
class Report:
    """One cross-validation, class by class."""

    scheme: str
    scores: tuple[ClassScore, ...]
    refused: int

    @property
    def mean_error(self) -> float:
        """Mean over classes of the measure."""
        return math.fsum(score.error for score in self.scores) / len(self.scores)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Report:
        scores = tuple(ClassScore(**score) for score in stored["scores"])
        return cls(stored["scheme"], scores, stored["refused"])
