"""Capacity blocks: whole machines reserved ahead for some days and paid at once."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from catalog.sources.aws_devices import Raw, Unusable
from catalog.sources.aws_prices import usd_amount
from catalog.sources.aws_rows import option_row
from catalog.sources.base import Reject

# The shortest block is asked for: its price by the hour is that of longer ones.
BLOCK_HOURS = 24
DAY_S = 86400


def block_row(
    name: str, region: str, offerings: Iterable[Raw]
) -> tuple[dict[str, Any] | None, list[Reject]]:
    """The cheapest block by the hour on offer as a row of ``purchase_options``.

    Of equals the soonest; None when nothing is on offer. The price moves with demand and is of a
    block that starts on the day ``obtainability`` names.
    """
    found: list[tuple[float, str, float]] = []
    rejects = []
    for offering in offerings:
        try:
            found.append(_priced(offering, name))
        except Unusable as error:
            rejects.append(Reject(name, error.reason))
    if not found:
        return None, rejects
    usd_per_hour, start, hours = min(found)
    when = f", starts {start}" if start else ""
    row = option_row(name, region, "capacity_block", usd_per_hour) | {
        "payment": "all upfront",
        "billing_increment_s": DAY_S,
        "minimum_s": DAY_S,
        "obtainability": f"reserved ahead in whole days, paid upfront; {hours:g} h{when}",
        "confidence": "volatile",
    }
    return row, rejects


def _priced(offering: Raw, name: str) -> tuple[float, str, float]:
    """USD per machine and hour, first day, hours. Raises Unusable.

    ``UpfrontFee`` is a text, for all machines and the whole time; minutes come on top of hours.
    """
    count = offering.get("InstanceCount") or 0
    hours = offering.get("CapacityBlockDurationHours") or 0
    hours += (offering.get("CapacityBlockDurationMinutes") or 0) / 60
    currency = offering.get("CurrencyCode", "USD")
    if offering.get("InstanceType", name) != name:
        raise Unusable(f"block of {offering['InstanceType']}")
    if offering.get("Tenancy", "default") != "default":
        raise Unusable(f"block with {offering['Tenancy']} tenancy")
    if currency != "USD":
        raise Unusable(f"block priced in {currency}")
    if count <= 0 or hours <= 0:
        raise Unusable("block without a count or duration")
    fee = usd_amount(offering.get("UpfrontFee"), name)
    if fee == 0:
        raise Unusable("block without a fee")
    start = offering.get("StartDate")
    day = start.date().isoformat() if isinstance(start, datetime) else ""
    return round(fee / (count * hours), 6), day, hours
