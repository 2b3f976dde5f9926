"""AWS's price list as prices: items of pricing:GetProducts, on demand and reserved.

One item is one product (an instance type with an operating system, a tenancy and so on) with all
its terms, so that on-demand prices and reservations come from one reading.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from catalog.sources.aws_devices import Raw, Unusable
from catalog.sources.aws_rows import option_row
from catalog.sources.base import Reject

# Linux on shared hardware, no licence, on demand: pricing.GetProducts attribute values.
PRICE_FILTERS = {
    "operatingSystem": "Linux",
    "tenancy": "Shared",
    "preInstalledSw": "NA",
    "capacitystatus": "Used",
    "marketoption": "OnDemand",
}
# With a prefix for all regions but one, as in EU-BoxUsage:m7i-flex.large.
PLAIN_USE = re.compile(r"(?:[A-Z0-9]+-)?BoxUsage(?::|$)")
LEASES = {"1yr": 12, "1 yr": 12, "3yr": 36, "3 yr": 36}
PAYMENTS = {
    "No Upfront": "no upfront",
    "Partial Upfront": "partial upfront",
    "All Upfront": "all upfront",
}
# Instance type, months, payment.
CommitmentKey = tuple[str, int, str]


@dataclass(frozen=True, slots=True)
class Commitment:
    """What a term costs: an hour of it, and its beginning (USD)."""

    usd_per_hour: float
    upfront_usd: float


@dataclass(slots=True)
class PriceList:
    """Prices by instance type, and by commitment; what is left out, and why, for each kind."""

    on_demand: dict[str, float] = field(default_factory=dict)
    reserved: dict[CommitmentKey, Commitment] = field(default_factory=dict)
    on_demand_rejects: list[Reject] = field(default_factory=list)
    reserved_rejects: list[Reject] = field(default_factory=list)


class PriceCollector:
    """Builds a PriceList; two prices for one thing leave it out, for a guess could be wrong."""

    def __init__(self) -> None:
        self._on_demand: dict[str, set[float]] = {}
        self._reserved: dict[CommitmentKey, set[Commitment]] = {}
        self._made = PriceList()

    def on_demand(self, name: str, usd_per_hour: float) -> None:
        self._on_demand.setdefault(name, set()).add(usd_per_hour)

    def reserved(self, key: CommitmentKey, commitment: Commitment) -> None:
        self._reserved.setdefault(key, set()).add(commitment)

    def reject(self, what: str, reason: str, *, reserved: bool = False) -> None:
        rejects = self._made.reserved_rejects if reserved else self._made.on_demand_rejects
        rejects.append(Reject(what, reason))

    def result(self) -> PriceList:
        made = self._made
        for name, prices in self._on_demand.items():
            if len(prices) == 1:
                made.on_demand[name] = next(iter(prices))
            else:
                listed = " and ".join(f"${price:g}" for price in sorted(prices))
                self.reject(name, f"listed at {listed}")
        for key, commitments in self._reserved.items():
            if len(commitments) == 1:
                made.reserved[key] = next(iter(commitments))
            else:
                reason = f"{len(commitments)} prices for {key[1]} months, {key[2]}"
                self.reject(key[0], reason, reserved=True)
        return made


def price_list(items: Iterable[str], now: datetime | None = None) -> PriceList:
    """``PriceList`` items (JSON strings) of one region; terms that start after ``now`` wait."""
    collector = PriceCollector()
    for text in items:
        try:
            name, terms = _product(text)
        except Unusable as error:
            collector.reject(error.what, error.reason)
            continue
        try:
            collector.on_demand(name, _on_demand(terms, name, now or datetime.now(UTC)))
        except Unusable as error:
            collector.reject(name, error.reason)
        for term in _values(terms.get("Reserved")):
            try:
                key, commitment = _reserved(term, name)
            except Unusable as error:
                if error.reason:
                    collector.reject(name, error.reason, reserved=True)
            else:
                collector.reserved(key, commitment)
    return collector.result()


def _product(text: str) -> tuple[str, Raw]:
    """Instance type and terms of an item that is plain Linux on demand. Raises Unusable.

    The request filters on the same attributes. They are looked at again, because a capacity
    block of eight H200 that slips through is listed at $0.
    """
    try:
        document = json.loads(text)
        attributes = document["product"]["attributes"]
        name = str(attributes["instanceType"])
        terms = document["terms"]
        checked = [(field, str(attributes.get(field, ""))) for field in PRICE_FILTERS]
        if not isinstance(terms, dict):
            raise TypeError("terms")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Unusable(f"price list item of another shape ({type(error).__name__})") from error
    except RecursionError:
        raise Unusable("price list item nested too deep") from None
    for attribute, found in checked:
        if found not in ("", PRICE_FILTERS[attribute]):
            raise Unusable(f"{attribute} is {found}, not {PRICE_FILTERS[attribute]}", name)
    check_use(
        str(attributes.get("usagetype", "")),
        str(attributes.get("operation", "")),
        str(attributes.get("locationType", "")),
        name,
    )
    return name, terms


def check_use(usage: str, operation: str, location: str, name: str) -> None:
    """Raise Unusable unless this is plain use of a machine in a region, as far as stated.

    An unused capacity reservation is listed at the price of its machine, under UnusedBox.
    """
    if operation not in ("", "RunInstances"):
        raise Unusable(f"licence or block included (operation {operation})", name)
    if usage and not PLAIN_USE.match(usage):
        raise Unusable(f"not plain use ({usage})", name)
    if location not in ("", "AWS Region"):
        raise Unusable(f"priced for an {location}", name)


def _on_demand(terms: Raw, name: str, now: datetime) -> float:
    """USD per hour of the term in effect. Raises Unusable."""
    begun = [term for term in _values(terms.get("OnDemand")) if _start(term) <= now]
    if not begun:
        raise Unusable("no on-demand term in effect", name)
    newest = max(map(_start, begun))
    dimensions = [
        dimension
        for term in begun
        if _start(term) == newest
        for dimension in _values(term.get("priceDimensions"))
    ]
    if len(dimensions) != 1:
        raise Unusable(f"{len(dimensions)} price dimensions", name)
    unit, usd = _unit_and_usd(dimensions[0], name)
    if unit != "Hrs":
        raise Unusable(f"priced per {unit}", name)
    if usd == 0:
        raise Unusable("price is $0 (a capacity reservation or block, not a price)", name)
    return usd


def _reserved(term: Raw, name: str) -> tuple[CommitmentKey, Commitment]:
    """One reserved term. Raises Unusable, without a reason for what is another product."""
    attributes = term.get("termAttributes")
    attributes = attributes if isinstance(attributes, Mapping) else {}
    if str(attributes.get("OfferingClass", "")) == "convertible":
        raise Unusable("", name)
    units: dict[str, list[float]] = {}
    for dimension in _values(term.get("priceDimensions")):
        unit, usd = _unit_and_usd(dimension, name)
        units.setdefault(unit, []).append(usd)
    return commitment(
        name,
        str(attributes.get("LeaseContractLength", "")),
        str(attributes.get("PurchaseOption", "")),
        units,
    )


def commitment(
    name: str, lease: str, option: str, units: Mapping[str, list[float]]
) -> tuple[CommitmentKey, Commitment]:
    """A reservation from its price by the hour ('Hrs') and its upfront fee ('Quantity').

    They are separate rows, and either alone is not the price. Raises Unusable.
    """
    months, payment = LEASES.get(lease), PAYMENTS.get(option)
    if months is None or payment is None:
        raise Unusable(f"reserved for {lease or '?'}, {option or '?'}", name)
    other = set(units) - {"Hrs", "Quantity"}
    hourly, upfront = units.get("Hrs", []), units.get("Quantity", [])
    if other or len(hourly) > 1 or len(upfront) > 1:
        raise Unusable(f"reserved at {sum(map(len, units.values()))} prices", name)
    usd_per_hour = hourly[0] if hourly else 0.0
    upfront_usd = upfront[0] if upfront else 0.0
    wanted = {
        "no upfront": usd_per_hour > 0 and upfront_usd == 0,
        "partial upfront": usd_per_hour > 0 and upfront_usd > 0,
        "all upfront": usd_per_hour == 0 and upfront_usd > 0,
    }
    if not wanted[payment]:
        raise Unusable(
            f"{months} months, {payment}: ${upfront_usd:g} at the start, ${usd_per_hour:g}/h", name
        )
    return (name, months, payment), Commitment(usd_per_hour, upfront_usd)


def commitment_row(
    region: str, kind: str, key: CommitmentKey, terms: Commitment, confidence: str = "document"
) -> dict[str, Any]:
    """One row of ``purchase_options`` with a term."""
    name, months, payment = key
    return {
        **option_row(name, region, kind, terms.usd_per_hour),
        "term_months": months,
        "payment": payment,
        "upfront_usd": terms.upfront_usd,
        "confidence": confidence,
    }


def _unit_and_usd(dimension: Raw, name: str) -> tuple[str, float]:
    unit, prices = str(dimension.get("unit")), dimension.get("pricePerUnit")
    if not isinstance(prices, Mapping) or "USD" not in prices:
        listed = ", ".join(prices) if isinstance(prices, Mapping) and prices else "no currency"
        raise Unusable(f"priced per {unit} in {listed}", name)
    return unit, usd_amount(prices["USD"], name)


def usd_amount(value: object, name: str) -> float:
    """A price of the list: a number that is not negative. Raises Unusable."""
    try:
        usd = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise Unusable("price is not a number", name) from None
    if not 0 <= usd < 1e9:  # also false for NaN
        raise Unusable("price is not a number", name)
    return usd


def _values(terms: object) -> list[Raw]:
    """The dicts inside a dict: the price list puts opaque keys around everything."""
    if not isinstance(terms, Mapping):
        return []
    return [value for value in terms.values() if isinstance(value, Mapping)]


def _start(term: Raw) -> datetime:
    try:
        start = datetime.fromisoformat(str(term.get("effectiveDate")))
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)  # not stated: in effect
    return start if start.tzinfo else start.replace(tzinfo=UTC)
