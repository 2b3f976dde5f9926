"""The capacity planner: which hardware runs an AI workload cheapest, how fast, at what risk, why.

The names below are the library's public surface; see ``planner.api``. They are loaded when first
used, so that ``import planner`` costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from planner.actions.session import Session, open_session
    from planner.api.answers import (
        capacity,
        compare,
        compare_hardware,
        estimate,
        hardware,
        mix,
        pareto,
        recommend,
    )
    from planner.api.handed_on import export, gate, make_report
    from planner.errors import BadInput, Infeasible, PlannerError
    from planner.frames import to_pandas, to_polars, to_rows

__all__ = [
    "BadInput",
    "Infeasible",
    "PlannerError",
    "Session",
    "capacity",
    "compare",
    "compare_hardware",
    "estimate",
    "export",
    "gate",
    "hardware",
    "make_report",
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
    "planner.api.answers": (
        "capacity", "compare", "compare_hardware", "estimate", "hardware", "mix", "pareto",
        "recommend",
    ),
    "planner.api.handed_on": ("export", "gate", "make_report"),
    "planner.errors": ("BadInput", "Infeasible", "PlannerError"),
    "planner.frames": ("to_pandas", "to_polars", "to_rows"),
}  # fmt: skip
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
