"""Fronts of a capacity plan: USD against carbon, or against demand that is left unmet.

The continuous program of all distinct periods, kept in the solver. Commitments are fractions here:
a front shows the trade-off; ``planner capacity`` rounds the plan that is chosen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from planner.optimize.capacity.constraints import COVERED, OWN, UNMET
from planner.optimize.capacity.fleet import Fleet, Option, Periods, merge_periods
from planner.optimize.capacity.formulation import Program, build
from planner.optimize.capacity.master import master_model
from planner.optimize.capacity.partition import group
from planner.optimize.fronts import POINTS, LinearFront, epsilon_front

Floats = NDArray[np.float64]
_Measure = Callable[[Program], Floats]


@dataclass(frozen=True, eq=False)
class CapacityFront:
    """``front`` in USD over the horizon and in the other measure; its columns begin with the
    decisions ``program.stage1``.
    """

    program: Program
    front: LinearFront

    def committed(self, point: int) -> Floats:
        """Machines of each of ``program.stage1`` at a point."""
        return self.front.points[point].values[: len(self.program.stage1)]


def carbon_front(
    fleet: Fleet, periods: Periods, kg_per_machine_hour: Floats, *, points: int = POINTS
) -> CapacityFront:
    """USD against kg CO2e over the horizon; ``kg_per_machine_hour`` has shape (O,).

    Machines on demand, on spot and own ones emit while in use; committed ones are taken to run
    all of the time. What is already held is left out: it runs in any case.
    """
    kg = np.asarray(kg_per_machine_hour, float)
    if kg.shape != (len(fleet.offers),) or not np.isfinite(kg).all():
        raise ValueError("carbon needs one finite number an offer")
    in_use = (Option.ON_DEMAND, COVERED, Option.SPOT, OWN)

    def of_use(program: Program) -> Floats:
        return np.array([kg[use.offer] if use.kind in in_use else 0.0 for use in program.uses])

    def of_stage1(program: Program) -> Floats:
        always = [d.is_reserved for d in program.stage1]
        return np.array(
            [
                kg[d.offer] * periods.horizon_hours if runs else 0.0
                for d, runs in zip(program.stage1, always, strict=True)
            ]
        )

    return _front(fleet, periods, of_use, of_stage1, points, None)


def unmet_front(
    fleet: Fleet, periods: Periods, *, most_unmet: float = 0.1, points: int = POINTS
) -> CapacityFront:
    """USD of machines against unit-hours of demand left unmet, up to a share ``most_unmet``.

    What the fleet says unmet demand costs is left out: it is the other measure.
    """
    free = replace(fleet, unmet_usd=np.zeros(len(fleet.workloads)))

    def of_use(program: Program) -> Floats:
        return np.array([float(use.kind == UNMET) for use in program.uses])

    def of_stage1(program: Program) -> Floats:
        return np.zeros(len(program.stage1))

    demand = float(periods.demand.sum()) * periods.hours
    return _front(
        free, periods, of_use, of_stage1, points, np.linspace(most_unmet * demand, 0.0, points)
    )


def _front(
    fleet: Fleet,
    periods: Periods,
    of_use: _Measure,
    of_stage1: _Measure,
    points: int,
    limits: Floats | None,
) -> CapacityFront:
    classes = merge_periods(fleet, periods)
    # What is dearer per unit may be better in the other measure: nothing is pruned by price.
    program = build(fleet, classes, periods.horizon_hours, prune=False)
    groups = group(classes, np.arange(len(classes)))
    model = master_model(program, groups, periods.hours, whole=False)
    hours = groups.periods[:, None] * periods.hours
    second = np.concatenate([of_stage1(program), (hours * of_use(program)).reshape(-1)])
    front = epsilon_front(
        model, second, points=points, limits=None if limits is None else limits.tolist()
    )
    return CapacityFront(program, front)
