"""Where the cheaper of two sides flips along one axis: scan, bisect, and how sure that is.

A side's cost is known up to a factor whose logarithm is normal. With
``g(x) = log(cost_a / cost_b)`` and its standard deviation ``s(x)``, a crossing is where ``g``
changes sign; around it lies the band in which ``|g| < z s``: there the 80% interval of ``g`` holds
0, so either side may be the cheaper.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import NormalDist
from typing import Literal

Side = Literal["a", "b", "equal"]
# Relative difference in cost below which two sides are the same plan.
_SAME = 1e-9
# Normal quantile of the ends of an 80% interval.
Z80 = 1.2815515655446004


@dataclass(frozen=True, slots=True)
class Gap:
    """log(cost of a / cost of b) and its standard deviation.

    ``inf``: only b can do the work; ``-inf``: only a can; NaN: neither can. ``a_usd`` and
    ``b_usd`` are what both cost, NaN where unknown.
    """

    log_ratio: float
    sd: float = 0.0
    a_usd: float = math.nan
    b_usd: float = math.nan

    @property
    def cheaper(self) -> Side | None:
        if math.isnan(self.log_ratio):
            return None
        if abs(self.log_ratio) < _SAME:
            return "equal"
        return "a" if self.log_ratio < 0 else "b"

    def is_sure(self, side: Side) -> bool:
        """Whether the 80% interval leaves only ``side`` the cheaper one."""
        if self.cheaper != side:
            return False
        return side == "equal" or abs(self.log_ratio) >= Z80 * self.sd

    @property
    def probability(self) -> float | None:
        """That the side which looks cheaper is; None where neither is."""
        if self.cheaper in (None, "equal"):
            return None
        if self.sd == 0 or math.isinf(self.log_ratio):
            return 1.0
        return NormalDist().cdf(abs(self.log_ratio) / self.sd)


@dataclass(frozen=True, slots=True)
class Crossing:
    """``below`` is cheaper under ``at``, the other side above.

    Outside ``low``..``high`` that is so with 80% probability; None: not within the range searched.
    ``both_run`` is false where the flip is that one side cannot do the work any more.
    """

    at: float
    low: float | None
    high: float | None
    below: Side
    above: Side
    both_run: bool


Function = Callable[[float], Gap]


def crossings(gap: Function, grid: Sequence[float], tolerance: float = 0.01) -> list[Crossing]:
    """Every flip that two neighbours of the ascending, positive ``grid`` show.

    ``at`` is within ``tolerance`` (relative) above the last point where ``below`` is cheaper. Two
    flips between two neighbours cancel and are not seen.
    """
    values = [gap(x) for x in grid]
    known = _telling(values)
    found = []
    for i, j in pairwise(known):
        below, above = values[i].cheaper, values[j].cheaper
        if below is None or above is None or below == above:
            continue
        last, at = _bisect(_is_cheaper(gap, below), grid[i], grid[j], tolerance)
        both = math.isfinite(gap(last).log_ratio) and math.isfinite(gap(at).log_ratio)
        low = _sure(gap, below, [last, *reversed(grid[: i + 1])], tolerance)
        high = _sure(gap, above, [at, *grid[j:]], tolerance)
        found.append(Crossing(at, low, high, below, above, both))
    return found


def _telling(values: Sequence[Gap]) -> list[int]:
    """Points with an answer, without lone ones at which a curve that crosses is just 0."""
    known = [i for i, value in enumerate(values) if value.cheaper is not None]
    lone = {
        i
        for before, i, after in zip(known, known[1:], known[2:], strict=False)
        if values[i].cheaper == "equal"
        and "equal" not in (values[before].cheaper, values[after].cheaper)
    }
    return [i for i in known if i not in lone]


def _is_cheaper(gap: Function, side: Side) -> Callable[[float], bool]:
    return lambda x: gap(x).cheaper == side


def _sure(gap: Function, side: Side, outwards: Sequence[float], tolerance: float) -> float | None:
    """The first point on the way outwards where ``side`` is surely cheaper; None without one."""
    unsure = outwards[0]
    for x in outwards:
        value = gap(x)
        if value.cheaper not in (side, "equal"):  # another crossing, or nobody can do the work
            return None
        if value.is_sure(side):
            if x == outwards[0]:
                return x
            return _bisect(lambda y: not gap(y).is_sure(side), unsure, x, tolerance)[1]
        unsure = x
    return None


def _bisect(
    holds: Callable[[float], bool], inside: float, outside: float, tolerance: float
) -> tuple[float, float]:
    """The last point that ``holds`` and the first that does not, by geometric bisection."""
    while abs(math.log(outside / inside)) > tolerance:
        middle = math.sqrt(inside * outside)
        if middle in (inside, outside):
            break
        if holds(middle):
            inside = middle
        else:
            outside = middle
    return inside, outside
