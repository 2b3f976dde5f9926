"""What can be wrong with one price, by the way of buying it belongs to."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, TypeGuard

from catalog.offers import PurchaseKind

Row = Mapping[str, Any]
HOURS_PER_MONTH = 730.0
COMMITMENTS = frozenset(
    {PurchaseKind.RESERVATION, PurchaseKind.SAVINGS_PLAN, PurchaseKind.RESOURCE_COMMITMENT}
)
# Bounds of what is believed, as shares of the on-demand price (assumptions, far outside of what
# clouds publish). Beyond them a price has another unit: of one GPU instead of the machine, of a
# month or a whole term instead of an hour.
MOST_SPOT = 3.0
COMMITTED = (0.05, 1.5)
MANAGED = (0.5, 3.0)


def option_faults(row: Row) -> Iterator[tuple[str, str]]:
    """Faults of a row of ``purchase_options`` by itself, as check and reason."""
    usd, upfront = row["usd_per_hour"], row.get("upfront_usd")
    prepaid = row["kind"] in COMMITMENTS and _is_number(upfront) and upfront > 0
    if not _is_number(usd):
        yield "price", f"price {usd!r} is not a number"
    elif usd < 0 or (usd == 0 and not prepaid):
        yield "price", f"price {usd:g} is not positive"
    if upfront is not None and not (_is_number(upfront) and upfront >= 0):
        yield "price", f"upfront price {upfront!r} is no amount"
    term = row.get("term_months")
    if row["kind"] in COMMITMENTS and not term:
        yield "term", "a commitment without a term"
    if row["kind"] in (PurchaseKind.ON_DEMAND, PurchaseKind.SPOT) and term:
        yield "term", f"a term of {term} months on {row['kind']}"
    low, high = row.get("interruption_per_month_low"), row.get("interruption_per_month_high")
    given = [share for share in (low, high) if share is not None]
    if not all(0 <= share <= 1 for share in given) or (len(given) == 2 and given[0] > given[1]):
        yield "interruption", f"{low} to {high} a month is no band of shares"


def effective_usd_per_hour(row: Row) -> float:
    """With the upfront payment spread over the term's hours; a month has 730."""
    upfront, term = row.get("upfront_usd") or 0.0, row.get("term_months")
    usd = float(row["usd_per_hour"])
    return usd + upfront / (term * HOURS_PER_MONTH) if term and upfront else usd


def unbelievable_price(row: Row, on_demand_usd: float | None) -> str | None:
    """Why spot or a commitment cannot cost that, seen from on demand; None when it can."""
    if not on_demand_usd or not _is_number(row["usd_per_hour"]):
        return None
    usd = effective_usd_per_hour(row)
    share = usd / on_demand_usd
    if row["kind"] == PurchaseKind.SPOT and share > MOST_SPOT:
        return _seen_from(usd, share, on_demand_usd)
    if row["kind"] in COMMITMENTS and not COMMITTED[0] <= share <= COMMITTED[1]:
        return _seen_from(usd, share, on_demand_usd)
    return None


def unbelievable_premium(usd: float, plain_usd: float | None) -> str | None:
    """Why a managed platform cannot cost that, seen from the plain machine; None when it can."""
    if not plain_usd or not _is_number(usd):
        return None
    share = usd / plain_usd
    return None if MANAGED[0] <= share <= MANAGED[1] else _seen_from(usd, share, plain_usd)


def remark_on(row: Row, on_demand_usd: float | None) -> str | None:
    """What is odd about spot or a commitment above the on-demand price, but may be true."""
    if row["kind"] != PurchaseKind.SPOT and row["kind"] not in COMMITMENTS:
        return None
    usd = effective_usd_per_hour(row)
    # Catalogs round; a commitment as dear as on demand is no finding.
    if on_demand_usd is None or usd <= on_demand_usd * 1.0001:
        return None
    name = str(row["kind"]).replace("_", " ")
    return f"{name} {usd:g} USD/h is above on demand {on_demand_usd:g} USD/h"


def _seen_from(usd: float, share: float, on_demand_usd: float) -> str:
    return f"{usd:g} USD/h is {share:.3g} times on demand ({on_demand_usd:g} USD/h): another unit?"


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and math.isfinite(value)
