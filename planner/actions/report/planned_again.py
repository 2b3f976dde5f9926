"""Mixes and capacity plans, planned again otherwise: what stands beside them in a report."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

from planner.actions.capacity.break_even import break_even
from planner.actions.capacity.plan import capacity
from planner.actions.capacity.question import Changes, Question, question_from
from planner.actions.mix.front import mix_front
from planner.actions.mix.plan import MixOptions, plan_mix, varied
from planner.errors import BadInput, Infeasible, PlannerError
from planner.optimize.capacity.program import Settings
from planner.optimize.mix.profile import MixProfile, parse_profile
from planner.results.capacity import CapacityResult
from planner.results.mix import MixResult
from planner.results.study import CapacityStudy, End, MixStudy, Sensitivities, Sensitivity

# How far a quantity that nobody knows exactly is moved. An assumption.
CHANGE = 0.2
# A plan that took longer is not planned half a dozen times more.
LONGEST_SECONDS = 10.0
SOLVE_SECONDS = 10.0
# Machines that are paid for while they work, or by a commitment that is counted apart.
BY_USE = ("on_demand", "spot", "savings_plan", "resource_commitment")


def mix_study(result: MixResult, path: str) -> MixStudy:
    """What fewer machine types, more head-room and other loads cost. Raises BadInput where the
    profile in the result cannot be read."""
    if result.profile is None:
        why = "the result does not hold its profile"
    elif result.cost_usd_per_hour is None:
        why = "no mix serves the profile"
    elif result.solve_seconds > LONGEST_SECONDS:
        why = f"planning it took {result.solve_seconds:.0f} s"
    else:
        profile = parse_profile(result.profile, f"{path}: profile")
        options = MixOptions(time_limit_s=SOLVE_SECONDS)
        fronts = [mix_front(profile, over, options) for over in ("types", "head-room")]
        swings = _mix_swings(profile, result, options)
        return MixStudy(result=result, fronts=[f for f in fronts if f.points], sensitivities=swings)
    return MixStudy(result=result, fronts=[], sensitivities=None, why_none=why)


def _mix_swings(profile: MixProfile, result: MixResult, options: MixOptions) -> Sensitivities:
    main = result.groups[0].type  # most of the money goes there

    def end(said: str, changed: MixProfile) -> End:
        found = plan_mix(changed, options)
        plan = ", ".join(f"{group.count} x {group.type}" for group in found.groups)
        return End(said=said, usd=found.cost_usd_per_hour, plan=plan)

    def loads(change: float) -> MixProfile:
        rate = profile.requests_per_second * (1 + change)
        return varied(profile, requests_per_second=rate)

    def prices(change: float) -> MixProfile:
        offers = [
            offer.model_copy(update={"usd_per_hour": offer.usd_per_hour * (1 + change)})
            if offer.name == main
            else offer
            for offer in profile.offers
        ]
        return profile.model_copy(update={"offers": offers})

    rows = [
        _row("requests a second", "requests_per_second", lambda c: end(f"{c:+.0%}", loads(c))),
        _row(f"price of {main}", "usd_per_hour", lambda c: end(f"{c:+.0%}", prices(c))),
    ]
    if any(offer.spot for offer in profile.offers):
        low, high = (
            end(f"at most {share:.0%}", varied(profile, max_spot_share=share)) for share in (1, 0)
        )
        rows.append(Sensitivity(factor="share on spot", field="max_spot_share", low=low, high=high))
    return _sorted(rows, result.cost_usd_per_hour or 0.0, horizon_hours=1.0)


def capacity_study(result: CapacityResult, path: str) -> CapacityStudy:
    """What other demand, prices and shares of spot cost, and where own machines pay."""
    nothing = CapacityStudy(result=result, break_even=None, sensitivities=None)
    if result.seconds > LONGEST_SECONDS:
        return nothing.model_copy(update={"why_none": f"planning it took {result.seconds:.0f} s"})
    try:
        question = question_from(path, json.dumps(result.spec))
        ready = question.ready()
    except BadInput as error:
        return nothing.model_copy(update={"why_none": str(error)})
    try:
        along = break_even(ready, "demand")
    except (BadInput, Infeasible):
        along = None
    return CapacityStudy(
        result=result,
        break_even=along,
        sensitivities=_capacity_swings(question, result),
    )


def _capacity_swings(question: Question, result: CapacityResult) -> Sensitivities:
    settings = Settings(1e-4, SOLVE_SECONDS, "HiGHS")

    def end(said: str, asked: Question, changes: Changes | None = None) -> End:
        try:
            found = capacity(asked, settings, changes=changes, savings=result.savings).result
        except PlannerError:
            return End(said=said, usd=None)
        firm = [
            f"{counted.count:.3g} x {counted.offer} {counted.option.replace('_', '-')}"
            for counted in found.counts
            if counted.option not in BY_USE
        ]
        firm += [f"{plan.committed:,.4g} {plan.unit} of {plan.name}" for plan in found.plans]
        return End(said=said, usd=found.cost_usd, plan=", ".join(firm) or "nothing committed")

    def priced(field: str) -> Callable[[float], End]:
        def at(change: float) -> End:
            offers = tuple(
                offer
                if (usd := getattr(offer, field)) is None
                else offer.model_copy(update={field: usd * (1 + change)})
                for offer in question.spec.offers
            )
            spec = question.spec.model_copy(update={"offers": offers})
            return end(f"{change:+.0%}", replace(question, spec=spec))

        return at

    scale = question.spec.demand_scale
    rows = [
        _row(
            "demand",
            "demand_scale",
            lambda c: end(f"{c:+.0%}", question, Changes(demand_scale=scale * (1 + c))),
        )
    ]
    fields = {"on_demand_usd_per_hour": "on-demand prices", "spot_usd_per_hour": "spot prices"}
    for field, words in fields.items():
        if any(getattr(offer, field) is not None for offer in question.spec.offers):
            rows.append(_row(words, field, priced(field)))
    if any(offer.spot_usd_per_hour is not None for offer in question.spec.offers):
        low, high = (
            end(f"at most {share:.0%}", question, Changes(max_spot_share=share))
            for share in (1.0, 0.0)
        )
        rows.append(
            Sensitivity(factor="share on spot", field="limits.max_spot_share", low=low, high=high)
        )
    return _sorted(rows, result.cost_usd, horizon_hours=None)


def _row(factor: str, field: str, end: Callable[[float], End]) -> Sensitivity:
    return Sensitivity(factor=factor, field=field, low=end(-CHANGE), high=end(CHANGE))


def _sorted(
    rows: list[Sensitivity], base_usd: float, *, horizon_hours: float | None
) -> Sensitivities:
    rows.sort(key=lambda row: -row.swing(base_usd))
    return Sensitivities(base_usd=base_usd, horizon_hours=horizon_hours, rows=rows)
