"""The report of a comparison."""

from __future__ import annotations

from functools import partial

from planner.amounts import hours, money
from planner.report.compare import rows, sentences
from planner.report.compare_words import interval, percent, quantity, subject_of, tick
from planner.report.document import Bullets, Chart, Document, Draft, Table
from planner.report.drawing.charts import Bar, Curve, bars, curves
from planner.report.pages.grounds import add_grounds
from planner.report.words import time_scale
from planner.results.comparison import ComparedSide, Comparison
from planner.results.study import ComparisonStudy


def compare_document(study: ComparisonStudy, *, made: str) -> Document:
    """Both sides, their costs and times with intervals, and where the cheaper one flips."""
    result = study.result
    name = str(result.workload.get("name", "workload"))
    names = (result.a.name, result.b.name)
    page = Draft([])
    page.add("Both sides", Table(("", *names), rows(result)))
    page.add("Cost", _costs(result))
    page.add("Time", _times(result))
    page.add("Where the cheaper side flips", _flips(result), Bullets(sentences(result)))
    page.add("Cost of both sides along each quantity", *_curves(result))
    catalog = f"Planned with catalog {result.catalog.content_id}: {result.catalog.offers:,} offers."
    add_grounds(page, study.grounds, catalog)
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


def _curves(result: Comparison) -> list[Chart]:
    """What was searched."""
    found = []
    for axis in result.axes:
        at = [point.at for point in axis.curve]
        sides = {
            result.a.name: [point.a_usd for point in axis.curve],
            result.b.name: [point.b_usd for point in axis.curve],
        }
        if not any(usd is not None for costs in sides.values() for usd in costs):
            continue
        subject = subject_of(axis.axis, result.a.name, result.b.name)

        marks = [(flip.at, "") for flip in axis.crossings]
        if axis.now is not None and at[0] <= axis.now <= at[-1]:
            marks.append((axis.now, "now"))
        svg = curves(
            f"Cost by {subject}",
            axis.sentence,
            [Curve(name, at, costs) for name, costs in sides.items()],
            x_title=f"{subject} ({axis.unit.replace('_', ' ')})",
            y_title="USD",
            x_format=partial(tick, unit=axis.unit),
            y_format=money,
            marks=marks,
        )
        cells = [
            (
                quantity(point.at, axis.unit),
                *("cannot" if usd is None else money(usd) for usd in (point.a_usd, point.b_usd)),
                ""
                if point.ratio_p10 is None or point.ratio_p90 is None
                else f"{point.ratio_p10:.2g} to {point.ratio_p90:.2g}",
            )
            for point in axis.curve
        ]
        columns = (subject, *sides, "ratio, 80% interval")
        caption = (
            f"Cost of the cheapest plan of each side by {subject}; dotted: where the cheaper side "
            "changes."
        )
        found.append(Chart(caption, svg, Table(columns, cells, right=columns[1:])))
    return found


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
