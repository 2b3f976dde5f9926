"""When to prefer which hardware: one quantity varied, every side planned anew at each value.

The plans are those of ``planner recommend``: real machines at their prices, rented whole, with
set-up, head-room and limits; one configuration each, no mixes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from itertools import pairwise
from typing import Literal

import numpy as np

from catalog import Catalog
from catalog.accelerators import AcceleratorKind
from planner.actions.compare.axes import LARGEST, SMALLEST, NotSearched, gap_of
from planner.actions.hardware.sides import Sides
from planner.actions.planning import Prepared, prepare
from planner.actions.recommend.cheapest import Cheapest, at_deadline, cheapest
from planner.actions.recommend.infeasible import LATENCIES
from planner.actions.recommend.whatif_words import latency_name
from planner.errors import BadInput, Infeasible
from planner.items import rounded
from planner.model_choice import IMAGES, shape_of
from planner.optimize.crossing import Crossing, Gap, crossings
from planner.performance.efficiency import Measured
from planner.report.hardware_words import sweep_sentence
from planner.results.hardware import Flip, SidePoint, Sweep
from planner.workload import Generic, LanguageTraining, VisionTraining, Workload

AxisName = Literal["model_size", "batch", "latency", "rate", "deadline"]
# Each value is four times the one before; two to both sides of what the workload says.
FACTORS = (1 / 16, 1 / 4, 1.0, 4.0, 16.0)
# Deadlines and latencies are tried closer: twice the one before.
CLOSER = (1 / 8, 1 / 4, 1 / 2, 1.0, 2.0, 4.0, 8.0)
# Relative, of where a winner changes.
TOLERANCE = 0.1

Best = Mapping[str, Cheapest | None]


@dataclass(frozen=True)
class Question:
    """A workload and the sides that could run it."""

    workload: Workload
    sides: Sides
    catalog: Catalog
    measured: Sequence[Measured] = ()
    where: str = "workload"

    def prepared(self, workload: Workload) -> Prepared | None:
        """Candidates of all sides together; None where there are none."""
        devices = [spec for side in self.sides.values() for spec in side]
        names = [spec.name for spec in devices if spec.kind is not AcceleratorKind.CPU]
        if any(spec.kind is AcceleratorKind.CPU for spec in devices):
            names.append("cpu")
        place = workload.where.model_copy(update={"accelerators": tuple(names), "mix": "none"})
        try:
            asked: Workload = workload.model_copy(update={"where": place})
            return prepare(asked, self.catalog, self.measured, where=self.where)
        except (BadInput, Infeasible):
            return None

    def best(self, prepared: Prepared | None) -> Best:
        """The cheapest plan of each side that meets every limit."""
        if prepared is None:
            return dict.fromkeys(self.sides)
        c = prepared.candidates
        found: dict[str, Cheapest | None] = {}
        for side, specs in self.sides.items():
            names = {spec.name for spec in specs}
            mine = np.array([device.name in names for device in c.machines.devices])[c.config]
            found[side] = cheapest(prepared.asked(prepared.workload, mine))
        return found

    def device(self, prepared: Prepared, best: Cheapest) -> str:
        c = prepared.candidates
        return c.machines.devices[int(c.config[best.pick])].name


@dataclass(frozen=True)
class Varied:
    """What is varied: the candidates at each value, and the values."""

    unit: str
    now: float | None
    values: tuple[float, ...]
    at: Callable[[float], Prepared | None]


def model_size(q: Question) -> Varied:
    w = q.workload
    shape = None if isinstance(w, Generic) else shape_of(q.catalog, w, q.where)
    if shape is None or shape.kind in IMAGES or not hasattr(w, "model"):
        raise NotSearched("only language models are scaled by their parameter count")
    now = shape.parameters_billion * 1e9
    values = tuple(x for f in FACTORS if SMALLEST <= (x := now * f) <= LARGEST)

    def at(x: float) -> Prepared | None:
        if x == now:
            return q.prepared(w)
        return q.prepared(w.model_copy(update={"model": f"{x / 1e9:.9g}B"}))

    return Varied("parameters", now, values, at)


def batch(q: Question) -> Varied:
    w = q.workload
    if isinstance(w, LanguageTraining):
        name, now, unit = "batch_tokens", w.step_tokens, "tokens a step"
        least, most = float(w.sequence_length), w.tokens
    elif isinstance(w, VisionTraining):
        name, now, unit = "batch_size", float(w.batch_size), "images a step"
        least, most = 1.0, w.samples * w.epochs
    else:
        raise NotSearched("inference chooses its batch itself")
    values = tuple(x for f in FACTORS if least <= (x := now * f) <= most)

    def at(x: float) -> Prepared | None:
        value = round(x) if name == "batch_size" else x
        return q.prepared(w.model_copy(update={name: value}))

    return Varied(unit, now, values, at)


def latency(q: Question) -> Varied:
    names = [n for n in LATENCIES if getattr(q.workload, n, None) is not None]
    if not names:
        raise NotSearched("the workload asks for no latency")
    name = "tpot_p95" if "tpot_p95" in names else names[0]
    now = float(getattr(q.workload, name))

    def at(x: float) -> Prepared | None:
        return q.prepared(q.workload.model_copy(update={name: x}))

    return Varied(f"seconds {latency_name(name)}", now, tuple(now * f for f in CLOSER), at)


def rate(q: Question) -> Varied:
    now = getattr(q.workload, "requests_per_second", None)
    if not now:
        raise NotSearched("the workload is no service of requests")
    values = tuple(float(now) * f for f in FACTORS)

    def at(x: float) -> Prepared | None:
        return q.prepared(q.workload.model_copy(update={"requests_per_second": x}))

    return Varied("requests a second", float(now), values, at)


def deadline(q: Question) -> Varied:
    prepared = q.prepared(q.workload)
    if prepared is None or not len(prepared.feasible):
        raise NotSearched("no side can do the work at all")
    if prepared.candidates.amount.is_service:
        raise NotSearched("a service has no deadline")
    now = q.workload.deadline
    hours = prepared.candidates.hours_at_risk[prepared.feasible]
    low, high = float(hours.min()) * 1.001, float(np.median(hours))
    values = np.geomspace(low, max(high, low * 2, now or 0.0), 9).tolist()
    if now is not None:
        values = sorted({*values, now})
    return Varied("hours", now, tuple(values), partial(at_deadline, prepared))


AXES: Mapping[AxisName, Callable[[Question], Varied]] = {
    "model_size": model_size,
    "batch": batch,
    "latency": latency,
    "rate": rate,
    "deadline": deadline,
}


def swept(q: Question, names: Sequence[AxisName]) -> tuple[list[Sweep], dict[str, str]]:
    """The sweeps that say something about this workload, and why the others do not."""
    found: list[Sweep] = []
    left_out: dict[str, str] = {}
    for name in names:
        try:
            found.append(_swept(q, name, AXES[name](q)))
        except NotSearched as error:
            left_out[name] = str(error)
    return found, left_out


def _swept(q: Question, name: AxisName, varied: Varied) -> Sweep:
    if len(varied.values) < 2:
        raise NotSearched("the workload allows no other value")

    @cache
    def ready(x: float) -> Prepared | None:
        return varied.at(x)

    @cache
    def best(x: float) -> Best:
        return q.best(ready(x))

    values = varied.values
    winners = [_winner(best(x)) for x in values]
    points: dict[str, list[SidePoint]] = {side: [] for side in q.sides}
    for x in values:
        prepared = ready(x)
        for side, one in best(x).items():
            if one is None or prepared is None:
                points[side].append(SidePoint(usd=None))
            else:
                points[side].append(SidePoint(usd=rounded(one.usd), device=q.device(prepared, one)))
    flips = []
    for (x0, before), (x1, after) in pairwise(zip(values, winners, strict=True)):
        if before is not None and after is not None and before != after:
            flips += _flips(best, values, x0, x1, before, after)
    shown = [rounded(x) for x in values]
    return Sweep(
        axis=name,
        unit=varied.unit,
        now=None if varied.now is None else rounded(varied.now),
        values=shown,
        sides=points,
        winners=winners,
        flips=flips,
        sentence=sweep_sentence(name, varied.unit, shown, winners, flips),
    )


def _winner(best: Best) -> str | None:
    able = {side: one.usd for side, one in best.items() if one is not None}
    return min(able, key=lambda side: able[side]) if able else None


def _flips(
    best: Callable[[float], Best],
    values: Sequence[float],
    x0: float,
    x1: float,
    below: str,
    above: str,
) -> list[Flip]:
    """Where the second takes over from the first between two values, and how sure that is."""

    def gap(x: float) -> Gap:
        found = best(x)
        return gap_of(found[below], found[above])

    found: list[Crossing] = [
        c for c in crossings(gap, tuple(values), TOLERANCE) if x0 <= c.at <= x1
    ]
    return [
        Flip(
            at=rounded(c.at),
            low=_end(c.low),
            high=_end(c.high),
            below=below,
            above=above,
            cause="cost" if c.both_run else "ability",
        )
        for c in found[:1]
    ]


def _end(x: float | None) -> float | None:
    return None if x is None or not math.isfinite(x) else rounded(x)
