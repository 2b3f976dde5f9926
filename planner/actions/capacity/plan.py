"""Plan a horizon of demand: what to commit, buy, rent on demand, run on spot and keep on-prem."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, cast

import numpy as np

from planner.actions.capacity.question import Changes, Question, question_from
from planner.errors import BadInput, Infeasible, PlannerError
from planner.optimize.capacity.fleet import Fleet, Option, Periods
from planner.optimize.capacity.ledger import Ledger, Line, Operation, PlanLine, read_out
from planner.optimize.capacity.master import master_model
from planner.optimize.capacity.partition import group
from planner.optimize.capacity.program import CapacityPlan, Settings, Start, optimise, relative_gap
from planner.optimize.capacity.spec import CapacitySpec
from planner.optimize.solver import LinearModel, Status
from planner.results.capacity import (
    Baseline,
    CapacityAnswer,
    CapacityCosts,
    CapacityResult,
    CommittedAmount,
    Counted,
    Dispatch,
    Method,
    Savings,
    Served,
    Unmet,
    Way,
)

if TYPE_CHECKING:
    from catalog import Catalog

BASELINES = {
    "all_on_demand": frozenset({Option.ON_DEMAND}),
    "all_reserved_at_peak": frozenset({Option.RESERVED_1Y, Option.RESERVED_3Y}),
    "all_on_prem": frozenset({Option.OWNED, Option.PURCHASED}),
}
# How machines were come by, in the order they are stacked: cheapest to run first.
_WAYS = {
    Option.OWNED: "owned",
    Option.PURCHASED: "owned",
    Option.HELD: "reservation",
    Option.RESERVED_1Y: "reservation",
    Option.RESERVED_3Y: "reservation",
    Option.SAVINGS_PLAN: "savings_plan",
    Option.RESOURCE_COMMITMENT: "resource_commitment",
    Option.ON_DEMAND: "on_demand",
    Option.SPOT: "spot",
}
_BUDGET_TOLERANCE = 1e-9


def capacity_from(
    file: str,
    settings: Settings,
    *,
    text: str | None = None,
    catalog: Callable[[], Catalog] | None = None,
    changes: Changes | None = None,
    write_lp: str | None = None,
) -> CapacityAnswer:
    """Read a spec and plan it; ``catalog`` is opened only when an offer refers to it.

    Raises BadInput, Infeasible with the periods that lack capacity, or PlannerError when no plan
    was found in time.
    """
    question = question_from(file, text, catalog)
    return capacity(question, settings, changes=changes, write_lp=write_lp)


def capacity(
    question: Question,
    settings: Settings,
    *,
    changes: Changes | None = None,
    write_lp: str | None = None,
    savings: Savings | None = None,
) -> CapacityAnswer:
    """The cheapest plan for a question, with its bound, its dispatch and what it saves.

    ``write_lp`` names a file for the program in LP format, as last solved. ``savings`` of the same
    question with other counts fixed spares solving the baselines anew.
    """
    start = time.perf_counter()
    asked = question.ready(changes)
    spec, fleet, periods, notes = asked.spec, asked.fleet, asked.periods, asked.notes
    begin: Start | None = None  # of the baselines, too
    if fleet.is_coupled:
        from planner.optimize.capacity.coupled import optimise_coupled

        found = optimise_coupled(fleet, periods, settings)
        operation, status, cost, bound = found.operation, found.status, found.cost_usd, found.bound
        method, solve_seconds = found.method, found.seconds
        model = found.model
    else:
        begin = Start.made(fleet, periods)
        plan = optimise(fleet, periods, settings, start=begin)
        status, cost, bound = plan.status, plan.cost_usd, plan.bound_usd
        operation = _operation(plan, periods)
        method, solve_seconds = _method(plan, spec, settings, periods), plan.seconds
        groups = group(plan.classes, plan.of) if write_lp is not None and len(periods) else None
        model = master_model(plan.program, groups, periods.hours) if groups else None
    if write_lp is not None:
        _write_lp(model, write_lp)
    if operation is None:
        raise _without_plan(status, fleet, periods, spec, settings)
    ledger = read_out(operation)
    _check(ledger, cost)
    budget = spec.limits.budget_usd
    over = budget is not None and cost > budget * (1 + _BUDGET_TOLERANCE)
    result = CapacityResult(
        name=spec.name,
        status="over_budget" if over else "optimal" if status is Status.OPTIMAL else "feasible",
        cost_usd=cost,
        bound_usd=bound,
        gap=relative_gap(cost, bound),
        horizon_hours=periods.horizon_hours,
        period_hours=periods.hours,
        unit=spec.unit,
        counts=[_counted(line, fleet, periods) for line in ledger.lines],
        plans=[_plan(line, fleet, spec) for line in ledger.plans],
        cost_breakdown=CapacityCosts(**ledger.costs),
        utilisation=_utilisation(ledger.lines),
        unmet_demand=_unmet(ledger, fleet, periods),
        residual_liability_usd=ledger.residual_usd,
        sunk_usd=_sunk_usd(spec, periods),
        budget_usd=budget,
        savings=(
            _savings(fleet, periods, settings, cost, begin)
            if savings is None
            else _against(savings, cost)
        ),
        method=method,
        notes=notes + _notes(spec, ledger),
        solve_seconds=round(solve_seconds, 4),
        seconds=round(time.perf_counter() - start, 4),
        spec=_shown_spec(spec),
    )
    return CapacityAnswer(
        result, _dispatch(ledger, fleet, periods), _served(ledger, fleet, periods, spec.unit)
    )


def _write_lp(model: LinearModel | None, file: str) -> None:
    if model is None:
        raise BadInput(
            "a rolling horizon has no single program",
            where="--write-lp",
            remedy="plan fewer periods, or leave it out",
        )
    from planner.optimize.solver import write_lp

    write_lp(model, file)


def _operation(plan: CapacityPlan, periods: Periods) -> Operation | None:
    if plan.plan is None or plan.priced is None:
        return None
    return Operation(plan.program, periods, plan.plan, plan.priced.use[plan.classes.of])


def _method(plan: CapacityPlan, spec: CapacitySpec, settings: Settings, periods: Periods) -> Method:
    exact = plan.groups == len(plan.classes)
    return Method(
        model="merged" if exact else "grouped",
        periods=len(periods),
        distinct_periods=len(plan.classes),
        groups=plan.groups,
        rounds=plan.rounds,
        solver=settings.solver,
        integer=spec.integer,
    )


def _without_plan(
    status: Status, fleet: Fleet, periods: Periods, spec: CapacitySpec, settings: Settings
) -> PlannerError:
    if status is Status.INFEASIBLE:
        from planner.optimize.capacity.infeasible import explain

        problem, reasons = explain(fleet, periods, spec.unit, settings)
        return Infeasible(problem, reasons)
    if status is Status.UNBOUNDED:
        return PlannerError("the program is unbounded: a price below zero?")
    return PlannerError(
        f"no plan was found within {settings.time_limit_s:g} s; raise --time-limit, or --gap"
    )


def _check(ledger: Ledger, cost: float) -> None:
    """The ledger is added up from machines and prices alone: it must give the solver's cost."""
    if abs(ledger.total_usd - cost) > 1e-6 * max(abs(cost), 1e-6):
        raise PlannerError(
            f"the plan's lines add up to {ledger.total_usd:.9g} USD, not to {cost:.9g}; "
            "please report this spec"
        )


