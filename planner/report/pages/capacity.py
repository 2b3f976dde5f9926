"""The report of a capacity plan."""

from __future__ import annotations

from planner.amounts import money
from planner.report.capacity import WAYS, against, headline
from planner.report.document import Bullets, Chart, Document, Draft, Paragraph, Table
from planner.report.drawing.charts import Bar, bars
from planner.report.pages.fronts import break_even_blocks
from planner.report.pages.swings import TITLE, swings
from planner.results.capacity import CapacityResult
from planner.results.study import CapacityStudy

# Machines that run on a commitment of an amount: it is paid for, whether they work or not.
PLANS = ("savings_plan", "resource_commitment")


def capacity_document(study: CapacityStudy, *, made: str) -> Document:
    """What to commit, buy and rent, what it saves, what would change it, and what is proven."""
    result = study.result
    page = Draft([])
    page.add("What to have", _counts(result))
    page.add("What to commit to", _commitments(result))
    page.add("Machines at work", _in_use(result))
    page.add("Where the cost goes", _costs(result))
    page.add("Against one way alone", *_savings(result))
    page.add("Demand left unserved", _unmet(result))
    page.add(TITLE, *swings(study.sensitivities, study.why_none))
    if study.break_even is not None:
        page.add("Cloud, on-prem or both", *break_even_blocks(study.break_even))
    page.add("How sure", *_proof(result))
    page.add("Assumptions", Bullets(_assumed(result)))
    facts = [
        ("Cost", money(result.cost_usd)),
        ("Horizon", f"{result.horizon_hours:,.6g} h"),
        ("No plan costs less than", money(result.bound_usd)),
        ("Owed beyond the horizon", money(result.residual_liability_usd)),
    ]
    if result.utilisation is not None:
        facts.append(("Committed machines used", f"{result.utilisation:.0%}"))
    if result.budget_usd is not None:
        over = " (exceeded)" if result.status == "over_budget" else ""
        facts.append(("Budget", money(result.budget_usd) + over))
    if result.sunk_usd:
        facts.append(("Sunk", money(result.sunk_usd)))
    return Document(f"Capacity: {result.name}", headline(result), facts, page.sections, made)


def _assumed(result: CapacityResult) -> list[str]:
    said = [
        "Demand is known as the file has it, hour by hour; prices hold over the horizon.",
        "Prices are the file's own, or the catalog's where an offer names a machine of it.",
    ]
    return [*said, *(note for note in (result.method.note, *result.notes) if note)]


def _counts(result: CapacityResult) -> Table:
    columns = (
        "offer",
        "option",
        "machines",
        "mean in use",
        "used",
        "cost",
        "owed after the horizon",
    )
    rows = [
        (
            counted.offer,
            counted.option.replace("_", "-"),
            f"{counted.count:.3g}",
            f"{counted.mean_count:.3g}",
            "" if counted.utilisation is None else f"{counted.utilisation:.0%}",
            "in the plan" if counted.option in PLANS else money(counted.cost_usd),
            money(counted.residual_liability_usd) if counted.residual_liability_usd else "",
        )
        for counted in result.counts
    ]
    return Table(columns, rows, right=columns[2:])


def _commitments(result: CapacityResult) -> Table:
    """Amounts that no machine type is tied to: USD an hour, vCPUs, GPUs, GiB."""
    columns = ("plan", "kind", "term", "amount", "mean used", "used", "cost", "owed after")
    rows = [
        (
            plan.name,
            plan.option.replace("_", " "),
            plan.term,
            f"{plan.committed:,.4g} {plan.unit}",
            f"{plan.mean_used:,.4g}",
            f"{plan.utilisation:.0%}",
            money(plan.cost_usd),
            money(plan.residual_liability_usd) if plan.residual_liability_usd else "",
        )
        for plan in result.plans
    ]
    return Table(columns, rows, right=columns[3:])


def _in_use(result: CapacityResult) -> Chart | None:
    """Machine-hours by way to have them."""
    by_option: dict[str, float] = {}
    for counted in result.counts:
        name = counted.option.replace("_", "-")
        by_option[name] = by_option.get(name, 0.0) + counted.machine_hours
    total = sum(by_option.values())
    if total <= 0:
        return None

    def said(hours: float) -> str:
        return f"{hours:,.0f} h"

    rows = [Bar(n, h, f"{said(h)} ({h / total:.0%})") for n, h in by_option.items()]
    cells = [(n, said(h), f"{h / total:.1%}") for n, h in by_option.items()]
    table = Table(("way", "machine-hours", "share"), cells, right=("machine-hours", "share"))
    return Chart(
        "Machine-hours of work by way to have the machine.",
        bars("Machine-hours of work", "One bar a way to have machines.", rows, said),
        table,
    )


def _costs(result: CapacityResult) -> Chart | None:
    lines = result.cost_breakdown.model_dump()
    values = {
        name.removesuffix("_usd").replace("_", " "): usd for name, usd in lines.items() if usd
    }
    if not values:
        return None
    rows = [Bar(name, usd, money(usd)) for name, usd in values.items()]
    cells = [(name, money(usd)) for name, usd in values.items()]
    return Chart(
        "Cost inside the horizon by what it pays for.",
        bars("Cost by what it pays for", "Lines that add up to the cost.", rows, money),
        Table(("line", "cost"), cells, right=("cost",)),
    )


def _savings(result: CapacityResult) -> list[Chart | Bullets]:
    known = [("this plan", result.cost_usd)]
    for name, way in WAYS.items():
        usd = getattr(result.savings, name).cost_usd
        if usd is not None:
            known.append((way, usd))
    said = Bullets([f"{way}: {against(getattr(result.savings, n))}" for n, way in WAYS.items()])
    if len(known) < 2:
        return [said]
    rows = [Bar(name, usd, money(usd), series=int(i > 0)) for i, (name, usd) in enumerate(known)]
    table = Table(("way", "cost"), [(n, money(usd)) for n, usd in known], right=("cost",))
    svg = bars("Cost of the plan and of single ways", "One bar a way.", rows, money)
    return [said, Chart("Cost over the horizon.", svg, table)]


def _unmet(result: CapacityResult) -> Table:
    rows = [
        (
            unmet.workload,
            f"{unmet.share:.3%}",
            str(unmet.periods),
            f"{unmet.worst:.4g} {result.unit} in period {unmet.worst_period}",
        )
        for unmet in result.unmet_demand
        if unmet.periods
    ]
    return Table(("workload", "share", "periods", "worst"), rows, right=("share", "periods"))


def _proof(result: CapacityResult) -> list[Paragraph]:
    method = result.method
    return [
        Paragraph(
            f"{result.status.replace('_', ' ').capitalize()}: within {result.gap:.2%} of a bound "
            "that no plan goes below. "
            f" {method.periods:,} periods, {method.distinct_periods:,} distinct, "
            f"{method.groups:,} groups; model {method.model}, solved by {method.solver}."
        )
    ]
