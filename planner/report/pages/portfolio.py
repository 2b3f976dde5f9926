"""The report of a portfolio."""

from __future__ import annotations

from planner.amounts import money
from planner.report.document import Bullets, Chart, Document, Draft, Table
from planner.report.drawing.charts import Bar, bars
from planner.report.pages.grounds import add_grounds
from planner.report.pages.plan import sections_of
from planner.report.risk import portfolio_sentences
from planner.report.rows import chosen
from planner.report.words import when
from planner.results import PortfolioResult
from planner.results.study import PortfolioStudy


def portfolio_document(study: PortfolioStudy, *, made: str) -> Document:
    """All workloads together, then each."""
    result = study.result
    page = Draft([])
    page.add("Plans", _plans(result))
    page.add("Cost by workload", _costs(result))
    page.add("Shared limits", _limits(result))
    page.add("What binds", Bullets([each.sentence for each in result.relaxations or ()]))
    if result.risk is not None:
        page.add("Risk", Bullets(portfolio_sentences(result.risk, result.budget_usd)))
    for part in result.workloads:
        page.sections.extend(sections_of(part))
    page.add("Why", Bullets(result.explanation))
    catalogs = dict.fromkeys(part.catalog.content_id for part in result.workloads)
    add_grounds(page, study.grounds, f"Planned with catalog {', '.join(catalogs)}.")
    facts = [("Cost", money(result.cost_usd)), ("At risk", money(result.cost_usd_at_risk))]
    if result.budget_usd is not None:
        over = " (exceeded)" if result.status == "over_budget" else ""
        facts.append(("Budget", money(result.budget_usd) + over))
    if result.credit_usd:
        facts.append(("Paid by credits", money(result.credit_usd)))
    return Document(f"Portfolio: {result.name}", result.headline, facts, page.sections, made)


def _plans(result: PortfolioResult) -> Table:
    rows = []
    for part in result.workloads:
        name = str(part.workload.get("name", ""))
        for item in chosen(part):
            machine = f"{item.nodes} x {item.instance_type} ({item.devices})"
            place = f"{item.cloud} {item.region}"
            buy = item.purchase.replace("_", "-")
            rows.append((name, machine, place, buy, money(item.cost_usd), when(item)))
    columns = ("workload", "machine", "where", "buy", "total", "takes")
    return Table(columns, rows, right=("total", "takes"))


def _costs(result: PortfolioResult) -> Chart | None:
    if not result.workloads:
        return None
    values = [
        (
            str(part.workload.get("name", "")),
            sum(item.cost_usd for item in chosen(part)),
        )
        for part in result.workloads
    ]
    rows = [Bar(name, usd, money(usd)) for name, usd in values]
    table = Table(("workload", "cost"), [(n, money(usd)) for n, usd in values], right=("cost",))
    svg = bars("Cost by workload", "One bar a workload.", rows, money)
    return Chart("Each over its own time; services over their horizon.", svg, table)


def _limits(result: PortfolioResult) -> Table:
    rows = [
        (name, *(f"{value:,.6g}" for value in (use.get("used", 0.0), use.get("limit", 0.0))))
        for name, use in result.quotas.items()
    ]
    return Table(("quota", "used", "limit"), rows, right=("used", "limit"))
