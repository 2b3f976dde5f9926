"""The use case behind ``planner pareto``: what no other beats in cost and time (and carbon)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np

from catalog import Catalog
from planner.actions.planning import Rows, prepare
from planner.actions.recommend.answer import FRONT_POINTS, front_rows, tokens_per_unit, within
from planner.candidates import Candidates
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
    carbon: bool = False,
) -> Front:
    """Fastest first. Deadline and budget do not cut it. Raises BadInput, Infeasible.

    With ``carbon`` the front is of cost, time and kg CO2e; see ``candidates.carbon`` for the last.
    """
    free = workload.model_copy(update={"deadline": None, "budget": None})
    prepared = prepare(free, catalog, measured, where=where)
    rows = prepared.in_time
    if prepared.limits:
        rows = rows[within(prepared.candidates, rows, prepared.limits)]
    if not len(rows):
        from planner.actions.recommend.infeasible import problem_of, why_infeasible

        problem: Infeasible = why_infeasible(
            prepared, problem_of(prepared), free, catalog, list(measured), where
        )
        raise problem
    builder = ItemBuilder(
        prepared.candidates, catalog, today or date.today(), tokens_per_unit(prepared)
    )
    c = prepared.candidates
    kg = np.full(len(c), np.nan)
    if carbon:
        from planner.candidates.carbon import kg_co2e

        kg = kg_co2e(c, catalog)
        found, shown = _of_three(c, rows, kg)
    else:
        found = rows[front_rows(c, rows)]
        shown = found
        if len(found) > FRONT_POINTS:  # keep the ends and an even spread between them
            shown = found[np.linspace(0, len(found) - 1, FRONT_POINTS).round().astype(int)]
    return Front(
        workload=workload.model_dump(mode="json", exclude_none=True),
        points=[builder.point(int(i), float(kg[i])) for i in shown],
        on_front=len(found),
        carbon_known=int(np.isfinite(kg[rows]).sum()) if carbon else None,
        candidates=len(rows),
    )


def _of_three(
    c: Candidates, rows: Rows, kg: np.ndarray[tuple[int], np.dtype[np.float64]]
) -> tuple[Rows, Rows]:
    """The front of time (or latency), cost and carbon, and at most FRONT_POINTS of it."""
    from planner.optimize.pareto import nondominated, spread_out

    time = c.latency() if c.amount.is_service else c.hours
    measures = np.stack([time[rows], c.usd[rows], kg[rows]], axis=1)
    measures = np.nan_to_num(measures, nan=np.inf, posinf=np.inf)
    front = nondominated(measures, np.arange(len(rows)))
    shown = front[spread_out(measures[front], FRONT_POINTS)]
    return rows[front], rows[shown]
