"""What a fake Azure sells: single items in Azure's shape, and whole regions of them."""

from __future__ import annotations

import csv
import random
import zlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from catalog.attributes import SNAPSHOT
from catalog.sources.azure_machines import series_of

VM_SERVICE = "Virtual Machines"
ML_SERVICE = "Azure Machine Learning"
BUCKETS = ("0-5", "5-10", "10-15", "15-20", "20+")


@dataclass
class Region:
    meters: list[dict[str, Any]] = field(default_factory=list)
    sizes: list[dict[str, Any]] = field(default_factory=list)
    usages: list[dict[str, Any]] = field(default_factory=list)
    evictions: dict[str, str] = field(default_factory=dict)
    ml_sizes: list[dict[str, Any]] = field(default_factory=list)


def meter(size: str, usd: float, region: str = "westus3", **fields: Any) -> dict[str, Any]:
    """An item of the retail feed: the Linux price on demand unless ``fields`` say otherwise."""
    short = size.removeprefix("Standard_").replace("_", " ")
    key = f"{size} {region} {sorted(fields.items())}"
    return {
        "currencyCode": "USD",
        "tierMinimumUnits": 0.0,
        "retailPrice": usd,
        "unitPrice": usd,
        "armRegionName": region,
        "location": "US West 3",
        "effectiveStartDate": "2025-04-01T00:00:00Z",
        "meterId": f"meter-{zlib.crc32(key.encode()):08x}",
        "meterName": short,
        "productId": "DZH318Z0BQPS",
        "skuId": f"DZH318Z0BQPS/{zlib.crc32(size.encode()):08x}",
        "productName": f"Virtual Machines {short.partition(' ')[0]} Series",
        "skuName": short,
        "serviceName": VM_SERVICE,
        "serviceId": "DZH313Z7MMC8",
        "serviceFamily": "Compute",
        "unitOfMeasure": "1 Hour",
        "type": "Consumption",
        "isPrimaryMeterRegion": True,
        "armSkuName": size,
    } | fields


def spot_meter(size: str, usd: float, region: str = "westus3", **fields: Any) -> dict[str, Any]:
    return _named(size, "Spot", usd, region, fields)


def low_priority_meter(
    size: str, usd: float, region: str = "westus3", **fields: Any
) -> dict[str, Any]:
    return _named(size, "Low Priority", usd, region, fields)


def _named(
    size: str, word: str, usd: float, region: str, fields: Mapping[str, Any]
) -> dict[str, Any]:
    label = f"{size.removeprefix('Standard_').replace('_', ' ')} {word}"
    return meter(size, usd, region, meterName=label, skuName=label, **fields)


def reservation_meter(
    size: str, usd_of_term: float, years: int, region: str = "westus3", **fields: Any
) -> dict[str, Any]:
    """The feed prices the whole term and calls the unit an hour."""
    term = "1 Year" if years == 1 else f"{years} Years"
    return meter(size, usd_of_term, region, type="Reservation", reservationTerm=term, **fields)


def surcharge_meter(
    name: str, usd: float, region: str = "westus3", **fields: Any
) -> dict[str, Any]:
    return (
        meter("", usd, region)
        | {
            "serviceName": ML_SERVICE,
            "serviceFamily": "AI + Machine Learning",
            "productName": "Machine Learning service",
            "skuName": "Standard",
            "meterName": name,
        }
        | fields
    )


def savings(one_year: float, three_years: float) -> list[dict[str, Any]]:
    return [
        {"unitPrice": one_year, "retailPrice": one_year, "term": "1 Year"},
        {"unitPrice": three_years, "retailPrice": three_years, "term": "3 Years"},
    ]


def size(
    name: str,
    region: str = "westus3",
    vcpus: float = 4,
    memory_gib: float = 16,
    gpus: int = 0,
    *,
    restrictions: Sequence[Mapping[str, Any]] = (),
    **capabilities: str,
) -> dict[str, Any]:
    """A SKU of Azure Compute. All capabilities are texts."""
    listed = {
        "vCPUs": f"{vcpus:g}",
        "MemoryGB": f"{memory_gib:g}",
        "LowPriorityCapable": "True",
        "PremiumIO": "True",
    }
    if gpus:
        listed["GPUs"] = str(gpus)
    listed |= capabilities
    return {
        "resourceType": "virtualMachines",
        "name": name,
        "tier": "Standard",
        "size": name.partition("_")[2],
        "family": family(name),
        "locations": [region],
        "locationInfo": [{"location": region, "zones": ["1", "2", "3"], "zoneDetails": []}],
        "capabilities": [{"name": key, "value": value} for key, value in listed.items()],
        "restrictions": list(restrictions),
    }


def family(name: str) -> str:
    """Azure's quota family of a size: coarser than the catalog's classes, in its own spelling."""
    short = name.removeprefix("Standard_")
    letters = "".join(part for part in short.split("_") if part)
    head = letters.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ").lstrip("0123456789")
    return f"standard{short[: len(short) - len(short.lstrip('NCDEFGHLMVP'))]}{head.upper()}Family"


def restricted(region: str, code: str = "NotAvailableForSubscription") -> dict[str, Any]:
    return {
        "type": "Location",
        "values": [region],
        "restrictionInfo": {"locations": [region]},
        "reasonCode": code,
    }


def zones_restricted(region: str, *zones: str) -> dict[str, Any]:
    return {
        "type": "Zone",
        "values": [region],
        "restrictionInfo": {"locations": [region], "zones": list(zones)},
        "reasonCode": "NotAvailableForSubscription",
    }


