"""Candidates: every offer, way to pay and number of machines, timed and priced, as columns."""

from planner.candidates.build import build
from planner.candidates.columns import (
    Amount,
    Candidates,
    blocked,
    is_feasible,
    smallest_shortfall_gib,
)
from planner.candidates.configurations import ASSUMED_NETWORK_GBPS

__all__ = [
    "ASSUMED_NETWORK_GBPS",
    "Amount",
    "Candidates",
    "blocked",
    "build",
    "is_feasible",
    "smallest_shortfall_gib",
]