def _counted(line: Line, fleet: Fleet, periods: Periods) -> Counted:
    hours = float(line.working.sum()) * periods.hours
    there = float(line.there.sum()) * periods.hours if line.there is not None else None
    return Counted(
        offer=fleet.offers[line.offer],
        option=cast("Way", line.option.value),
        count=line.count,
        mean_count=float(line.working.mean()),
        machine_hours=hours,
        utilisation=min(hours / there, 1.0) if there else None,
        cost_usd=line.cost_usd,
        residual_liability_usd=line.residual_usd,
    )


def _plan(line: PlanLine, fleet: Fleet, spec: CapacitySpec) -> CommittedAmount:
    plan = fleet.plans[line.plan]
    resource = {one.name: one.resource for one in spec.resource_commitments}
    return CommittedAmount(
        name=plan.name,
        option="savings_plan" if plan.pool is None else "resource_commitment",
        term="1y" if plan.term is Option.RESERVED_1Y else "3y",
        unit=resource.get(plan.name, "USD/h"),
        committed=line.amount,
        mean_used=float(line.used.mean()),
        utilisation=min(float(line.used.mean()) / line.amount, 1.0),
        cost_usd=line.cost_usd,
        residual_liability_usd=line.residual_usd,
    )


def _utilisation(lines: list[Line]) -> float | None:
    paid = [line for line in lines if line.there is not None]
    there = sum(float(line.there.sum()) for line in paid if line.there is not None)
    return sum(float(line.working.sum()) for line in paid) / there if there else None


def _unmet(ledger: Ledger, fleet: Fleet, periods: Periods) -> list[Unmet]:
    found = []
    for number, name in enumerate(fleet.workloads):
        units, demand = ledger.unmet[:, number], periods.demand[:, number]
        peak = float(demand.max(initial=0.0))
        lacks = units > 1e-9 * peak
        total = float(units[lacks].sum()) * periods.hours
        found.append(
            Unmet(
                workload=name,
                unit_hours=total,
                share=total / (float(demand.sum()) * periods.hours) if peak > 0 else 0.0,
                periods=int(lacks.sum()),
                worst_period=int(np.argmax(units)) if lacks.any() else None,
                worst=float(units.max()) if lacks.any() else 0.0,
            )
        )
    return found


