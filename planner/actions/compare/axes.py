"""What is varied to find where the cheaper side flips: one function of a quantity per axis."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from catalog import Catalog
from planner.actions.compare.sides import Sided, sided
from planner.actions.owned_price import NoOwnedPrice, owned_factors
from planner.actions.planning import Prepared
from planner.actions.recommend.cheapest import Cheapest, at_deadline, at_price, cheapest
from planner.items import rounded
from planner.model_choice import IMAGES, shape_of
from planner.optimize.crossing import Function, Gap
from planner.performance.efficiency import Measured
from planner.report.compare_words import TIMES_NOW
from planner.workload import BatchInference, Generic, LanguageTraining, Serving, Workload

# Model sizes and prices are searched a factor of 32 to both sides; the bounds of sizes in
# parameters, of sequences in tokens.
SPAN = 32.0
SMALLEST, LARGEST = 1e8, 4e12
SHORTEST, LONGEST = 256, 131_072
# Sequences are as long as people make them: multiples of this. Assumption.
STEP = 128.0
LEAST_UTILISATION = 0.02


class NotSearched(Exception):
    """Why an axis says nothing about this question."""


@dataclass(frozen=True)
class Question:
    """Both sides of one workload, ready to be varied."""

    workload: Workload
    catalog: Catalog
    measured: Sequence[Measured]
    where: str
    a: Sided
    b: Sided


@dataclass(frozen=True)
class Search:
    """``gap`` is to be evaluated on ``grid``, and ``now`` is what the question says.

    Quantities are published times ``scale``, in ``unit``; ``step``: only multiples are tried.
    """

    unit: str
    now: float | None
    grid: tuple[float, ...]
    gap: Function
    tolerance: float
    scale: float = 1.0
    step: float | None = None

    def shown(self, x: float | None) -> float | None:
        """A value of the axis as it is published: one that was asked for, in the unit."""
        if x is None:
            return None
        return rounded(_stepped(x, self.step, self.now) * self.scale)


def _stepped(x: float, step: float | None, now: float | None) -> float:
    """The nearest multiple of ``step``, 1 at least; what the question says stays as it is."""
    if step is None or x == now:
        return x
    return max(round(x / step), 1) * step


def gap_of(a: Cheapest | None, b: Cheapest | None) -> Gap:
    """Cost of a over cost of b. Errors of one device are common to both sides, others are not."""
    usd = (math.nan if a is None else a.usd, math.nan if b is None else b.usd)
    if a is None or b is None:
        return Gap(math.nan if a is b else math.inf if a is None else -math.inf, 0.0, *usd)
    ratio = math.log(max(a.usd, 1e-12) / max(b.usd, 1e-12))
    if a.devices == b.devices:
        return Gap(ratio, abs(a.log_sd - b.log_sd), *usd)
    return Gap(ratio, math.hypot(a.log_sd, b.log_sd), *usd)


def _rebuilt(question: Question, vary: Callable[[float], Workload]) -> Function:
    """Both sides planned anew for each value."""
    q = question

    @cache
    def gap(x: float) -> Gap:
        found = [
            sided(side.side, vary(x), q.catalog, q.measured, q.where).best for side in (q.a, q.b)
        ]
        return gap_of(*found)

    return gap


def _with(grid: Sequence[float], now: float | None) -> tuple[float, ...]:
    return tuple(sorted({*grid, *(() if now is None else (now,))}))


def _doubling(low: float, high: float) -> list[float]:
    steps = max(round(math.log2(high / low)), 1)
    return [low * (high / low) ** (k / steps) for k in range(steps + 1)]


def model_size(q: Question) -> Search:
    """Parameters, at the proportions the planner gives to a parameter count."""
    w = q.workload
    shape = None if isinstance(w, Generic) else shape_of(q.catalog, w, q.where)
    if shape is None or shape.kind in IMAGES or not hasattr(w, "model"):
        raise NotSearched("only language models are scaled by their parameter count")
    now = shape.parameters_billion * 1e9
    low, high = max(now / SPAN, SMALLEST), min(now * SPAN, LARGEST)

    def vary(x: float) -> Workload:
        result: Workload = w.model_copy(update={"model": f"{x / 1e9:.9g}B"})
        return result

    return Search("parameters", now, _with(_doubling(low, high), now), _rebuilt(q, vary), 0.03)


def sequence_length(q: Question) -> Search:
    """Tokens of a sequence; of inference, prompt tokens of a request."""
    w = q.workload
    name, most = "input_length", float(LONGEST)
    if isinstance(w, LanguageTraining):
        name = "sequence_length"
        most = min(most, w.tokens, w.batch_tokens or most)
    elif isinstance(w, Serving) and w.requests:
        raise NotSearched("the workload gives a distribution of request sizes")
    elif isinstance(w, (Serving, BatchInference)):
        shape = shape_of(q.catalog, w, q.where)
        if shape.kind in IMAGES:
            raise NotSearched("images have no sequence length")
        if shape.max_sequence_length is not None:
            most = min(most, shape.max_sequence_length - (w.output_length or 0))
    else:
        raise NotSearched("this kind of work has no sequence length")
    now = float(getattr(w, name))
    low = min(float(SHORTEST), now)
    if most <= low:
        raise NotSearched("the model or the workload allows no other length")
    step = STEP if low >= STEP else 1.0
    grid = sorted({_stepped(x, step, None) for x in _doubling(low, most)})
    grid = [x for x in grid if x <= most]

    def vary(x: float) -> Workload:
        result: Workload = w.model_copy(update={name: round(x)})
        return result

    rebuilt = _rebuilt(q, vary)
    return Search(
        "tokens",
        now,
        _with(grid, now),
        lambda x: rebuilt(_stepped(x, step, now)),
        5e-4,  # finer than a step: the two that flip are neighbours
        step=step,
    )


def price(q: Question, name: str) -> Search:
    """Price of one side's machines, all of them by the same factor."""
    mine, other = (q.a, q.b) if name == "a" else (q.b, q.a)
    if mine.prepared is None or mine.best is None or other.best is None:
        raise NotSearched("one side cannot do the work at any price")
    prepared, rival = mine.prepared, other.best
    unit, now = _unit_price(prepared, mine.best.pick)

    @cache
    def gap(factor: float) -> Gap:
        mine_now = cheapest(at_price(prepared, factor))
        return gap_of(mine_now, rival) if name == "a" else gap_of(rival, mine_now)

    points, tolerance = _fineness(prepared)
    grid = _with(np.geomspace(1 / SPAN, SPAN, points).tolist(), 1.0)
    return Search(unit, 1.0, grid, gap, tolerance, scale=now)


