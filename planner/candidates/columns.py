"""Candidates as columns: every offer, way to pay and number of machines, timed and priced."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from catalog import OfferTable
from catalog.records import dataclass
from planner.performance.devices import Machines
from planner.performance.throughput import Throughput

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Amount:
    """How much work there is: ``total`` units with an end, or ``per_second`` units as a service.

    ``unit`` is that of the throughput: tokens_per_s, requests_per_s, images_per_s, ... A service
    is paid for ``horizon_hours``; its ``mean_per_second`` is what it handles on average.
    """

    total: float | None = None
    per_second: float | None = None
    mean_per_second: float | None = None
    horizon_hours: float | None = None

    @property
    def is_service(self) -> bool:
        return self.per_second is not None


# What candidates share rather than hold one of each.
_WHOLE = frozenset(
    ("offers", "machines", "throughput", "amount", "lines", "why_not", "excluded", "limits")
)


@dataclass(frozen=True)
class Candidates:
    """Feasible or not, each way to run the workload; arrays have shape (n,).

    ``row`` indexes ``offers``, ``config`` the columns of ``machines`` and ``throughput``; ``count``
    repeats the configuration (independent replicas). Hours are wall time from asking for the
    machines to the end, including waiting and restarts (a service: its horizon). ``usd`` is the
    whole cost (a service: over its horizon); ``lines`` say what it is for and add up to it.
    ``*_at_risk`` hold with the probability the user asked for. NaN marks what cannot run.
    ``group_rate`` is what one group does per second at that risk, machines taken back included.
    ``excluded`` counts offers left out before timing, by reason; ``limits`` are quotas that follow
    from what exists (own machines, commitments held).
    """

    offers: OfferTable
    machines: Machines
    throughput: Throughput
    amount: Amount
    row: Rows
    config: Rows
    count: Floats
    work_hours: Floats
    set_up_hours: Floats
    lost_hours: Floats
    interruptions: Floats
    hours: Floats
    hours_p10: Floats
    hours_p90: Floats
    hours_at_risk: Floats
    usd: Floats
    usd_p10: Floats
    usd_p90: Floats
    usd_at_risk: Floats
    lines: Mapping[str, Floats]
    quota_use: Floats
    group_rate: Floats
    hazard_assumed: Mask
    why_not: Mapping[int, str]
    excluded: Counter[str] = field(default_factory=Counter)
    limits: Mapping[str, float] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.row)

    def take(self, rows: Rows) -> Candidates:
        """The chosen candidates, in this order."""
        columns = {
            name: getattr(self, name)[rows]
            for name in self.__dataclass_fields__
            if name not in _WHOLE
        }
        place = {int(old): new for new, old in enumerate(rows)}
        return replace(
            self,
            **columns,
            lines={name: column[rows] for name, column in self.lines.items()},
            why_not={place[i]: text for i, text in self.why_not.items() if i in place},
        )

    @cached_property
    def nodes(self) -> Floats:
        return self.machines.nodes[self.config] * self.count

    @cached_property
    def usd_per_hour(self) -> Floats:
        """Cost of a service per hour; of a finite job, over the hours it takes."""
        result: Floats = self.usd / self.hours
        return result

    def latency(self) -> Floats:
        """Seconds that matter to the user of a service: per output token, else per request.

        Without any latency in the estimate: NaN.
        """
        found = self.throughput.latency
        if found is None:
            return np.full(len(self), np.nan)
        column = found.tpot_p95 if found.tpot_p95 is not None else found.latency_p95
        return np.full(len(self), np.nan) if column is None else column[self.config]


def is_feasible(candidates: Candidates) -> Mask:
    """Those that can run at all, whatever deadline and budget say."""
    feasible: Mask = np.isfinite(candidates.hours) & np.isfinite(candidates.usd_at_risk)
    return feasible


def blocked(candidates: Candidates) -> Counter[str]:
    """Why candidates cannot run, counted; memory shortfalls are one reason."""
    reasons: Counter[str] = Counter()
    bad = np.flatnonzero(~is_feasible(candidates))
    configs, counts = np.unique(candidates.config[bad], return_counts=True)
    by_config = candidates.throughput.why_not
    unexplained = {int(c) for c in configs if not by_config[int(c)]}
    for config, count in zip(configs.tolist(), counts.tolist(), strict=True):
        if config not in unexplained:
            reasons[by_config[config].split(":")[0]] += int(count)
    left = bad[np.isin(candidates.config[bad], list(unexplained))]
    default = "interrupted too often to make headway"
    reasons.update(candidates.why_not.get(index, default) for index in left.tolist())
    return reasons


def smallest_shortfall_gib(candidates: Candidates) -> float | None:
    """By how many GiB a device the closest configuration misses; None when nothing misses."""
    shortfall = candidates.throughput.step.shortfall
    missing = shortfall[np.isfinite(shortfall) & (shortfall > 0)]
    return float(missing.min()) / 2**30 if len(missing) and math.isfinite(missing.min()) else None
