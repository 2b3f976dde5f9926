"""What would change the cost: a tornado with its figures."""

from __future__ import annotations

from planner.amounts import money
from planner.report.document import Chart, Paragraph, Table
from planner.report.drawing.charts import Swing, tornado
from planner.results.study import Sensitivities

TITLE = "What would change the cost"
# A smaller change of the cost is none.
LEAST = 0.005


def swings(found: Sensitivities | None, why_none: str, anew: str = "") -> list[Chart | Paragraph]:
    """``anew`` follows "plans anew" in the words beside the chart."""
    if found is None or not found.rows:
        return [Paragraph(f"Not computed: {why_none or 'nothing is left to vary'}.")]
    per = found.horizon_hours
    scale = 1.0 if per is None else 1.0 / per

    def said(usd: float) -> str:
        return money(usd) + ("/h" if per is not None else "")

    base = found.base_usd * scale
    moving = [row for row in found.rows if row.swing(found.base_usd) > LEAST * found.base_usd]
    still = [row.factor for row in found.rows if row not in moving]
    rows = [
        Swing(
            row.factor,
            None if row.low.usd is None else row.low.usd * scale,
            None if row.high.usd is None else row.high.usd * scale,
            row.low.said,
            row.high.said,
        )
        for row in moving
    ]
    cells = [
        (
            row.factor,
            end.said,
            "no plan" if end.usd is None else said(end.usd * scale),
            "" if end.usd is None or not base else _change(end.usd * scale / base - 1),
            end.plan if row.replanned else "the same",
        )
        for row in found.rows
        for end in (row.low, row.high)
    ]
    table = Table(
        ("if", "were", "cost", "change", "cheapest plan then"), cells, right=("cost", "change")
    )
    words = (
        f"The cheapest plan costs {said(base)} today. Each line changes one thing and plans anew"
        f"{anew}. Left of the line is cheaper, right of it dearer. How far prices, amounts and "
        "rates are moved is an assumption of this chart."
    )
    if still:
        words += f" Without effect: {', '.join(still)}."
    if not rows:
        return [Paragraph(words)]
    return [Chart(words, tornado(TITLE, words, rows, base, said), table)]


def _change(share: float) -> str:
    return "none" if abs(share) < LEAST else f"{share:+.0%}"
