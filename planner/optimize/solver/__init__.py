"""The solver behind every program: HiGHS in process through PuLP, CBC when that fails.

This package owns PuLP. Programs write a ``LinearModel`` with a ``ModelBuilder`` (or, when tiny, a
PuLP problem) and get a ``Solution`` whose status was checked. ``live(model)`` keeps a model in the
solver for fronts and what-ifs. Importing it imports no solver.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from planner.optimize.solver.model import LinearModel, ModelBuilder
from planner.optimize.solver.solve import minimise, solve, write_lp
from planner.optimize.solver.status import RELATIVE_GAP, TIME_LIMIT_S, Solution, Solve, Status

if TYPE_CHECKING:
    from planner.optimize.solver.highs import LiveModel

__all__ = [
    "RELATIVE_GAP",
    "TIME_LIMIT_S",
    "LinearModel",
    "ModelBuilder",
    "Solution",
    "Solve",
    "Status",
    "live",
    "minimise",
    "solve",
    "write_lp",
]


def live(model: LinearModel) -> LiveModel:
    """The model kept in HiGHS; see ``LiveModel``. Raises pulp.PulpSolverError without HiGHS."""
    from planner.optimize.solver.highs import LiveModel

    return LiveModel(model)
