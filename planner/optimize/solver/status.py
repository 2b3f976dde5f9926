"""How a solve ended, and what it returned."""

from __future__ import annotations

import math
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from catalog.records import dataclass

Floats = NDArray[np.float64]

TIME_LIMIT_S = 30.0
RELATIVE_GAP = 1e-6


class Status(StrEnum):
    """How a solve ended, after its answer was checked."""

    OPTIMAL = "optimal"  # within the gap asked for of a proven bound
    FEASIBLE = "feasible"  # a valid answer, not proven best: time limit, or a claim that failed
    INFEASIBLE = "infeasible"
    UNBOUNDED = "unbounded"
    FAILED = "failed"  # no valid answer, and no proof that there is none


def relative_gap(objective: float | None, bound: float | None) -> float | None:
    """(objective - bound) / \\|objective\\|, 0 where they agree, None where one is unknown."""
    if objective is None or bound is None:
        return None
    distance = max(0.0, objective - bound)
    if distance == 0:
        return 0.0
    return distance / abs(objective) if objective else math.inf


@dataclass(frozen=True, slots=True)
class Solve:
    """The end of a PuLP problem; its variables hold the answer when ``objective`` is not None."""

    status: Status
    solver: str
    objective: float | None
    seconds: float
    bound: float | None = None
    message: str = ""

    @property
    def gap(self) -> float | None:
        return relative_gap(self.objective, self.bound)


@dataclass(frozen=True, slots=True, eq=False)
class Solution:
    """The answer to a ``LinearModel`` of n columns and m rows, which is always minimised.

    ``values`` (n,) meets every row and bound, integers exactly; it is empty, and ``objective``
    None, unless status is optimal or feasible. ``bound`` is the proven lower bound, None when
    unknown. ``row_duals`` (m,) is the change of the objective per unit of a row's binding side and
    ``reduced_costs`` (n,) that per unit of a column's; both are empty for integer models.
    """

    status: Status
    solver: str
    objective: float | None
    bound: float | None
    values: Floats
    row_duals: Floats
    reduced_costs: Floats
    seconds: float
    message: str = ""

    @property
    def has_point(self) -> bool:
        return self.objective is not None

    @property
    def gap(self) -> float | None:
        return relative_gap(self.objective, self.bound)


def without_point(
    status: Status, solver: str, seconds: float, message: str = "", bound: float | None = None
) -> Solution:
    """A solution that has no values."""
    none = np.empty(0)
    return Solution(status, solver, None, bound, none, none, none, seconds, message)