def _fineness(*prepared: Prepared) -> tuple[int, float]:
    """Points of a grid and tolerance: coarser where each point is a mix program to solve."""
    mixed = any(p.cover() is not None for p in prepared)
    return (9, 0.02) if mixed else (41, 1e-3)


def _unit_price(prepared: Prepared, pick: int) -> tuple[str, float]:
    c = prepared.candidates
    row, config = int(c.row[pick]), int(c.config[pick])
    if c.offers.text("cloud", row) in ("on-prem", "edge"):
        return TIMES_NOW, 1.0
    hourly = c.offers.number("usd_per_hour", row) or 0.0
    if c.machines.devices[config].is_cpu:
        return "USD per machine-hour", hourly
    return "USD per accelerator-hour", hourly / float(c.machines.per_node[config])


def deadline(q: Question) -> Search:
    """Hours the work may take, at the risk asked for."""
    a, b = q.a.prepared, q.b.prepared
    ready = [p for p in (a, b) if p is not None and len(p.feasible)]
    if not ready:
        raise NotSearched("neither side can do the work at all")
    if ready[0].candidates.amount.is_service:
        raise NotSearched("a service has no deadline")
    points, tolerance = _fineness(*ready)
    hours = [p.candidates.hours_at_risk[p.feasible] for p in ready]
    low, high = min(float(h.min()) for h in hours), max(float(h.max()) for h in hours)
    if points < 41:
        soonest = low / 4  # several groups together are faster than the fastest of one
        grid = np.geomspace(soonest, max(high, soonest * 2), points).tolist()
    else:  # costs change only where another candidate comes within the deadline
        grid = sorted({x for p in ready for x in _breakpoints(p)})

    @cache
    def gap(x: float) -> Gap:
        found = [None if p is None else cheapest(at_deadline(p, x)) for p in (a, b)]
        return gap_of(*found)

    now = q.workload.deadline
    return Search("hours", now, _with(grid, now), gap, tolerance)


def _breakpoints(prepared: Prepared) -> list[float]:
    """Deadlines at which a cheaper candidate comes within reach, the soonest first."""
    c, rows = prepared.candidates, prepared.feasible
    order = rows[np.lexsort((c.usd[rows], c.hours_at_risk[rows]))]
    usd = c.usd[order]
    before = np.concatenate([[np.inf], np.minimum.accumulate(usd)[:-1]])
    found: list[float] = np.unique(c.hours_at_risk[order[usd < before]]).tolist()
    return found


def utilisation(q: Question) -> Search:
    """Share of its life that an own site works, its whole cost spread over that."""
    own = [side for side in (q.a, q.b) if side.side.where.on_prem]
    if len(own) != 1 and not (len(own) == 2 and _one_is_hybrid(q)):
        raise NotSearched("it compares own machines with rented ones: say --a on-prem --b cloud")
    if q.a.prepared is None or q.b.prepared is None:
        raise NotSearched("one side cannot do the work at any utilisation")
    try:
        factors = {
            id(side): owned_factors(side.prepared, q.catalog, q.where)
            for side in own
            if side.prepared is not None
        }
    except NoOwnedPrice as error:
        raise NotSearched(str(error)) from None

    def best(side: Sided, share: float) -> Cheapest | None:
        assert side.prepared is not None
        at = factors.get(id(side))
        return side.best if at is None else cheapest(_owned(side.prepared, at(share)))

    @cache
    def gap(share: float) -> Gap:
        return gap_of(best(q.a, share), best(q.b, share))

    points, tolerance = _fineness(q.a.prepared, q.b.prepared)
    grid = np.geomspace(LEAST_UTILISATION, 1.0, points).tolist()
    return Search("share of the time", None, tuple(grid), gap, tolerance)


def _one_is_hybrid(q: Question) -> bool:
    rents = [side.side.where.cloud_offers for side in (q.a, q.b)]
    return rents[0] != rents[1]


def _owned(prepared: Prepared, factor: NDArray[np.float64]) -> Prepared:
    """Own machines at ``factor`` (per candidate) times their running cost, none bought whole."""
    mine = ~np.isnan(factor)
    return at_price(prepared, np.where(mine, factor, 1.0), mine, 0.0)


AXES: Mapping[str, Callable[[Question], Search]] = {
    "model_size": model_size,
    "sequence_length": sequence_length,
    "price_a": lambda q: price(q, "a"),
    "price_b": lambda q: price(q, "b"),
    "utilisation": utilisation,
    "deadline": deadline,
}
