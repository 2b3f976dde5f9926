"""Azure's prices as rows of ``purchase_options``: pure functions.

Reservations and savings plans cost the same whether paid monthly or upfront (Microsoft's pages on
both say so), so that each is one row, paid monthly.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from catalog.sources.azure_machines import SPOT_QUOTA, quota_class

# VMs are billed by the second and shown by the minute; the snapshot's figures for Azure.
BILLING = {"billing_increment_s": 60, "minimum_s": 60}
HOURS_PER_MONTH = 730.0
HOURS_PER_YEAR = 8760.0
EVICTION_SOURCE = (
    "Azure Resource Graph SpotResources skuspotevictionrate: chance of eviction in the next hour "
    "over the last 28 days, as the share evicted within 730 hours"
)
# The largest share of a month that still has a hazard: 1 means "at once" to the planner.
NEARLY_ALL = math.nextafter(1.0, 0.0)
BUCKET = re.compile(r"\s*(\d{1,2})\s*(?:-\s*(\d{1,3})|\+)\s*%?\s*")


def eviction_band(bucket: str) -> tuple[float, float] | None:
    """The monthly band of a bucket such as ``5-10`` or ``20+``; None where it is none.

    Azure quotes the percentage of VMs evicted within an hour (learn.microsoft.com, Azure Spot
    Virtual Machines), the catalog a share reclaimed within a month: 1 - (1 - p)^730. Beyond 5 % an
    hour that is all but 1 in any number a computer holds, about 5 % an hour to the planner, so
    that the column cannot tell the upper buckets apart. The open bucket ends at the same.
    """
    found = BUCKET.fullmatch(bucket)
    if found is None:
        return None
    low = int(found.group(1)) / 100
    high = int(found.group(2)) / 100 if found.group(2) else 1.0
    return (_monthly(low), _monthly(high)) if low < high <= 1 else None


def _monthly(hourly: float) -> float:
    return min(1.0 - math.pow(1.0 - hourly, HOURS_PER_MONTH), NEARLY_ALL)


def option_row(
    name: str, region: str, kind: str, usd_per_hour: float, obtainability: str = ""
) -> dict[str, Any]:
    """One row of ``purchase_options``; what a kind adds is the caller's."""
    spot = kind == "spot"
    return {
        "cloud": "azure",
        "region": region,
        "zone": "",
        "instance_type": name,
        "kind": kind,
        "usd_per_hour": usd_per_hour,
        "quota_class": SPOT_QUOTA if spot else quota_class(name),
        **BILLING,
        "obtainability": obtainability,
        # A spot price is what it was at the time of asking.
        "confidence": "volatile" if spot else "document",
    }


def on_demand_row(
    name: str, region: str, usd_per_hour: float, obtainability: str = ""
) -> dict[str, Any]:
    return option_row(name, region, "on_demand", usd_per_hour, obtainability)


def spot_row(
    name: str,
    region: str,
    usd_per_hour: float,
    on_demand_usd_per_hour: float | None,
    evictions: Mapping[str, str],
    obtainability: str = "",
) -> dict[str, Any]:
    """A spot price; ``evictions`` are buckets by lower-case size.

    The feed's spot prices have been several times off what the portal shows (azure-docs#72349):
    one above on demand is of low confidence.
    """
    row = option_row(name, region, "spot", usd_per_hour, obtainability)
    if on_demand_usd_per_hour is not None and usd_per_hour > on_demand_usd_per_hour:
        row["confidence"] = "low"
    band = eviction_band(evictions.get(name.lower(), ""))
    if band is not None:
        row["interruption_per_month_low"], row["interruption_per_month_high"] = band
        row["interruption_source"] = EVICTION_SOURCE
    return row


def commitment_rows(
    name: str, region: str, kind: str, usd_per_hour: Mapping[int, float], obtainability: str = ""
) -> Iterable[dict[str, Any]]:
    """Reservation or savings plan by years of the term."""
    for years, usd in sorted(usd_per_hour.items()):
        yield option_row(name, region, kind, usd, obtainability) | {
            "term_months": 12 * years,
            "payment": "monthly",
            "upfront_usd": 0.0,
        }
