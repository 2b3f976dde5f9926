"""The program when one period binds another: starts, minimum up-times, work that can wait.

Segments are runs of consecutive periods that the model treats as one, by their means; segments of
one period are the program itself. Beside the rows of ``formulation``, for machines ``n`` at work
(on demand, spot or own) of an offer, starts ``v``, and for work that may wait ``D`` periods the
work served ``w`` and the backlog ``b``:

    v[t] >= n[t] - n[t-1]                                                        (start)
    sum_(t-U < k <= t) v[k] <= n[t]                                              (min_up)
    b[t] = b[t-1] + demand[t] - w[t],  0 <= b[t] <= sum_(t-D < k <= t) demand[k]  (backlog)

The backlog of a moment may hold only what came within the last D periods: whatever came before
has been served. Longer segments leave starts and minimum up-times out and see the backlog at
their ends only, which bounds the cost from below.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from planner.optimize.capacity.constraints import COVERED, OWN
from planner.optimize.capacity.fleet import Fleet, Option, Periods
from planner.optimize.capacity.formulation import Program
from planner.optimize.capacity.ledger import full
from planner.optimize.solver import LinearModel, ModelBuilder

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

# Machines of an offer that start together, whoever pays for them.
RUNNING: tuple[tuple[str, ...], ...] = ((Option.ON_DEMAND, COVERED), (Option.SPOT,), (OWN,))


@dataclass(frozen=True)
class Segments:
    """Consecutive periods taken together: ``length`` (S,) periods, the rest one row a segment.

    ``waiting`` (S, W) is the most backlog at the end of each, in unit-periods.
    """

    length: Floats
    demand: Floats
    on_demand: Floats
    spot: Floats
    held: Floats
    waiting: Floats

    def __len__(self) -> int:
        return len(self.length)


@dataclass(frozen=True)
class Machines:
    """Machines that start: ``uses`` columns of one offer and kind, their cost and least time."""

    uses: tuple[int, ...]
    start_usd: float
    min_up: int  # periods


@dataclass(frozen=True)
class State:
    """What a window inherits: machines at work, starts of the latest periods (last row newest),
    backlog in unit-periods."""

    working: Floats
    started: Floats
    backlog: Floats


@dataclass(frozen=True)
class CoupledModel:
    model: LinearModel
    stage1: Ints
    use: Ints  # (S, uses)
    started: Ints  # (S, machines)
    served: Ints  # (S, deferrable)
    backlog: Ints
    elastic: Ints  # (S, demand rows), empty unless asked for


def machines_of(program: Program, period_hours: float) -> list[Machines]:
    """What has a start cost or a minimum up-time."""
    fleet = program.fleet
    found = []
    for offer in np.flatnonzero((fleet.start_usd > 0) | (fleet.min_up_hours > 0)).tolist():
        for kinds in RUNNING:
            columns = tuple(
                j for j, u in enumerate(program.uses) if u.offer == offer and u.kind in kinds
            )
            if columns:
                up = int(np.ceil(fleet.min_up_hours[offer] / period_hours - 1e-9))
                found.append(Machines(columns, float(fleet.start_usd[offer]), max(up, 1)))
    return found


def waiting_limit(fleet: Fleet, periods: Periods) -> Floats:
    """Most backlog after each period, (T, W) unit-periods; 0 after the last."""
    total = np.cumsum(periods.demand, axis=0)
    limit = np.zeros_like(periods.demand)
    for workload, hours in enumerate(fleet.deferrable_hours.tolist()):
        wait = int(np.floor(hours / periods.hours + 1e-9))
        before = np.zeros(len(periods))
        before[wait:] = total[: len(periods) - wait, workload] if wait < len(periods) else 0.0
        limit[:, workload] = total[:, workload] - before if wait else 0.0
    limit[-1] = 0.0
    return limit


def segments_of(fleet: Fleet, periods: Periods, starts: Ints) -> Segments:
    """Segments that begin at ``starts`` (ascending, the first 0)."""
    size = len(periods)
    ends = np.r_[starts[1:], size]
    length = (ends - starts).astype(float)

    def mean(column: Floats) -> Floats:
        return np.asarray(np.add.reduceat(full(column, size), starts, axis=0) / length[:, None])

    def least(column: Floats) -> Floats:
        return np.asarray(np.minimum.reduceat(full(column, size), starts, axis=0))

    waiting = waiting_limit(fleet, periods)[ends - 1]
    return Segments(
        length,
        mean(periods.demand),
        least(fleet.on_demand),
        least(fleet.spot),
        mean(fleet.held),
        waiting,
    )


def coupled_model(
    program: Program,
    segments: Segments,
    period_hours: float,
    *,
    state: State | None = None,
    plan: Floats | None = None,
    whole: bool = True,
    starts: bool = True,
    elastic_usd: float | None = None,
) -> CoupledModel:
    """The program of consecutive segments.

    ``plan`` fixes the commitments; ``state`` is what went before (nothing at work, no backlog);
    ``elastic_usd`` lets demand go unserved at this price per unit-hour, to find where it must.
    """
    fleet, size = program.fleet, len(segments)
    builder = ModelBuilder("capacity")
    hours = segments.length[:, None] * period_hours
    stage1 = builder.add_columns(
        "commit",
        len(program.stage1),
        cost=program.stage1_usd if plan is None else 0.0,
        lower=program.stage1_least if plan is None else plan,
        upper=program.stage1_most if plan is None else plan,
        integer=np.array([whole and plan is None and d.whole for d in program.stage1], bool),
        labels=([d.name for d in program.stage1],),
    )
    counted = np.array([fleet.integer_use and u.offer >= 0 and starts for u in program.uses], bool)
    use = builder.add_columns(
        "use",
        (size, len(program.uses)),
        cost=program.use_prices(segments.on_demand, segments.spot) * hours,
        integer=np.broadcast_to(counted, (size, len(program.uses))),
        labels=(range(size), [u.name for u in program.uses]),
    )
    waits = np.flatnonzero(fleet.deferrable_hours > 0)
    served = builder.add_columns("served", (size, len(waits)))
    backlog = builder.add_columns("backlog", (size, len(waits)), upper=segments.waiting[:, waits])
    elastic = np.empty((size, 0), np.intp)
    if elastic_usd is not None:
        elastic = builder.add_columns(
            "lack", (size, len(demand_rows(program))), cost=elastic_usd * hours
        )
    _define_periods(builder, program, segments, stage1, use, served, waits, elastic)
    for name, ones, most in program.stage1_rows:
        builder.add_rows(name, (), [(0, stage1, ones)], upper=most)
    _define_backlog(builder, segments, served, backlog, waits, state)
    started = np.empty((size, 0), np.intp)
    if starts:
        started = _define_starts(builder, machines_of(program, period_hours), use, state)
    return CoupledModel(builder.build(), stage1, use, started, served, backlog, elastic)


def _define_periods(
    builder: ModelBuilder,
    program: Program,
    segments: Segments,
    stage1: Ints,
    use: Ints,
    served: Ints,
    waits: Ints,
    elastic: Ints,
) -> None:
    """``formulation``'s rows, demand that may wait replaced by the work served."""
    height, size = len(program.row_names), len(segments)
    demand = segments.demand.copy()
    demand[:, waits] = 0.0
    at = np.arange(size)[:, None]
    entries = []
    for matrix, columns in ((program.g, use), (program.t, np.tile(stage1, (size, 1)))):
        row, column = np.nonzero(matrix)
        entries.append((at * height + row, columns[:, column], matrix[row, column]))
    moved = -program.by_demand[:, waits]
    row, column = np.nonzero(moved)
    entries.append((at * height + row, served[:, column], moved[row, column]))
    if elastic.size:  # in shares of the workload's peak, as the rows are
        row = np.array([row for row, _ in demand_rows(program)])
        entries.append((at * height + row, elastic, np.ones_like(row, float)))
    builder.add_rows(
        "period",
        (size, height),
        entries,
        lower=program.rhs(demand, segments.held),
        labels=(range(size), program.row_names),
    )


