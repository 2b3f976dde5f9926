"""The capacity program of independent periods; ``constraints`` has its families of rows.

First stage, constant over the horizon: ``R[o,term]`` machines committed, ``N[o]`` bought (whole),
``K[p]`` USD an hour or units of a resource committed to (see ``plans``).
Second stage, per period t: machines in use by option and workload, ``y`` committed or held, ``a``
on demand, ``c`` on demand and paid by a plan, ``s`` spot, ``u`` owned or bought; ``x`` units of a
resource above what is committed; ``q[w]`` unmet demand.

    minimise  sum cost[o,term] R[o,term] + sum buy[o] N[o] + sum cost[p] K[p]
              + sum_t hours_t (price . (a, s, x) + running . u + egress + unmet_usd . q)

Rows are written ``G x_t + T z >= h_t`` with ``x, z >= 0`` and
``h_t = constant + by_demand demand_t + by_held held_t``: the constraints of all periods differ
in ``h`` only, which is what lets periods be averaged and bases be shared.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from planner.optimize.capacity.constraints import (
    COMMITTED,
    COVERED,
    EXCESS,
    OWN,
    UNMET,
    Rows,
    Stage1,
    Use,
    define_commitments,
    define_committed,
    define_demand,
    define_owned,
    define_plans,
    define_quotas,
    define_rentable,
    define_spot_share,
)
from planner.optimize.capacity.fleet import Classes, Fleet, Option
from planner.optimize.capacity.plans import ActivePlans, active_plans, draws_of

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

ALL_OPTIONS = frozenset(Option)


@dataclass(frozen=True)
class Program:
    """The program of one period (dense, shared by all) and the decisions of the horizon."""

    fleet: Fleet
    stage1: tuple[Stage1, ...]
    uses: tuple[Use, ...]
    row_names: tuple[str, ...]
    g: Floats  # (rows, uses)
    t: Floats  # (rows, stage1)
    constant: Floats
    by_demand: Floats  # (rows, W)
    by_held: Floats  # (rows, O)
    # Sum of commitments of an offer: names, coefficient rows over stage1, upper limit.
    stage1_rows: tuple[tuple[str, Floats, float], ...]
    # Offers whose committed machines serve demand without a variable of their own.
    direct: Flags

    def rhs(self, classes_demand: Floats, classes_held: Floats) -> Floats:
        """``h`` of each class, shape (C, rows)."""
        total: Floats = (
            self.constant + classes_demand @ self.by_demand.T + classes_held @ self.by_held.T
        )
        return total

    def use_prices(self, on_demand: Floats, spot: Floats) -> Floats:
        """USD per machine-hour of each use in each class, shape (C, uses)."""
        base = np.array([use.usd_per_hour for use in self.uses])
        prices = np.tile(base, (len(on_demand), 1))
        for kind, table in ((Option.ON_DEMAND, on_demand), (Option.SPOT, spot)):
            columns = [j for j, use in enumerate(self.uses) if use.kind == kind]
            if columns:
                prices[:, columns] += table[:, [self.uses[j].offer for j in columns]]
        return prices

    @property
    def stage1_usd(self) -> Floats:
        return np.array([decision.usd for decision in self.stage1])

    @property
    def stage1_most(self) -> Floats:
        return np.array([decision.most for decision in self.stage1])

    @property
    def stage1_least(self) -> Floats:
        return np.array([decision.least for decision in self.stage1])


def build(
    fleet: Fleet,
    classes: Classes,
    horizon_hours: float,
    options: frozenset[Option] = ALL_OPTIONS,
    *,
    prune: bool = True,
    most_served: Floats | None = None,
) -> Program:
    """The program of a fleet, restricted to ``options`` (what is held always counts).

    ``most_served`` (W,) is the most that any period may serve, where that is not its demand.
    """
    peak = classes.demand.max(axis=0) if len(classes) else np.zeros(len(fleet.workloads))
    served = peak if most_served is None else most_served
    plans = active_plans(fleet, classes, served, options)
    stage1 = [
        *_stage1(fleet, served, horizon_hours, options),
        *_amounts(fleet, plans, horizon_hours),
    ]
    direct = _direct(fleet)
    uses = list(_uses(fleet, classes, options, direct, peak, stage1, prune, plans))
    uses += _excess(fleet, plans, uses)
    rows = Rows()
    define_demand(rows, fleet, uses, stage1, direct, peak)
    define_committed(rows, uses, stage1)
    define_owned(rows, fleet, uses, stage1)
    define_rentable(rows, fleet, uses, stage1)
    define_quotas(rows, fleet, uses)
    define_plans(rows, fleet, uses, stage1)
    define_spot_share(rows, fleet, uses, peak)
    shape = (len(rows.names), len(uses))
    return Program(
        fleet,
        tuple(stage1),
        tuple(uses),
        tuple(rows.names),
        _dense(rows.uses, shape),
        _dense(rows.stage1, (shape[0], len(stage1))),
        np.array(rows.constant),
        _dense(rows.by_demand, (shape[0], len(fleet.workloads))),
        _dense(rows.by_held, (shape[0], len(fleet.offers))),
        tuple(define_commitments(fleet, classes, stage1)),
        direct,
    )


def _dense(entries: list[tuple[int, int, float]], shape: tuple[int, int]) -> Floats:
    matrix = np.zeros(shape)
    for row, column, value in entries:
        matrix[row, column] += value
    return matrix


def _direct(fleet: Fleet) -> Flags:
    """With one workload and nothing to pay for use, committed capacity is simply there."""
    if len(fleet.workloads) > 1 or fleet.integer_use:
        return np.zeros(len(fleet.offers), bool)
    free: Flags = fleet.rented_away_usd[:, 0] == 0
    return free


def _stage1(
    fleet: Fleet, peak: Floats, horizon_hours: float, options: frozenset[Option]
) -> Iterable[Stage1]:
    with np.errstate(divide="ignore", invalid="ignore"):
        machines = np.where(fleet.throughput > 0, np.ceil(peak / fleet.throughput), 0.0)
    enough = machines.sum(axis=1)
    for terms in fleet.terms:
        if terms.option not in options:
            continue
        usd = terms.cost_usd(horizon_hours)
        for offer in np.flatnonzero(np.isfinite(usd)).tolist():
            fixed = fleet.fixed.get((terms.option, offer))
            most = min(enough[offer], terms.max_count[offer], fleet.max_count[offer])
            most = most if fixed is None else fixed
            if most > 0:
                name = f"{terms.option}_{offer}"
                usd_one = float(usd[offer])
                yield Stage1(name, terms.option, offer, usd_one, float(most), least=fixed or 0.0)
    if Option.PURCHASED in options:
        for offer in np.flatnonzero(np.isfinite(fleet.buy_usd)).tolist():
            fixed = fleet.fixed.get((Option.PURCHASED, offer))
            most = min(enough[offer], fleet.max_new[offer]) if fixed is None else fixed
            if most > 0:
                name, usd_one = f"new_{offer}", float(fleet.buy_usd[offer])
                yield Stage1(
                    name, Option.PURCHASED, offer, usd_one, float(most), least=fixed or 0.0
                )


def _uses(
    fleet: Fleet,
    classes: Classes,
    options: frozenset[Option],
    direct: Flags,
    peak: Floats,
    stage1: list[Stage1],
    prune: bool,
    plans: ActivePlans,
) -> Iterable[Use]:
    committed = {d.offer for d in stage1 if d.is_reserved}
    pooled = plans.pooled_usd(fleet)
    committed |= set(np.flatnonzero(classes.held.any(axis=0)).tolist())
    bought = {d.offer for d in stage1 if d.option is Option.PURCHASED}
    owned = bought | (
        set(np.flatnonzero(fleet.owned > 0).tolist()) if Option.OWNED in options else set()
    )
    for workload in np.flatnonzero(peak > 0).tolist():
        speed = fleet.throughput[:, workload]
        away, own_away = fleet.rented_away_usd[:, workload], fleet.owned_away_usd[:, workload]
        able = speed > 0
        for offer in sorted(committed):
            if able[offer] and not direct[offer]:
                yield Use(
                    f"y_{offer}_{workload}", COMMITTED, offer, workload, away[offer], speed[offer]
                )
        for kind, letter, table, factor, quota in (
            (Option.ON_DEMAND, "a", classes.on_demand, np.ones_like(speed), fleet.max_on_demand),
            (Option.SPOT, "s", classes.spot, fleet.spot_factor, fleet.max_spot),
        ):
            if kind not in options:
                continue
            sold = able & np.isfinite(table).all(axis=0) & (quota > 0) & (fleet.max_count > 0)
            if prune and not fleet.integer_use and not fleet.is_coupled:
                dearer = _dearer(table, speed * factor, away * factor, sold, fleet, quota)
                # With a part of its price committed to, a dearer one may be the cheaper.
                sold &= ~dearer | ((pooled > 0) & (kind is Option.ON_DEMAND))
            for offer in np.flatnonzero(sold).tolist():
                yield Use(
                    f"{letter}_{offer}_{workload}",
                    kind,
                    offer,
                    workload,
                    float(away[offer] * factor[offer])
                    - (float(pooled[offer]) if kind is Option.ON_DEMAND else 0.0),
                    float(speed[offer] * factor[offer]),
                )
        for number in plans.covering:
            for offer in draws_of(fleet.plans[number]):
                if able[offer] and np.isfinite(classes.on_demand[:, offer]).all():
                    yield Use(
                        f"c_{number}_{offer}_{workload}",
                        COVERED,
                        offer,
                        workload,
                        float(away[offer]),
                        float(speed[offer]),
                        number,
                    )
        for offer in sorted(owned):
            if able[offer]:
                usd = float(fleet.running[offer] + own_away[offer])
                yield Use(f"u_{offer}_{workload}", OWN, offer, workload, usd, float(speed[offer]))
        if np.isfinite(fleet.unmet_usd[workload]):
            usd = float(fleet.unmet_usd[workload])
            yield Use(f"q_{workload}", UNMET, -1, workload, usd, 1.0)


def _amounts(fleet: Fleet, plans: ActivePlans, horizon_hours: float) -> Iterable[Stage1]:
    for number in plans.decided:
        plan = fleet.plans[number]
        usd = plan.usd_per_hour * horizon_hours
        most = plans.most[number]
        yield Stage1(f"plan_{number}", plan.option, -1, usd, most, plan.whole, number)


def _excess(fleet: Fleet, plans: ActivePlans, uses: list[Use]) -> Iterable[Use]:
    """Units of each pool above what is committed. What one serves is that of the machine that
    needs most of them: it scales prices only."""
    for number in plans.pools:
        pool = fleet.pools[number]
        serves = [
            use.serves / pool.units[use.offer]
            for use in uses
            if use.kind == Option.ON_DEMAND and pool.units[use.offer] > 0
        ]
        if serves:
            usd = pool.on_demand_usd_per_unit_hour
            yield Use(f"x_{number}", EXCESS, -1, -1, usd, float(min(serves)), number)


def _dearer(
    prices: Floats, serves: Floats, away: Floats, sold: Flags, fleet: Fleet, quota: Floats
) -> Flags:
    """Offers that an unlimited one of the same option undercuts per unit in every class: exact."""
    with np.errstate(divide="ignore", invalid="ignore"):
        unit = (prices + away) / serves
    free = sold & ~np.isfinite(fleet.max_count) & ~np.isfinite(quota)
    beaten = np.zeros(len(serves), bool)
    if not free.any():
        return beaten
    rivals = np.flatnonzero(free)
    best = rivals[np.argmin(unit[:, rivals].mean(axis=0))]
    beaten |= (unit >= unit[:, [best]]).all(axis=0)
    beaten[best] = False
    return beaten
