"""The report of a comparison."""

from __future__ import annotations

from planner.amounts import hours, money
from planner.report.compare import rows, sentences
from planner.report.compare_words import interval, percent, quantity, subject_of
from planner.report.document import Bullets, Chart, Document, Draft, Paragraph, Table
from planner.report.drawing.charts import Bar, bars
from planner.report.words import time_scale
from planner.results.comparison import ComparedSide, Comparison


def compare_document(result: Comparison, *, made: str) -> Document:
    """Both sides, their costs and times with intervals, and where the cheaper one flips."""
    name = str(result.workload.get("name", "workload"))
    names = (result.a.name, result.b.name)
    page = Draft([])
    page.add("Both sides", Table(("", *names), rows(result)))
    page.add("Cost", _costs(result))
    page.add("Time", _times(result))
    page.add("Where the cheaper side flips", _flips(result), Bullets(sentences(result)))
    page.add(
        "How old the figures are",
        Paragraph(
            f"Catalog {result.catalog.content_id}: {result.catalog.offers:,} offers; the price of "
            f"{names[0]} is as of {result.catalog.as_of or 'an unknown date'}."
        ),
    )
    facts = [
        (side.name, "cannot do it" if _usd(side) is None else _said(side))
        for side in (result.a, result.b)
    ]
    if result.cost_ratio is not None:
        facts.append((f"{names[0]} over {names[1]}", f"{result.cost_ratio:.3g}"))
    if result.probability is not None:
        facts.append(("Sure that it is cheaper", percent(result.probability)))
    title = f"{names[0]} or {names[1]}: {name}"
    return Document(title, result.headline, facts, page.sections, made)


def _usd(side: ComparedSide) -> float | None:
    return side.cost_usd if side.cost_usd_per_hour is None else side.cost_usd_per_hour


def _said(side: ComparedSide) -> str:
    return money(_usd(side) or 0.0) + ("" if side.cost_usd_per_hour is None else "/h")


def _costs(result: Comparison) -> Chart | None:
    sides = [side for side in (result.a, result.b) if _usd(side) is not None]
    if not sides:
        return None
    service = sides[0].cost_usd_per_hour is not None
    drawn, cells = [], []
    for number, side in enumerate(sides):
        low, high = (None, None) if service else (side.cost_usd_p10, side.cost_usd_p90)
        drawn.append(Bar(side.name, _usd(side) or 0.0, _said(side), low, high, number))
        ends = "" if low is None or high is None else f"{money(low)} to {money(high)}"
        cells.append((side.name, _said(side), ends))
    table = Table(("side", "cost", "80% of cases"), cells, right=("cost", "80% of cases"))
    svg = bars("Cost of both sides", "Bars with the 80% interval as whiskers.", drawn, money)
    return Chart("Cost of the cheapest plan of each side; whiskers hold 80% of cases.", svg, table)


def _times(result: Comparison) -> Chart | None:
    sides = [side for side in (result.a, result.b) if side.hours is not None]
    if not sides:
        return None
    scale, word = time_scale(max(side.hours or 0.0 for side in sides))
    drawn, cells = [], []
    for number, side in enumerate(sides):
        plan = side.plan if side.mix is None else None
        low, high = (None, None) if plan is None else (plan.hours_p10, plan.hours_p90)
        said = hours(side.hours or 0.0)
        first, last = (None if end is None else end * scale for end in (low, high))
        drawn.append(Bar(side.name, (side.hours or 0.0) * scale, said, first, last, number))
        ends = "" if low is None or high is None else f"{hours(low)} to {hours(high)}"
        cells.append((side.name, said, ends))
    table = Table(("side", "time", "80% of cases"), cells, right=("time", "80% of cases"))
    svg = bars(
        "Time of both sides",
        "Bars with the 80% interval as whiskers.",
        drawn,
        lambda v: f"{v:g} {word}",
    )
    return Chart("Time of the cheapest plan of each side; whiskers hold 80% of cases.", svg, table)


def _flips(result: Comparison) -> Table:
    names = {"a": result.a.name, "b": result.b.name, "equal": "both cost the same"}
    cells = [
        (
            subject_of(axis.axis, result.a.name, result.b.name),
            quantity(flip.at, axis.unit),
            names[flip.cheaper_below],
            names[flip.cheaper_above],
            interval(flip, axis.unit) if flip.cause == "cost" else "only one side can there",
        )
        for axis in result.axes
        for flip in axis.crossings
    ]
    return Table(("along", "flips at", "cheaper below", "cheaper above", "how sure"), cells)
