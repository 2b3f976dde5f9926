"""What credits pay of a plan by request size, and the plan as others see it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from planner.actions.planning import Prepared
from planner.actions.recommend.answer import Decided


def credited(prepared: Prepared, paid: Iterable[tuple[int, float]]) -> float:
    """USD that credits pay, of ``paid``: candidate and USD of each group."""
    c, credits = prepared.candidates, prepared.workload.where.credits
    by_cloud: dict[str, float] = defaultdict(float)
    for index, usd in paid:
        by_cloud[c.offers.text("cloud", int(c.row[index]))] += usd
    return sum(min(usd, credits.get(cloud, 0.0)) for cloud, usd in by_cloud.items())


def decided(prepared: Prepared, dearest: int, usd_at_risk: float, credit: float) -> Decided:
    """The candidate of the dearest group stands for the plan; the budget is held against the rest
    of its cost that credits leave.
    """
    budget = prepared.workload.budget
    over = budget is not None and usd_at_risk - credit > budget * (1 + 1e-9)
    return Decided(prepared, dearest, (), over, credit)
