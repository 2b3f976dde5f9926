"""The report of a sweep."""

from __future__ import annotations

import json
from typing import Any

from planner.amounts import hours, money
from planner.report.document import Chart, Document, Draft, Paragraph, Table
from planner.report.drawing.charts import Bar, bars
from planner.results.sweep import Sweep, SweepRow

# More bars than this are no picture any more.
MOST_BARS = 40
STATUS = {"ok": "With a plan"}


def sweep_document(result: Sweep, *, made: str) -> Document:
    """One row a combination."""
    page = Draft([])
    page.add("Cost by combination", *_costs(result))
    page.add("All combinations", _table(result))
    counts = {str(status).replace("_", " "): n for status, n in result.counts.items() if n}
    facts = [("Combinations", f"{len(result.rows):,}")]
    facts += [(STATUS.get(status, status.capitalize()), f"{n:,}") for status, n in counts.items()]
    page.add("How old the figures are", Paragraph(f"Planned with catalog {result.catalog}."))
    lead = f"{len(result.rows):,} combinations of {', '.join(result.fields)}."
    return Document(f"Sweep: {result.name}", lead, facts, page.sections, made)


def _said(value: Any) -> str:
    if isinstance(value, list):
        return " + ".join(map(_said, value))
    return value.replace("_", "-") if isinstance(value, str) else json.dumps(value)


def _name(result: Sweep, row: SweepRow) -> str:
    return ", ".join(_said(row.values.get(field)) for field in result.fields)


def _usd(row: SweepRow) -> float | None:
    return row.cost_usd if row.cost_usd_per_hour is None else row.cost_usd_per_hour


def _costs(result: Sweep) -> list[Chart | Paragraph]:
    known = [(row, usd) for row in result.rows if (usd := _usd(row)) is not None]
    if not known or len(known) > MOST_BARS:
        return []
    service = known[0][0].cost_usd_per_hour is not None
    per = " an hour" if service else ""
    values = [usd for _, usd in known]
    log = min(values) > 0 and max(values) > 30 * min(values)
    drawn = [Bar(_name(result, row), usd, f"{money(usd)}{per}") for row, usd in known]
    title = f"Cost{per} of the cheapest plan"
    cells = [(bar.name, bar.said) for bar in drawn]
    table = Table((", ".join(result.fields), "cost"), cells, right=("cost",))
    svg = bars(title, "One bar a combination that has a plan.", drawn, money, log=log)
    return [Chart(f"{title}; combinations without a plan have no bar.", svg, table)]


def _table(result: Sweep) -> Table:
    columns = (*result.fields, "answer", "machines", "buy", "cost", "at risk", "takes")
    rows = []
    for row in result.rows:
        usd = _usd(row)
        answer = row.status.replace("_", " ")
        rows.append(
            (
                *(_said(row.values.get(field)) for field in result.fields),
                f"{answer}: {row.reason}" if row.reason else answer,
                row.id or "",
                (row.purchase or "").replace("_", "-"),
                "" if usd is None else money(usd) + ("" if row.cost_usd_per_hour is None else "/h"),
                "" if row.cost_usd_at_risk is None else money(row.cost_usd_at_risk),
                "" if row.hours is None else hours(row.hours),
            )
        )
    return Table(columns, rows, right=("cost", "at risk", "takes"))
