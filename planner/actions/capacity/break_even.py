"""The use case behind ``planner capacity --break-even``: from where another way is the cheaper."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from planner.actions.capacity.question import Changes, Ready, question_from
from planner.errors import Infeasible, Superseded
from planner.optimize.capacity.fleet import Fleet, Option, Periods
from planner.optimize.capacity.program import Settings, optimise
from planner.optimize.crossing import Function, Gap, crossings
from planner.results.break_even import BreakEven, BreakEvenFlip, BreakEvenPoint

Floats = NDArray[np.float64]
Over = Literal["demand", "utilisation"]

# Demand is searched this factor to both sides, utilisation from this share to all of the time.
SPAN = 8.0
LEAST_UTILISATION = 0.02
DEMAND_POINTS, UTILISATION_POINTS = 9, 60
# Of a curve to be looked at; a plan has its own.
GAP = 1e-3
TIME_LIMIT_S = 10.0
_OWN = frozenset({Option.OWNED, Option.PURCHASED})
WAYS: Mapping[str, frozenset[Option]] = {
    "cloud": frozenset(Option) - _OWN,
    "on_prem": _OWN,
    "hybrid": frozenset(Option),
}


def break_even_from(file: str, over: Over, changes: Changes | None = None) -> BreakEven:
    """From a spec file, with the changes laid over it. Raises BadInput as well."""
    return break_even(question_from(file).ready(changes), over)


def break_even(asked: Ready, over: Over, *, stop: Callable[[], bool] | None = None) -> BreakEven:
    """Cost of a unit of demand by way, and where the cheaper way flips.

    Decisions that the spec fixes are left to each way here. ``stop`` is asked between points.
    Raises Superseded, and Infeasible where no way serves the demand anywhere.
    """
    start = time.perf_counter()
    usd = _by_demand(asked, stop) if over == "demand" else _by_utilisation(asked)
    grid = _grid(over)
    points = [
        BreakEvenPoint(at=at, usd_per_unit_hour={way: _known(of(at)) for way, of in usd.items()})
        for at in grid
    ]
    ways = [way for way in usd if any(p.usd_per_unit_hour[way] is not None for p in points)]
    if not ways:
        raise Infeasible(f"no way serves the demand of {asked.spec.name}", [])
    periods, notes = asked.periods, []
    peak, mean = float(periods.demand.max()), float(periods.demand.mean())
    if over == "demand":
        notes.append("all demand served; what is fixed in the spec is left to each way")
        flips = _flips(usd["cloud"], usd["on_prem"], ("cloud", "on_prem"), grid, 0.02)
    else:
        notes.append("the cheapest machine of each way, its whole cost over the time it works")
        base = ways[0]
        flips = [
            flip
            for way in ways[1:]
            for flip in _flips(usd[base], usd[way], (base, way), grid, 1e-4)
        ]
    return BreakEven(
        name=asked.spec.name,
        over=over,
        unit=asked.spec.unit,
        now=1.0 if over == "demand" else mean / peak if peak > 0 else None,
        ways=ways,
        points=[
            p.model_copy(update={"usd_per_unit_hour": {w: p.usd_per_unit_hour[w] for w in ways}})
            for p in points
        ],
        flips=sorted(flips, key=lambda flip: flip.at),
        notes=notes,
        solve_seconds=round(time.perf_counter() - start, 4),
    )


Cost = Callable[[float], float]


def _grid(over: Over) -> list[float]:
    if over == "demand":
        grid = np.geomspace(1 / SPAN, SPAN, DEMAND_POINTS)
        grid[DEMAND_POINTS // 2] = 1.0
    else:
        grid = np.geomspace(LEAST_UTILISATION, 1.0, UTILISATION_POINTS)
    found: list[float] = grid.tolist()
    return found


def _known(usd: float) -> float | None:
    return usd if math.isfinite(usd) else None


def _flips(
    first: Cost, second: Cost, names: tuple[str, str], grid: list[float], tolerance: float
) -> list[BreakEvenFlip]:
    side = dict(zip("ab", names, strict=True))
    found = crossings(_gap(first, second), grid, tolerance)
    return [
        BreakEvenFlip(
            at=float(f"{flip.at:.6g}"),
            cheaper_below=side.get(flip.below, "equal"),
            cheaper_above=side.get(flip.above, "equal"),
            cause="cost" if flip.both_run else "only one way can",
        )
        for flip in found
    ]


def _gap(first: Cost, second: Cost) -> Function:
    def gap(x: float) -> Gap:
        a, b = first(x), second(x)
        if math.isinf(a) or math.isinf(b):
            return Gap(math.nan if a == b else math.inf if math.isinf(a) else -math.inf)
        return Gap(math.log(max(a, 1e-12) / max(b, 1e-12)))

    return gap


def _by_demand(asked: Ready, stop: Callable[[], bool] | None) -> dict[str, Cost]:
    """The best plan of each way, all demand served: inf where it cannot be."""
    nothing = np.zeros_like(asked.fleet.start_usd)
    fleet = replace(
        asked.fleet,
        fixed={},
        unmet_usd=np.full_like(asked.fleet.unmet_usd, np.nan),
        start_usd=nothing,
        min_up_hours=nothing,
        deferrable_hours=np.zeros_like(asked.fleet.deferrable_hours),
    )
    settings = Settings(gap=GAP, time_limit_s=TIME_LIMIT_S)
    periods = asked.periods

    def cost(options: frozenset[Option]) -> Cost:
        @cache
        def at(factor: float) -> float:
            if stop is not None and stop():
                raise Superseded
            demand = periods.demand * factor
            plan = optimise(fleet, Periods(demand, periods.hours), settings, options)
            total = float(demand.sum()) * periods.hours
            return plan.cost_usd / total if plan.plan is not None and total > 0 else math.inf

        return at

    return {way: cost(options) for way, options in WAYS.items()}


def _by_utilisation(asked: Ready) -> dict[str, Cost]:
    """The cheapest machine of each way for the workload with most demand, closed form."""
    fleet, hours = asked.fleet, asked.periods.horizon_hours
    workload = int(np.argmax(asked.periods.demand.sum(axis=0)))
    speed = fleet.throughput[:, workload]

    def per_unit(usd_per_hour: Floats, serves: Floats) -> Floats:
        with np.errstate(divide="ignore", invalid="ignore"):
            found: Floats = np.where(serves > 0, usd_per_hour / serves, np.nan)
        return found

    away = per_unit(fleet.rented_away_usd[:, workload], speed)
    own = per_unit(fleet.running + fleet.owned_away_usd[:, workload], speed)
    # USD per unit-hour whether in use or not (over the time in use), and only while in use.
    lines: dict[str, tuple[Floats, Floats]] = {
        "on_demand": (speed * 0, per_unit(_mean(fleet.on_demand), speed) + away),
        "spot": (speed * 0, per_unit(_mean(fleet.spot), speed * fleet.spot_factor) + away),
    }
    for terms in fleet.terms:
        lines[terms.option] = per_unit(terms.cost_usd(hours) / hours, speed), away
    lines[Option.PURCHASED] = per_unit(fleet.buy_usd / hours, speed), own
    return {str(way): _least(*line) for way, line in lines.items() if _is_offered(fleet, *line)}


def _mean(prices: Floats) -> Floats:
    found: Floats = prices.mean(axis=0)
    return found


def _is_offered(fleet: Fleet, standing: Floats, running: Floats) -> bool:
    return bool(len(fleet.offers)) and bool(np.isfinite(standing + running).any())


def _least(standing: Floats, running: Floats) -> Cost:
    def at(share: float) -> float:
        return float(np.nanmin(standing / share + running))

    return at
