"""The use case behind ``planner compare``: two sides, and where the cheaper one flips."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from catalog import Catalog
from planner.actions.compare.axes import AXES, NotSearched, Question, Search, gap_of
from planner.actions.compare.sides import published, side_of, sided
from planner.actions.private_layers import for_workload
from planner.errors import BadInput, Infeasible, Superseded
from planner.items import rounded
from planner.optimize.crossing import Z80, Function, Gap, crossings
from planner.performance.efficiency import Measured
from planner.report.compare_words import axis_sentence, headline
from planner.results import CatalogInfo
from planner.results.comparison import Axis, Comparison, CurvePoint, FlipPoint
from planner.workload import Workload


def compare(
    workload: Workload,
    a: str,
    b: str,
    catalog: Catalog,
    measured: Sequence[Measured] = (),
    *,
    axes: Sequence[str] | None = (),
    where: str = "workload",
    today: date | None = None,
) -> Comparison:
    """Cost and time of the cheapest plan of both sides, and the crossings along ``axes``.

    ``axes`` empty: all; None: none.

    Raises BadInput for unknown sides, axes and names, Infeasible when neither side can do it.
    """
    start = time.perf_counter()
    wanted = [] if axes is None else _axes(axes)
    question = two_sides(workload, a, b, catalog, measured, where=where)
    found: list[Axis] = []
    not_searched: dict[str, str] = {}
    for name in wanted:
        try:
            found.append(along(question, name))
        except NotSearched as error:
            not_searched[name] = str(error)
    return published_comparison(question, found, not_searched, start=start, today=today)


def two_sides(
    workload: Workload,
    a: str,
    b: str,
    catalog: Catalog,
    measured: Sequence[Measured] = (),
    *,
    where: str = "workload",
) -> Question:
    """Both sides with their cheapest plans. Raises BadInput, Infeasible when neither can do it."""
    workload, catalog, _ = for_workload(workload, catalog)
    left = side_of(a, workload, catalog, "--a")
    right = side_of(b, workload, catalog, "--b")
    if left.where == right.where:
        raise BadInput(
            f"{a} and {b} leave the same machines", where="--a, --b", remedy="name two sides"
        )
    sides = [sided(side, workload, catalog, measured, where) for side in (left, right)]
    if sides[0].best is None and sides[1].best is None:
        reasons = [f"{s.side.name}: {why}" for s in sides for why in s.why_not]
        raise Infeasible(f"neither {a} nor {b} can run {workload.subject}", reasons)
    return Question(workload, catalog, measured, where, sides[0], sides[1])


def along(question: Question, name: str, *, stop: Callable[[], bool] | None = None) -> Axis:
    """Where the cheaper side flips along one axis. ``stop`` is asked between plans.

    Raises NotSearched where the axis says nothing here, Superseded.
    """
    search = AXES[name](question)
    if stop is not None:
        search = replace(search, gap=_stopping(search.gap, stop))
    return _searched(name, search, question.a.side.name, question.b.side.name)


def _stopping(gap: Function, stop: Callable[[], bool]) -> Function:
    def until(x: float) -> Gap:
        if stop():
            raise Superseded
        return gap(x)

    return until


def published_comparison(
    question: Question,
    axes: Sequence[Axis] = (),
    not_searched: Mapping[str, str] | None = None,
    *,
    start: float | None = None,
    today: date | None = None,
) -> Comparison:
    """Cost and time of both sides, with what was found along axes. ``start``: of the clock."""
    workload, catalog = question.workload, question.catalog
    sides = (question.a, question.b)
    gap = gap_of(sides[0].best, sides[1].best)
    start = time.perf_counter() if start is None else start
    today = today or date.today()
    first, second = (published(side, catalog, today) for side in sides)
    plan = first.plan or second.plan
    assert plan is not None
    ratio = None
    if first.cost_usd is not None and second.cost_usd:
        ratio = rounded(first.cost_usd / second.cost_usd)
    return Comparison(
        workload=workload.model_dump(mode="json", exclude_none=True),
        catalog=CatalogInfo(
            content_id=catalog.content_id,
            as_of=plan.price.as_of,
            age_days=plan.price.age_days,
            offers=catalog.offer_count,
            refreshed_slices=len(catalog.refreshed),
        ),
        headline=headline(first, second, gap.probability),
        a=first,
        b=second,
        cheaper=gap.cheaper or "equal",
        cost_ratio=ratio,
        probability=None if gap.probability is None else rounded(gap.probability),
        axes=list(axes),
        not_searched=dict(not_searched or {}),
        seconds=round(time.perf_counter() - start, 4),
    )


def _point(search: Search, x: float) -> CurvePoint:
    gap = search.gap(x)
    known = math.isfinite(gap.log_ratio)
    spread = Z80 * gap.sd
    return CurvePoint(
        at=search.shown(x) or 0.0,
        a_usd=rounded(gap.a_usd) if math.isfinite(gap.a_usd) else None,
        b_usd=rounded(gap.b_usd) if math.isfinite(gap.b_usd) else None,
        ratio_p10=rounded(math.exp(gap.log_ratio - spread)) if known else None,
        ratio_p90=rounded(math.exp(gap.log_ratio + spread)) if known else None,
    )


def _axes(asked: Sequence[str]) -> list[str]:
    names = [name.strip().replace("-", "_") for name in asked]
    for name in names:
        if name not in AXES:
            from planner.field_errors import shown, suggest

            raise BadInput(
                f"{shown(name)} is no axis", where="--axis", remedy=suggest(name, tuple(AXES))
            )
    return list(dict.fromkeys(names)) or list(AXES)


def _searched(name: str, search: Search, a: str, b: str) -> Axis:
    found = crossings(search.gap, search.grid, search.tolerance)
    answered = [x for x in search.grid if search.gap(x).cheaper is not None]

    shown = search.shown
    flips = [
        FlipPoint(
            at=shown(flip.at) or 0.0,
            low=shown(flip.low),
            high=shown(flip.high),
            cheaper_below=flip.below,
            cheaper_above=flip.above,
            cause="cost" if flip.both_run else "only one side can",
        )
        for flip in found
    ]
    values: dict[str, Any] = {
        "axis": name,
        "unit": search.unit,
        "now": shown(search.now),
        "searched_from": shown(search.grid[0]),
        "searched_to": shown(search.grid[-1]),
        "answered_from": shown(min(answered, default=None)),
        "answered_to": shown(max(answered, default=None)),
        "crossings": flips,
        "curve": [_point(search, x) for x in search.grid],
    }
    throughout = search.gap(answered[0]).cheaper if answered else None
    alone = all(math.isinf(search.gap(x).log_ratio) for x in answered)
    return Axis(**values, sentence=axis_sentence(values, throughout, a, b, alone))
