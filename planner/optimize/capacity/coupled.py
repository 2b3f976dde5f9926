"""Plans when periods depend on each other: one model where it fits, a rolling horizon elsewhere.

The rolling horizon dispatches window after window under fixed commitments, each looking ahead and
handing its end state on; that plan is valid and its cost an upper bound. The commitments, and the
lower bound, come from a relaxation: without starts and minimum up-times where no work can wait
(the periods are then independent), else a model of consecutive segments.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from planner.optimize.capacity.coupled_model import (
    CoupledModel,
    State,
    coupled_model,
    machines_of,
    segments_of,
    waiting_limit,
)
from planner.optimize.capacity.fleet import Classes, Fleet, Periods, merge_periods
from planner.optimize.capacity.formulation import ALL_OPTIONS, Program, build
from planner.optimize.capacity.ledger import Operation, full
from planner.optimize.capacity.program import Settings, optimise, relative_gap, within_rows
from planner.optimize.solver import LinearModel, Status, solve
from planner.results.capacity import Method

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

# Columns up to which the whole horizon is one model, and those of a relaxation.
MOST_COLUMNS = 40_000
WINDOW = 168
LOOK_AHEAD = 48
# Rounds in which segments are cut where a window found demand that must go unserved.
ROUNDS = 6
_LACK = 1e-6


@dataclass(frozen=True)
class CoupledPlan:
    """``operation`` is None without a plan; costs in USD over the horizon."""

    status: Status
    operation: Operation | None
    cost_usd: float
    bound: float
    method: Method
    seconds: float
    model: LinearModel | None  # of the whole horizon, where that was one model


def optimise_coupled(fleet: Fleet, periods: Periods, settings: Settings) -> CoupledPlan:
    """The cheapest plan found for periods that depend on each other, and its bound."""
    return _Coupled(fleet, periods, settings).run()


class _Coupled:
    def __init__(self, fleet: Fleet, periods: Periods, settings: Settings) -> None:
        self.start = time.perf_counter()
        self.fleet, self.periods, self.settings = fleet, periods, settings
        self.classes: Classes = merge_periods(fleet, periods)
        # A period may serve its own demand and all that waits from before.
        waiting = waiting_limit(fleet, periods)
        most = (periods.demand + np.vstack([np.zeros_like(waiting[:1]), waiting[:-1]])).max(axis=0)
        self.program: Program = build(
            fleet, self.classes, periods.horizon_hours, ALL_OPTIONS, most_served=most
        )
        self.machines = machines_of(self.program, periods.hours)
        self.rounds = 0
        self.model: LinearModel | None = None

    def left(self) -> float:
        return max(self.settings.time_limit_s - (time.perf_counter() - self.start), 0.0)

    def run(self) -> CoupledPlan:
        columns = len(self.periods) * (len(self.program.uses) + len(self.machines) + 2)
        if columns <= MOST_COLUMNS:
            return self._whole()
        return self._rolling()

    def _whole(self) -> CoupledPlan:
        self.rounds = 1
        every = np.arange(len(self.periods), dtype=np.intp)
        made = coupled_model(
            self.program, segments_of(self.fleet, self.periods, every), self.periods.hours
        )
        self.model = made.model
        found = solve(
            made.model,
            gap=self.settings.gap,
            time_limit_s=max(self.left(), 0.1),
            solver=self.settings.solver,
        )
        if not found.has_point:
            status = found.status
            if status not in (Status.INFEASIBLE, Status.UNBOUNDED):
                status = Status.FAILED
            return self._end(status, None, 0.0, "whole")
        values = found.values
        served = values[made.served] if made.served.size else None
        operation = self._operation(values[made.stage1], values[made.use], served)
        return self._end(found.status, operation, found.bound or 0.0, "whole")

    def _operation(self, plan: Floats, use: Floats, served: Floats | None) -> Operation:
        working = self._working(use)
        before = np.vstack([np.zeros((1, working.shape[1])), working[:-1]])
        usd = np.array([m.start_usd for m in self.machines])
        starts = float((np.maximum(working - before, 0.0) @ usd).sum())
        done = None
        if served is not None and served.shape[1]:
            done = self.periods.demand.copy()
            done[:, self.fleet.deferrable_hours > 0] = served
        return Operation(self.program, self.periods, plan, use, starts, done)

    def _working(self, use: Floats) -> Floats:
        if not self.machines:
            return np.zeros((len(use), 0))
        return np.stack([use[:, list(m.uses)].sum(axis=1) for m in self.machines], axis=1)

    def _cost(self, operation: Operation) -> float:
        size = len(self.periods)
        prices = self.program.use_prices(
            full(self.fleet.on_demand, size), full(self.fleet.spot, size)
        )
        used = float(np.einsum("ij,ij->", operation.use, prices)) * self.periods.hours
        return float(self.program.stage1_usd @ operation.plan) + used + operation.starts_usd

    def _rolling(self) -> CoupledPlan:
        waits = bool((self.fleet.deferrable_hours > 0).any())
        starts = self._first_segments() if waits else None
        bound, best, best_cost = 0.0, None, math.inf
        for _ in range(ROUNDS):
            self.rounds += 1
            status, plan, relaxed = (
                self._segmented(starts) if starts is not None else self._independent()
            )
            if plan is None:
                if status in (Status.INFEASIBLE, Status.UNBOUNDED):
                    return self._end(status, None, bound, "rolling-horizon")
                break
            bound = max(bound, relaxed)
            operation, lacking = self._dispatch(plan)
            if operation is not None and not len(lacking):
                best, best_cost = operation, self._cost(operation)
                break
            if starts is None or self.left() <= 0 or operation is None:
                break
            finer = np.unique(
                np.r_[starts, lacking, np.minimum(lacking + 1, len(self.periods) - 1)]
            )
            if len(finer) == len(starts):
                break
            starts = finer
        if best is None:
            best = self._with_everything()
            best_cost = self._cost(best) if best is not None else math.inf
        if best is None:
            return self._end(Status.FAILED, None, bound, "rolling-horizon")
        met = relative_gap(best_cost, bound) <= self.settings.gap
        return self._end(Status.OPTIMAL if met else Status.FEASIBLE, best, bound, "rolling-horizon")

    def _first_segments(self) -> Ints:
        per_segment = len(self.program.uses) + 4
        length = math.ceil(len(self.periods) * per_segment / MOST_COLUMNS)
        return np.arange(0, len(self.periods), max(length, 1), dtype=np.intp)

    def _segmented(self, starts: Ints) -> tuple[Status, Floats | None, float]:
        made = coupled_model(
            self.program,
            segments_of(self.fleet, self.periods, starts),
            self.periods.hours,
            starts=False,
        )
        found = solve(
            made.model,
            gap=max(self.settings.gap, 1e-4),
            time_limit_s=max(self.left() / 2, 0.1),
            solver=self.settings.solver,
        )
        if not found.has_point:
            return found.status, None, 0.0
        return found.status, found.values[made.stage1], found.bound or 0.0

    def _independent(self) -> tuple[Status, Floats | None, float]:
        nothing = np.zeros_like
        found = optimise(
            replace(
                self.fleet,
                start_usd=nothing(self.fleet.start_usd),
                min_up_hours=nothing(self.fleet.min_up_hours),
            ),
            self.periods,
            replace(self.settings, time_limit_s=max(self.left() / 2, 0.1)),
        )
        if found.plan is None:
            return found.status, None, found.bound_usd
        by_name = dict(
            zip([d.name for d in found.program.stage1], found.plan.tolist(), strict=True)
        )
        plan = np.array([by_name.get(d.name, 0.0) for d in self.program.stage1])
        return found.status, plan, found.bound_usd

    def _with_everything(self) -> Operation | None:
        """Commitments at their most, where a relaxation's do not carry the peaks."""
        plan = within_rows(self.program, self.program.stage1_most)
        operation, lacking = self._dispatch(plan)
        return operation if operation is not None and not len(lacking) else None

    def _dispatch(self, plan: Floats) -> tuple[Operation | None, Ints]:
        """Window after window; the periods that lack capacity. None when a window failed."""
        size = len(self.periods)
        wait = math.ceil(float(self.fleet.deferrable_hours.max(initial=0.0)) / self.periods.hours)
        ahead = max(LOOK_AHEAD, wait, max((m.min_up for m in self.machines), default=0))
        window = max(WINDOW, 2 * ahead)
        whole = segments_of(self.fleet, self.periods, np.arange(size, dtype=np.intp))
        use = np.zeros((size, len(self.program.uses)))
        waits = np.flatnonzero(self.fleet.deferrable_hours > 0)
        served = np.zeros((size, len(waits)))
        longest = max((m.min_up for m in self.machines), default=1)
        state = State(
            np.zeros(len(self.machines)),
            np.zeros((longest, len(self.machines))),
            np.zeros(len(self.fleet.workloads)),
        )
        lacking: list[int] = []
        price = self._elastic_usd()
        for begin in range(0, size, window):
            end = min(begin + window + ahead, size)
            part = replace(
                whole,
                **{
                    name: getattr(whole, name)[begin:end]
                    for name in ("length", "demand", "on_demand", "spot", "held", "waiting")
                },
            )
            made = coupled_model(
                self.program,
                part,
                self.periods.hours,
                state=state,
                plan=plan,
                elastic_usd=price,
            )
            found = solve(
                made.model,
                gap=max(self.settings.gap, 1e-6),
                time_limit_s=max(self.left(), 1.0),
                solver=self.settings.solver,
            )
            if not found.has_point:
                return None, np.empty(0, np.intp)
            kept = min(window, size - begin)
            values = found.values
            use[begin : begin + kept] = values[made.use[:kept]]
            served[begin : begin + kept] = values[made.served[:kept]]
            lack = values[made.elastic[:kept]].max(axis=1, initial=0.0)
            lacking += (begin + np.flatnonzero(lack > _LACK)).tolist()
            state = self._next_state(state, values, made, kept, waits, use[begin : begin + kept])
        return self._operation(plan, use, served), np.array(lacking, np.intp)

    def _next_state(
        self, state: State, values: Floats, made: CoupledModel, kept: int, waits: Ints, use: Floats
    ) -> State:
        started = np.vstack([state.started, values[made.started[:kept]]])[-len(state.started) :]
        backlog = np.zeros(len(self.fleet.workloads))
        if len(waits):
            backlog[waits] = np.maximum(values[made.backlog[kept - 1]], 0.0)
        return State(self._working(use)[-1], started, backlog)

    def _elastic_usd(self) -> float:
        """Price of a workload's whole peak unserved for an hour: beyond any dispatch."""
        serves = np.array([u.serves for u in self.program.uses])
        prices = self.program.use_prices(self.fleet.on_demand[:1], self.fleet.spot[:1])
        unit = float((prices / serves).max(initial=0.0)) if len(serves) else 1.0
        starts = float(self.fleet.start_usd.max(initial=0.0))
        peak = float(self.periods.demand.max(initial=0.0))
        return 100 * (unit * peak + starts) + 1.0

    def _end(
        self, status: Status, operation: Operation | None, bound: float, model: str
    ) -> CoupledPlan:
        cost = self._cost(operation) if operation is not None else math.nan
        words = {
            "whole": "starts, minimum up-times and waiting work couple the periods: one model of "
            "all of them",
            "rolling-horizon": f"starts, minimum up-times or waiting work couple the periods: "
            f"dispatched in windows of {WINDOW} periods or more that look ahead, under commitments "
            "of a relaxation, which gives the bound",
        }
        method = Method(
            model="whole" if model == "whole" else "rolling-horizon",
            periods=len(self.periods),
            distinct_periods=len(self.classes),
            groups=len(self.periods),
            rounds=self.rounds,
            solver=self.settings.solver,
            integer="all" if self.fleet.integer_use else "commitments",
            note=words[model],
        )
        return CoupledPlan(
            status,
            operation,
            cost,
            min(max(bound, 0.0), cost) if operation is not None else bound,
            method,
            time.perf_counter() - self.start,
            self.model,
        )
