"""Why demand cannot be served: which periods lack how much, and which limit alone would help."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from planner.optimize.capacity.constraints import UNMET
from planner.optimize.capacity.fleet import Fleet, Option, Periods, Terms
from planner.optimize.capacity.program import CapacityPlan, Settings, optimise

Floats = NDArray[np.float64]

Loosened = Callable[[float], Fleet]

# Share of a workload's peak below which a lack is rounding.
_NOTHING = 1e-6
# Each remedy is a solve; after this many or this long the rest stays untold.
MOST_TRIED = 60
PATIENCE_S = 10.0


@dataclass(frozen=True)
class Lack:
    """Least possible unserved demand, (T, W) units."""

    units: Floats

    @property
    def periods(self) -> int:
        return int((self.units.max(axis=1, initial=0.0) > 0).sum())

    def worst(self) -> tuple[int, int, float]:
        """Period, workload and units of the largest lack."""
        period, workload = np.unravel_index(int(np.argmax(self.units)), self.units.shape)
        return int(period), int(workload), float(self.units[period, workload])


def least_lack(fleet: Fleet, periods: Periods, settings: Settings) -> Lack | None:
    """The demand that no plan serves, None when the search fails. Zero: it can all be served."""
    peak = periods.demand.max(axis=0, initial=0.0)
    asked = replace(
        _free(fleet),
        unmet_usd=np.where(np.isfinite(fleet.unmet_usd), 0.0, 1 / np.where(peak > 0, peak, 1.0)),
    )
    found: CapacityPlan = optimise(asked, periods, replace(settings, gap=1e-3))
    if found.priced is None:
        return None
    units = np.zeros((len(found.classes), len(fleet.workloads)))
    for column, use in enumerate(found.program.uses):
        if use.kind == UNMET and not np.isfinite(fleet.unmet_usd[use.workload]):
            units[:, use.workload] += found.priced.use[:, column]
    units[units <= _NOTHING * peak] = 0.0
    return Lack(units[found.classes.of])


def _free(fleet: Fleet) -> Fleet:
    """The same limits at no cost: only what can be served counts."""
    return replace(
        fleet,
        on_demand=fleet.on_demand * 0,
        spot=fleet.spot * 0,
        terms=tuple(
            replace(t, usd_per_hour=t.usd_per_hour * 0, upfront_usd=t.upfront_usd * 0)
            for t in fleet.terms
        ),
        running=fleet.running * 0,
        buy_usd=fleet.buy_usd * 0,
        rented_away_usd=fleet.rented_away_usd * 0,
        owned_away_usd=fleet.owned_away_usd * 0,
        plans=(),  # they lower prices, and serve nothing
        pools=(),
    )


def explain(fleet: Fleet, periods: Periods, unit: str, settings: Settings) -> tuple[str, list[str]]:
    """One sentence, and a line for each limit that alone would help."""
    lack = least_lack(fleet, periods, settings)
    if lack is None or not lack.periods:
        return "the limits contradict each other", ["raise them one at a time"]
    period, workload, units = lack.worst()
    name = fleet.workloads[workload]
    problem = (
        f"period {period} lacks {units:.6g} of {periods.demand[period, workload]:.6g} {unit} "
        f"for {name} at the least"
    )
    if lack.periods > 1:
        problem += f", and {lack.periods - 1} other period{'s' * (lack.periods > 2)} lack some"
    reasons = list(_helpful(fleet, periods, lack, settings))
    if not reasons:
        reasons = ["no limit alone would help: raise several, or add an offer"]
    reasons.append(
        "unmet_usd_per_unit_hour would let demand go unserved at a price"
        if np.isnan(fleet.unmet_usd).all()
        else f"unmet_usd_per_unit_hour for {name} would let it go unserved at a price"
    )
    return problem, reasons


def _helpful(fleet: Fleet, periods: Periods, lack: Lack, settings: Settings) -> Iterator[str]:
    period, workload, units = lack.worst()
    only_worst = Periods(periods.demand[[period]], periods.hours)
    start = time.perf_counter()
    quick = replace(settings, time_limit_s=min(settings.time_limit_s, 5.0))
    for tried, (words, now, loosened, extra) in enumerate(_relaxations(fleet, workload, units)):
        if tried == MOST_TRIED or time.perf_counter() - start > PATIENCE_S:
            yield "more limits were not tried"
            return
        unlimited = loosened(math.inf)
        at_worst = least_lack(_at(unlimited, period), only_worst, quick)
        if at_worst is None or at_worst.periods:
            continue
        enough = loosened(now + extra)
        whole = least_lack(enough, periods, quick)
        if whole is not None and not whole.periods:
            yield f"{words} of {now + extra:g} alone would help (now {now:g})"
            continue
        whole = least_lack(unlimited, periods, quick)
        if whole is not None and not whole.periods:
            yield f"a higher {words} alone would help (now {now:g})"


def _at(fleet: Fleet, period: int) -> Fleet:
    """The fleet as it is in one period, held commitments among them."""

    def one(column: Floats) -> Floats:
        return column[[period]] if len(column) > 1 else column

    return replace(
        fleet, on_demand=one(fleet.on_demand), spot=one(fleet.spot), held=one(fleet.held)
    )


def _relaxations(
    fleet: Fleet, workload: int, units: float
) -> Iterator[tuple[str, float, Loosened, float]]:
    """Each finite limit: its name, value, the fleet with another value, and how much to add."""
    speed = fleet.throughput[:, workload]

    def with_one(name: str, offer: int) -> Loosened:
        def loosened(value: float) -> Fleet:
            column = getattr(fleet, name).copy()
            column[offer] = value
            return replace(fleet, **{name: column})

        return loosened

    if fleet.max_spot_share is not None and fleet.max_spot_share < 1:
        share = fleet.max_spot_share

        def more_spot(value: float) -> Fleet:
            return replace(fleet, max_spot_share=min(value, 1.0))

        yield "limits.max_spot_share", share, more_spot, 1 - share
    for offer in np.argsort(-speed, kind="stable").tolist():
        if speed[offer] <= 0:
            continue
        name = fleet.offers[offer]
        more = math.ceil(units / speed[offer] - 1e-9)
        spot_more = math.ceil(units / (speed[offer] * fleet.spot_factor[offer]) - 1e-9)
        rentable = (
            np.isfinite(fleet.on_demand[:, offer]).all()
            or np.isfinite(fleet.spot[:, offer]).all()
            or any(np.isfinite(t.usd_per_hour[offer]) for t in fleet.terms)
        )
        for key, there, extra in (
            ("max_count", rentable, more),
            ("max_on_demand", np.isfinite(fleet.on_demand[:, offer]).all(), more),
            ("max_spot", np.isfinite(fleet.spot[:, offer]).all(), spot_more),
            ("max_new", np.isfinite(fleet.buy_usd[offer]), more),
        ):
            limit = float(getattr(fleet, key)[offer])
            if there and np.isfinite(limit):
                yield f"{key} of {name}", limit, with_one(key, offer), float(extra)
        for (option, at), fixed in fleet.fixed.items():
            if at == offer:
                words = f"count {option} of {name}"
                yield words, fixed, _with_fixed(fleet, (option, at)), float(more)
        for number, terms in enumerate(fleet.terms):
            limit = float(terms.max_count[offer])
            if np.isfinite(terms.usd_per_hour[offer]) and np.isfinite(limit):
                words = f"{terms.option}.max_count of {name}"
                yield words, limit, _with_term(fleet, number, offer), float(more)


def _with_fixed(fleet: Fleet, key: tuple[Option, int]) -> Loosened:
    def loosened(value: float) -> Fleet:
        others = {name: count for name, count in fleet.fixed.items() if name != key}
        return replace(fleet, fixed=others if math.isinf(value) else {**others, key: value})

    return loosened


def _with_term(fleet: Fleet, number: int, offer: int) -> Loosened:
    def loosened(value: float) -> Fleet:
        terms: list[Terms] = list(fleet.terms)
        most = terms[number].max_count.copy()
        most[offer] = value
        terms[number] = replace(terms[number], max_count=most)
        return replace(fleet, terms=tuple(terms))

    return loosened
