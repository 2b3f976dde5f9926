"""What a mix is chosen from, what limits it, and what comes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields

import numpy as np
from numpy.typing import ArrayLike, NDArray

from planner.optimize.solver import Status
from planner.optimize.solver.status import relative_gap

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Ids = NDArray[np.intp]
PLACES = ("zone", "region", "cloud")


@dataclass(frozen=True, eq=False)
class MixProblem:
    """o offers for b buckets of requests. Build it with ``MixProblem.of``.

    ``usd_per_hour`` (o,) of one instance; ``throughput`` (o, b) requests/s that one instance
    serves of one bucket alone, 0 where it cannot; ``rate`` (b,) requests/s; ``max_count`` (o,).
    An instance draws ``quota_units`` on its ``quota_class`` (empty: on none) and is made of
    ``nodes`` machines. ``kind`` is what ``max_types`` counts. Empty place names are unknown.
    """

    usd_per_hour: Floats
    throughput: Floats
    rate: Floats
    max_count: Floats
    quota_class: tuple[str, ...]
    quota_units: Floats
    spot: Flags
    kind: tuple[str, ...]
    zone: tuple[str, ...]
    region: tuple[str, ...]
    cloud: tuple[str, ...]
    nodes: Floats

    @classmethod
    def of(
        cls,
        usd_per_hour: ArrayLike,
        throughput: ArrayLike,
        rate: ArrayLike,
        *,
        max_count: ArrayLike = np.inf,
        quota_class: Sequence[str] | None = None,
        quota_units: ArrayLike = 1.0,
        spot: ArrayLike = False,
        kind: Sequence[str] | None = None,
        zone: Sequence[str] | None = None,
        region: Sequence[str] | None = None,
        cloud: Sequence[str] | None = None,
        nodes: ArrayLike = 1.0,
    ) -> MixProblem:
        """Check and complete the columns. Raises ValueError for wrong shapes and values."""
        prices = np.asarray(usd_per_hour, float).reshape(-1)
        rates = np.asarray(rate, float).reshape(-1)
        count = len(prices)
        speed = np.asarray(throughput, float).reshape(count, len(rates))
        for name, values in (("usd_per_hour", prices), ("rate", rates), ("throughput", speed)):
            if not (np.isfinite(values) & (values >= 0)).all():
                raise ValueError(f"{name} must be finite and at least 0")
        most = np.floor(np.broadcast_to(np.asarray(max_count, float), (count,)))
        units = np.broadcast_to(np.asarray(quota_units, float), (count,))
        if not (most >= 0).all() or not (np.isfinite(units) & (units >= 0)).all():
            raise ValueError("max_count and quota_units must be at least 0")

        def names(given: Sequence[str] | None) -> tuple[str, ...]:
            return ("",) * count if given is None else tuple(given)

        return cls(
            usd_per_hour=prices,
            throughput=speed,
            rate=rates,
            max_count=most,
            quota_class=names(quota_class),
            quota_units=units,
            spot=np.broadcast_to(np.asarray(spot, bool), (count,)),
            kind=tuple(map(str, range(count))) if kind is None else tuple(kind),
            zone=names(zone),
            region=names(region),
            cloud=names(cloud),
            nodes=np.array(np.broadcast_to(np.asarray(nodes, float), (count,))),
        )

    @property
    def offers(self) -> int:
        return len(self.usd_per_hour)

    @property
    def buckets(self) -> int:
        return len(self.rate)

    def place(self, over: str) -> tuple[str, ...]:
        """Zone, region or cloud of each offer."""
        names: tuple[str, ...] = getattr(self, over)
        return names

    def take(self, offers: Ids, buckets: Ids | None = None) -> MixProblem:
        """The problem of some offers, and of some buckets."""
        columns = {}
        for column in fields(self):
            value = getattr(self, column.name)
            if column.name == "rate":
                columns[column.name] = value if buckets is None else value[buckets]
            elif isinstance(value, tuple):
                columns[column.name] = tuple(value[i] for i in offers.tolist())
            else:
                columns[column.name] = value[offers]
        if buckets is not None:
            columns["throughput"] = columns["throughput"][:, buckets]
        return MixProblem(**columns)


@dataclass(frozen=True)
class Spread:
    """At least ``at_least`` places in use, and none with more than ``max_share`` of requests."""

    over: str  # zone, region or cloud
    at_least: int = 1
    max_share: float = 1.0


@dataclass(frozen=True, eq=False)
class MixLimits:
    """What limits a mix beyond each offer's ``max_count``.

    ``spare_instances`` k: of every offer in use, k instances may fail and the others still carry
    its load (N+k). ``max_utilisation``: most of its capacity that an instance is loaded to, one
    number or one an offer. ``max_spot_share``: of all requests. ``max_nodes``: machines in all.
    """

    quotas: Mapping[str, float] = field(default_factory=dict)
    max_types: int | None = None
    max_spot_share: float | None = None
    spread: tuple[Spread, ...] = ()
    spare_instances: int = 0
    max_utilisation: float | Floats = 1.0
    max_nodes: float | None = None


@dataclass(frozen=True, eq=False)
class MixSolution:
    """Counts (o,) and assignment (o, b), which sums to 1 over offers for buckets with requests.

    ``objective`` and ``bound`` are USD/h; ``utilisation`` (o,) is load over capacity, NaN where no
    instance is. Without an answer the objective is None and the arrays are zero.
    """

    status: Status
    counts: NDArray[np.int64]
    assignment: Floats
    utilisation: Floats
    objective: float | None
    bound: float | None
    solver: str
    seconds: float
    message: str = ""

    @property
    def gap(self) -> float | None:
        return relative_gap(self.objective, self.bound)


def instances_needed(problem: MixProblem, limits: MixLimits) -> Floats:
    """Instances that each offer needs for each whole bucket (o, b); inf where it cannot serve it.

    Offers that are slower by a factor of 1e9 than the best count as unable: they could take less
    than a billionth of a bucket per instance, and such coefficients would blur all others.
    """
    most = np.broadcast_to(np.asarray(limits.max_utilisation, float), (problem.offers,))
    speed = problem.throughput * most[:, None]
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        needed = np.where(speed > 0, problem.rate[None, :] / speed, np.inf)
    if not problem.offers:
        return needed
    endless = needed > 1e9 * np.maximum(1.0, needed.min(axis=0))[None, :]
    return np.where(endless | (problem.max_count < 1)[:, None], np.inf, needed)
