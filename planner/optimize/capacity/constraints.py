"""Decisions and constraint families of the capacity program.

Each ``define_...`` adds rows ``G x + T z >= h`` for one period; see ``formulation``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from planner.optimize.capacity.fleet import Classes, Fleet, Option

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

COMMITTED = "committed"
OWN = "own"
UNMET = "unmet"
# Machines on demand that a savings plan pays for; units of a resource above what is committed.
COVERED = "covered"
EXCESS = "excess"


@dataclass(frozen=True, slots=True)
class Stage1:
    """One decision that holds for the whole horizon.

    ``plan`` is the number of a commitment of an amount; ``offer`` is -1 then.
    """

    name: str
    option: Option
    offer: int
    usd: float  # one machine, or one unit of the amount, over the horizon
    most: float  # more could never be of use
    whole: bool = True
    plan: int = -1
    least: float = 0.0  # what the user has decided on already

    @property
    def is_reserved(self) -> bool:
        """Whether it is of machines that are paid used or not."""
        return self.plan < 0 and self.option is not Option.PURCHASED


@dataclass(frozen=True, slots=True)
class Use:
    """One decision of a period: ``kind`` is an option in use, or one of the words above.

    ``plan`` is the number of the savings plan, or (``excess``) of the pool; ``offer`` is -1 where
    no machine is meant, ``workload`` where nothing is served.
    """

    name: str
    kind: str
    offer: int
    workload: int
    usd_per_hour: float  # without the price of renting, which may change by period
    serves: float  # units of demand a machine serves
    plan: int = -1


@dataclass
class Rows:
    """Rows under construction, in coordinate form."""

    names: list[str] = field(default_factory=list)
    uses: list[tuple[int, int, float]] = field(default_factory=list)
    stage1: list[tuple[int, int, float]] = field(default_factory=list)
    constant: list[float] = field(default_factory=list)
    by_demand: list[tuple[int, int, float]] = field(default_factory=list)
    by_held: list[tuple[int, int, float]] = field(default_factory=list)

    def add(
        self,
        name: str,
        uses: Iterable[tuple[int, float]],
        stage1: Iterable[tuple[int, float]] = (),
        *,
        constant: float = 0.0,
        by_demand: Iterable[tuple[int, float]] = (),
        by_held: Iterable[tuple[int, float]] = (),
    ) -> None:
        row = len(self.names)
        self.names.append(name)
        self.uses += [(row, column, value) for column, value in uses]
        self.stage1 += [(row, column, value) for column, value in stage1]
        self.constant.append(constant)
        self.by_demand += [(row, workload, value) for workload, value in by_demand]
        self.by_held += [(row, offer, value) for offer, value in by_held]


def define_demand(
    rows: Rows,
    fleet: Fleet,
    uses: list[Use],
    stage1: list[Stage1],
    direct: Flags,
    peak: Floats,
) -> None:
    """``sum serves . x + sum throughput R + q >= demand - throughput held``, for each workload.

    Divided by the workload's peak, so that rows of different units have one scale.
    """
    for workload in np.flatnonzero(peak > 0).tolist():
        scale = 1 / peak[workload]
        speed = fleet.throughput[:, workload]
        rows.add(
            f"demand_{workload}",
            ((j, u.serves * scale) for j, u in enumerate(uses) if u.workload == workload),
            (
                (k, speed[d.offer] * scale)
                for k, d in enumerate(stage1)
                if d.is_reserved and direct[d.offer] and speed[d.offer] > 0
            ),
            by_demand=[(workload, scale)],
            by_held=[(o, -speed[o] * scale) for o in np.flatnonzero(direct & (speed > 0)).tolist()],
        )


def define_committed(rows: Rows, uses: list[Use], stage1: list[Stage1]) -> None:
    """``sum_w y[o,w] <= sum_term R[o,term] + held[o]``: committed machines in use exist."""
    for offer, columns in _by_offer(uses, COMMITTED).items():
        rows.add(
            f"committed_{offer}",
            ((j, -1.0) for j in columns),
            ((k, 1.0) for k, d in enumerate(stage1) if d.offer == offer and d.is_reserved),
            by_held=[(offer, -1.0)],
        )


def define_owned(rows: Rows, fleet: Fleet, uses: list[Use], stage1: list[Stage1]) -> None:
    """``sum_w u[o,w] <= owned[o] + N[o]``: machines of one's own that work exist."""
    for offer, columns in _by_offer(uses, OWN).items():
        rows.add(
            f"owned_{offer}",
            ((j, -1.0) for j in columns),
            (
                (k, 1.0)
                for k, d in enumerate(stage1)
                if d.offer == offer and d.option is Option.PURCHASED
            ),
            constant=-float(fleet.owned[offer]),
        )


