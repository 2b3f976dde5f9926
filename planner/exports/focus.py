"""Planned cost as rows of the FinOps Open Cost and Usage Specification (FOCUS 1.2), CSV.

A plan is no bill: what only a provider knows (accounts, invoices, SKUs) is left empty, and ``Tags``
say that it is planned, with the workload. Machines are named in ``SkuPriceDetails``, so that
``planner catalog import`` reads the rates back.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from planner.items import rounded
from planner.report.rows import chosen
from planner.results import Item, Recommendation
from planner.results.capacity import CapacityResult
from planner.results.mix import MixResult

COLUMNS = (
    "BilledCost", "BillingAccountId", "BillingCurrency", "BillingPeriodEnd", "BillingPeriodStart",
    "ChargeCategory", "ChargeClass", "ChargeDescription", "ChargeFrequency", "ChargePeriodEnd",
    "ChargePeriodStart", "CommitmentDiscountCategory", "CommitmentDiscountStatus",
    "CommitmentDiscountType", "ConsumedQuantity", "ConsumedUnit", "ContractedCost",
    "ContractedUnitPrice", "EffectiveCost", "InvoiceIssuerName", "ListCost", "ListUnitPrice",
    "PricingCategory", "PricingQuantity", "PricingUnit", "ProviderName", "PublisherName",
    "RegionId", "ResourceName", "ResourceType", "ServiceCategory", "ServiceName",
    "SkuPriceDetails", "Tags",
)  # fmt: skip
PROVIDERS = {
    "aws": "AWS",
    "azure": "Microsoft",
    "gcp": "Google Cloud",
    "oci": "Oracle",
}
CATEGORIES = {"on_demand": "Standard", "spot": "Dynamic", "flex_start": "Dynamic"}
COMMITMENTS = {
    "reservation": ("Usage", "Reservation"),
    "capacity_block": ("Usage", "Capacity block"),
    "savings_plan": ("Spend", "Savings plan"),
    "resource_commitment": ("Usage", "Resource commitment"),
}
HOURS = "Hours"


@dataclass(frozen=True)
class _Charge:
    """One planned charge; ``hours`` are machine-hours, None where it is not by the hour."""

    cloud: str
    region: str
    machine: str
    purchase: str
    usd: float
    hours: float | None
    description: str
    service: str
    category: str
    workload: str
    period_hours: float
    one_time: bool = False


def of_recommendations(results: Sequence[Recommendation], start: date) -> str:
    """Compute, egress, storage and machines bought, a row each, of every configuration chosen."""
    charges = (
        charge
        for result in results
        for item in chosen(result)
        for charge in _of_item(item, str(result.workload.get("name", "")))
    )
    return _csv(charges, start)


def of_mix(result: MixResult, start: date, hours: float) -> str:
    """A row a group of machines, for ``hours`` of the mix."""
    return _csv(
        (
            _Charge(
                cloud=group.cloud,
                region=group.region,
                machine=group.type,
                purchase="spot" if group.spot else "on_demand",
                usd=group.cost_usd_per_hour * hours,
                hours=group.count * hours,
                description=f"{group.count} x {group.type}",
                service="Machines",
                category="Compute",
                workload=result.name,
                period_hours=hours,
            )
            for group in result.groups
        ),
        start,
    )


def of_capacity(result: CapacityResult, start: date) -> str:
    """A row an offer and way to have it, over the horizon."""
    offers = {str(one.get("name")): one.get("catalog") or {} for one in result.spec["offers"]}
    ways = {"reserved_1y": "reservation", "reserved_3y": "reservation", "held": "reservation"}
    return _csv(
        (
            _Charge(
                cloud=str(offers.get(one.offer, {}).get("cloud", "")),
                region=str(offers.get(one.offer, {}).get("region", "")),
                machine=str(offers.get(one.offer, {}).get("instance_type", one.offer)),
                purchase=ways.get(one.option, one.option),
                usd=one.cost_usd,
                hours=one.machine_hours,
                description=f"{one.count:.6g} x {one.offer}, {one.option}",
                service="Machines",
                category="Compute",
                workload=result.name,
                period_hours=result.horizon_hours,
            )
            for one in result.counts
            if one.cost_usd > 0 or one.machine_hours > 0
        ),
        start,
    )


def _of_item(item: Item, workload: str) -> Iterator[_Charge]:
    lines = item.cost_breakdown
    apart = {
        "egress": (lines.egress_usd, "Data transfer", "Networking"),
        "storage": (lines.storage_usd, "Object storage", "Storage"),
        "machines bought": (lines.capital_usd, "Machines", "Compute"),
    }
    work_usd = item.cost_usd - sum(usd for usd, _, _ in apart.values())
    period = item.horizon_hours if item.horizon_hours is not None else (item.hours or 0.0)
    price = item.price.usd_per_hour
    # Hours paid for, restarts and minimum times included; of sunk machines, hours that they work.
    hours = work_usd / price if price > 0 else period * item.nodes
    yield _Charge(
        cloud=item.cloud,
        region=item.region,
        machine=item.instance_type,
        purchase=item.purchase,
        usd=work_usd,
        hours=hours,
        description=f"{item.nodes} x {item.instance_type} ({item.devices}), {item.purchase}",
        service="Machines",
        category="Compute",
        workload=workload,
        period_hours=period,
    )
    for what, (usd, service, category) in apart.items():
        if usd > 0:
            yield _Charge(
                cloud=item.cloud,
                region=item.region,
                machine="",
                purchase="on_demand",
                usd=usd,
                hours=None,
                description=f"{what} of {item.id}",
                service=service,
                category=category,
                workload=workload,
                period_hours=period,
                one_time=what == "machines bought",
            )


def _csv(charges: Iterable[_Charge], start: date) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    for charge in charges:
        for begins, ends, share in _by_month(charge, start):
            writer.writerow(_row(charge, begins, ends, share))
    return out.getvalue()


def _by_month(charge: _Charge, start: date) -> Iterator[tuple[datetime, datetime, float]]:
    """Parts of the charge's time and their share of it: a charge lies in one billing period."""
    begins = datetime(start.year, start.month, start.day, tzinfo=UTC)
    whole = timedelta(hours=charge.period_hours)
    last = begins + whole
    if charge.one_time or not whole:
        yield begins, last if whole else begins + timedelta(hours=1), 1.0
        return
    while begins < last:
        ends = min(_next_month(begins), last)
        yield begins, ends, (ends - begins) / whole
        begins = ends


