"""A plan read out: who works when, what it costs by line, what is left unserved."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from planner.optimize.capacity.constraints import COMMITTED, OWN, UNMET
from planner.optimize.capacity.fleet import Fleet, Option, Periods
from planner.optimize.capacity.formulation import Program

Floats = NDArray[np.float64]

# Machine-hours below this share of a machine's horizon are rounding of the solver.
_NOTHING = 1e-9


@dataclass(frozen=True)
class Operation:
    """Use of machines in every period, (T, uses), under one vector of commitments (stage1,)."""

    program: Program
    periods: Periods
    plan: Floats
    use: Floats
    starts_usd: float = 0.0
    # Demand as served in each period, where work was put off; else the demand itself.
    served: Floats | None = None


@dataclass(frozen=True)
class Line:
    """Machines of one offer in one option."""

    offer: int
    option: Option
    count: float
    working: Floats  # (T,) machines
    there: Floats | None  # (T,) machines paid for whether they work or not
    cost_usd: float
    residual_usd: float


@dataclass(frozen=True)
class Ledger:
    lines: list[Line]
    costs: dict[str, float]
    unmet: Floats  # (T, W) units

    @property
    def total_usd(self) -> float:
        return sum(self.costs.values())


def full(column: Floats, size: int) -> Floats:
    return np.broadcast_to(column, (size, column.shape[1]))


def read_out(operation: Operation) -> Ledger:
    """Every machine and every dollar of an operation."""
    program, periods = operation.program, operation.periods
    fleet, size, hours = program.fleet, len(periods), periods.hours
    working = _working(operation)
    costs = dict.fromkeys(
        (
            "reserved_usd",
            "upfront_usd",
            "purchase_usd",
            "on_demand_usd",
            "spot_usd",
            "running_usd",
            "egress_usd",
            "start_usd",
            "unmet_usd",
        ),
        0.0,
    )
    costs["start_usd"] = operation.starts_usd
    lines: list[Line] = []
    held = full(fleet.held, size)
    commitments = _commitments(operation)
    for offer in range(len(fleet.offers)):
        pool = held[:, offer] + sum(count for _, count in commitments.get(offer, []))
        in_use = working[Option.HELD][:, offer]
        share = np.divide(in_use, pool, out=np.zeros(size), where=pool > 0)
        for terms in fleet.terms:
            count = sum(n for option, n in commitments.get(offer, []) if option is terms.option)
            if count:
                total = float(terms.cost_usd(periods.horizon_hours)[offer]) * count
                upfront = float(terms.upfront_part_usd(periods.horizon_hours)[offer]) * count
                costs["reserved_usd"] += total - upfront
                costs["upfront_usd"] += upfront
                residual = float(terms.residual_usd(periods.horizon_hours)[offer]) * count
                lines.append(
                    Line(
                        offer,
                        terms.option,
                        count,
                        share * count,
                        np.full(size, float(count)),
                        total,
                        residual,
                    )
                )
        if held[:, offer].any():
            there = held[:, offer].copy()
            most = float(there.max())
            lines.append(Line(offer, Option.HELD, most, share * there, there, 0.0, 0.0))
        lines += _rented(fleet, offer, working, periods, costs)
        lines += _own(operation, offer, working[Option.OWNED][:, offer], costs)
    unmet = np.zeros((size, len(fleet.workloads)))
    for column, use in enumerate(program.uses):
        amount = operation.use[:, column]
        if use.kind == UNMET:
            unmet[:, use.workload] += amount
            costs["unmet_usd"] += float(amount.sum()) * use.usd_per_hour * hours
        elif use.kind == OWN:
            away = float(fleet.owned_away_usd[use.offer, use.workload])
            costs["egress_usd"] += float(amount.sum()) * away * hours
        else:
            costs["egress_usd"] += float(amount.sum()) * use.usd_per_hour * hours
    return Ledger(lines, costs, unmet)


def _commitments(operation: Operation) -> dict[int, list[tuple[Option, float]]]:
    found: dict[int, list[tuple[Option, float]]] = {}
    for decision, count in zip(operation.program.stage1, operation.plan.tolist(), strict=True):
        if decision.option is not Option.PURCHASED and count > 0:
            found.setdefault(decision.offer, []).append((decision.option, count))
    return found


def _working(operation: Operation) -> dict[Option, Floats]:
    """Machines at work by period and offer: rented, committed (as HELD), own (as OWNED)."""
    program, size = operation.program, len(operation.periods)
    shape = (size, len(program.fleet.offers))
    working = {
        option: np.zeros(shape)
        for option in (Option.ON_DEMAND, Option.SPOT, Option.HELD, Option.OWNED)
    }
    kinds = {COMMITTED: Option.HELD, OWN: Option.OWNED}
    kinds |= {str(option): option for option in (Option.ON_DEMAND, Option.SPOT)}
    served = np.zeros((size, len(program.fleet.workloads)))
    for column, use in enumerate(program.uses):
        amount = operation.use[:, column]
        served[:, use.workload] += amount * use.serves
        if use.kind != UNMET:
            working[kinds[use.kind]][:, use.offer] += amount
    if program.direct.any():
        _share_out(operation, served[:, 0], working[Option.HELD])
    return working


def _share_out(operation: Operation, served: Floats, held_working: Floats) -> None:
    """Committed machines without variables of their own carry the rest, all to the same share."""
    program, size = operation.program, len(operation.periods)
    demand = operation.periods.demand if operation.served is None else operation.served
    pool = full(program.fleet.held, size).copy()
    for decision, count in zip(program.stage1, operation.plan.tolist(), strict=True):
        if decision.option is not Option.PURCHASED:
            pool[:, decision.offer] += count
    pool = pool * program.direct
    capacity = pool @ program.fleet.throughput[:, 0]
    rest = np.maximum(demand[:, 0] - served, 0.0)
    share = np.divide(rest, capacity, out=np.zeros(size), where=capacity > 0)
    held_working += pool * np.minimum(share, 1.0)[:, None]


def _rented(
    fleet: Fleet,
    offer: int,
    working: dict[Option, Floats],
    periods: Periods,
    costs: dict[str, float],
) -> list[Line]:
    lines = []
    for option, table, key in (
        (Option.ON_DEMAND, fleet.on_demand, "on_demand_usd"),
        (Option.SPOT, fleet.spot, "spot_usd"),
    ):
        amount = working[option][:, offer]
        if amount.sum() > _NOTHING * len(periods):
            price = full(table, len(periods))[:, offer]
            usd = float(amount @ price) * periods.hours
            costs[key] += usd
            lines.append(Line(offer, option, float(amount.max()), amount, None, usd, 0.0))
    return lines


def _own(operation: Operation, offer: int, in_use: Floats, costs: dict[str, float]) -> list[Line]:
    """Owned machines work first: they cost the same to run as bought ones."""
    program, periods = operation.program, operation.periods
    fleet, size = program.fleet, len(periods)
    owned = float(fleet.owned[offer])
    bought = sum(
        float(n)
        for d, n in zip(program.stage1, operation.plan.tolist(), strict=True)
        if d.offer == offer and d.option is Option.PURCHASED
    )
    running = float(fleet.running[offer]) * periods.hours
    costs["running_usd"] += running * float(in_use.sum())
    lines = []
    first = np.minimum(in_use, owned)
    if owned and (first.any() or any(u.kind == OWN and u.offer == offer for u in program.uses)):
        usd = running * float(first.sum())
        lines.append(Line(offer, Option.OWNED, owned, first, np.full(size, owned), usd, 0.0))
    if bought:
        price = float(fleet.buy_usd[offer]) * bought
        costs["purchase_usd"] += price
        rest = in_use - first
        lines.append(
            Line(
                offer,
                Option.PURCHASED,
                bought,
                rest,
                np.full(size, bought),
                price + running * float(rest.sum()),
                0.0,
            )
        )
    return lines
