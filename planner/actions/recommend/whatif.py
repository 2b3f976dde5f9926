"""Which constraints bind, and what giving way saves: to the next breakpoint, solved again.

Deadlines, quotas and budgets change nothing but which candidates may be chosen, so the columns
at hand answer them. Filters let other offers in: all of them are lifted once, and each is then
answered by the rows that it alone kept out. What changes speed or counts is planned again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from catalog import Catalog
from catalog.layer_names import is_account_quota
from planner.actions.planning import Prepared, prepare
from planner.actions.recommend.cheapest import Cheapest, cheapest
from planner.actions.recommend.infeasible import LATENCIES, MOST_NODES, Relaxation, relaxations
from planner.actions.recommend.whatif_words import Change, relaxed
from planner.candidates.eligible import eligible
from planner.errors import BadInput, Infeasible
from planner.performance.efficiency import Measured
from planner.results import Relaxed
from planner.workload import Workload

# Trying stops after this long; what was not tried is named.
SEARCH_S = 2.0
# Less is not worth a sentence.
LEAST_SAVING = 0.005
# Later than this many times the deadline is another question. Assumption.
MOST_PATIENCE = 4.0
FILTERS = (
    "where.clouds", "where.regions", "where.residency", "where.accelerators",
    "where.instance_types", "where.exclude", "where.purchase", "where.max_spot_share",
    "where.cloud_offers",
)  # fmt: skip
# Limits on what is mixed, not on what there is.
MIXING = ("where.spread", "where.max_types")
RISKS = (0.95, 0.9, 0.8, 0.7, 0.6, 0.5)
_NUMBERED = "_row"

Try = Callable[[], Relaxed | None]


@dataclass(frozen=True)
class Asked:
    """What was planned, and what its cheapest plan costs after credits."""

    prepared: Prepared
    usd: float
    catalog: Catalog
    measured: Sequence[Measured] = ()
    where: str = "workload"
    over_budget: bool = False

    @property
    def workload(self) -> Workload:
        return self.prepared.workload

    @property
    def budget(self) -> float | None:
        return None if self.over_budget else self.workload.budget

    def saving(self, found: Cheapest | None) -> float:
        return 0.0 if found is None else self.usd - found.usd

    def is_worth(self, found: Cheapest | None) -> bool:
        return self.saving(found) > LEAST_SAVING * self.usd

    def said(
        self, change: Change, prepared: Prepared, found: Cheapest | None, again: bool
    ) -> Relaxed | None:
        if found is None or not self.is_worth(found):
            return None
        return relaxed(change, prepared, found, self.usd, again)


def what_if(asked: Asked, seconds: float = SEARCH_S) -> tuple[list[Relaxed], list[str]]:
    """Constraints that bind, by what they save, and the ones that time did not allow to try."""
    end = time.process_time() + seconds
    found: list[Relaxed] = []
    not_tried: list[str] = []
    for name, attempt in _attempts(asked, end):
        if time.process_time() > end:
            not_tried.append(name)
            continue
        result = attempt()
        if result is not None:
            found.append(result)
    found.sort(key=lambda each: -each.saves_usd)
    return found, list(dict.fromkeys(not_tried))


def _attempts(asked: Asked, end: float) -> Iterator[tuple[str, Try]]:
    w = asked.workload
    if w.budget is not None and not asked.over_budget:
        yield "budget", lambda: _budget(asked)
    for quota in _quotas(asked):
        yield quota, partial(_quota, asked, quota, end)
    if w.deadline is not None:
        for hours in _deadlines(asked):
            yield "deadline", partial(_deadline, asked, hours)
    known = relaxations(w)
    for each in known:
        if each.field in MIXING:
            yield each.words, partial(_mixing, asked, each)
    filters = [r for r in known if r.field in FILTERS]
    if filters:
        lifted = _Lifted(asked, filters)
        for relaxation in filters:
            yield relaxation.words, partial(lifted.without, relaxation)
    if w.where.max_nodes < MOST_NODES:
        yield "where.max_nodes", lambda: _max_nodes(asked)
    for name in LATENCIES:
        if getattr(w, name, None) is not None:
            yield name, partial(_latency, asked, name)
    if asked.prepared.candidates.amount.is_service or w.deadline is not None:
        yield "risk", lambda: _risk(asked)


def _budget(asked: Asked) -> Relaxed | None:
    """The budget holds at the risk asked for: a cheaper plan may be the less certain one."""
    found = cheapest(asked.prepared)
    if found is None:
        return None
    more = float(asked.prepared.candidates.usd_at_risk[found.pick]) - (asked.workload.budget or 0)
    change = Change("budget", amount=more, unit="USD")
    return asked.said(change, asked.prepared, found, False)


def _quotas(asked: Asked) -> list[str]:
    """Quotas whose increase may help. An account has thousands: of its own, those in the way."""
    c, limits = asked.prepared.candidates, asked.prepared.limits
    limit = np.array([limits.get(w, np.inf) for w in c.offers.vocabularies["quota_class"]])
    codes = c.offers.codes["quota_class"][c.row]
    over = np.unique(codes[(c.quota_use > limit[codes]) & (c.usd < asked.usd)])
    in_the_way = {c.offers.vocabularies["quota_class"][code] for code in over.tolist()}
    return sorted(q for q in limits if q in in_the_way or not is_account_quota(q))


def _usable(asked: Asked, beyond: str | None = None) -> NDArray[np.bool_]:
    """Single candidates within every quota (but one) and the budget, shape (candidates,)."""
    c, limits = asked.prepared.candidates, dict(asked.prepared.limits)
    limits.pop(beyond or "", None)
    limit = np.array([limits.get(w, np.inf) for w in c.offers.vocabularies["quota_class"]])
    allowed: NDArray[np.bool_] = c.quota_use <= limit[c.offers.codes["quota_class"][c.row]]
    if asked.budget is not None:
        allowed &= c.usd_at_risk <= asked.budget
    return allowed


def _deadlines(asked: Asked) -> list[float]:
    """Longer deadlines worth a try: the next one that saves, and the one that saves most
    within MOST_PATIENCE times the time there is.
    """
    p, limit = asked.prepared, asked.workload.deadline or 0.0
    if p.cover() is not None:
        return [limit * 1.25, limit * 2]
    c = p.candidates
    if asked.workload.where.credits:
        return [limit * 1.25, limit * 2]
    free: Workload = asked.workload.model_copy(update={"deadline": None})
    rows = p.asked(free).in_time
    rows = rows[_usable(asked)[rows] & (c.hours_at_risk[rows] > limit)]
    rows = rows[c.usd[rows] < asked.usd * (1 - LEAST_SAVING)]
    if not len(rows):
        return []
    hours = c.hours_at_risk[rows]
    soon = hours <= max(MOST_PATIENCE * limit, float(hours.min()))
    return sorted({float(hours.min()), float(hours[soon][np.argmin(c.usd[rows][soon])])})


def _deadline(asked: Asked, hours: float) -> Relaxed | None:
    later: Workload = asked.workload.model_copy(update={"deadline": hours})
    prepared = asked.prepared.asked(later)
    found = cheapest(prepared, asked.budget)
    change = Change("deadline", amount=hours - (asked.workload.deadline or 0.0), unit="hours")
    return asked.said(change, prepared, found, False)


def _quota(asked: Asked, quota: str, end: float) -> Relaxed | None:
    """The smallest increase, in whole machines, with which another plan is cheaper."""
    p, c = asked.prepared, asked.prepared.candidates
    limit = p.limits[quota]
    of_class = c.offers.is_in("quota_class", [quota])[c.row]
    tries: list[float] = []
    if p.cover() is None:
        rows = p.in_time[(of_class & _usable(asked, beyond=quota))[p.in_time]]
        rows = rows[c.usd[rows] < asked.usd * (1 - LEAST_SAVING)]
        needed = c.quota_use[rows]
        tries = [float(needed[needed > limit].min())] if (needed > limit).any() else []
    else:
        rows = p.feasible[of_class[p.feasible]]
        units = np.unique(c.quota_use[rows] / c.nodes[rows])
        units = units[np.isfinite(units) & (units > 0)]
        tries = [limit + k * float(units[0]) for k in (1, 2, 4, 8)] if len(units) else []
    for wanted in tries:
        if time.process_time() > end:
            return None
        place = asked.workload.where
        place = place.model_copy(update={"quotas": {**place.quotas, quota: wanted}})
        more: Workload = asked.workload.model_copy(update={"where": place})
        prepared = p.asked(more)
        found = cheapest(prepared, asked.budget)
        if asked.is_worth(found):
            change = Change(f"where.quotas: {quota}", amount=wanted - limit, unit=quota)
            return asked.said(change, prepared, found, False)
    return None


class _Lifted:
    """Candidates without any of the filters, prepared once when first needed."""

    def __init__(self, asked: Asked, filters: Sequence[Relaxation]) -> None:
        self._asked, self._filters = asked, filters
        self._all: Prepared | None = None

    def without(self, relaxation: Relaxation) -> Relaxed | None:
        """What lifting this one filter saves."""
        asked = self._asked
        workload = relaxation.apply(asked.workload)
        change = Change(relaxation.field, relaxation.words)
        # A candidate named with its number of machines is excluded after timing.
        counted = any(name.count("/") > 3 for name in asked.workload.where.exclude)
        if counted or len(self._filters) == 1:
            prepared = _again(asked, workload)
            if prepared is None:
                return None
            return asked.said(change, prepared, cheapest(prepared, asked.budget), True)
        if self._all is None:
            everything = asked.workload
            for each in self._filters:
                everything = each.apply(everything)
            self._all = _again(asked, everything)
        if self._all is None:
            return None
        c = self._all.candidates
        numbers = {**c.offers.numbers, _NUMBERED: np.arange(len(c.offers), dtype=np.float64)}
        numbered = replace(c.offers, numbers=numbers)
        kept, _ = eligible(workload, self._all.shape, asked.catalog, numbered, asked.where)
        passes = np.zeros(len(c.offers), bool)
        passes[kept.numbers[_NUMBERED].astype(np.intp)] = True
        prepared = self._all.asked(workload, passes[c.row])
        return asked.said(change, prepared, cheapest(prepared, asked.budget), True)


def _again(asked: Asked, workload: Workload) -> Prepared | None:
    try:
        return prepare(workload, asked.catalog, asked.measured, where=asked.where)
    except (BadInput, Infeasible):
        return None


def _mixing(asked: Asked, relaxation: Relaxation) -> Relaxed | None:
    prepared = asked.prepared.asked(relaxation.apply(asked.workload))
    change = Change(relaxation.field, relaxation.words)
    return asked.said(change, prepared, cheapest(prepared, asked.budget), False)


def _max_nodes(asked: Asked) -> Relaxed | None:
    most = asked.workload.where.max_nodes
    wider = min(2 * most, MOST_NODES)
    place = asked.workload.where.model_copy(update={"max_nodes": wider})
    prepared = _again(asked, asked.workload.model_copy(update={"where": place}))
    if prepared is None:
        return None
    found = cheapest(prepared, asked.budget)
    change = Change("where.max_nodes", amount=float(wider - most), unit="machines")
    return asked.said(change, prepared, found, True)


def _latency(asked: Asked, name: str) -> Relaxed | None:
    """A quarter more, or else twice as much."""
    limit = getattr(asked.workload, name)
    for factor in (1.25, 2.0):
        prepared = _again(asked, asked.workload.model_copy(update={name: factor * limit}))
        if prepared is None:
            continue
        found = cheapest(prepared, asked.budget)
        if asked.is_worth(found):
            change = Change(name, amount=(factor - 1) * limit, unit="seconds")
            return asked.said(change, prepared, found, True)
    return None


def _risk(asked: Asked) -> Relaxed | None:
    """The next lower certainty of a round number."""
    now = asked.workload.risk
    lower = next((risk for risk in RISKS if risk < now - 1e-9), None)
    if lower is None:
        return None
    prepared = _again(asked, asked.workload.model_copy(update={"risk": lower}))
    if prepared is None:
        return None
    change = Change("risk", f"{lower:.0%} certainty instead of {now:.0%}", amount=now - lower)
    return asked.said(change, prepared, cheapest(prepared, asked.budget), True)


__all__ = ["Asked", "what_if"]
