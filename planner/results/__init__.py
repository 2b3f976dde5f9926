"""Published result types: what each command answers, and what its JSON holds.

Field names carry units; a ``schema`` changes when a meaning does. Those of one workload are named
here; the others stand in the modules of their commands.
"""

from planner.results.recommendation import (
    Baseline,
    CatalogInfo,
    CostBreakdown,
    Estimate,
    Front,
    FrontPoint,
    Item,
    Latency,
    Mix,
    PortfolioResult,
    Price,
    Recommendation,
    Relaxed,
    Solver,
    Throughput,
    TimeBreakdown,
    Weighed,
)

__all__ = [
    "Baseline",
    "CatalogInfo",
    "CostBreakdown",
    "Estimate",
    "Front",
    "FrontPoint",
    "Item",
    "Latency",
    "Mix",
    "PortfolioResult",
    "Price",
    "Recommendation",
    "Relaxed",
    "Solver",
    "Throughput",
    "TimeBreakdown",
    "Weighed",
]