def _savings(
    fleet: Fleet, periods: Periods, settings: Settings, cost: float, begin: Start | None
) -> Savings:
    """Each way alone, demand served whole; limits on machines stay as they are."""
    served = replace(
        fleet,
        unmet_usd=np.full_like(fleet.unmet_usd, np.nan),
        start_usd=np.zeros_like(fleet.start_usd),
        min_up_hours=np.zeros_like(fleet.min_up_hours),
        deferrable_hours=np.zeros_like(fleet.deferrable_hours),
        fixed={},
    )
    quick = replace(settings, time_limit_s=max(settings.time_limit_s / 4, 1.0))
    note = "without starts, minimum up-times and waiting" if fleet.is_coupled else ""
    begin = begin or Start.made(served, periods)
    found = {
        name: _baseline(optimise(served, periods, quick, options, begin), cost, note)
        for name, options in BASELINES.items()
    }
    return Savings(**found)


def _against(savings: Savings, cost: float) -> Savings:
    """The same baselines, beside another plan."""
    return Savings(**{name: _saved(getattr(savings, name), cost) for name in BASELINES})


def _saved(baseline: Baseline, cost: float) -> Baseline:
    if baseline.cost_usd is None:
        return baseline
    saving = baseline.cost_usd - cost
    fraction = saving / baseline.cost_usd if baseline.cost_usd > 0 else None
    return baseline.model_copy(update={"saving_usd": saving, "saving_fraction": fraction})


def _baseline(plan: CapacityPlan, cost: float, note: str) -> Baseline:
    if plan.plan is None:
        infeasible = plan.status is Status.INFEASIBLE
        return Baseline(
            cost_usd=None,
            saving_usd=None,
            saving_fraction=None,
            status=plan.status.value,
            note="cannot serve the demand" if infeasible else "not found in time",
        )
    found = Baseline(
        cost_usd=plan.cost_usd,
        saving_usd=None,
        saving_fraction=None,
        status=plan.status.value,
        note=note,
    )
    return _saved(found, cost)


def _sunk_usd(spec: CapacitySpec, periods: Periods) -> float:
    return sum(
        held.count * held.usd_per_hour * min(held.remaining_hours, periods.horizon_hours)
        for offer in spec.offers
        for held in offer.held
    ) + periods.horizon_hours * (
        sum(plan.held_usd_per_hour for plan in spec.savings_plans)
        + sum(one.held_units * one.usd_per_unit_hour for one in spec.resource_commitments)
    )


def _notes(spec: CapacitySpec, ledger: Ledger) -> list[str]:
    notes = []
    if ledger.residual_usd > 0:
        notes.append(
            "commitments outlast the horizon: their share inside it is in the cost, the rest in "
            "residual_liability_usd"
        )
    if spec.unmet_usd_per_unit_hour is not None or any(
        w.unmet_usd_per_unit_hour is not None for w in spec.workloads
    ):
        notes.append("baselines under savings serve all demand, whatever its price unserved")
    if spec.integer == "commitments" and any(line.there is None for line in ledger.lines):
        notes.append(
            "machines rented by use are planned in parts, as half of one for a whole period: "
            "`integer: all` in the spec makes them whole"
        )
    return notes


def _shown_spec(spec: CapacitySpec) -> dict[str, object]:
    shown = spec.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_defaults=True)
    for part in (shown, *shown.get("workloads", [])):
        if isinstance(part.get("demand"), list) and len(part["demand"]) > 100:
            part["demand"] = f"{len(part['demand'])} figures"
    return shown


def _served(ledger: Ledger, fleet: Fleet, periods: Periods, unit: str) -> Served:
    one = len(fleet.workloads) == 1
    size = len(periods)
    amount = {way: np.zeros(size) for way in dict.fromkeys(_WAYS.values())}
    for line in ledger.lines:
        factor = float(fleet.throughput[line.offer, 0]) if one else 1.0
        if one and line.option is Option.SPOT:
            factor *= float(fleet.spot_factor[line.offer])
        amount[_WAYS[line.option]] += line.working * factor
    if one:
        amount["unmet"] = ledger.unmet[:, 0]
    ways = tuple(way for way, units in amount.items() if units.any())
    return Served(
        unit=unit if one else "machines",
        period_hours=periods.hours,
        ways=ways,
        amount=np.array([amount[way] for way in ways]).reshape(len(ways), size),
        demand=periods.demand[:, 0] if one else None,
    )


def _dispatch(ledger: Ledger, fleet: Fleet, periods: Periods) -> Dispatch:
    columns: dict[str, np.ndarray] = {"period": np.arange(len(periods))}
    for number, name in enumerate(fleet.workloads):
        columns[f"demand {name}"] = periods.demand[:, number]
        if ledger.unmet[:, number].any():
            columns[f"unmet {name}"] = ledger.unmet[:, number]
    for line in ledger.lines:
        columns[f"{fleet.offers[line.offer]} {line.option.value}"] = line.working
    for plan in ledger.plans:
        columns[f"{fleet.plans[plan.plan].name} used"] = plan.used
    return Dispatch(columns)
