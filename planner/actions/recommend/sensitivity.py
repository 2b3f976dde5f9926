"""What the cheapest plan would cost if one thing were otherwise: the swings of a tornado chart.

Each end is planned anew (another plan may win there), except for the speed, which is known only
when the plan has been paid for: that one keeps the plan.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from catalog import Catalog
from planner.actions.owned_price import NoOwnedPrice, owned_factors
from planner.actions.planning import Prepared, prepare
from planner.actions.recommend.cheapest import Cheapest, at_deadline, at_price, cheapest
from planner.actions.recommend.infeasible import LATENCIES
from planner.actions.recommend.whatif_words import latency_name, plan_words
from planner.amounts import hours, seconds
from planner.errors import BadInput, Infeasible
from planner.items import rounded
from planner.performance.efficiency import Measured
from planner.results.study import End, Sensitivities, Sensitivity
from planner.workload import Workload

# How far a quantity that nobody knows exactly is moved. Assumptions.
PRICE_CHANGE = 0.2
WORK_CHANGE = 0.2
TIMES = 2.0  # deadlines, latencies and reclaim rates: half and twice
RISKS = (0.5, 0.99)
UTILISATIONS = (0.9, 0.3)  # of own machines, the whole cost on the hours they work
# What says how much work there is, by the workload's field: the first that it has.
AMOUNTS = ("tokens", "samples", "requests_per_second", "flops", "streams")
WORDS = {
    "tokens": "tokens", "samples": "samples", "requests_per_second": "requests a second",
    "flops": "operations", "streams": "streams",
}  # fmt: skip

Build = Callable[[], Prepared]


def sensitivities(
    workload: Workload,
    catalog: Catalog,
    measured: Sequence[Measured] = (),
    *,
    where: str = "workload",
) -> Sensitivities | None:
    """The factors that apply to this workload, the widest swing first; None without a plan.

    A budget is no limit here: what it costs is the question. Raises BadInput, Infeasible.
    """
    prepared = prepare(workload, catalog, measured, where=where)
    best = cheapest(prepared)
    if best is None:
        return None
    tried = _Tried(prepared, best, catalog, measured, where)
    found = [
        tried.speed(),
        tried.deadline(),
        tried.price(),
        tried.amount(),
        tried.reclaim(),
        tried.risk(),
        tried.utilisation(),
        *(tried.latency(name) for name in LATENCIES),
    ]
    rows = sorted((row for row in found if row is not None), key=lambda row: -row.swing(best.usd))
    amount = prepared.candidates.amount
    horizon = amount.horizon_hours if amount.is_service else None
    return Sensitivities(base_usd=rounded(best.usd), horizon_hours=horizon, rows=rows)


class _Tried:
    """One workload, its plan, and ways to plan it again."""

    def __init__(
        self,
        prepared: Prepared,
        best: Cheapest,
        catalog: Catalog,
        measured: Sequence[Measured],
        where: str,
    ) -> None:
        self.prepared, self.best = prepared, best
        self.catalog, self.measured, self.where = catalog, measured, where

    @property
    def workload(self) -> Workload:
        return self.prepared.workload

    def end(self, said: str, build: Build) -> End:
        """The cheapest plan of what ``build`` makes ready."""
        try:
            prepared = build()
        except (BadInput, Infeasible):
            return End(said=said, usd=None)
        found = cheapest(prepared)
        if found is None:
            return End(said=said, usd=None)
        return End(said=said, usd=rounded(found.usd), plan=plan_words(prepared, found))

    def again(self, workload: Workload, reclaim: float = 1.0) -> Build:
        return lambda: prepare(
            workload, self.catalog, self.measured, where=self.where, reclaim=reclaim
        )

    def speed(self) -> Sensitivity | None:
        """The plan kept, at the ends of the 80% interval of its throughput."""
        c, pick = self.prepared.candidates, self.best.pick
        choice = self.best.choice
        if c.amount.is_service or (choice is not None and choice.picks[0] < 0):
            return None
        credit = float(c.usd[pick]) - self.best.usd
        plan = plan_words(self.prepared, self.best)
        low, high = (
            End(said=said, usd=rounded(max(float(usd[pick]) - credit, 0.0)), plan=plan)
            for said, usd in (("fast (p90)", c.usd_p10), ("slow (p10)", c.usd_p90))
        )
        return Sensitivity(
            factor="speed, this plan kept",
            field="throughput",
            low=low,
            high=high,
            replanned=False,
        )

    def deadline(self) -> Sensitivity | None:
        now = self.workload.deadline
        if now is None:
            return None
        low, high = (
            self.end(hours(x), partial(at_deadline, self.prepared, x))
            for x in (now * TIMES, now / TIMES)
        )
        return Sensitivity(factor="deadline", field="deadline", low=low, high=high)

    def price(self) -> Sensitivity:
        """The machines with the chosen accelerator, wherever they are rented."""
        c = self.prepared.candidates
        name = c.machines.devices[int(c.config[self.best.pick])].name
        alike = np.array([device.name == name for device in c.machines.devices])[c.config]
        low, high = (
            self.end(f"{change:+.0%}", partial(at_price, self.prepared, 1 + change, alike))
            for change in (-PRICE_CHANGE, PRICE_CHANGE)
        )
        return Sensitivity(factor=f"price of {name}", field="price", low=low, high=high)

    def amount(self) -> Sensitivity | None:
        name = next((n for n in AMOUNTS if getattr(self.workload, n, None)), None)
        if name is None:
            return None
        now = getattr(self.workload, name)

        def changed(change: float) -> Build:
            value = now * (1 + change)
            whole = isinstance(now, int)
            return self.again(
                self.workload.model_copy(update={name: round(value) if whole else value})
            )

        low, high = (
            self.end(f"{change:+.0%}", changed(change)) for change in (-WORK_CHANGE, WORK_CHANGE)
        )
        return Sensitivity(factor=WORDS[name], field=name, low=low, high=high)

    def reclaim(self) -> Sensitivity | None:
        """Only where spot machines may be bought, and where they are taken back at all."""
        c = self.prepared.candidates
        if not self.workload.where.spot_interruptions:
            return None
        if not c.offers.is_in("kind", ["spot"])[c.row[self.prepared.feasible]].any():
            return None
        low, high = (
            self.end(said, self.again(self.workload, times))
            for said, times in (("half as often", 1 / TIMES), ("twice as often", TIMES))
        )
        return Sensitivity(
            factor="spot machines reclaimed", field="where.spot_interruptions", low=low, high=high
        )

    def risk(self) -> Sensitivity | None:
        """Matters where a limit must hold, or where machines are counted at the risk."""
        if not (self.prepared.candidates.amount.is_service or self.workload.deadline):
            return None
        low, high = (
            self.end(f"{risk:.0%}", self.again(self.workload.model_copy(update={"risk": risk})))
            for risk in RISKS
        )
        return Sensitivity(factor="certainty asked for", field="risk", low=low, high=high)

    def utilisation(self) -> Sensitivity | None:
        """Of own sites, their whole cost on the hours they work."""
        if not self.workload.where.on_prem:
            return None
        try:
            factors = owned_factors(self.prepared, self.catalog, self.where)
        except NoOwnedPrice:
            return None

        def at(share: float) -> Prepared:
            factor = factors(share)
            mine = ~np.isnan(factor)
            return at_price(self.prepared, np.where(mine, factor, 1.0), mine, 0.0)

        low, high = (self.end(f"works {share:.0%}", partial(at, share)) for share in UTILISATIONS)
        return Sensitivity(
            factor="own site at its whole cost", field="where.on_prem", low=low, high=high
        )

    def latency(self, name: str) -> Sensitivity | None:
        limit = getattr(self.workload, name, None)
        if limit is None:
            return None
        low, high = (
            self.end(seconds(value), self.again(self.workload.model_copy(update={name: value})))
            for value in (limit * TIMES, limit / TIMES)
        )
        return Sensitivity(factor=latency_name(name), field=name, low=low, high=high)
