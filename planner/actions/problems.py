"""Errors as values: a screen keeps its last good answer beside them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from planner.errors import BadInput, Infeasible


@dataclass(frozen=True)
class Problem:
    """Why there is no new answer: the input at fault (or empty), and what would help."""

    field: str
    text: str
    remedies: tuple[str, ...] = ()


def problem_of(error: Exception, fields: Collection[str] = ()) -> Problem:
    """What an error of the planner or the catalog says.

    ``fields`` are inputs of the screen: a BadInput about one of them names it, without its path.
    """
    if isinstance(error, BadInput):
        field = error.where.rpartition(": ")[2].rpartition(".")[2]
        if field in fields:
            return Problem(field, error.problem, (error.remedy,) if error.remedy else ())
    if isinstance(error, Infeasible):
        return Problem("", str(error), tuple(error.reasons))
    return Problem("", str(error))


def expected(error: Exception) -> bool:
    """Whether an error is the user's or the world's business, and no bug."""
    from catalog import CatalogError, UnknownName
    from planner.errors import PlannerError

    return isinstance(error, (PlannerError, CatalogError, UnknownName))
