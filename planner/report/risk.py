"""What the scenarios say, in sentences and in a table."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from planner.amounts import hours, hours_range, money
from planner.results import Recommendation
from planner.results.risk import PortfolioRisk, Risk, RiskOption


def with_risk(recommendation: Recommendation, risk: Risk) -> Recommendation:
    """The recommendation with its scenarios, and with what they say among its reasons."""
    lines = [*sentences(recommendation, risk), *risk.assumptions]
    return recommendation.model_copy(
        update={"risk": risk, "explanation": [*recommendation.explanation, *lines]}
    )


def portfolio_sentences(risk: PortfolioRisk, budget: float | None) -> list[str]:
    """What the scenarios say of all workloads together, most important first."""
    usd = risk.cost_usd
    lines = [
        f"In {risk.scenarios:,} scenarios (seed {risk.seed}): {money(usd.p10)} to "
        f"{money(usd.p90)} in total with 80% probability, {money(usd.mean)} on average, "
        f"{money(usd.p95)} at p95."
    ]
    if budget is not None and risk.within_budget is not None:
        lines.append(
            f"The budget of {money(budget)} is kept with {risk.within_budget:.1%} probability."
        )
    lines.append(
        f"All deadlines and rates are kept together with {risk.limits_met:.1%} probability."
    )
    for one in risk.workloads:
        met = one.deadline_met if one.deadline_met is not None else one.capacity_met
        if met is not None:
            what = "in time" if one.deadline_met is not None else "able to carry its rate"
            lines.append(f"{one.name} is {what} with {met:.1%} probability.")
    return lines


def sentences(recommendation: Recommendation, risk: Risk) -> list[str]:
    """Most important first."""
    picked = risk.picked
    usd = picked.cost_usd
    text = f"In {risk.scenarios:,} scenarios (seed {risk.seed}): "
    if usd.p10 == usd.p99:
        text += f"{money(usd.p50)} in all of them"
    else:
        text += (
            f"{money(usd.p10)} to {money(usd.p90)} with 80% probability, {money(usd.mean)} on "
            f"average, {money(usd.p95)} at p95"
        )
    if picked.hours is not None:
        took = picked.hours
        text += f"; {hours_range(took.p10, took.p90)}, {hours(took.p95)} at p95"
    lines = [text + "."]
    if picked.capacity_per_second is not None:
        found = picked.capacity_per_second
        unit = recommendation.recommendation.throughput.unit.removesuffix("_per_s")
        lines.append(
            f"Capacity within the SLO {found.p10:.4g} to {found.p90:.4g} {unit}/s with 80% "
            "probability."
        )
    lines += _limits(recommendation, picked)
    lines.append(
        f"Regret {money(risk.regret_usd.mean)} on average, {money(risk.regret_usd.p90)} at p90, "
        f"against the best of {risk.compared} in hindsight; it is the best itself in "
        f"{picked.best_in_hindsight:.0%}."
    )
    if risk.avoidably_late is not None and risk.avoidably_late >= 0.0005:
        what = "short of the rate" if picked.capacity_met is not None else "late"
        lines.append(f"In {risk.avoidably_late:.1%} it is {what} where another would not be.")
    lines.append(_choice(risk))
    return lines


def _limits(recommendation: Recommendation, picked: RiskOption) -> list[str]:
    lines = []
    if picked.deadline_met is not None:
        deadline = float(recommendation.workload["deadline"])
        lines.append(f"The deadline of {deadline:g} h is met in {picked.deadline_met:.1%}.")
    if picked.capacity_met is not None:
        lines.append(f"The rate is carried within the SLO in {picked.capacity_met:.1%}.")
    if picked.within_budget is not None:
        budget = money(float(recommendation.workload["budget"]))
        lines.append(f"The budget of {budget} is kept in {picked.within_budget:.1%}.")
    return lines


def _choice(risk: Risk) -> str:
    names = {"p90-cost": "cost at p90", "expected-cost": "expected cost"}
    if risk.objective in names:
        text = f"Chosen by {names[risk.objective]}"
        if risk.picked.id != risk.median_pick:
            return f"{text}; by median cost it would be {risk.median_pick}."
        return f"{text}, which is the choice by median cost as well."
    if risk.robust_pick == risk.picked.id:
        return "It is also the choice by cost at p90."
    robust = next((o for o in risk.options if o.id == risk.robust_pick), None)
    text = f"By cost at p90 the choice would be {risk.robust_pick}"
    if robust is None:
        return text + "."
    costs = money(robust.cost_usd.p90), money(risk.picked.cost_usd.p90)
    if costs[0] == costs[1]:
        return f"{text}, {costs[0]} at p90 as this one."
    return f"{text}: {costs[0]} against {costs[1]} at p90."


def print_risk(result: Recommendation, console: Console) -> None:
    """The sentences, and a table of the best by the objective."""
    risk = result.risk
    assert risk is not None
    console.print()
    for line in sentences(result, risk):
        console.print(Text(f"- {line}"))
    console.print()
    table = Table(box=None, pad_edge=False, header_style="bold")
    service = risk.picked.capacity_per_second is not None
    table.add_column("in the scenarios", overflow="fold")
    columns = ["mean $", "p10 $", "p90 $", "carried" if service else "p90 hours"]
    columns += ["in time"] if risk.picked.deadline_met is not None else []
    for title in (*columns, "best in hindsight"):
        table.add_column(title, justify="right", overflow="fold")
    for option in risk.options:
        usd = option.cost_usd
        cells = [money(value).lstrip("$") for value in (usd.mean, usd.p10, usd.p90)]
        if option.hours is not None:
            cells.append(hours(option.hours.p90))
        elif option.capacity_met is not None:
            cells.append(f"{option.capacity_met:.1%}")
        if option.deadline_met is not None:
            cells.append(f"{option.deadline_met:.1%}")
        style = "bold green" if option.id == risk.picked.id else None
        table.add_row(option.id, *cells, f"{option.best_in_hindsight:.1%}", style=style)
    console.print(table)
