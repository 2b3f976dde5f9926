"""A plan read out: who works when, what it costs by line, what is left unserved."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from planner.optimize.capacity.constraints import COMMITTED, COVERED, EXCESS, OWN, UNMET
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
class PlanLine:
    """A commitment of an amount: what is committed (``held`` included), and used of it (T,)."""

    plan: int
    amount: float
    used: Floats
    cost_usd: float
    residual_usd: float


@dataclass(frozen=True)
class Ledger:
    lines: list[Line]
    plans: list[PlanLine]
    costs: dict[str, float]
    unmet: Floats  # (T, W) units

    @property
    def total_usd(self) -> float:
        return sum(self.costs.values())

    @property
    def residual_usd(self) -> float:
        """Owed or already paid beyond the horizon."""
        machines = sum(line.residual_usd for line in self.lines)
        return machines + sum(plan.residual_usd for plan in self.plans)


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
            "savings_plan_usd",
            "resource_commitment_usd",
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
    on_demand = _on_demand_usd(operation, working[Option.ON_DEMAND])
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
        lines += _rented(fleet, offer, working, periods, on_demand, costs)
        lines += _own(operation, offer, working[Option.OWNED][:, offer], costs)
    unmet = np.zeros((size, len(fleet.workloads)))
    for column, use in enumerate(program.uses):
        amount = operation.use[:, column]
        if use.kind == EXCESS:
            continue  # in the price of the machines
        if use.kind == UNMET:
            unmet[:, use.workload] += amount
            costs["unmet_usd"] += float(amount.sum()) * use.usd_per_hour * hours
        elif use.kind == OWN:
            away = float(fleet.owned_away_usd[use.offer, use.workload])
            costs["egress_usd"] += float(amount.sum()) * away * hours
        else:
            away = float(fleet.rented_away_usd[use.offer, use.workload])
            if use.kind == Option.SPOT:
                away *= float(fleet.spot_factor[use.offer])
            costs["egress_usd"] += float(amount.sum()) * away * hours
    return Ledger(lines, _plans(operation, working, costs), costs, unmet)


def _on_demand_usd(operation: Operation, on_demand: Floats) -> Floats:
    """What machines on demand cost by period and offer, (T, O) USD: units of a resource that are
    committed to are not in it, those above are shared out by what each offer has of them.
    """
    program, size = operation.program, len(operation.periods)
    fleet = program.fleet
    price = np.nan_to_num(full(fleet.on_demand, size)).copy()
    above = np.zeros_like(price)
    for column, use in enumerate(program.uses):
        if use.kind != EXCESS:
            continue
        pool = fleet.pools[use.plan]
        price -= pool.units * pool.on_demand_usd_per_unit_hour
        drawn = on_demand * pool.units
        total = drawn.sum(axis=1, keepdims=True)
        share = np.divide(drawn, total, out=np.zeros_like(drawn), where=total > 0)
        units = np.minimum(operation.use[:, [column]], total)
        above += share * units * pool.on_demand_usd_per_unit_hour
    return np.asarray((on_demand * price + above) * operation.periods.hours)


def _plans(
    operation: Operation, working: dict[Option, Floats], costs: dict[str, float]
) -> list[PlanLine]:
    """Each plan with a commitment; of several to one resource the first is used first."""
    program, periods = operation.program, operation.periods
    fleet, size = program.fleet, len(periods)
    chosen = {
        d.plan: float(amount)
        for d, amount in zip(program.stage1, operation.plan.tolist(), strict=True)
        if d.plan >= 0
    }
    left = {
        number: working[Option.ON_DEMAND] @ pool.units for number, pool in enumerate(fleet.pools)
    }
    lines = []
    for number, plan in enumerate(fleet.plans):
        new = chosen.get(number, 0.0)
        amount = new + plan.held
        if amount <= _NOTHING:
            continue
        if plan.pool is None:
            used = np.zeros(size)
            for column, use in enumerate(program.uses):
                if use.kind == COVERED and use.plan == number:
                    used += operation.use[:, column] * float(plan.draws[use.offer])
        else:
            used = np.minimum(left[plan.pool], amount)
            left[plan.pool] = left[plan.pool] - used
        usd = new * plan.usd_per_hour * periods.horizon_hours
        costs[f"{plan.option}_usd"] += usd
        owed = new * plan.residual_usd(periods.horizon_hours)
        lines.append(PlanLine(number, amount, used, usd, owed))
    return lines


def _commitments(operation: Operation) -> dict[int, list[tuple[Option, float]]]:
    found: dict[int, list[tuple[Option, float]]] = {}
    for decision, count in zip(operation.program.stage1, operation.plan.tolist(), strict=True):
        if decision.is_reserved and count > 0:
            found.setdefault(decision.offer, []).append((decision.option, count))
    return found


def _working(operation: Operation) -> dict[Option, Floats]:
    """Machines at work by period and offer: rented, committed (as HELD), own (as OWNED)."""
    program, size = operation.program, len(operation.periods)
    shape = (size, len(program.fleet.offers))
    working = {
        option: np.zeros(shape)
        for option in (
            Option.ON_DEMAND,
            Option.SAVINGS_PLAN,
            Option.SPOT,
            Option.HELD,
            Option.OWNED,
        )
    }
    kinds = {COMMITTED: Option.HELD, OWN: Option.OWNED, COVERED: Option.SAVINGS_PLAN}
    kinds |= {str(option): option for option in (Option.ON_DEMAND, Option.SPOT)}
    served = np.zeros((size, len(program.fleet.workloads)))
    for column, use in enumerate(program.uses):
        amount = operation.use[:, column]
        if use.kind == EXCESS:
            continue
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
        if decision.is_reserved:
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
    on_demand_usd: Floats,
    costs: dict[str, float],
) -> list[Line]:
    """What is rented by use; machines that a plan pays cost nothing here."""
    lines = []
    for option in (Option.ON_DEMAND, Option.SAVINGS_PLAN, Option.SPOT):
        amount = working[option][:, offer]
        if amount.sum() > _NOTHING * len(periods):
            usd = 0.0
            if option is Option.ON_DEMAND:
                usd = float(on_demand_usd[:, offer].sum())
                costs["on_demand_usd"] += usd
            elif option is Option.SPOT:
                price = full(fleet.spot, len(periods))[:, offer]
                usd = float(amount @ price) * periods.hours
                costs["spot_usd"] += usd
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
