"""The program of all groups of periods, handed to the solver as arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from planner.optimize.capacity.formulation import Program
from planner.optimize.capacity.partition import Groups
from planner.optimize.solver import LinearModel, ModelBuilder, Solution, Status, solve

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Mastered:
    """A plan (stage1,), a proven lower bound in USD, and what each group costs in USD per hour.

    ``use`` has shape (G, uses). ``plan`` is empty without a solution.
    """

    status: Status
    plan: Floats
    bound_usd: float
    usd_per_hour: Floats
    use: Floats
    solution: Solution


def master_model(
    program: Program,
    groups: Groups,
    period_hours: float,
    *,
    whole: bool = True,
    whole_use: bool = False,
) -> LinearModel:
    """Commitments and the use of every group: ``stage1`` columns first, then (group, use)."""
    height, width, size = len(program.row_names), len(program.uses), len(groups)
    prices = program.use_prices(groups.on_demand, groups.spot)
    builder = ModelBuilder("capacity")
    stage1 = builder.add_columns(
        "commit",
        len(program.stage1),
        cost=program.stage1_usd,
        upper=program.stage1_most,
        integer=whole,
        labels=([d.name for d in program.stage1],),
    )
    hours = groups.periods[:, None] * period_hours
    integer = np.array([whole_use and use.offer >= 0 for use in program.uses], bool)
    use = builder.add_columns(
        "use",
        (size, width),
        cost=prices * hours,
        integer=np.broadcast_to(integer, (size, width)),
        labels=(range(size), [u.name for u in program.uses]),
    )
    rhs = group_rhs(program, groups)
    row, column = np.nonzero(program.g)
    at = np.arange(size)[:, None]
    entries = [(at * height + row, use[:, column], program.g[row, column])]
    row, column = np.nonzero(program.t)
    entries.append((at * height + row, stage1[column][None, :], program.t[row, column]))
    if size and height:
        builder.add_rows(
            "period",
            (size, height),
            entries,
            lower=rhs,
            labels=(range(size), program.row_names),
        )
    for name, ones, most in program.stage1_rows:
        builder.add_rows(name, (), [(0, stage1, ones)], upper=most)
    return builder.build()


def group_rhs(program: Program, groups: Groups) -> Floats:
    """``h`` of each group, shape (G, rows); the spot share takes its own demand."""
    rhs = program.rhs(groups.demand, groups.held)
    share = [i for i, name in enumerate(program.row_names) if name.startswith("max_spot_share")]
    if share:
        rhs[:, share] = program.rhs(groups.share_demand, groups.held)[:, share]
    return rhs


def solve_master(
    program: Program,
    groups: Groups,
    period_hours: float,
    *,
    whole: bool,
    gap: float,
    time_limit_s: float,
    solver: str,
    whole_use: bool = False,
) -> Mastered:
    """Cheapest commitments for the groups; ``whole`` keeps them integer."""
    model = master_model(program, groups, period_hours, whole=whole, whole_use=whole_use)
    solution = solve(model, time_limit_s=time_limit_s, gap=gap, solver=solver)
    count = len(program.stage1)
    if not solution.has_point:
        bound = solution.bound if solution.bound is not None else 0.0
        nothing = np.empty(0)
        return Mastered(solution.status, nothing, bound, nothing, nothing, solution)
    plan = solution.values[:count]
    use = solution.values[count:].reshape(len(groups), len(program.uses))
    prices = program.use_prices(groups.on_demand, groups.spot)
    bound = solution.bound if solution.bound is not None else 0.0
    return Mastered(
        solution.status, plan, max(bound, 0.0), np.einsum("ij,ij->i", use, prices), use, solution
    )
