"""What to commit to and buy, as a list for whoever signs: CSV, one line a commitment."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from planner.errors import BadInput
from planner.items import rounded
from planner.report.rows import chosen
from planner.results import Item, Recommendation
from planner.results.capacity import CapacityResult, Counted

COLUMNS = (
    "what", "option", "count", "term_years", "usd_per_hour_each", "upfront_usd_each",
    "due_now_usd", "usd_per_month", "cost_usd_in_horizon", "horizon_hours",
    "owed_beyond_horizon_usd", "utilisation", "for_workload", "note",
)  # fmt: skip
HOURS_PER_MONTH = 730.0
TERM_YEARS = {"reserved_1y": 1, "reserved_3y": 3}
COMMITTED = ("reservation", "savings_plan", "resource_commitment", "capacity_block")
Row = dict[str, Any]


def of_capacity(result: CapacityResult, where: str) -> str:
    """Commitments and purchases of a capacity plan. Raises BadInput when it has none."""
    offers = {str(offer.get("name")): offer for offer in result.spec.get("offers", [])}
    rows = [
        _counted(one, offers.get(one.offer, {}), result)
        for one in result.counts
        if one.option in (*TERM_YEARS, "purchased") and one.count > 0
    ]
    if not rows:
        raise BadInput(
            "commits to nothing and buys nothing: all of it is rented by use, held or owned",
            where=where,
            remedy="use --to focus for its cost",
        )
    return _csv(rows)


def of_recommendations(results: Sequence[Recommendation], where: str) -> str:
    """Committed machines of recommendations. Raises BadInput when there are none."""
    rows = [
        _item(item, str(result.workload.get("name", "")))
        for result in results
        for item in chosen(result)
        if item.purchase in COMMITTED
    ]
    if not rows:
        ways = sorted({item.purchase for one in results for item in chosen(one)})
        raise BadInput(
            f"commits to nothing: it pays {', '.join(ways)}",
            where=where,
            remedy="plan a year with planner capacity, or with where.purchase: [savings_plan]",
        )
    return _csv(rows)


def _counted(one: Counted, offer: Mapping[str, Any], result: CapacityResult) -> Row:
    row: Row = {
        "what": one.offer,
        "option": one.option,
        "count": rounded(one.count),
        "cost_usd_in_horizon": rounded(one.cost_usd),
        "horizon_hours": rounded(result.horizon_hours),
        "owed_beyond_horizon_usd": rounded(one.residual_liability_usd),
        "utilisation": None if one.utilisation is None else rounded(one.utilisation),
        "for_workload": result.name,
    }
    terms = offer.get("purchase" if one.option == "purchased" else one.option) or {}
    if one.option == "purchased":
        capex = terms.get("capex_usd")
        row |= {
            "term_years": terms.get("life_years"),
            "upfront_usd_each": capex,
            "due_now_usd": None if capex is None else rounded(capex * one.count),
            "note": "bought machines; staff, space and power come on top",
        }
        return row
    rate, upfront = terms.get("usd_per_hour"), terms.get("upfront_usd", 0.0)
    row |= {
        "term_years": TERM_YEARS[one.option],
        "usd_per_hour_each": rate,
        "upfront_usd_each": upfront,
        "due_now_usd": None if upfront is None else rounded(upfront * one.count),
        "usd_per_month": None if rate is None else rounded(rate * one.count * HOURS_PER_MONTH),
        "note": "paid for the whole term, used or not",
    }
    return row


def _item(item: Item, workload: str) -> Row:
    price = item.price.usd_per_hour
    return {
        "what": f"{item.cloud} {item.region} {item.instance_type}",
        "option": item.purchase,
        "count": item.nodes,
        "usd_per_hour_each": price,
        "usd_per_month": rounded(price * item.nodes * HOURS_PER_MONTH),
        "cost_usd_in_horizon": item.cost_usd,
        "horizon_hours": item.horizon_hours if item.horizon_hours is not None else item.hours,
        "for_workload": workload,
        "note": "rate of the commitment; its term is in the provider's offer, not in the plan",
    }


def _csv(rows: Iterable[Row]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: _safe(value) for key, value in row.items()} for row in rows)
    return out.getvalue()


def _safe(value: Any) -> Any:
    """Text that a spreadsheet would take for a formula is made text; None is an empty cell."""
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return f"'{value}"
    return "" if value is None else value