def define_rentable(rows: Rows, fleet: Fleet, uses: list[Use], stage1: list[Stage1]) -> None:
    """``sum_term R[o,term] + held[o] + a[o] + s[o] <= max_count[o]``: what exists to rent."""
    rented = _by_offer(uses, Option.ON_DEMAND, COVERED, Option.SPOT)
    for offer, columns in rented.items():
        if np.isfinite(fleet.max_count[offer]):
            rows.add(
                f"max_count_{offer}",
                ((j, -1.0) for j in columns),
                ((k, -1.0) for k, d in enumerate(stage1) if d.offer == offer and d.is_reserved),
                constant=-float(fleet.max_count[offer]),
                by_held=[(offer, 1.0)],
            )


def define_quotas(rows: Rows, fleet: Fleet, uses: list[Use]) -> None:
    """``sum_w a[o,w] + c[o,w] <= max_on_demand[o]`` and ``sum_w s[o,w] <= max_spot[o]``."""
    for kinds, quota in (
        ((Option.ON_DEMAND, COVERED), fleet.max_on_demand),
        ((Option.SPOT,), fleet.max_spot),
    ):
        for offer, columns in _by_offer(uses, *kinds).items():
            if np.isfinite(quota[offer]):
                rows.add(
                    f"max_{kinds[0]}_{offer}",
                    ((j, -1.0) for j in columns),
                    constant=-float(quota[offer]),
                )


def define_plans(rows: Rows, fleet: Fleet, uses: list[Use], stage1: list[Stage1]) -> None:
    """``sum_(o,w) rate[o] c[p,o,w] <= K[p] + held[p]`` for each savings plan p, and
    ``x[r] + sum_(p of r) K[p] >= sum_(o,w) units[o] a[o,w] - held`` for each resource r.

    Divided by what a machine draws at most, so that rows of different units have one scale.
    """
    for number, plan in enumerate(fleet.plans):
        columns = [j for j, u in enumerate(uses) if u.kind == COVERED and u.plan == number]
        if columns:
            scale = 1 / float(np.nanmax(plan.draws))
            rows.add(
                f"plan_{number}",
                ((j, -float(plan.draws[uses[j].offer]) * scale) for j in columns),
                ((k, scale) for k, d in enumerate(stage1) if d.plan == number),
                constant=-plan.held * scale,
            )
    for number, pool in enumerate(fleet.pools):
        above = [j for j, u in enumerate(uses) if u.kind == EXCESS and u.plan == number]
        if not above:
            continue
        scale = 1 / float(pool.units.max())
        inside = {k for k, plan in enumerate(fleet.plans) if plan.pool == number}
        machines = [
            (j, -float(pool.units[u.offer]) * scale)
            for j, u in enumerate(uses)
            if u.kind == Option.ON_DEMAND and pool.units[u.offer] > 0
        ]
        rows.add(
            f"pool_{number}",
            [*((j, scale) for j in above), *machines],
            ((k, scale) for k, d in enumerate(stage1) if d.plan in inside),
            constant=-sum(fleet.plans[k].held for k in inside) * scale,
        )


def define_spot_share(rows: Rows, fleet: Fleet, uses: list[Use], peak: Floats) -> None:
    """``sum_o serves[o] s[o,w] <= max_spot_share demand[w]``, in every period."""
    if fleet.max_spot_share is None or fleet.max_spot_share >= 1:
        return
    for workload in np.flatnonzero(peak > 0).tolist():
        scale = 1 / peak[workload]
        columns = [
            (j, -u.serves * scale)
            for j, u in enumerate(uses)
            if u.workload == workload and u.kind == Option.SPOT
        ]
        if columns:
            rows.add(
                f"max_spot_share_{workload}",
                columns,
                by_demand=[(workload, -fleet.max_spot_share * scale)],
            )


def define_commitments(
    fleet: Fleet, classes: Classes, stage1: list[Stage1]
) -> Iterable[tuple[str, Floats, float]]:
    """``sum_term R[o,term] <= max_count[o] - held[o]`` at the most held of any period."""
    held = classes.held.max(axis=0) if len(classes) else np.zeros(len(fleet.offers))
    offers = {d.offer for d in stage1 if d.is_reserved}
    for offer in sorted(offers):
        if np.isfinite(fleet.max_count[offer]):
            row = np.array([float(d.offer == offer and d.is_reserved) for d in stage1])
            yield f"commitments_{offer}", row, max(float(fleet.max_count[offer] - held[offer]), 0.0)


def _by_offer(uses: list[Use], *kinds: str) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for column, use in enumerate(uses):
        if use.kind in kinds:
            found.setdefault(use.offer, []).append(column)
    return found
