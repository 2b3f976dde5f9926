"""The use case behind ``planner pareto``: what no other configuration beats in cost and time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from catalog import Catalog
from planner.actions.answer import front, tokens_per_unit, within
from planner.actions.planning import prepare
from planner.errors import Infeasible
from planner.items import ItemBuilder
from planner.performance.efficiency import Measured
from planner.results import Front
from planner.workload import Workload


def cost_front(
    workload: Workload,
    catalog: Catalog,
    measured: Sequence[Measured] = (),
    *,
    where: str = "workload",
    today: date | None = None,
) -> Front:
    """Fastest first. Deadline and budget do not cut it. Raises BadInput, Infeasible."""
    free = workload.model_copy(update={"deadline": None, "budget": None})
    prepared = prepare(free, catalog, measured, where=where)
    rows = prepared.in_time
    if prepared.limits:
        rows = rows[within(prepared.candidates, rows, prepared.limits)]
    if not len(rows):
        from planner.actions.infeasible import problem_of, why_infeasible

        problem: Infeasible = why_infeasible(
            prepared, problem_of(prepared), free, catalog, list(measured), where
        )
        raise problem
    builder = ItemBuilder(
        prepared.candidates, catalog, today or date.today(), tokens_per_unit(prepared)
    )
    return Front(
        workload=workload.model_dump(mode="json", exclude_none=True),
        points=front(prepared.candidates, rows, builder),
    )
