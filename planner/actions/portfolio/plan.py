"""Several workloads that share quotas, credits and a budget, decided jointly."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

from catalog import Catalog
from planner.actions.by_size.portfolio import Plans, planned_by_size, used
from planner.actions.planning import Prepared, prepare
from planner.actions.recommend.answer import answer, decided
from planner.amounts import money
from planner.errors import BadInput, Infeasible
from planner.items import rounded
from planner.optimize.choice import Choice, choose
from planner.performance.efficiency import Measured
from planner.report.rows import chosen
from planner.results import PortfolioResult, Recommendation, Solver
from planner.workload import Portfolio

if TYPE_CHECKING:
    from planner.actions.recommend.risk import RiskOptions


def recommend_portfolio(
    portfolio: Portfolio,
    catalog: Catalog,
    *,
    measured: Sequence[Measured] = (),
    top: int = 3,
    where: str = "portfolio",
    today: date | None = None,
    explain: bool = False,
    risk: RiskOptions | None = None,
) -> PortfolioResult:
    """The cheapest plan of all workloads together.

    With ``explain``, what giving way in each limit saves; with ``risk``, all of them in the same
    scenarios. Raises BadInput for unknown names, Infeasible naming the workload or the limit that
    is short.
    """
    start = time.perf_counter()
    if risk is not None:
        from planner.actions.portfolio.risk import assess_portfolio, refuse_objective

        refuse_objective(risk)
    prepared = []
    for number, workload in enumerate(portfolio.workloads):
        place = f"{where}: workloads[{number}]"
        try:
            prepared.append(prepare(workload, catalog, measured, where=place))
        except Infeasible as error:
            raise Infeasible(f"{workload.name}: {error}", error.reasons) from None
    limits = _limits(portfolio, prepared, catalog, where)
    credits = _credits(portfolio)
    _each_alone(prepared, catalog, measured, where)
    options = [part.options() for part in prepared]
    covers = {w: cover for w, part in enumerate(prepared) if (cover := part.cover()) is not None}
    budget = portfolio.shared.budget
    choice = choose(options, limits, budget, covers=covers, credits=credits)
    over_budget = False
    if not choice.picks and budget is not None:
        choice = choose(options, limits, None, covers=covers, credits=credits)
        over_budget = bool(choice.picks)
    if not choice.picks:
        raise _short(limits, prepared)
    day = today or date.today()
    plans: Plans = {}
    # Credits and scenarios are for all together, which a plan by size does not see.
    if risk is None and not credits:
        budgeted = budget is not None and not over_budget
        plans = planned_by_size(
            prepared, choice, limits, catalog, measured, where, budgeted=budgeted
        )
    parts = [
        plans[number].decided(part) if number in plans else decided(part, choice, number)
        for number, part in enumerate(prepared)
    ]
    answers = [
        answer(
            part,
            catalog,
            choice,
            top=top,
            today=day,
            seconds=time.perf_counter() - start,
            sized=plans.get(number),
        )
        for number, part in enumerate(parts)
    ]
    result = _result(portfolio, prepared, answers, choice, plans, limits, over_budget, start)
    lines = list(result.explanation)
    update: dict[str, object] = {}
    if explain:
        from planner.actions.portfolio.relax import Decision, relaxations

        kept = None if over_budget else budget
        decision = Decision(tuple(prepared), limits, credits, kept, choice)
        found = relaxations(decision, lambda other, name: _used(prepared, other, name))
        update["relaxations"] = found
        lines += [each.sentence for each in found]
    if risk is not None:
        from planner.report.risk import portfolio_sentences

        assessed = assess_portfolio(parts, catalog, risk, credits, budget)
        update["risk"] = assessed
        lines += [*portfolio_sentences(assessed, budget), *assessed.assumptions]
    return result.model_copy(update={**update, "explanation": lines})


def _limits(
    portfolio: Portfolio, prepared: Sequence[Prepared], catalog: Catalog, where: str
) -> dict[str, float]:
    """Shared quotas, those of single workloads, and own machines, which they share too."""
    known = set(catalog.offers.vocabularies["quota_class"])
    for name in portfolio.shared.quotas:
        if name not in known:
            from catalog.errors import nearest

            close = nearest(name, known)
            raise BadInput(
                f"{name!r} is not in the catalog",
                where=f"{where}: quotas",
                remedy=f"did you mean {', '.join(close)}?" if close else "see `planner catalog`",
            )
    found: dict[str, float] = {}
    for part in prepared:
        for name, limit in part.limits.items():
            found[name] = min(limit, found.get(name, limit))
    return found | dict(portfolio.shared.quotas)


def _credits(portfolio: Portfolio) -> dict[str, float]:
    found: dict[str, float] = {}
    for workload in portfolio.workloads:
        for cloud, usd in workload.where.credits.items():
            found[cloud] = max(usd, found.get(cloud, 0.0))
    return found | dict(portfolio.shared.credits)


def _each_alone(
    prepared: Sequence[Prepared],
    catalog: Catalog,
    measured: Sequence[Measured],
    where: str,
) -> None:
    """A workload that no plan can meet by itself is named, with what would help it."""
    from planner.actions.recommend.infeasible import problem_of, why_infeasible

    for part in prepared:
        cover = part.cover()
        covers = {} if cover is None else {0: cover}
        if not choose([part.options()], part.limits, None, covers=covers).picks:
            name = part.workload.name
            problem = f"{name}: {problem_of(part)}"
            raise why_infeasible(part, problem, part.workload, catalog, list(measured), where)


def _short(limits: dict[str, float], prepared: Sequence[Prepared]) -> Infeasible:
    """Each workload is possible alone: which shared limit, raised alone, makes all possible."""
    options = [part.options() for part in prepared]
    covers = {w: cover for w, part in enumerate(prepared) if (cover := part.cover()) is not None}
    helps = []
    for name in sorted(limits):
        others = {other: limit for other, limit in limits.items() if other != name}
        choice = choose(options, others, None, covers=covers)
        if choice.picks:
            used = _used(prepared, choice, name)
            helps.append(
                f"{name} raised from {limits[name]:g} to {used:g} alone would help: "
                f"{money(choice.solve.objective or 0.0)} in total"
            )
    if not helps:
        helps.append("several limits are short together: " + ", ".join(sorted(limits)))
    return Infeasible(
        f"the {len(options)} workloads are possible one by one, but not together", helps
    )


def _used(
    prepared: Sequence[Prepared], choice: Choice, quota: str, plans: Plans | None = None
) -> float:
    """What the chosen plan draws from a quota."""
    numbers = range(len(prepared))
    return sum(used(prepared, choice, plans or {}, quota, number) for number in numbers)


def _result(
    portfolio: Portfolio,
    prepared: Sequence[Prepared],
    answers: list[Recommendation],
    choice: Choice,
    plans: Plans,
    limits: dict[str, float],
    over_budget: bool,
    start: float,
) -> PortfolioResult:
    items = [item for part in answers for item in chosen(part)]
    cost = sum(item.cost_usd for item in items)
    at_risk = sum(item.cost_usd_at_risk for item in items)
    credit = sum(choice.credit_usd.values())
    budget = portfolio.shared.budget
    drawn = {
        name: {"used": rounded(_used(prepared, choice, name, plans)), "limit": limit}
        for name, limit in sorted(limits.items())
    }
    text = f"{len(answers)} workloads for {money(cost)} in total"
    if credit:
        text += f", of which credits pay {money(credit)}"
    if budget is not None:
        words = "over the budget of" if over_budget else "within the budget of"
        text += f", {words} {money(budget)} (at most {money(at_risk - credit)} at risk)"
    ages = [item.price.age_days for item in items if item.price.age_days is not None]
    if ages:
        text += f"; oldest price {max(ages)} days"
    return PortfolioResult(
        status="over_budget" if over_budget else "ok",
        name=portfolio.shared.name,
        headline=text,
        cost_usd=rounded(cost),
        cost_usd_at_risk=rounded(at_risk),
        budget_usd=budget,
        credit_usd=rounded(credit),
        quotas=drawn,
        workloads=answers,
        explanation=_explanation(prepared, answers, choice, plans, drawn),
        solver=Solver(
            name=choice.solve.solver,
            status=choice.solve.status.value,
            candidates=sum(len(part.candidates) for part in prepared),
            feasible=sum(len(part.feasible) for part in prepared),
            in_program=choice.considered,
        ),
        seconds=round(time.perf_counter() - start, 4),
    )


def _explanation(
    prepared: Sequence[Prepared],
    answers: Sequence[Recommendation],
    choice: Choice,
    plans: Plans,
    drawn: dict[str, dict[str, float]],
) -> list[str]:
    """What sharing costs: where a workload could not have its own cheapest plan, and why."""
    lines = []
    for number, (part, found) in enumerate(zip(prepared, answers, strict=True)):
        alone = choose([part.options()], part.limits, None)
        if not alone.picks or choice.picks[number] < 0 or number in plans:
            continue
        extra = found.recommendation.cost_usd - float(alone.solve.objective or 0.0)
        if extra > 0.005:
            cheaper = int(part.in_time[alone.picks[0]])
            offers, row = part.candidates.offers, int(part.candidates.row[cheaper])
            name = "/".join(offers.text(n, row) for n in ("cloud", "region", "instance_type"))
            lines.append(
                f"{part.workload.name} pays {money(extra)} more than alone, where {name} would "
                "be the cheapest: a shared limit keeps it from that."
            )
    for name, amounts in drawn.items():
        if amounts["used"] > 0.99 * amounts["limit"]:
            lines.append(f"{name} binds: {amounts['used']:g} of {amounts['limit']:g} used.")
    if plans:
        names = ", ".join(prepared[number].workload.name for number in sorted(plans))
        lines.append(
            f"Planned by request size, in what the others leave of the shared limits: {names}."
        )
    if not lines:
        lines.append("No shared limit binds: every workload has its own cheapest plan.")
    return lines
