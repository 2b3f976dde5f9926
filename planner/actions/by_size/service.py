"""A service planned by request size: which machines serve the short requests, which the long.

1. Requests of similar size form classes; the performance model says what each configuration
   carries of each class within the latency targets (``candidates.by_size``).
2. The mix program chooses whole machines of one place and sends each class where it is cheapest.
3. What a group of machines then really gets is asked of the performance model once more, as one
   load, and simulated; groups that carry less than assumed, or miss a target, get head-room, and
   the mix is solved again.

The plan for the average request stays the answer where this one does not beat it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from statistics import NormalDist
from typing import TypeGuard

import numpy as np
from numpy.typing import NDArray

from catalog import Catalog
from planner.actions.by_size.credit import credited, decided
from planner.actions.by_size.program import mix_program, spread_out
from planner.actions.mix.service_check import Load, failing, simulated
from planner.actions.places import assumed_zone
from planner.actions.planning import Prepared
from planner.actions.recommend.answer import Decided
from planner.candidates.by_size import BySize, SizeClass, by_size, size_classes
from planner.optimize.mix import MixSolution, solve_mix
from planner.optimize.mix.places import cheapest_placed
from planner.performance.efficiency import Measured
from planner.performance.throughput import Throughput, throughput_of
from planner.results import Mix
from planner.simulate.serving import PoolTimes
from planner.workload import RequestSize, Serving, Workload

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]

GAP = 1e-3
TIME_LIMIT_S = 10.0
ROUNDS = 10
# Head-room given to a group that misses a target in the simulation, at least.
_STEP = 0.05
# A smaller share of a class goes with the rest of it; so much over its capacity a group may be.
DUST = 1e-3
# A mix must save this much to be preferred to one configuration: it is more to look after.
LEAST_SAVING = 1e-4


@dataclass(frozen=True)
class SizedGroup:
    """``count`` groups of a candidate's configuration and what each class sends there.

    ``rate`` (classes,) requests/s at the peak; ``estimate`` is of these requests together, its
    first column.
    """

    index: int
    count: int
    usd_per_hour: float
    rate: Floats
    estimate: Throughput
    zone: int | None = None


@dataclass(frozen=True)
class SizedPlan:
    """The chosen groups, dearest first, their simulated times, and the bound of the program."""

    classes: tuple[SizeClass, ...]
    groups: tuple[SizedGroup, ...]
    times: tuple[PoolTimes | None, ...]
    bound_usd_per_hour: float
    closed: bool
    tightened: int
    solver: str
    offers: int

    @property
    def usd_per_hour(self) -> float:
        return sum(group.usd_per_hour for group in self.groups)

    @property
    def status(self) -> str:
        """Optimal where the cost is within the gap of what no mix of these classes goes below."""
        near = self.usd_per_hour <= self.bound_usd_per_hour * (1 + 2 * GAP)
        return "optimal" if self.closed and near else "feasible"

    def credited(self, prepared: Prepared) -> float:
        """USD over the horizon that credits held in its clouds pay."""
        hours = prepared.candidates.amount.horizon_hours or 0.0
        return credited(prepared, ((g.index, g.usd_per_hour * hours) for g in self.groups))

    def decided(self, prepared: Prepared) -> Decided:
        """The decision as others see it: the dearest group stands for the plan."""
        usd = self.usd_per_hour * (prepared.candidates.amount.horizon_hours or 0.0)
        return decided(prepared, self.groups[0].index, usd, self.credited(prepared))

    def mix(self, prepared: Prepared, catalog: Catalog, today: date, single_usd: float) -> Mix:
        """The plan as published."""
        from planner.actions.by_size.service_answer import sized_mix

        return sized_mix(prepared, self, catalog, today, single_usd)


def has_sizes(workload: Workload) -> TypeGuard[Serving]:
    """Whether requests of several sizes may be sent to machines of several kinds."""
    if not isinstance(workload, Serving) or len(workload.requests) < 2:
        return False
    where, data = workload.where, workload.data
    stays = data.at is not None or data.stored is not None
    if where.mix == "none" or stays or workload.autoscaling is not None:
        return False
    return len({(size.input_length, size.output_length) for size in workload.requests}) > 1


def plan_by_size(
    prepared: Prepared,
    catalog: Catalog,
    measured: Sequence[Measured],
    where: str,
    *,
    to_beat: float = np.inf,
) -> SizedPlan | None:
    """The cheapest plan by size below ``to_beat`` USD/h that passes its checks, or None."""
    workload = prepared.workload
    if not has_sizes(workload) or prepared.shape.kind != "transformer":
        return None
    classes = size_classes(workload.requests)
    found = by_size(
        workload, prepared.shape, catalog, prepared.candidates, classes, measured, where
    )
    if not len(found.index) or not (found.rate > 0).any(axis=0).all():
        return None
    found, places = spread_out(prepared, found)
    problem, limits, place = mix_program(
        prepared,
        found,
        places,
        usd=found.usd_per_hour,
        capacity=found.rate,
        needs=[one.share * workload.peak_rate for one in found.classes],
        spare_instances=workload.spare_machines,
    )
    placed = cheapest_placed(
        problem, limits, place, to_beat=to_beat, gap=GAP, time_limit_s=TIME_LIMIT_S
    )
    if placed.solution is None:
        return None
    zones = [assumed_zone(name) for name in places] or [None] * len(found.index)
    checker = _Checker(prepared, workload, catalog, measured, found, zones)
    part, solution = problem.take(placed.offers), placed.solution
    caps = np.ones(part.offers)
    for tightened in range(ROUNDS):
        groups = checker.groups(placed.offers, solution)
        short = [checker.short(group) for group in groups]
        times: list[PoolTimes | None] = []
        if max(short) <= 1:
            times = checker.simulate(groups)
            short = failing(times, workload)
        if max(short) <= 1:
            # Without a spread, what serves nothing is not needed.
            busy = [g for g, one in enumerate(groups) if places or one.rate.sum() > 0]
            order = sorted(busy, key=lambda g: -groups[g].usd_per_hour)
            return SizedPlan(
                classes=found.classes,
                groups=tuple(groups[g] for g in order),
                times=tuple(times[g] for g in order),
                bound_usd_per_hour=placed.bound,
                closed=placed.closed,
                tightened=tightened,
                solver=solution.solver,
                offers=part.offers,
            )
        caps = _tighter(caps, solution, short, limits.spare_instances, simulated=bool(times))
        solution = solve_mix(
            part, replace(limits, max_utilisation=caps), gap=GAP, time_limit_s=TIME_LIMIT_S / 4
        )
        if solution.objective is None or solution.objective >= to_beat:
            return None
    return None


def _tighter(
    caps: Floats, solution: MixSolution, short: Sequence[float], spare: int, *, simulated: bool
) -> Floats:
    """Less load for the groups that are short: by what they lack, or a step after a simulation."""
    used = np.flatnonzero(solution.counts)
    tighter = caps.copy()
    for offer, lacks in zip(used.tolist(), short, strict=True):
        if lacks > 1:
            count = float(solution.counts[offer])
            loaded = float(solution.utilisation[offer]) * count / max(count - spare, 1.0)
            loaded = min(loaded, float(caps[offer]))
            less = max(1 - _STEP, 1 / lacks) if simulated else 1 / lacks
            tighter[offer] = loaded * less * (1 - 1e-6)
    return tighter


class _Checker:
    """Groups of a solution as the performance model and the simulation see them."""

    def __init__(
        self,
        prepared: Prepared,
        workload: Serving,
        catalog: Catalog,
        measured: Sequence[Measured],
        found: BySize,
        zones: Sequence[int | None],
    ) -> None:
        self.prepared, self.workload, self.found = prepared, workload, found
        self.zones = zones
        self.catalog, self.measured = catalog, measured
        self.z = NormalDist().inv_cdf(workload.risk)
        self.column = {config: at for at, config in enumerate(found.configs.tolist())}
        self.known: dict[tuple[int, bytes], Throughput] = {}

    def groups(self, offers: Rows, solution: MixSolution) -> list[SizedGroup]:
        """The offers in use, each asked of the model with just the requests it gets."""
        found, rate = self.found, self.workload.peak_rate
        shares = np.array([one.share for one in found.classes])
        assignment = np.where(solution.assignment < DUST, 0.0, solution.assignment)
        assignment /= assignment.sum(axis=0)
        groups = []
        for offer in np.flatnonzero(solution.counts).tolist():
            at, count = int(offers[offer]), int(solution.counts[offer])
            sent = assignment[offer] * shares * rate
            index = int(found.index[at])
            groups.append(
                SizedGroup(
                    index=index,
                    count=count,
                    usd_per_hour=float(found.usd_per_hour[at]) * count,
                    rate=sent,
                    estimate=self._estimate(int(self.prepared.candidates.config[index]), sent),
                    zone=self.zones[at],
                )
            )
        return groups

    def _estimate(self, config: int, sent: Floats) -> Throughput:
        total = float(sent.sum())
        part = np.round(sent / total, 6) if total > 0 else sent
        key = (config, part.tobytes())
        if key not in self.known:
            mixture = together(self.found.classes, part)
            machines = self.prepared.candidates.machines.take(np.array([config]))
            self.known[key] = throughput_of(
                mixture.of(self.workload, max(total, 1e-9)),
                self.prepared.shape,
                machines,
                self.measured,
                catalog=self.catalog,
            )
        return self.known[key]

    def short(self, group: SizedGroup) -> float:
        """Requests/s sent to a group over what the model says it carries of them together."""
        if group.rate.sum() <= 0:
            return 0.0
        there = self._there(group)
        carried = float(group.estimate.quantile(-self.z)[0]) * there
        return float(group.rate.sum()) / carried / (1 + DUST) if carried > 0 else 2.0

    def _there(self, group: SizedGroup) -> float:
        """Groups that are there on average, of those not kept as spares."""
        at = int(np.flatnonzero(self.found.index == group.index)[0])
        return (group.count - self.workload.spare_machines) * float(self.found.availability[at])

    def simulate(self, groups: Sequence[SizedGroup]) -> list[PoolTimes | None]:
        outputs = np.array([one.output_length for one in self.found.classes])
        config = self.prepared.candidates.config
        loads = [
            Load(
                groups=self._there(group),
                rate=group.rate,
                outputs=outputs,
                estimate=group.estimate,
                at=0,
                of_class=[
                    (estimate, self.column[int(config[group.index])])
                    for estimate in self.found.estimates
                ],
            )
            for group in groups
        ]
        return simulated(loads, self.workload)


def together(classes: Sequence[SizeClass], part: Floats) -> SizeClass:
    """The requests of several classes as one, each with its part of the whole."""
    total = float(part.sum())
    sizes = [
        RequestSize(
            input_length=size.input_length,
            output_length=size.output_length,
            share=min(size.share * of / total, 1.0),
        )
        for one, of in zip(classes, part.tolist(), strict=True)
        if of > 0
        for size in one.sizes
    ]
    return SizeClass(tuple(sizes) or classes[0].sizes, 1.0)


def better_by_size(
    prepared: Prepared,
    known_usd: float,
    catalog: Catalog,
    measured: Sequence[Measured],
    where: str,
) -> SizedPlan | None:
    """A plan by size that costs less after credits than ``known_usd``."""
    workload = prepared.workload
    if not has_sizes(workload):
        return None
    known = known_usd * (1 - LEAST_SAVING)
    to_beat = np.inf if workload.where.credits else known / workload.horizon
    plan = plan_by_size(prepared, catalog, measured, where, to_beat=to_beat)
    if plan is None:
        return None
    usd = plan.usd_per_hour * workload.horizon - plan.credited(prepared)
    return plan if usd < known else None