def demand_rows(program: Program) -> list[tuple[int, int]]:
    """Row and workload of each demand row."""
    return [
        (row, int(name.rsplit("_", 1)[1]))
        for row, name in enumerate(program.row_names)
        if name.startswith("demand_")
    ]


def _define_backlog(
    builder: ModelBuilder,
    segments: Segments,
    served: Ints,
    backlog: Ints,
    waits: Ints,
    state: State | None,
) -> None:
    """``b[s] - b[s-1] + length w[s] = length demand[s]``, and nothing is left at the end."""
    if not len(waits):
        return
    size = len(segments)
    cells = np.arange(size * len(waits)).reshape(size, len(waits))
    came = segments.length[:, None] * segments.demand[:, waits]
    if state is not None:
        came[0] += state.backlog[waits]
    builder.add_rows(
        "backlog",
        (size, len(waits)),
        [
            (cells, backlog, 1.0),
            (cells[1:], backlog[:-1], -1.0),
            (cells, served, np.broadcast_to(segments.length[:, None], served.shape)),
        ],
        lower=came,
        upper=came,
    )


def _define_starts(
    builder: ModelBuilder, machines: list[Machines], use: Ints, state: State | None
) -> Ints:
    size = len(use)
    started = builder.add_columns(
        "start", (size, len(machines)), cost=np.array([[m.start_usd for m in machines]])
    )
    at = np.arange(size)
    for number, one in enumerate(machines):
        columns = use[:, list(one.uses)]
        before = np.zeros(size)
        if state is not None:
            before[0] = state.working[number]
        builder.add_rows(
            f"start_{number}",
            size,
            [
                (at, started[:, number], 1.0),
                (at[:, None], columns, -1.0),
                (at[1:, None], columns[:-1], 1.0),
            ],
            lower=-before,
        )
        if one.min_up > 1:
            owed = np.zeros(size)
            entries = [(at[:, None], columns, 1.0)]
            for back in range(one.min_up):
                entries.append((at[back:], started[: size - back, number], -1.0))
                if state is not None:
                    for t in range(min(back, size)):
                        age = back - t  # periods before the window
                        if age <= len(state.started):
                            owed[t] += state.started[-age, number]
            builder.add_rows(f"min_up_{number}", size, entries, lower=owed)
    return started
