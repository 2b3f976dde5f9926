"""Azure's public Retail Prices: the meters of one region and service, and what each one is.

No account is needed. What is known of the feed and looked at here: it follows ``NextPageLink``,
``$skip`` moves when prices are published meanwhile (so one walk is one region), filter values are
case-sensitive, savings plans come with the preview version only, and next to each Linux price lie
Windows, Cloud Services, Dedicated Host, Low Priority and Dev/Test meters of the same size.
"""

from __future__ import annotations

import re
import statistics
import urllib.parse
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from catalog.sources.azure_machines import PREFIX, Unusable
from catalog.sources.azure_rows import HOURS_PER_YEAR
from catalog.sources.base import FetchFailed, Reject
from catalog.sources.bodies import mapping, parse_json, positive, sequence
from catalog.sources.http import HttpClient

URL = "https://prices.azure.com"
PATH = "/api/retail/prices"
API_VERSION = "2023-01-01-preview"
VIRTUAL_MACHINES = "Virtual Machines"
# A region has about 16 pages of all VM meters; many more mean a walk that does not end.
MAX_PAGES = 200
LATER = "try again later; if it lasts, Azure changed its price feed: please report it"

# What a meter is for.
ON_DEMAND, SPOT, LOW_PRIORITY, RESERVATION = "on_demand", "spot", "low priority", "reservation"
YEARS = {"1 Year": 1, "3 Years": 3, "5 Years": 5}
HOURS = re.compile(r"(\d+) Hours?")
# No VM, the smallest included, is reserved for less; an hour's price in the place of a term's is.
LEAST_RESERVED_USD_PER_HOUR = 0.002
# product or meter text: why a meter is no price of a Linux VM.
OTHERS = (
    (re.compile(r"\bwin(dows)?\b", re.IGNORECASE), "Windows licence included"),
    (re.compile(r"cloud ?services", re.IGNORECASE), "Cloud Services"),
    (re.compile(r"dedicated", re.IGNORECASE), "dedicated host"),
    (re.compile(r"\bexpired\b", re.IGNORECASE), "expired meter"),
)


@dataclass(frozen=True, slots=True)
class Meter:
    """One price of one VM size. ``usd`` is by the hour, of a reservation for its whole term."""

    size: str
    use: str
    usd: float
    years: int
    meter_id: str
    start: datetime
    primary: bool
    savings: tuple[tuple[int, float], ...] = ()


@dataclass(slots=True)
class PriceList:
    """A region's prices in USD per hour by VM size (as the feed writes it), and what was left."""

    on_demand: dict[str, float] = field(default_factory=dict)
    spot: dict[str, float] = field(default_factory=dict)
    low_priority: dict[str, float] = field(default_factory=dict)
    reservation: dict[str, dict[int, float]] = field(default_factory=dict)
    savings_plan: dict[str, dict[int, float]] = field(default_factory=dict)
    rejects: list[Reject] = field(default_factory=list)


class OutOfScope(Exception):
    """A meter that prices something else; counted, not named."""


def walk(
    client: HttpClient, region: str, service: str, price_type: str, deadline: float
) -> Iterator[Mapping[str, Any]]:
    """All items of one service and price type in a region. Raises FetchFailed."""
    where = f"Azure Retail Prices of {region}"
    wanted = (
        f"serviceName eq '{service}' and armRegionName eq '{region}'"
        f" and priceType eq '{price_type}'"
    )
    query = {"api-version": API_VERSION, "currencyCode": "USD", "$filter": wanted}
    url, params, seen = PATH, dict(query), set[str]()
    for _ in range(MAX_PAGES):
        answer = client.get(url, deadline, params=params or None, cached=True)
        page = mapping(parse_json(answer.body, where))
        items = page.get("Items")
        if not isinstance(items, list):
            raise FetchFailed(f"{where}: no Items in the answer", LATER)
        currency = page.get("BillingCurrency")
        if currency != "USD":
            raise FetchFailed(f"{where}: prices in {str(currency)[:20]}, not in USD", LATER)
        count = page.get("Count")
        if isinstance(count, int) and count != len(items):
            raise FetchFailed(f"{where}: {len(items)} items where {count} are announced", LATER)
        yield from (mapping(item) for item in items)
        link = page.get("NextPageLink")
        if not link:
            return
        if not isinstance(link, str) or link in seen:
            raise FetchFailed(f"{where}: the next page leads nowhere new", LATER)
        seen.add(link)
        url, params = _continued(link, query), {}
    raise FetchFailed(f"{where}: more than {MAX_PAGES} pages", LATER)


def _continued(link: str, query: Mapping[str, str]) -> str:
    """The next page's address with what it may have lost: without its version, no savings plans."""
    parts = urllib.parse.urlsplit(link)
    found = dict(urllib.parse.parse_qsl(parts.query, keep_blank_values=True))
    lost = {name: value for name, value in query.items() if name not in found}
    if not lost:
        return link
    more = urllib.parse.urlencode(lost, quote_via=urllib.parse.quote, safe="$")
    return parts._replace(query=f"{parts.query}&{more}" if parts.query else more).geturl()


