"""Spot on AWS: prices from the account's API, interruptions from the public Spot Instance Advisor.

The advisor's JSON is undocumented: its numbers are used as far as its own table of ranges explains
them. It also gives the average saving over on demand of the last 30 days, in whole percent, from
which a price is derived where no account can be asked.
"""

from __future__ import annotations

import re
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from catalog.sources.aws_devices import Raw
from catalog.sources.aws_rows import is_zone_of, option_row
from catalog.sources.base import Reject

ADVISOR = "AWS Spot Instance Advisor (spot-advisor-data.json), Linux, share reclaimed in a month"
LABELS = (
    (re.compile(r"<\s*(\d+)\s*%"), lambda low: (0.0, low / 100)),
    (re.compile(r">\s*(\d+)\s*%"), lambda low: (low / 100, None)),
)
BETWEEN = re.compile(r"(\d+)\s*-\s*(\d+)\s*%")
Band = tuple[float, float | None]


@dataclass(frozen=True, slots=True)
class Advice:
    """Of one instance type in one region; None where the advisor does not say."""

    band: Band | None
    saving: float | None


def spot_prices(
    history: Iterable[Raw], region: str | None = None
) -> tuple[dict[str, float], list[Reject]]:
    """USD per hour by instance type: the median over the region's zones of each one's newest price.

    The history may hold older prices too; the lowest of them is not what anyone pays now. Prices
    of local zones are of other places than the region.
    """
    newest: dict[tuple[str, str], Raw] = {}
    elsewhere: dict[str, str] = {}
    rejects = []
    for item in history:
        name, zone = str(item.get("InstanceType", "?")), str(item.get("AvailabilityZone") or "")
        if item.get("Timestamp") is None or not zone:
            rejects.append(Reject(name, "spot price without a time or zone"))
            continue
        if item.get("ProductDescription", "Linux/UNIX") != "Linux/UNIX":
            rejects.append(Reject(name, f"spot price of {item['ProductDescription']}"))
            continue
        if region and not is_zone_of(zone, region):
            elsewhere[name] = zone
            continue
        key = name, zone
        if key not in newest or item["Timestamp"] > newest[key]["Timestamp"]:
            newest[key] = item
    by_type: dict[str, list[float]] = {}
    for (name, zone), item in newest.items():
        try:
            usd = float(item["SpotPrice"])
        except (KeyError, TypeError, ValueError):
            usd = 0.0
        if 0 < usd < 1e9:
            by_type.setdefault(name, []).append(usd)
        else:
            rejects.append(Reject(name, f"spot price in {zone} is not a positive number"))
    rejects += [
        Reject(name, f"sold as spot in {zone} only, a zone outside the region")
        for name, zone in elsewhere.items()
        if name not in by_type
    ]
    return {name: statistics.median(found) for name, found in by_type.items()}, rejects


def advice(document: Any, region: str) -> dict[str, Advice]:
    """What the advisor says of the region, by instance type; empty for another shape."""
    bands = _bands(document)
    try:
        listed = document["spot_advisor"][region]["Linux"]
        items = list(listed.items())
    except (KeyError, TypeError, AttributeError):
        return {}
    found = {}
    for name, item in items:
        if not isinstance(item, Mapping):
            continue
        index, percent = item.get("r"), item.get("s")
        saving = None
        if isinstance(percent, int) and not isinstance(percent, bool) and 0 < percent < 100:
            saving = percent / 100
        # A number that the table of ranges does not have stays unknown.
        band = bands.get(index) if isinstance(index, int) else None
        found[str(name)] = Advice(band, saving)
    return found


def _bands(document: Any) -> dict[int, Band]:
    """Lower and upper share reclaimed in a month by range number; no upper end = open."""
    bands: dict[int, Band] = {}
    ranges = document.get("ranges") if isinstance(document, Mapping) else None
    for item in ranges if isinstance(ranges, list) else ():
        if isinstance(item, Mapping) and isinstance(item.get("index"), int):
            band = band_of(str(item.get("label", "")))
            if band is not None:
                bands[item["index"]] = band
    return bands


def band_of(label: str) -> Band | None:
    """``<5%``, ``5-10%`` or ``>20%`` as fractions; None for a label of another form."""
    if between := BETWEEN.fullmatch(label.strip()):
        low, high = int(between[1]) / 100, int(between[2]) / 100
        return (low, high) if low < high <= 1 else None
    for pattern, band in LABELS:
        if match := pattern.fullmatch(label.strip()):
            return band(int(match[1])) if int(match[1]) <= 100 else None
    return None


def spot_row(region: str, name: str, usd_per_hour: float, advised: Advice | None) -> dict[str, Any]:
    """A spot row of ``purchase_options`` with its interruption band, where one is known."""
    row = option_row(name, region, "spot", usd_per_hour)
    if advised is not None and advised.band is not None:
        low, high = advised.band
        row |= {
            "interruption_per_month_low": low,
            "interruption_per_month_high": high,
            "interruption_source": ADVISOR,
        }
    return row


def derived_spot_row(
    region: str, name: str, on_demand_usd: float, advised: Advice
) -> dict[str, Any] | None:
    """A spot row from the on-demand price and the advisor's saving; None without a saving."""
    if advised.saving is None:
        return None
    row = spot_row(region, name, round(on_demand_usd * (1 - advised.saving), 6), advised)
    return row | {"confidence": "derived"}