def usage(name: str, limit: float, used: float = 0) -> dict[str, Any]:
    return {
        "unit": "Count",
        "currentValue": used,
        "limit": limit,
        "name": {"value": name, "localizedValue": f"{name} vCPUs"},
    }


def ml_size(name: str, *, low_priority: bool = True, types: Sequence[str] = ("AmlCompute",)) -> Any:
    return {
        "name": name,
        "family": family(name),
        "vCPUs": 4,
        "gpus": 0,
        "lowPriorityCapable": low_priority,
        "premiumIO": True,
        "supportedComputeTypes": list(types),
    }


@cache
def _snapshot() -> Mapping[str, Mapping[str, tuple[Mapping[str, str], float]]]:
    """Machines and prices on demand of the embedded catalog, by region and size."""
    with (SNAPSHOT / "offers.csv").open(newline="", encoding="utf-8") as lines:
        offers = {
            (row["region"], row["instance_type"]): row
            for row in csv.DictReader(lines)
            if row["cloud"] == "azure"
        }
    found: defaultdict[str, dict[str, tuple[Mapping[str, str], float]]] = defaultdict(dict)
    with (SNAPSHOT / "purchase_options.csv").open(newline="", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            key = row["region"], row["instance_type"]
            if row["cloud"] == "azure" and row["kind"] == "on_demand" and key in offers:
                found[key[0]][key[1]] = offers[key], float(row["usd_per_hour"])
    return found


def world(regions: Sequence[str], seed: int) -> dict[str, Region]:
    """Regions with the machines of the embedded catalog at about its prices, in all ways to buy.

    Each size has some of the meters that are no price of it: Windows, Cloud Services, dedicated
    hosts, Dev/Test, prices of the future and copies from other regions.
    """
    everywhere = _snapshot()["eastus"]
    made = {}
    for name in regions:
        rng = random.Random(f"{seed} {name}")
        here = dict(everywhere) | dict(_snapshot().get(name, {}))
        region = made[name] = Region()
        for machine, (facts, usd) in sorted(here.items()):
            _sell(region, name, machine, facts, round(usd * rng.uniform(0.98, 1.02), 4), rng)
        _other_items(region, name, rng)
    return made


def _sell(
    region: Region,
    place: str,
    name: str,
    facts: Mapping[str, str],
    usd: float,
    rng: random.Random,
) -> None:
    vcpus, memory = float(facts["vcpus"] or 0), float(facts["memory_gib"] or 0)
    series = series_of(name)
    gpus = max(1, round(float(facts["accelerator_count"] or 1))) if series else 0
    # The API says WestUS3 here and westus3 there.
    spelled = place.replace("us", "US") if rng.random() < 0.1 else place
    region.sizes.append(size(name, spelled, vcpus, memory or 4 * vcpus, gpus))
    product = f"Virtual Machines {name.removeprefix('Standard_')[:3]} Series"
    plans = savings(round(usd * 0.8, 4), round(usd * 0.6, 4))
    region.meters += [
        meter(name, usd, place, savingsPlan=plans),
        spot_meter(name, round(usd * rng.uniform(0.15, 0.5), 5), place),
        low_priority_meter(name, round(usd * 0.2, 5), place),
        reservation_meter(name, round(usd * 8760 * 0.65, 2), 1, place),
        reservation_meter(name, round(usd * 26280 * 0.45, 2), 3, place),
        meter(name, round(usd * 1.9, 4), place, productName=f"{product} Windows"),
        spot_meter(name, round(usd * 1.1, 4), place, productName=f"{product} Windows"),
        meter(name, round(usd * 0.9, 4), place, type="DevTestConsumption"),
    ]
    extra = rng.random()
    if extra < 0.1:
        region.meters.append(
            meter(name, usd * 1.05, place, effectiveStartDate="2199-01-01T00:00:00Z")
        )
    elif extra < 0.2:
        region.meters.append(meter(name, usd, place, productName=f"{product} Cloud Services"))
    elif extra < 0.3:
        region.meters.append(
            meter(name, usd * 1.01, place, isPrimaryMeterRegion=False, meterId="copy")
        )
    region.evictions[name] = rng.choices(BUCKETS, (12, 3, 1, 1, 1))[0]
    region.ml_sizes.append(ml_size(name))


def _other_items(region: Region, place: str, rng: random.Random) -> None:
    region.sizes += [
        {"resourceType": "disks", "name": "Premium_LRS", "locations": [place]},
        size("Standard_NX8_Q9_v9", place, 8, 64, 2),
    ]
    region.meters += [
        meter("Standard_NX8_Q9_v9", 9.0, place),
        meter("Dsv3_Type1", 4.0, place, productName="Dsv3 Series Dedicated Host"),
        meter("", 0.05, place, meterName="Capacity"),
        surcharge_meter("Standard Training vCPU Surcharge", 0.0, place),
        surcharge_meter("Standard Training GPU Surcharge", 0.0, place),
        surcharge_meter("Standard GPU Surcharge", 0.11, place),
        surcharge_meter("PB vCPU Surcharge", 0.055, place),
    ]
    families = sorted({str(item["family"]) for item in region.sizes if "family" in item})
    region.usages += [usage("cores", 350, 12), usage("lowPriorityCores", 100, 4)]
    region.usages += [usage(name, rng.choice((0, 10, 100, 350))) for name in families]
    region.usages.append(usage("PremiumDiskCount", 50000))