def _next_month(moment: datetime) -> datetime:
    first = moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return (first + timedelta(days=32)).replace(day=1)


def _row(charge: _Charge, begins: datetime, ends: datetime, share: float) -> dict[str, Any]:
    month = begins.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    category, kind = COMMITMENTS.get(charge.purchase, ("", ""))
    provider = PROVIDERS.get(charge.cloud, charge.cloud)
    usd = rounded(charge.usd * share)
    hours = None if charge.hours is None else charge.hours * share
    by_hour = hours is not None and hours > 0
    unit_price = rounded(usd / hours) if by_hour and hours else ""
    row: dict[str, Any] = {
        "BilledCost": usd,
        "EffectiveCost": usd,
        "ListCost": usd,
        "ContractedCost": usd,
        "BillingCurrency": "USD",
        "BillingPeriodStart": _moment(month),
        "BillingPeriodEnd": _moment(_next_month(begins)),
        "ChargePeriodStart": _moment(begins),
        "ChargePeriodEnd": _moment(ends),
        "ChargeCategory": "Purchase" if charge.one_time else "Usage",
        "ChargeDescription": charge.description,
        "ChargeFrequency": "One-Time" if charge.one_time else "Usage-Based",
        "PricingCategory": "Committed" if category else CATEGORIES.get(charge.purchase, "Other"),
        "CommitmentDiscountCategory": category,
        "CommitmentDiscountType": kind,
        "CommitmentDiscountStatus": "Used" if category else "",
        "ProviderName": provider,
        "PublisherName": provider,
        "InvoiceIssuerName": provider,
        "RegionId": charge.region,
        "ResourceName": charge.machine,
        "ResourceType": "Machine" if charge.machine else "",
        "ServiceCategory": charge.category,
        "ServiceName": charge.service,
        "Tags": json.dumps({"planner/planned": "true", "planner/workload": charge.workload}),
    }
    if by_hour and hours is not None:
        row |= {
            "ConsumedQuantity": rounded(hours),
            "ConsumedUnit": HOURS,
            "PricingQuantity": rounded(hours),
            "PricingUnit": HOURS,
            "ListUnitPrice": unit_price,
            "ContractedUnitPrice": unit_price,
        }
    if charge.machine:
        row["SkuPriceDetails"] = json.dumps({"InstanceType": charge.machine})
    return row


def _moment(when: datetime) -> str:
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")
