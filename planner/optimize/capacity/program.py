"""Plans whose cost is known from both sides, refined until they meet.

Groups of periods bound the cost from below; the plan that they suggest, priced on every period,
bounds it from above. Groups are split where they lose until the gap is met. Continuous
commitments find the groups, whole ones then the plan.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from planner.optimize.capacity.fleet import Classes, Fleet, Option, Periods, merge_periods
from planner.optimize.capacity.formulation import ALL_OPTIONS, Program, build
from planner.optimize.capacity.master import Mastered, solve_master
from planner.optimize.capacity.partition import Cut, features, first_groups, group, split
from planner.optimize.capacity.recourse import Priced, Recourse
from planner.optimize.solver import RELATIVE_GAP, Status

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

FIRST_GROUPS = 24
# Where prices move, groups by least prices bound the cost poorly: cuts close the gap instead.
MOST_GROUPS_WITH_CUTS = 100
MOST_CUTS = 120
# Seconds beyond the limit in which a plan that certainly works may still be priced.
GRACE_S = 2.0
# Below this many USD two costs are the same.
_CENT = 1e-9


@dataclass(frozen=True)
class Settings:
    """``gap`` is relative; ``time_limit_s`` is for everything together."""

    gap: float = 1e-4
    time_limit_s: float = 60.0
    solver: str = "HiGHS"


@dataclass(frozen=True)
class CapacityPlan:
    """``plan`` (stage1,) and ``priced`` are None without a plan that serves every period.

    ``cost_usd`` and ``bound_usd`` are over the horizon, sunk costs apart.
    """

    status: Status
    program: Program
    classes: Classes
    plan: Floats | None
    priced: Priced | None
    cost_usd: float
    bound_usd: float
    groups: int
    rounds: int
    seconds: float
    of: Ints  # (C,) group of each class

    @property
    def gap(self) -> float:
        return relative_gap(self.cost_usd, self.bound_usd)


def relative_gap(cost: float, bound: float) -> float:
    """(cost - bound) / cost; 0 where they agree to within rounding."""
    if not math.isfinite(cost):
        return math.inf
    return 0.0 if cost - bound <= _CENT else (cost - bound) / cost


@dataclass(frozen=True)
class Start:
    """Periods merged and grouped, as every search for a fleet begins."""

    classes: Classes
    points: Floats
    of: Ints

    @classmethod
    def made(cls, fleet: Fleet, periods: Periods) -> Start:
        classes = merge_periods(fleet, periods)
        points = features(classes)
        return cls(classes, points, first_groups(points, classes.count, FIRST_GROUPS))


def optimise(
    fleet: Fleet,
    periods: Periods,
    settings: Settings,
    options: frozenset[Option] = ALL_OPTIONS,
    start: Start | None = None,
) -> CapacityPlan:
    """The cheapest plan for periods that do not depend on each other.

    ``start`` of the same periods, and of a fleet of the same prices and machines held, spares
    making it.
    """
    start = start or Start.made(fleet, periods)
    program = build(fleet, start.classes, periods.horizon_hours, options)
    return _Search(program, start, periods, settings).run()


def within_rows(program: Program, plan: Floats) -> Floats:
    """The plan with commitments lowered until each offer's limit holds, still whole.

    What the user has decided on stays.
    """
    least = program.stage1_least
    for _, row, most in program.stage1_rows:
        free, room = float(row @ (plan - least)), most - float(row @ least)
        if free > room:
            plan = np.where(row > 0, least + np.floor((plan - least) * room / free), plan)
    return plan


class _Search:
    """One run: the groups so far, the best plan, the best bound."""

    def __init__(
        self, program: Program, start: Start, periods: Periods, settings: Settings
    ) -> None:
        classes = start.classes
        self.start = time.perf_counter()
        self.deadline = self.start + settings.time_limit_s
        self.program, self.classes, self.periods = program, classes, periods
        self.settings = settings
        self.whole_use = program.fleet.integer_use
        self.pricer = Recourse(program, classes)
        self.uses_cuts = self.pricer.varying
        self.points, self.of = start.points, start.of.copy()
        self.last = np.zeros(len(program.stage1))
        self.first, self.cuts = self.of.copy(), list[Cut]()
        self.best: tuple[Floats, Priced] | None = None
        self.cost, self.bound, self.rounds = math.inf, 0.0, 0

    def run(self) -> CapacityPlan:
        if not len(self.classes):
            return self._served_nothing()
        if not self.program.stage1 and not self.whole_use:
            return self._priced_alone()
        ended = Status.FEASIBLE
        for whole in (False, True) if self.program.stage1 else (True,):
            if whole:
                self._price_whole()
            ended = self._refine(whole)
            if ended in (Status.INFEASIBLE, Status.UNBOUNDED, Status.FAILED):
                return self._end(ended)
            if ended is Status.FEASIBLE:
                break
        return self._end(ended)

    def _price_whole(self) -> None:
        """From here on plans are priced with whole machines, where those are asked for."""
        if self.whole_use:
            from planner.optimize.capacity.whole_machines import WholeRecourse

            self.pricer = WholeRecourse(self.program, self.classes)

    def _refine(self, whole: bool) -> Status:
        """Split groups until cost and bound meet; with ``whole`` commitments this is the answer."""
        target = self.settings.gap / (1 if whole else 4)
        if not whole:
            target = max(target, RELATIVE_GAP)
        seen: list[Floats] = []
        while True:
            left = self.deadline - time.perf_counter()
            if left <= 0:
                return self._stopped(whole)
            self.rounds += 1
            # Whole machines in every group are slow to prove: leave time to price what is found.
            share = 0.4 if whole and self.whole_use else 1.0
            mastered = self._master(whole, left * share, target)
            if not mastered.solution.has_point:
                if mastered.status is Status.INFEASIBLE:
                    return Status.INFEASIBLE
                if mastered.status is Status.UNBOUNDED:
                    return Status.UNBOUNDED
                return self._stopped(whole)
            self.bound = max(self.bound, mastered.bound_usd)
            self.last = mastered.plan
            priced = self.pricer.price(mastered.plan, until=self.deadline)
            if priced is None:
                return self._stopped(whole)
            if self.uses_cuts and priced.duals.size:
                self._cut(priced)
            if not priced.is_feasible:
                if self._isolate(priced):
                    continue
                # Groups of one period are served to within the solver's tolerance only.
                return self._stopped(whole) if whole else Status.OPTIMAL
            cost = self._cost(mastered.plan, priced)
            if whole and cost < self.cost:
                self.cost, self.best = cost, (mastered.plan, priced)
            if not whole and relative_gap(cost, mastered.bound_usd) <= target:
                return Status.OPTIMAL
            if whole and relative_gap(self.cost, self.bound) <= target:
                return Status.OPTIMAL
            repeated = any(np.array_equal(mastered.plan, plan) for plan in seen)
            seen.append(mastered.plan)
            split_some = self._split(mastered, priced, cost, target)
            if not split_some and (repeated or not self.uses_cuts):
                return Status.OPTIMAL if not whole else self._stopped(whole)

    def _master(self, whole: bool, left: float, target: float) -> Mastered:
        groups = group(self.classes, self.of, corners=self.whole_use and whole)
        return solve_master(
            self.program,
            groups,
            self.periods.hours,
            whole=whole,
            whole_use=self.whole_use and whole,
            gap=max(target / 2, 1e-9) if whole else RELATIVE_GAP,
            time_limit_s=left,
            solver=self.settings.solver,
            cuts=self.cuts,
        )

    def _cut(self, priced: Priced) -> None:
        """What the plan's marginal prices prove about every other plan, by first group."""
        hours = (self.classes.count * self.periods.hours)[:, None]
        constant = np.einsum("ij,ij->i", priced.duals, self.pricer.rhs)
        slope = -(priced.duals @ self.program.t)
        _, of = np.unique(self.first, return_inverse=True)
        of = of.reshape(-1).astype(np.intp)
        total = np.zeros((int(of.max()) + 1, slope.shape[1] + 1))
        np.add.at(total, of, np.column_stack([constant, slope]) * hours)
        self.cuts = [*self.cuts, Cut(of, total[:, 0], total[:, 1:])][-MOST_CUTS:]

    def _cost(self, plan: Floats, priced: Priced) -> float:
        hours = self.classes.count * self.periods.hours
        return float(self.program.stage1_usd @ plan + priced.usd_per_hour @ hours)

    def _isolate(self, priced: Priced) -> bool:
        """The worst period that the plan cannot serve becomes a group of its own, per group."""
        short = (priced.shortfall / np.maximum(self.classes.demand.max(axis=0), 1e-300)).sum(axis=1)
        sizes = np.bincount(self.of, minlength=int(self.of.max()) + 1)
        label, moved = int(self.of.max()) + 1, False
        for name in np.unique(self.of[short > 0]).tolist():
            members = np.flatnonzero(self.of == name)
            if sizes[name] > 1:
                self.of[members[np.argmax(short[members])]] = label
                label, moved = label + 1, True
        return moved

    def _split(self, mastered: Mastered, priced: Priced, cost: float, target: float) -> bool:
        _, of = np.unique(self.of, return_inverse=True)
        of = of.reshape(-1).astype(np.intp)
        if self.uses_cuts and int(of.max()) >= MOST_GROUPS_WITH_CUTS:
            return False
        hours = self.classes.count * self.periods.hours
        exact = np.bincount(of, priced.usd_per_hour * hours)
        grouped = mastered.usd_per_hour * np.bincount(of, hours)
        gap = np.maximum(exact - grouped, 0.0)
        fresh = split(
            of,
            priced.region,
            np.where(gap > 1e-12 * cost, gap, 0.0),
            self.points,
            cost * target / 4,
            self.classes.demand.shape[1],
        )
        if fresh is None:
            return False
        self.of = fresh
        return True

    def _stopped(self, whole: bool) -> Status:
        """Out of time, or nothing left to split: the plan in hand, or one that always works."""
        if self.best is None:
            self._fallback()
        if self.best is None:
            return Status.FAILED
        met = whole and relative_gap(self.cost, self.bound) <= self.settings.gap
        return Status.OPTIMAL if met else Status.FEASIBLE

    def _fallback(self) -> None:
        """The last plan rounded up, none, and every commitment at its most: the cheapest."""
        self._price_whole()
        least, most = self.program.stage1_least, self.program.stage1_most
        for wanted in (np.clip(np.ceil(self.last - 1e-6), least, most), least, most):
            plan = within_rows(self.program, wanted)
            priced = self.pricer.price(plan, until=self.deadline + GRACE_S)
            if priced is not None and priced.is_feasible:
                cost = self._cost(plan, priced)
                if cost < self.cost:
                    self.best, self.cost = (plan, priced), cost

    def _served_nothing(self) -> CapacityPlan:
        plan = self.program.stage1_least
        priced = self.pricer.price(plan)
        self.best = (plan, priced) if priced else None
        self.cost = self.bound = 0.0
        return self._end(Status.OPTIMAL)

    def _priced_alone(self) -> CapacityPlan:
        """Nothing to commit to: every period is its own program, priced exactly."""
        plan = np.zeros(0)
        priced = self.pricer.price(plan, until=self.deadline)
        if priced is None:
            return self._end(Status.FAILED)
        if not priced.is_feasible:
            return self._end(Status.INFEASIBLE)
        self.best, self.cost = (plan, priced), self._cost(plan, priced)
        self.bound = self.cost
        return self._end(Status.OPTIMAL)

    def _end(self, status: Status) -> CapacityPlan:
        plan, priced = self.best or (None, None)
        if plan is None:
            self.cost = math.nan
        return CapacityPlan(
            status,
            self.program,
            self.classes,
            plan,
            priced,
            self.cost,
            min(self.bound, self.cost) if plan is not None else self.bound,
            len(np.unique(self.of)) if len(self.classes) else 0,
            self.rounds,
            time.perf_counter() - self.start,
            self.of,
        )
