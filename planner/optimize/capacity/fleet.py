"""A capacity question as arrays: O offers, W workloads, T periods.

Everything that the program needs and nothing of how the user wrote it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from planner.cost.ownership import HOURS_PER_YEAR

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

# A year of hourly data has 8,784 rows in a leap year: still one year's commitment.
TERM_TOLERANCE = 0.003


class Option(StrEnum):
    """Ways to have a machine for a period."""

    ON_DEMAND = "on_demand"
    SPOT = "spot"
    RESERVED_1Y = "reserved_1y"
    RESERVED_3Y = "reserved_3y"
    HELD = "held"
    OWNED = "owned"
    PURCHASED = "purchased"
    SAVINGS_PLAN = "savings_plan"
    RESOURCE_COMMITMENT = "resource_commitment"


TERM_HOURS = {Option.RESERVED_1Y: HOURS_PER_YEAR, Option.RESERVED_3Y: 3 * HOURS_PER_YEAR}


def terms_in(horizon_hours: float, term_hours: float) -> float:
    """How many terms cover the horizon, the last one perhaps in part: a whole number."""
    return max(1.0, math.ceil(horizon_hours / term_hours - TERM_TOLERANCE))


@dataclass(frozen=True)
class Plan:
    """A commitment of an amount for every hour: USD, or units of a resource (``pool`` set).

    ``draws`` (O,) is what an hour of a covered machine takes of it, NaN where it is not eligible;
    ``usd_per_hour`` what one unit of the amount costs an hour (a savings plan: 1). ``held`` is
    committed already, for the whole horizon, and sunk.
    """

    name: str
    option: Option
    term: Option  # of how long it is
    draws: Floats
    usd_per_hour: float
    max_amount: float
    whole: bool
    held: float = 0.0
    pool: int | None = None

    def residual_usd(self, horizon_hours: float) -> float:
        """What one unit costs beyond the horizon, up to the end of its (last) term."""
        term = TERM_HOURS[self.term]
        left = max(terms_in(horizon_hours, term) * term - horizon_hours, 0.0)
        return self.usd_per_hour * left


@dataclass(frozen=True)
class Pool:
    """A resource that commitments are of: units in a machine (O,), and a unit's on-demand price."""

    name: str
    units: Floats
    on_demand_usd_per_unit_hour: float


@dataclass(frozen=True)
class Terms:
    """Commitments of one term, shape (O,); NaN prices are not offered, inf counts unlimited."""

    option: Option
    usd_per_hour: Floats
    upfront_usd: Floats
    max_count: Floats

    def terms_in(self, horizon_hours: float) -> float:
        """As the function of that name, for this term."""
        return terms_in(horizon_hours, TERM_HOURS[self.option])

    def cost_usd(self, horizon_hours: float) -> Floats:
        """Cost of one commitment inside the horizon: hours, and the same share of the upfront."""
        total: Floats = self.usd_per_hour * horizon_hours + self.upfront_part_usd(horizon_hours)
        return total

    def upfront_part_usd(self, horizon_hours: float) -> Floats:
        """Share of one commitment's upfront payments inside the horizon."""
        share = horizon_hours / TERM_HOURS[self.option]
        return np.asarray(self.upfront_usd * min(share, self.terms_in(horizon_hours)))

    def residual_usd(self, horizon_hours: float) -> Floats:
        """What one commitment costs beyond the horizon, up to the end of its (last) term."""
        end = self.terms_in(horizon_hours) * TERM_HOURS[self.option]
        left = max(end - horizon_hours, 0.0)
        per_hour = self.usd_per_hour + self.upfront_usd / TERM_HOURS[self.option]
        return np.asarray(per_hour * left)


@dataclass(frozen=True)
class Fleet:
    """Offers and limits. Prices are USD per machine-hour; NaN = not offered, inf = no limit.

    ``on_demand``, ``spot`` and ``held`` have shape (1, O) where constant, else (T, O).
    ``running``: USD per machine-hour of work on owned machines. ``buy_usd``: of one machine over
    the whole horizon. ``away_usd``: egress per machine-hour, by where the machine stands.
    ``fixed``: commitments and purchases that the user has decided on, by option and offer.
    """

    offers: tuple[str, ...]
    workloads: tuple[str, ...]
    throughput: Floats  # (O, W), units of demand a machine serves
    on_demand: Floats
    spot: Floats
    spot_factor: Floats
    terms: tuple[Terms, ...]
    held: Floats
    max_count: Floats
    max_on_demand: Floats
    max_spot: Floats
    owned: Floats
    running: Floats
    buy_usd: Floats
    max_new: Floats
    rented_away_usd: Floats  # (O, W)
    owned_away_usd: Floats  # (O, W)
    unmet_usd: Floats  # (W,) USD per unit-hour, NaN where demand must be met
    max_spot_share: float | None
    integer_use: bool = False
    start_usd: Floats = field(default_factory=lambda: np.zeros(0))
    min_up_hours: Floats = field(default_factory=lambda: np.zeros(0))
    deferrable_hours: Floats = field(default_factory=lambda: np.zeros(0))
    fixed: Mapping[tuple[Option, int], float] = field(default_factory=dict)
    plans: tuple[Plan, ...] = ()
    pools: tuple[Pool, ...] = ()

    @property
    def is_coupled(self) -> bool:
        """Whether one period's decisions bind another's."""
        return bool(self.start_usd.any() or self.min_up_hours.any() or self.deferrable_hours.any())


@dataclass(frozen=True)
class Periods:
    """Demand, shape (T, W) in units, over periods of ``hours`` each."""

    demand: Floats
    hours: float

    def __len__(self) -> int:
        return len(self.demand)

    @property
    def horizon_hours(self) -> float:
        return len(self.demand) * self.hours


@dataclass(frozen=True)
class Classes:
    """Periods that are alike in everything the program sees, merged exactly, shape (C, ...).

    ``of`` (T,) names the class of each period, ``count`` (C,) how many periods it stands for;
    ``key_columns`` are the columns of prices and held machines that differ, for grouping.
    """

    demand: Floats
    on_demand: Floats
    spot: Floats
    held: Floats
    count: Floats
    of: Ints
    key: Floats

    def __len__(self) -> int:
        return len(self.demand)


def merge_periods(fleet: Fleet, periods: Periods) -> Classes:
    """Merge identical periods. Sorted by what differs, so the result does not depend on order."""
    size = len(periods)

    def full(column: Floats) -> Floats:
        return np.broadcast_to(column, (size, column.shape[1]))

    prices = [full(part) for part in (fleet.on_demand, fleet.spot) if part.shape[0] > 1]
    held = [full(fleet.held)] if fleet.held.shape[0] > 1 else []
    varying = np.nan_to_num(np.hstack([*held, *prices]) if held or prices else np.zeros((size, 0)))
    varying = varying[:, np.ptp(varying, axis=0) > 0] if varying.size else varying[:, :0]
    joint = np.ascontiguousarray(np.hstack([varying, periods.demand]))
    if joint.shape[1] == 1:
        _, first, of, count = np.unique(
            joint[:, 0], return_index=True, return_inverse=True, return_counts=True
        )
    else:
        _, first, of, count = np.unique(
            joint, axis=0, return_index=True, return_inverse=True, return_counts=True
        )

    def pick(column: Floats) -> Floats:
        return np.asarray(full(column)[first])

    return Classes(
        periods.demand[first],
        pick(fleet.on_demand),
        pick(fleet.spot),
        pick(fleet.held),
        count.astype(np.float64),
        of.reshape(-1).astype(np.intp),
        varying[first],
    )
