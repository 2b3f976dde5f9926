"""The use case behind ``planner recommend``: workloads in, explained recommendations out."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

from catalog import Catalog
from catalog.records import dataclass
from planner.actions.planning import Prepared, Rows, prepare
from planner.actions.recommend.answer import answer, decided, ranking
from planner.candidates import Candidates
from planner.errors import Infeasible
from planner.optimize.choice import choose
from planner.performance.efficiency import Measured
from planner.results import Recommendation
from planner.workload import BatchInference, Serving, Workload

if TYPE_CHECKING:
    from planner.actions.by_size.batch import BatchPlan
    from planner.actions.by_size.service import SizedPlan
    from planner.actions.recommend.risk import RiskOptions
    from planner.results.risk import Risk
    from planner.results.service_mix import ServiceSimulation


@dataclass(frozen=True)
class Plan:
    """A recommendation together with the columns it was chosen from (for charts)."""

    recommendation: Recommendation
    candidates: Candidates
    feasible: Rows


def recommend(
    workload: Workload,
    catalog: Catalog,
    *,
    measured: Sequence[Measured] = (),
    top: int = 5,
    explain: bool = False,
    where: str = "workload",
    today: date | None = None,
    risk: RiskOptions | None = None,
    near: float | None = None,
) -> Plan:
    """Choose the cheapest way to do the work that meets its constraints.

    With ``risk`` the choice is looked at in scenarios, and made by them where its objective says.
    Raises BadInput for unknown names and empty filters, Infeasible when nothing meets the limits.
    A plan over the budget is returned with status ``over_budget``. With ``explain`` the explanation
    names the published observations that weigh most in the estimate and what relaxing each
    constraint saves; ``near`` adds the plans within that share of the cost that differ in kind.
    """
    start = time.perf_counter()
    try:
        prepared = prepare(workload, catalog, measured, where=where)
    except Infeasible as error:
        raise _explained(None, str(error), workload, catalog, measured, where, error) from None
    cover = prepared.cover()
    covers = {} if cover is None else {0: cover}
    options, limits, credits = prepared.options(), prepared.limits, workload.where.credits
    budget, over_budget = workload.budget, False
    choice = choose([options], limits, budget, covers=covers, credits=credits)
    if not choice.picks and budget is not None:
        choice = choose([options], limits, None, covers=covers, credits=credits)
        over_budget = bool(choice.picks)
    sized: SizedPlan | BatchPlan | None = None
    checked: ServiceSimulation | None = None
    if isinstance(workload, Serving):
        if choice.mixes:
            from planner.actions.mix.checked import checked_mix

            most = None if over_budget else budget
            choice, checked = checked_mix(
                prepared,
                choice,
                lambda other: choose([options], limits, most, covers={0: other}, credits=credits),
            )
        if len(workload.requests) > 1 and risk is None:
            known = math.inf if choice.solve.objective is None else choice.solve.objective
            from planner.actions.by_size.service import better_by_size

            sized = better_by_size(prepared, known, catalog, measured, where)
    elif isinstance(workload, BatchInference) and len(workload.requests) > 1 and risk is None:
        from planner.actions.by_size.batch import better_batch_by_size

        known = math.inf if choice.solve.objective is None else choice.solve.objective
        sized = better_batch_by_size(prepared, known, catalog, measured, where)
    if sized is not None:
        found = sized.decided(prepared)
    elif choice.picks:
        found = decided(prepared, choice, over_budget=over_budget)
    else:
        raise _infeasible(prepared, catalog, measured, where)
    assessed: Risk | None = None
    if risk is not None:
        from planner.actions.recommend.risk import assess

        found, assessed = assess(found, catalog, risk)
    recommendation = answer(
        found,
        catalog,
        choice,
        top=top,
        today=today or date.today(),
        seconds=time.perf_counter() - start,
        sized=sized,
        checked=checked,
    )
    if explain:
        from planner.actions.estimate.behind import observations_behind

        candidates = prepared.candidates
        best = found.pick
        if best is None:
            best = int(prepared.cover_rows()[found.groups[0].index])
        config = int(candidates.config[best])
        lines = observations_behind(candidates.throughput, config, catalog)
        lines = [f"Weighs in the throughput: {line}." for line in lines]
        recommendation = recommendation.model_copy(
            update={"explanation": [*recommendation.explanation, *lines]}
        )
    if assessed is not None:
        from planner.report.risk import with_risk

        recommendation = with_risk(recommendation, assessed)
        if isinstance(workload, (Serving, BatchInference)) and len(workload.requests) > 1:
            line = "Scenarios look at plans for the average request, not at plans by request size."
            recommendation = recommendation.model_copy(
                update={"explanation": [*recommendation.explanation, line]}
            )
    if explain or near is not None:
        from planner.actions.recommend.explained import explained

        today = today or date.today()
        recommendation = explained(
            recommendation, found, catalog, measured, where, today, what_if=explain, near=near
        )
    return Plan(recommendation, prepared.candidates, prepared.feasible)


def _infeasible(
    prepared: Prepared, catalog: Catalog, measured: Sequence[Measured], where: str
) -> Infeasible:
    from planner.actions.recommend.infeasible import problem_of

    problem = problem_of(prepared)
    return _explained(prepared, problem, prepared.workload, catalog, measured, where, None)


def _explained(
    prepared: Prepared | None,
    problem: str,
    workload: Workload,
    catalog: Catalog,
    measured: Sequence[Measured],
    where: str,
    error: Infeasible | None,
) -> Infeasible:
    from planner.actions.recommend.infeasible import why_infeasible

    found = why_infeasible(prepared, problem, workload, catalog, list(measured), where)
    if error is not None:
        found.reasons.extend(error.reasons)
    return found


__all__ = ["Plan", "ranking", "recommend"]
