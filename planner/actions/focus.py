"""Effective rates from a billing export in the FinOps Open Cost and Usage Specification (FOCUS).

FOCUS 1.x has no column for the machine: it is in ``SkuPriceDetails`` (1.1 and later) or in a
column of the provider's own (``x_...``), else it is a word of ``ChargeDescription``. A rate is
``EffectiveCost`` over ``ConsumedQuantity`` of all usage of one machine in one region: what an hour
of it cost on average, commitments and discounts included.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from catalog.overlays import Rate

COLUMNS = ("EffectiveCost", "ConsumedQuantity", "ConsumedUnit", "RegionId")
CLOUDS = {
    "aws": "aws", "amazon": "aws", "amazon web services": "aws",
    "microsoft": "azure", "azure": "azure", "microsoft azure": "azure",
    "google": "gcp", "gcp": "gcp", "google cloud": "gcp", "google cloud platform": "gcp",
    "oracle": "oci", "oracle cloud": "oci", "oci": "oci",
}  # fmt: skip
MACHINE_KEYS = (
    "InstanceType",
    "instanceType",
    "MachineType",
    "machineType",
    "ServiceType",
    "VMSize",
)
OWN_COLUMNS = ("x_InstanceType", "x_MachineType", "x_SkuInstanceType", "InstanceType")
DETAIL_COLUMNS = ("SkuPriceDetails", "x_SkuDetails")
HOURS = frozenset({"hours", "hour", "hrs", "h", "1 hour"})
# A machine that ran shorter has costs of rounding and minimum times in its rate.
LEAST_HOURS = 1.0
MOST_DETAILS = 20_000


@dataclass
class FocusRates:
    """What a billing export came to. ``left_out`` counts rows by the reason they are no rate."""

    rates: list[Rate] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    hours: float = 0.0


def rates_of(rows: Iterable[Mapping[str, str]], known: Mapping[str, frozenset[str]]) -> FocusRates:
    """Rates of the machines in an export's rows. ``known`` are machine names by cloud."""
    found = FocusRates()
    usd: dict[tuple[str, str, str, str], float] = {}
    hours: dict[tuple[str, str, str, str], float] = {}
    for row in rows:
        reason = _unusable(row)
        cloud = CLOUDS.get(_provider(row))
        if reason is None and cloud is None:
            reason = "of a provider without machines in the catalog"
        machine = "" if reason or cloud is None else _machine(row, known.get(cloud, frozenset()))
        if reason is None and not machine:
            reason = "no machine type told"
        cost, quantity = _number(row["EffectiveCost"]), _number(row["ConsumedQuantity"])
        if reason is None and (cost is None or quantity is None or quantity <= 0):
            reason = "cost or quantity is no amount"
        if reason is not None:
            found.left_out[reason] += 1
            continue
        kind = "spot" if row.get("PricingCategory", "").lower() == "dynamic" else "on_demand"
        region = row["RegionId"].strip().lower().replace(" ", "")
        key = str(cloud), region, machine, kind
        usd[key] = usd.get(key, 0.0) + (cost or 0.0)
        hours[key] = hours.get(key, 0.0) + (quantity or 0.0)
    for (cloud_name, region, machine, kind), total in usd.items():
        used = hours[cloud_name, region, machine, kind]
        if used < LEAST_HOURS:
            found.left_out["machines that ran under an hour"] += 1
        elif total <= 0:
            found.left_out["machines without cost (credits, free tier)"] += 1
        else:
            rate = total / used
            found.rates.append(
                Rate(
                    cloud=cloud_name, region=region, instance_type=machine, kind=kind,
                    usd_per_hour=rate,
                )
            )  # fmt: skip
            found.hours += used
    return found


def _unusable(row: Mapping[str, str]) -> str | None:
    if row.get("ChargeCategory", "Usage").lower() != "usage":
        return "not usage (purchase, tax, credit, adjustment)"
    if row.get("ChargeClass", "").lower() == "correction":
        return "a correction of an earlier bill"
    if row["ConsumedUnit"].strip().lower() not in HOURS:
        return "not measured in hours"
    if row.get("BillingCurrency", "USD").upper() != "USD":
        return "not billed in USD"
    if not row["RegionId"].strip():
        return "without a region"
    return None


def _provider(row: Mapping[str, str]) -> str:
    for name in ("ServiceProviderName", "ProviderName", "PublisherName"):
        if row.get(name):
            return row[name].strip().lower()
    return ""


def _machine(row: Mapping[str, str], known: frozenset[str]) -> str:
    for column in OWN_COLUMNS:
        if row.get(column):
            return row[column].strip()
    for column in DETAIL_COLUMNS:
        text = row.get(column, "")
        if text.startswith("{") and len(text) <= MOST_DETAILS:
            try:
                details = json.loads(text)
            except (ValueError, RecursionError):
                continue
            for key in MACHINE_KEYS:
                value = details.get(key)
                if isinstance(value, str) and value:
                    return value.strip()
    words = re.split(r"[\s,;()]+", row.get("ChargeDescription", "")[:2000])
    return next((word for word in words if word in known), "")


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
