"""The capacity planner: which hardware runs an AI workload cheapest, how fast, at what risk, why.

The names below are the library's public surface; see ``planner.api``. They are loaded when first
used, so that ``import planner`` costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from planner.actions.session import Session, open_session
    from planner.api import capacity, compare, estimate, mix, pareto, recommend
    from planner.errors import BadInput, Infeasible, PlannerError
    from planner.frames import to_pandas, to_polars, to_rows

__all__ = [
    "BadInput",
    "Infeasible",
    "PlannerError",
    "Session",
    "capacity",
    "compare",
    "estimate",
    "mix",
    "open_session",
    "pareto",
    "recommend",
    "to_pandas",
    "to_polars",
    "to_rows",
]

_HOMES = {
    "planner.actions.session": ("Session", "open_session"),
    "planner.api": ("capacity", "compare", "estimate", "mix", "pareto", "recommend"),
    "planner.errors": ("BadInput", "Infeasible", "PlannerError"),
    "planner.frames": ("to_pandas", "to_polars", "to_rows"),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> object:
    """Load a public name; later look-ups find it without coming here."""
    if name not in _HOME:
        raise AttributeError(f"module 'planner' has no attribute {name!r}")
    from importlib import import_module

    found = getattr(import_module(_HOME[name]), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
