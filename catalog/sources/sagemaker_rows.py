"""SageMaker's own price list as rows: one machine with its rates by component.

The rate of a machine is that of training jobs; where endpoints or notebooks cost something else,
or where there is no training rate, the row says so. Managed spot training has no price: AWS gives
an upper bound of a discount, and spot prices of SageMaker are not published.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from catalog.sources.aws_devices import Raw, Unusable
from catalog.sources.aws_files import machine_row
from catalog.sources.aws_prices import usd_amount
from catalog.sources.base import Reject

# The instance types of most rows stand in the usage type only.
USAGE = re.compile(r"(?:[A-Z0-9]+-)?(Train|Host|Notebk):(ml\.[a-z0-9-]+\.[a-z0-9-]+)")
COMPONENTS = {"Train": "training", "Host": "endpoints", "Notebk": "notebooks"}
# How the list names these components in columns that other products share.
NAMES = {"training": "training", "endpoints": "hosting", "notebooks": "notebook"}


@dataclass(slots=True)
class ManagedMachine:
    """USD per hour by component (a set where the list has several), and facts as listed."""

    rates: dict[str, set[float]] = field(default_factory=dict)
    facts: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class ManagedPrices:
    """Machines of a region by SageMaker's name."""

    machines: dict[str, ManagedMachine] = field(default_factory=dict)
    rejects: list[Reject] = field(default_factory=list)

    def add(self, facts: Mapping[str, str], unit: str, currency: str, usd: object) -> None:
        """One on-demand price. ``facts`` are attributes or columns, by ``normal`` names."""
        match = USAGE.fullmatch(facts.get("usagetype", ""))
        if match is None:
            return
        component, name = COMPONENTS[match[1]], match[2]
        try:
            self._add(component, name, facts, unit, currency, usd)
        except Unusable as error:
            self.rejects.append(Reject(name, f"{component}: {error.reason}"))

    def _add(
        self,
        component: str,
        name: str,
        facts: Mapping[str, str],
        unit: str,
        currency: str,
        usd: object,
    ) -> None:
        stated = facts.get("platoinstancetype") or facts.get("component") or NAMES[component]
        if stated.lower() != NAMES[component]:
            raise Unusable(f"listed under {stated}")
        if facts.get("locationtype", "AWS Region") != "AWS Region":
            raise Unusable(f"priced for an {facts['locationtype']}")
        if currency != "USD" or not unit.lower().startswith(("hrs", "hour")):
            raise Unusable(f"priced per {unit or '?'} in {currency or '?'}")
        price = usd_amount(usd, name)
        if price == 0:
            raise Unusable("price is $0 (a free trial, not a price)")
        machine = self.machines.setdefault(name, ManagedMachine())
        machine.rates.setdefault(component, set()).add(price)
        for fact, value in facts.items():
            if value not in ("", "N/A", "NA"):
                machine.facts.setdefault(fact, value)


def normal(name: str) -> str:
    """``Instance Type`` of a CSV and ``instanceType`` of the API are one attribute."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def from_products(items: Iterable[str]) -> ManagedPrices:
    """``PriceList`` items (JSON strings) of AmazonSageMaker in one region."""
    found = ManagedPrices()
    for text in items:
        try:
            document = json.loads(text)
            attributes = document["product"]["attributes"]
            facts = {normal(str(name)): str(value) for name, value in attributes.items()}
            terms = list(document["terms"].get("OnDemand", {}).values())
            prices = [dict(d) for term in terms for d in term["priceDimensions"].values()]
            amounts = [dict(price["pricePerUnit"]) for price in prices]
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            reason = f"price list item of another shape ({type(error).__name__})"
            found.rejects.append(Reject("?", reason))
            continue
        for price, amount in zip(prices, amounts, strict=True):
            currency = "USD" if "USD" in amount else ", ".join(map(str, amount))
            found.add(facts, str(price.get("unit", "")), currency, amount.get("USD"))
    return found


def from_file(rows: Iterable[Mapping[str, str]]) -> ManagedPrices:
    """Rows of a region's AmazonSageMaker CSV."""
    found = ManagedPrices()
    for row in rows:
        if row["TermType"] == "OnDemand":
            facts = {normal(name): value for name, value in row.items()}
            found.add(facts, row["Unit"], row["Currency"], row["PricePerUnit"])
    return found


def managed_rows(
    found: ManagedPrices, region: str
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[Reject]]:
    """Rows of ``offers`` and ``purchase_options`` under SageMaker's names, and what is left out."""
    offers, options, rejects = [], [], list(found.rejects)
    for name, machine in sorted(found.machines.items()):
        try:
            options.append(_option(name, region, machine))
        except Unusable as error:
            rejects.append(Reject(name, error.reason))
            continue
        # The plain machine of that name has the facts where these cannot be read.
        with contextlib.suppress(Unusable):
            offers.append(_offer(name, region, machine.facts))
    return offers, options, rejects


def _option(name: str, region: str, machine: ManagedMachine) -> dict[str, Any]:
    rates = {}
    for component, listed in machine.rates.items():
        if len(listed) > 1:
            prices = " and ".join(f"${usd:g}" for usd in sorted(listed))
            raise Unusable(f"{component}: listed at {prices}")
        rates[component] = next(iter(listed))
    meant = next((part for part in ("training", "endpoints", "notebooks") if part in rates), "")
    usd = rates.pop(meant)
    notes = [f"{part} {rate:g} USD/h" for part, rate in sorted(rates.items()) if rate != usd]
    if meant != "training":
        notes.insert(0, f"price of {meant}: no training rate is listed")
    return {
        "cloud": "aws",
        "region": region,
        "zone": "",
        "instance_type": name,
        "kind": "on_demand",
        "usd_per_hour": usd,
        "quota_class": f"sagemaker/{name} instances",
        "obtainability": ", ".join(notes),
        "confidence": "document",
    }


def _offer(name: str, region: str, facts: Raw) -> dict[str, Any]:
    """A row of ``offers`` under the platform's name. Raises Unusable."""
    plain = name.removeprefix("ml.")
    row = {
        "Instance Type": plain,
        "vCPU": facts.get("vcpu", ""),
        "Memory": facts.get("memory", ""),
        "GPU": facts.get("physicalgpu") or facts.get("gpu", ""),
        "Instance Family": facts.get("computetype", ""),
        "Network Performance": facts.get("networkperformance", ""),
    }
    if row["GPU"] and not row["GPU"].isdigit():
        row["GPU"] = facts.get("gpu", "")
    return machine_row(row, region) | {"instance_type": name}
