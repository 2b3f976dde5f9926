"""The use case behind ``planner capacity --front``: what less carbon, or serving all, costs."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

import numpy as np

from planner.actions.capacity.question import Changes, question_from
from planner.errors import BadInput, Infeasible, PlannerError
from planner.optimize.capacity.constraints import Stage1
from planner.optimize.capacity.fleet import Fleet
from planner.optimize.capacity.front import CapacityFront as Found
from planner.optimize.capacity.front import carbon_front, unmet_front
from planner.optimize.capacity.spec import CapacitySpec
from planner.optimize.solver import Status
from planner.results.capacity import CapacityFront, CapacityFrontPoint

if TYPE_CHECKING:
    from catalog import Catalog

Over = Literal["carbon", "unmet"]
# Of the demand; at the end of the front that serves least.
MOST_UNMET = 0.1


def capacity_front(
    file: str,
    over: Over,
    *,
    points: int = 30,
    text: str | None = None,
    catalog: Callable[[], Catalog] | None = None,
    changes: Changes | None = None,
) -> CapacityFront:
    """Cost against kg CO2e or unmet demand, cheapest first, for a spec.

    Raises BadInput where carbon is unknown or periods are tied together, Infeasible without any
    plan, PlannerError when the solver fails.
    """
    start = time.perf_counter()
    question = question_from(file, text, catalog)
    where = question.where
    asked = question.ready(changes)
    spec, fleet, periods = asked.spec, asked.fleet, asked.periods
    if fleet.is_coupled:
        raise BadInput(
            "start_usd, min_up_hours and deferrable_hours tie periods together",
            where="--front",
            remedy="leave them out of the spec",
        )
    if over == "carbon":
        found = carbon_front(fleet, periods, _kg(spec, where), points=points)
    else:
        found = unmet_front(fleet, periods, most_unmet=MOST_UNMET, points=points)
    if found.front.status is Status.INFEASIBLE:
        raise Infeasible(f"no plan serves the demand of {spec.name}", [])
    if not found.front.points:
        raise PlannerError(f"no front was found ({found.front.message or found.front.status})")
    demand = float(periods.demand.sum()) * periods.hours
    return CapacityFront(
        name=spec.name,
        over=over,
        unit=spec.unit,
        horizon_hours=periods.horizon_hours,
        points=[_point(found, at, over, demand) for at in range(len(found.front.points))],
        solve_seconds=round(time.perf_counter() - start, 4),
    )


def _kg(spec: CapacitySpec, where: str) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    for number, offer in enumerate(spec.offers):
        if offer.kg_co2e_per_hour is None:
            raise BadInput(
                f"is missing for {offer.name}",
                where=f"{where}: offers.{number}.kg_co2e_per_hour",
                remedy="give what a machine emits in an hour of work, e.g. 2.4; 0 for none",
            )
    return np.array([offer.kg_co2e_per_hour for offer in spec.offers], float)


def _point(found: Found, at: int, over: Over, demand: float) -> CapacityFrontPoint:
    point, program = found.front.points[at], found.program
    fleet = program.fleet
    machines = found.committed(at)
    second = float(f"{point.second:.9g}")
    if over == "unmet" and second < 1e-9 * demand:
        second = 0.0  # what a solver's tolerance leaves
    return CapacityFrontPoint(
        cost_usd=float(f"{point.cost:.9g}"),
        kg_co2e=second if over == "carbon" else None,
        unmet_unit_hours=second if over == "unmet" else None,
        unmet_share=second / demand if over == "unmet" and demand > 0 else None,
        committed={
            f"{_name(fleet, d)} {d.option.value.replace('_', '-')}": float(f"{count:.6g}")
            for d, count in zip(program.stage1, machines.tolist(), strict=True)
            if count > 1e-6
        },
    )


def _name(fleet: Fleet, decision: Stage1) -> str:
    """The offer, or the plan."""
    if decision.plan >= 0:
        return fleet.plans[decision.plan].name
    return fleet.offers[decision.offer]
