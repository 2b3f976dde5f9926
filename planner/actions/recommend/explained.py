"""A recommendation with what relaxing its constraints saves, and plans that nearly match it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from catalog import Catalog
from planner.actions.recommend.answer import Decided, tokens_per_unit
from planner.actions.recommend.near import near_items
from planner.actions.recommend.whatif import Asked
from planner.actions.recommend.whatif import what_if as search
from planner.items import ItemBuilder
from planner.performance.efficiency import Measured
from planner.results import Recommendation


def explained(
    result: Recommendation,
    found: Decided,
    catalog: Catalog,
    measured: Sequence[Measured],
    where: str,
    today: date,
    *,
    what_if: bool,
    near: float | None,
) -> Recommendation:
    """The result with ``relaxations`` and ``near`` filled in, and sentences about them."""
    prepared = found.prepared
    update: dict[str, object] = {}
    lines = list(result.explanation)
    usd = result.mix.cost_usd if result.mix else result.recommendation.cost_usd
    if what_if:
        asked = Asked(prepared, usd - found.credit_usd, catalog, measured, where, found.over_budget)
        relaxations, not_tried = search(asked)
        update["relaxations"] = relaxations
        lines += [each.sentence for each in relaxations]
        if not relaxations and not not_tried:
            lines.append("No constraint binds: giving way in any one of them saves nothing.")
        if not_tried:
            lines.append(f"Not tried for want of time: {', '.join(not_tried)}.")
    if near is not None:
        builder = ItemBuilder(prepared.candidates, catalog, today, tokens_per_unit(prepared))
        best = found.pick
        if best is None:
            best = int(prepared.cover_rows()[found.groups[0].index])
        items = near_items(prepared, best, usd, near, builder)
        update["near"] = items
        if not items:
            lines.append(f"No plan within {near:.0%} of the cost differs in kind.")
    return result.model_copy(update={**update, "explanation": lines})