def meter_of(item: Mapping[str, Any], region: str, now: datetime) -> Meter:
    """What one item prices. Raises OutOfScope, or Unusable for one that should have been usable."""
    size = str(item.get("armSkuName") or "")
    product, name = str(item.get("productName") or ""), str(item.get("meterName") or "")
    label = f"{name} {item.get('skuName') or ''}"
    kind = str(item.get("type") or "")
    if kind == "DevTestConsumption":
        raise OutOfScope("Dev/Test price")
    if kind not in ("Consumption", "Reservation"):
        raise OutOfScope(f"price type {kind[:40] or 'not stated'}")
    for pattern, reason in OTHERS:
        if pattern.search(product) or pattern.search(label):
            raise OutOfScope(reason)
    if not size.startswith(PREFIX):
        raise OutOfScope("no VM size")
    if str(item.get("armRegionName") or "").lower() != region:
        raise OutOfScope("another region")
    if positive(item.get("tierMinimumUnits")):
        raise OutOfScope("price of a volume tier")
    if item.get("currencyCode") != "USD":
        raise Unusable(f"priced in {str(item.get('currencyCode'))[:20]}, not in USD")
    start = parsed_time(item.get("effectiveStartDate"))
    if start is None:
        raise Unusable("without a readable effectiveStartDate")
    if start > now:
        raise OutOfScope("price of the future")
    end = parsed_time(item.get("effectiveEndDate"))
    if end is not None and end <= now:
        raise OutOfScope("price of the past")
    usd = positive(item.get("retailPrice"))
    if usd is None:
        raise Unusable(f"price {item.get('retailPrice')!r:.40} is none")
    facts = (str(item.get("meterId") or ""), start, item.get("isPrimaryMeterRegion") is not False)
    if kind == "Reservation":
        years = YEARS.get(str(item.get("reservationTerm")))
        if years is None:
            raise Unusable(f"reservation of {str(item.get('reservationTerm'))[:40]}")
        return Meter(size, RESERVATION, usd, years, *facts)
    hours = _hours(item.get("unitOfMeasure"))
    if re.search(r"\bspot\b", label, re.IGNORECASE):
        return Meter(size, SPOT, usd / hours, 0, *facts)
    if re.search(r"\blow priority\b", label, re.IGNORECASE):
        return Meter(size, LOW_PRIORITY, usd / hours, 0, *facts)
    return Meter(size, ON_DEMAND, usd / hours, 0, *facts, _savings(item, hours))


def _hours(unit: object) -> int:
    found = HOURS.fullmatch(str(unit))
    if found is None or int(found.group(1)) == 0:
        raise Unusable(f"priced per {str(unit)[:40]}, not by the hour")
    return int(found.group(1))


def _savings(item: Mapping[str, Any], hours: int) -> tuple[tuple[int, float], ...]:
    plans = (mapping(plan) for plan in sequence(item.get("savingsPlan")))
    found = [
        (YEARS.get(str(plan.get("term"))), positive(plan.get("retailPrice"))) for plan in plans
    ]
    return tuple((years, usd / hours) for years, usd in found if years and usd)


def parsed_time(value: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    if moment is None:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def price_list(items: Iterable[Mapping[str, Any]], region: str, now: datetime) -> PriceList:
    """What a region's items come to; each size has one price of a kind or is rejected."""
    found, others = PriceList(), Counter[str]()
    meters: defaultdict[tuple[str, str, int], list[Meter]] = defaultdict(list)
    for item in items:
        try:
            meter = meter_of(item, region, now)
        except OutOfScope as error:
            others[str(error)] += 1
        except Unusable as error:
            found.rejects.append(Reject(_name(item), error.reason))
        else:
            meters[meter.size, meter.use, meter.years].append(meter)
    prices: dict[tuple[str, str, int], Meter] = {}
    for key, listed in meters.items():
        try:
            prices[key] = one_price(listed)
        except Unusable as error:
            found.rejects.append(Reject(f"{key[0]} {key[1]}", error.reason))
    for (size, use, years), meter in prices.items():
        if use == RESERVATION:
            hourly = meter.usd / (HOURS_PER_YEAR * years)
            found.reservation.setdefault(size, {})[years] = hourly
        elif use == SPOT:
            found.spot[size] = meter.usd
        elif use == LOW_PRIORITY:
            found.low_priority[size] = meter.usd
        else:
            found.on_demand[size] = meter.usd
            _take_savings(meter, found)
    _check_terms(found)
    found.rejects += [
        Reject(f"{count} meters of {region}", reason) for reason, count in sorted(others.items())
    ]
    return found


def one_price(listed: list[Meter]) -> Meter:
    """The meter in force of those for the same thing. Raises Unusable where they disagree.

    A primary meter goes before its copies of other regions, and of one meter the newest price
    before older ones; two meters with two prices are not chosen between.
    """
    usable = [meter for meter in listed if meter.primary] or listed
    newest: dict[str, Meter] = {}
    for meter in usable:
        if meter.meter_id not in newest or meter.start > newest[meter.meter_id].start:
            newest[meter.meter_id] = meter
    prices = sorted({meter.usd for meter in newest.values()})
    if len(prices) > 1:
        raise Unusable("listed at " + " and ".join(f"${usd:g}" for usd in prices))
    return max(newest.values(), key=lambda meter: (len(meter.savings), meter.start))


def _take_savings(meter: Meter, found: PriceList) -> None:
    for years, usd in meter.savings:
        if usd > meter.usd:
            reason = f"{years}-year plan at ${usd:g} is above on demand at ${meter.usd:g}"
            found.rejects.append(Reject(f"{meter.size} savings plan", reason))
        else:
            found.savings_plan.setdefault(meter.size, {})[years] = usd


def _check_terms(found: PriceList) -> None:
    """Refuse reservations that no longer state the whole term, though the unit says 1 Hour."""
    hourly = [usd for terms in found.reservation.values() for usd in terms.values()]
    if hourly and statistics.median(hourly) < LEAST_RESERVED_USD_PER_HOUR:
        raise FetchFailed(
            "Azure Retail Prices: reservations are no longer priced for their whole term", LATER
        )


def _name(item: Mapping[str, Any]) -> str:
    name = str(item.get("armSkuName") or item.get("meterName") or "?")
    return f"{name} {item.get('skuName') or ''}".strip()[:80]
