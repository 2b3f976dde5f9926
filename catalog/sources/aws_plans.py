"""AWS Compute Savings Plans: rates of the API and of the public price file.

Of the plans, Compute Savings Plans are listed: their rate holds for the machine in any family and
region. EC2 Instance Savings Plans are bound to a family and region, as reservations are, and cost
what those do. A plan's rate is what an hour costs with everything counted, also where part or all
of it is paid at the start, so that it is divided here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from catalog.sources.aws_devices import Raw, Unusable
from catalog.sources.aws_prices import (
    PAYMENTS,
    PLAIN_USE,
    Commitment,
    CommitmentKey,
    PriceCollector,
    PriceList,
    usd_amount,
)
from catalog.sources.bodies import mapping, positive, sequence

HOURS_A_MONTH = 730
# AWS asks for half of a partial upfront plan at its start.
PARTIAL_UPFRONT_SHARE = 0.5
MONTHS = (12, 36)
INSTANCE_TYPE = re.compile(r"BoxUsage:([a-z0-9-]+\.[a-z0-9-]+)$")


def plan_prices(rates: Iterable[Raw], region: str) -> PriceList:
    """``searchResults`` of DescribeSavingsPlansOfferingRates as commitments of one region."""
    collector = PriceCollector()
    for rate in rates:
        try:
            found = _from_api(rate, region)
        except Unusable as error:
            collector.reject(error.what, error.reason, reserved=True)
        else:
            if found is not None:
                collector.reserved(*found)
    return collector.result()


def plan_file_prices(rows: Iterable[Mapping[str, str]], region: str) -> PriceList:
    """Rows of a region's Compute Savings Plans CSV as commitments."""
    collector = PriceCollector()
    for row in rows:
        try:
            found = _from_file(row, region)
        except Unusable as error:
            collector.reject(error.what, error.reason, reserved=True)
        else:
            if found is not None:
                collector.reserved(*found)
    return collector.result()


def _from_api(rate: Raw, region: str) -> tuple[CommitmentKey, Commitment] | None:
    offering = mapping(rate.get("savingsPlanOffering"))
    listed = [mapping(item) for item in sequence(rate.get("properties"))]
    properties = {str(item.get("name")): str(item.get("value")) for item in listed}
    usage, operation = str(rate.get("usageType", "")), str(rate.get("operation", ""))
    name = properties.get("instanceType") or _type_of(usage)
    if not name or not _is_plain(usage, operation):
        return None
    if offering.get("planType", "Compute") != "Compute":
        return None
    for field, wanted in (
        ("region", region),
        ("productDescription", "Linux/UNIX"),
        ("tenancy", "shared"),
    ):
        if properties.get(field, wanted) != wanted:
            return None
    seconds = positive(offering.get("durationSeconds")) or 0.0
    return _commitment(
        name,
        round(seconds / (HOURS_A_MONTH * 3600)),
        str(offering.get("paymentOption", "")),
        str(rate.get("unit", "")),
        str(offering.get("currency", "")),
        rate.get("rate"),
    )


def _from_file(row: Mapping[str, str], region: str) -> tuple[CommitmentKey, Commitment] | None:
    usage = row["DiscountedUsageType"]
    name = row.get("DiscountedInstanceType") or _type_of(usage)
    wanted = (
        row.get("Product Family", "ComputeSavingsPlans") == "ComputeSavingsPlans"
        and row.get("DiscountedServiceCode", "AmazonEC2") == "AmazonEC2"
        and row.get("DiscountedRegionCode", region) in ("", region)
    )
    if not name or not wanted or not _is_plain(usage, row["DiscountedOperation"]):
        return None
    years = row["LeaseContractLength"] if row["LeaseContractLengthUnit"] == "year" else ""
    return _commitment(
        name,
        12 * int(years) if years.isdigit() else 0,
        row["PurchaseOption"],
        row["Unit"],
        row["Currency"],
        row["DiscountedRate"],
    )


def _commitment(
    name: str, months: int, option: str, unit: str, currency: str, rate: object
) -> tuple[CommitmentKey, Commitment]:
    payment = PAYMENTS.get(option)
    if months not in MONTHS or payment is None:
        raise Unusable(f"plan of {months} months, {option or '?'}", name)
    if unit != "Hrs" or currency != "USD":
        raise Unusable(f"plan priced per {unit or '?'} in {currency or '?'}", name)
    usd = usd_amount(rate, name)
    if usd == 0:
        raise Unusable("plan rate is $0", name)
    upfront_share = {"no upfront": 0.0, "partial upfront": PARTIAL_UPFRONT_SHARE}.get(payment, 1.0)
    upfront = round(usd * upfront_share * HOURS_A_MONTH * months, 4)
    return (name, months, payment), Commitment(usd * (1 - upfront_share), upfront)


def _is_plain(usage: str, operation: str) -> bool:
    """A machine in use, under Linux: unused reservations, dedicated hosts and licences are not."""
    return PLAIN_USE.match(usage) is not None and operation == "RunInstances"


def _type_of(usage: str) -> str:
    match = INSTANCE_TYPE.search(usage)
    return match[1] if match else ""


def plan_confidence(key: CommitmentKey) -> str:
    """The division of a partly upfront plan is ours."""
    return "derived" if key[2] == "partial upfront" else "document"


def request_filters(region: str) -> list[dict[str, Any]]:
    """What the API is asked for: fewer pages than all regions and systems."""
    wanted = {"region": region, "productDescription": "Linux/UNIX", "tenancy": "shared"}
    return [{"name": name, "values": [value]} for name, value in wanted.items()]
