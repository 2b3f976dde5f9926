"""A batch planned by request size: which machines do the short requests, which the long.

As for services (``by_size``), with a deadline instead of a rate: machines are paid for the time
they work, and all are done in time at the risk asked for.

1. The performance model says what each configuration does of each class alone; the program shares
   classes out as if each group worked its sizes off one after the other.
2. What each group got is asked of the model once more, as one load. Sizes mixed in one batch are
   often quicker (short requests use what long ones leave of a step); the group then mixes them, and
   is of no more machines than that takes.

The plan for the average request stays the answer where this one does not beat it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from statistics import NormalDist
from typing import TypeGuard

import numpy as np

from catalog import Catalog
from planner.actions.by_size.credit import credited, decided
from planner.actions.by_size.program import mix_program, spread_out
from planner.actions.by_size.service import DUST, LEAST_SAVING, TIME_LIMIT_S, together
from planner.actions.places import assumed_zone
from planner.actions.planning import Prepared
from planner.actions.recommend.answer import Decided
from planner.candidates.batch_by_size import BatchBySize, batch_by_size
from planner.candidates.by_size import Floats, SizeClass, size_classes
from planner.optimize.mix.finite import FiniteMix, cheapest_finite
from planner.performance.efficiency import Measured
from planner.performance.throughput import Throughput, throughput_of
from planner.results import Mix
from planner.workload import BatchInference, Workload

GAP = 1e-4


@dataclass(frozen=True)
class BatchGroup:
    """``count`` groups of a candidate's configuration, and the requests of each class they do.

    ``usd`` in the median, of which ``fixed_usd`` for set-up and what is bought; ``at`` is the row
    of ``BatchBySize``. ``estimate`` has one column: requests/s of one group, its sizes ``mixed`` in
    one batch or one after the other.
    """

    index: int
    at: int
    count: int
    requests: Floats
    usd: float
    usd_at_risk: float
    fixed_usd: float
    estimate: Throughput
    mixed: bool
    zone: int | None = None


@dataclass(frozen=True)
class BatchPlan:
    """The chosen groups, dearest first; ``bound_usd`` no mix goes below that works sizes off one
    after the other, None where a group mixes them.
    """

    found: BatchBySize
    groups: tuple[BatchGroup, ...]
    bound_usd: float | None
    closed: bool
    solver: str
    offers: int

    @property
    def classes(self) -> tuple[SizeClass, ...]:
        return self.found.classes

    @property
    def usd(self) -> float:
        return sum(group.usd for group in self.groups)

    @property
    def usd_at_risk(self) -> float:
        """Not exceeded with the probability asked for, where all groups are slow together."""
        return sum(group.usd_at_risk for group in self.groups)

    @property
    def status(self) -> str:
        if self.bound_usd is None or not self.closed:
            return "feasible"
        return "optimal" if self.usd <= self.bound_usd * (1 + 2 * GAP) else "feasible"

    def credited(self, prepared: Prepared) -> float:
        """USD that credits held in its clouds pay."""
        return credited(prepared, ((group.index, group.usd) for group in self.groups))

    def decided(self, prepared: Prepared) -> Decided:
        """The decision as others see it: the dearest group stands for the plan."""
        credit = self.credited(prepared)
        return decided(prepared, self.groups[0].index, self.usd_at_risk, credit)

    def mix(self, prepared: Prepared, catalog: Catalog, today: date, single_usd: float) -> Mix:
        """The plan as published."""
        from planner.actions.by_size.batch_answer import batch_mix

        return batch_mix(prepared, self, catalog, today, single_usd)


def has_sizes(workload: Workload) -> TypeGuard[BatchInference]:
    """Whether requests of several sizes may be shared out among machines of several kinds."""
    if not isinstance(workload, BatchInference) or workload.why_one:
        return False
    return len({(size.input_length, size.output_length) for size in workload.requests}) > 1


def plan_batch_by_size(
    prepared: Prepared,
    catalog: Catalog,
    measured: Sequence[Measured],
    where: str,
    *,
    to_beat: float = np.inf,
) -> BatchPlan | None:
    """The cheapest plan by size below ``to_beat`` USD, or None."""
    workload = prepared.workload
    if not has_sizes(workload) or prepared.shape.kind != "transformer":
        return None
    found = batch_by_size(
        workload,
        prepared.shape,
        catalog,
        prepared.candidates,
        size_classes(workload.requests),
        measured,
        where,
    )
    if not len(found.index) or not (found.capacity > 0).any(axis=0).all():
        return None
    found, places = spread_out(prepared, found)
    problem, limits, place = mix_program(
        prepared,
        found,
        places,
        usd=found.fixed_usd,
        capacity=found.capacity,
        needs=found.requests,
    )
    mix = cheapest_finite(
        problem,
        found.usd_per_request * found.requests,
        limits,
        place,
        gap=GAP,
        time_limit_s=TIME_LIMIT_S,
    )
    if not len(mix.offers):
        return None
    asked = _Asked(prepared, workload, catalog, measured, found)
    groups = tuple(sorted(asked.groups(mix, places), key=lambda group: -group.usd))
    bound = None if any(group.mixed for group in groups) else mix.bound
    plan = BatchPlan(found, groups, bound, mix.closed, mix.solver, len(mix.offers))
    return plan if plan.usd < to_beat else None


class _Asked:
    """Groups of a mix as the performance model sees them with just their requests."""

    def __init__(
        self,
        prepared: Prepared,
        workload: BatchInference,
        catalog: Catalog,
        measured: Sequence[Measured],
        found: BatchBySize,
    ) -> None:
        self.prepared, self.workload, self.found = prepared, workload, found
        self.catalog, self.measured = catalog, measured
        self.z = NormalDist().inv_cdf(workload.risk)

    def groups(self, mix: FiniteMix, places: Sequence[str]) -> Iterator[BatchGroup]:
        shares = np.where(mix.shares < DUST, 0.0, mix.shares)
        shares /= shares.sum(axis=0)
        for offer in np.flatnonzero(mix.counts).tolist():
            requests = shares[offer] * self.found.requests
            # Without a spread, what does nothing is not needed.
            if places or requests.sum() > 0:
                at = int(mix.offers[offer])
                zone = assumed_zone(places[at]) if places else None
                yield self._group(at, int(mix.counts[offer]), requests, zone)

    def _group(self, at: int, count: int, requests: Floats, zone: int | None) -> BatchGroup:
        found, c = self.found, self.prepared.candidates
        index, total = int(found.index[at]), float(requests.sum())
        parts = requests if total > 0 else found.requests
        machines = c.machines.take(np.array([int(c.config[index])]))
        estimate = throughput_of(
            together(found.classes, parts / parts.sum()).of_batch(self.workload, max(total, 1.0)),
            self.prepared.shape,
            machines,
            self.measured,
            catalog=self.catalog,
        )
        hours = parts @ np.where(parts > 0, found.hours_per_request[at], 0.0)
        in_turn = float(parts.sum() / hours / 3600 / found.shared[at])
        mixed = bool(estimate.median[0] > in_turn)
        if not mixed:
            estimate = replace(estimate, median=np.array([in_turn]))
        elif total > 0:
            slow = float(estimate.quantile(-self.z)[0] * found.shared[at]) * 3600
            needed = total / (slow * found.wall[at] / found.longer[at])
            count = min(count, max(int(np.ceil(needed * (1 - 1e-9))), 1))
        fixed = count * float(found.fixed_usd[at])
        worked = total / (float(estimate.median[0]) * float(found.shared[at]) * 3600)
        usd = worked * float(found.longer[at] * found.hourly_usd[at])
        slower = float(estimate.median[0] / estimate.quantile(-self.z)[0])
        return BatchGroup(
            index=index,
            at=at,
            count=count,
            requests=requests,
            usd=fixed + usd,
            usd_at_risk=fixed + usd * slower,
            fixed_usd=fixed,
            estimate=estimate,
            mixed=mixed,
            zone=zone,
        )


def better_batch_by_size(
    prepared: Prepared,
    known_usd: float,
    catalog: Catalog,
    measured: Sequence[Measured],
    where: str,
) -> BatchPlan | None:
    """A plan by size that costs less after credits than ``known_usd``."""
    workload = prepared.workload
    if not has_sizes(workload):
        return None
    known = known_usd * (1 - LEAST_SAVING)
    to_beat = np.inf if workload.where.credits else known
    plan = plan_batch_by_size(prepared, catalog, measured, where, to_beat=to_beat)
    if plan is None:
        return None
    if np.isfinite(known) and plan.decided(prepared).over_budget:
        return None  # what is known keeps the budget, or its cheapest plan is over it as well
    return plan if plan.usd - plan.credited(prepared) < known else None
