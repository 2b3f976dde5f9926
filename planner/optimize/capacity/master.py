"""The program of all groups of periods, handed to the solver as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from planner.optimize.capacity.formulation import Program
from planner.optimize.capacity.partition import Cut, Groups
from planner.optimize.solver import LinearModel, ModelBuilder, Solution, Status, solve

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]


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
    cuts: Sequence[Cut] = (),
) -> LinearModel:
    """Commitments and the use of every group: ``stage1`` columns first, then (group, use).

    With ``cuts`` the cost of a group is a column of its own, above its use and above every cut.
    """
    height, width, size = len(program.row_names), len(program.uses), len(groups)
    prices = program.use_prices(groups.on_demand, groups.spot)
    builder = ModelBuilder("capacity")
    stage1 = builder.add_columns(
        "commit",
        len(program.stage1),
        cost=program.stage1_usd,
        lower=program.stage1_least,
        upper=program.stage1_most,
        integer=np.array([whole and d.whole for d in program.stage1], bool),
        labels=([d.name for d in program.stage1],),
    )
    hours = groups.periods[:, None] * period_hours
    integer = np.array([whole_use and use.offer >= 0 for use in program.uses], bool)
    use = builder.add_columns(
        "use",
        (size, width),
        cost=0.0 if cuts else prices * hours,
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
    if cuts and size:
        _define_cuts(builder, groups, stage1, use, prices * hours, cuts)
    for name, ones, most in program.stage1_rows:
        builder.add_rows(name, (), [(0, stage1, ones)], upper=most)
    return builder.build()


def _define_cuts(
    builder: ModelBuilder,
    groups: Groups,
    stage1: Ints,
    use: Ints,
    usd: Floats,
    cuts: Sequence[Cut],
) -> None:
    """``cost[g] >= usd . use[g]``, and ``sum of cost over k's groups >= constant[k] + slope[k] z``.

    Partitions are only ever refined, so every group lies within one of an earlier cut's.
    """
    size = len(groups)
    cost = builder.add_columns("cost", size, cost=1.0)
    at = np.arange(size)
    builder.add_rows("cost", size, [(at, cost, 1.0), (at[:, None], use, -usd)], lower=0.0)
    member = np.zeros(size, np.intp)
    member[groups.of] = np.arange(len(groups.of))  # one class of each group
    for number, cut in enumerate(cuts):
        parent = cut.of[member]
        rows = np.arange(len(cut.constant))
        builder.add_rows(
            f"cut_{number}",
            len(rows),
            [(parent, cost, 1.0), (rows[:, None], stage1[None, :], -cut.slope)],
            lower=cut.constant,
        )


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
    cuts: Sequence[Cut] = (),
) -> Mastered:
    """Cheapest commitments for the groups; ``whole`` keeps them integer."""
    model = master_model(program, groups, period_hours, whole=whole, whole_use=whole_use, cuts=cuts)
    solution = solve(model, time_limit_s=time_limit_s, gap=gap, solver=solver)
    count = len(program.stage1)
    if not solution.has_point:
        bound = solution.bound if solution.bound is not None else 0.0
        nothing = np.empty(0)
        return Mastered(solution.status, nothing, bound, nothing, nothing, solution)
    plan = solution.values[:count]
    cells = len(groups) * len(program.uses)
    use = solution.values[count : count + cells].reshape(len(groups), len(program.uses))
    prices = program.use_prices(groups.on_demand, groups.spot)
    bound = solution.bound if solution.bound is not None else 0.0
    return Mastered(
        solution.status, plan, max(bound, 0.0), np.einsum("ij,ij->i", use, prices), use, solution
    )
