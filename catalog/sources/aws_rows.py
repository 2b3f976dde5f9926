"""AWS answers as catalog rows: pure functions on the dicts that boto3 returns.

Any field may be absent: boto3 drops what it does not know and omits what was not sent.
A row that cannot be trusted raises ``Unusable`` with the reason and becomes a reject.
"""

from __future__ import annotations

import json
import re
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from catalog.sources.base import Reject

Raw = Mapping[str, Any]
# EC2 bills Linux by the second, at least a minute.
BILLING = {"billing_increment_s": 1, "minimum_s": 60}


class Unusable(Exception):
    """Why a raw row becomes a reject; ``what`` is the instance type where it is known."""

    def __init__(self, reason: str, what: str = "?") -> None:
        self.reason, self.what = reason, what
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class Device:
    """How EC2 names a device: its name, our name, the memory of a whole one in MiB.

    ``memory_mib`` is None where the API is known to report it wrongly.
    """

    api_name: str
    accelerator: str
    memory_mib: int | None


GPUS = (
    Device("K80", "K80", 12288),
    Device("M60", "M60", 8192),
    Device("V100", "V100-16GB", 16384),
    Device("V100", "V100-32GB", 32768),
    Device("T4", "T4", 16384),
    Device("T4g", "T4G", 16384),
    Device("A10G", "A10G", 22888),
    Device("L4", "L4", 22888),
    Device("L40S", "L40S", 45776),
    Device("A100", "A100-40GB", 40960),
    Device("A100", "A100-80GB", 81920),
    Device("H100", "H100-80GB", 81920),
    Device("H200", "H200", 144384),
    Device("B200", "B200", 183359),
    Device("B300", "B300", 275040),
    Device("GB200", "GB200", 189471),
    Device("GB300", "GB300", 284672),
    Device("RTX PRO 4500", "RTX-PRO-4500-Server", 32768),
    Device("RTX PRO Server 6000", "RTX-PRO-6000-Server", 98304),
    Device("Radeon Pro V520", "Radeon-V520", 8192),
    Device("Gaudi HL-205", "Gaudi", 32768),
)
NEURON = (
    Device("Inferentia", "Inferentia1", 8192),
    Device("Inferentia2", "Inferentia2", 32768),
    Device("Trainium", "Trainium1", 32768),
    Device("Trainium2", "Trainium2", None),  # 512 GiB is reported for a device of 96
    Device("Trainium3", "Trainium3", None),
)
INFERENCE = (Device("Qualcomm AI100", "Cloud-AI-100", None), *NEURON)
FPGAS = (
    Device("Virtex UltraScale (VU9P)", "FPGA-VU9P", None),
    Device("Virtex UltraScale+ (VU9P)", "FPGA-VU9P", None),
    Device("Virtex UltraScale+ (VU47P)", "FPGA-VU47P", None),
)
MEDIA = (Device("U30", "FPGA-Alveo-U30", None),)
# Families whose GPU the API has called just 'NVIDIA'.
UNNAMED = {"p5e": "H200", "p5en": "H200"}
# A device's memory may differ by this share from ours before it counts as another device.
MEMORY_TOLERANCE = 0.06
# Vendors slice a GPU into eighths at the finest.
FINEST_SLICE = 1 / 8


def offer_row(raw: Raw, region: str) -> dict[str, Any]:
    """One ``InstanceTypes`` item as a row of ``offers``. Raises Unusable."""
    name = raw.get("InstanceType")
    vcpus = raw.get("VCpuInfo", {}).get("DefaultVCpus")
    memory_mib = raw.get("MemoryInfo", {}).get("SizeInMiB")
    if not name or not vcpus or not memory_mib:
        raise Unusable("vCPUs or memory not stated")
    accelerator, count = accelerator_of(raw)
    network = raw.get("NetworkInfo", {})
    return {
        "cloud": "aws",
        "region": region,
        "zone": "",
        "instance_type": name,
        "vcpus": vcpus,
        "memory_gib": round(memory_mib / 1024, 3),
        "accelerator": accelerator,
        "accelerator_count": count,
        "hosts": 1,
        "network_gbps": _bandwidth(network.get("NetworkCards", ())),
        "rdma_gbps": _rdma_bandwidth(network),
    }


def accelerator_of(raw: Raw) -> tuple[str, float | None]:
    """Canonical accelerator name and count of an instance type; ``("", None)`` for CPU only.

    Neuron devices of older families are listed a second time as inference accelerators, so that
    list is read only where there is no other. Raises Unusable for a device without facts.
    """
    family = str(raw.get("InstanceType", "")).partition(".")[0]
    parts = (
        (raw.get("GpuInfo", {}).get("Gpus", ()), GPUS),
        (raw.get("NeuronInfo", {}).get("NeuronDevices", ()), NEURON),
        (raw.get("InferenceAcceleratorInfo", {}).get("Accelerators", ()), INFERENCE),
        (raw.get("FpgaInfo", {}).get("Fpgas", ()), FPGAS),
        (raw.get("MediaAcceleratorInfo", {}).get("Accelerators", ()), MEDIA),
    )
    for listed, known in parts:
        if listed:
            found = [_device(item, known, family) for item in listed]
            names = {name for name, _ in found}
            if len(names) > 1:
                raise Unusable(f"several kinds of accelerator: {', '.join(sorted(names))}")
            return names.pop(), sum(count for _, count in found)
    return "", None


def _device(item: Raw, known: tuple[Device, ...], family: str) -> tuple[str, float]:
    api_name = str(item.get("Name") or "")
    if api_name in ("", str(item.get("Manufacturer"))):
        api_name = UNNAMED.get(family, api_name)
    same_name = [device for device in known if device.api_name == api_name]
    if not same_name:
        raise Unusable(f"no facts about accelerator {api_name!r}")
    count = float(item.get("Count") or 0)
    memory = item.get("MemoryInfo", {}).get("SizeInMiB")
    for device in same_name:
        if (
            not memory
            or device.memory_mib is None
            or abs(memory / device.memory_mib - 1) <= MEMORY_TOLERANCE
        ):
            if count <= 0:
                raise Unusable(f"{api_name} without a count")
            return device.accelerator, count
    return _slice_of_device(item, same_name, count)


def _slice_of_device(item: Raw, whole: list[Device], count: float) -> tuple[str, float]:
    """A part of a GPU: the API counts it as 0 or 1 and gives the memory of the part."""
    memory = item["MemoryInfo"]["SizeInMiB"]
    device = whole[0]
    share = memory / device.memory_mib if device.memory_mib else 0.0
    eighths = round(share / FINEST_SLICE)
    if len(whole) > 1 or not 1 <= eighths < 8 or abs(share / FINEST_SLICE - eighths) > 0.1:
        raise Unusable(f"no facts about {device.api_name} with {memory} MiB")
    return device.accelerator, max(count, 1.0) * eighths * FINEST_SLICE


def _bandwidth(cards: Iterable[Raw]) -> float | None:
    """Sustained Gbit/s of all cards; the 'NetworkPerformance' prose is no number."""
    known = [card["BaselineBandwidthInGbps"] for card in cards if "BaselineBandwidthInGbps" in card]
    return float(sum(known)) if known else None


def _rdma_bandwidth(network: Raw) -> float | None:
    """Gbit/s of the cards that carry EFA; they share it with Ethernet."""
    if not network.get("EfaSupported"):
        return None
    cards = network.get("NetworkCards", ())
    efa = [card for card in cards if "efa" in card.get("InterfaceTypes", ("efa",))]
    most = network.get("EfaInfo", {}).get("MaximumEfaInterfaces") or len(efa)
    return _bandwidth(efa[:most])


def on_demand_price(text: str) -> tuple[str, float]:
    """Instance type and USD per hour of one ``PriceList`` item (a JSON string). Raises Unusable.

    The request filters on the same attributes. They are looked at again, because a capacity
    block of eight H200 that slips through is listed at $0.
    """
    try:
        document = json.loads(text)
        attributes = document["product"]["attributes"]
        terms = document["terms"]["OnDemand"].values()
        dimensions = [d for term in terms for d in term["priceDimensions"].values()]
        name = attributes["instanceType"]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Unusable(f"price list item of another shape ({type(error).__name__})") from error
    for field, wanted in PRICE_FILTERS.items():
        found = attributes.get(field, wanted)
        if found != wanted:
            raise Unusable(f"{field} is {found}, not {wanted}", name)
    if attributes.get("operation", "RunInstances") != "RunInstances":
        raise Unusable(f"licence included (operation {attributes['operation']})", name)
    if len(dimensions) != 1:
        raise Unusable(f"{len(dimensions)} price dimensions", name)
    unit, prices = dimensions[0].get("unit"), dimensions[0].get("pricePerUnit", {})
    if unit != "Hrs" or "USD" not in prices:
        raise Unusable(f"priced per {unit} in {', '.join(prices) or 'no currency'}", name)
    try:
        usd_per_hour = float(prices["USD"])
    except (TypeError, ValueError):
        raise Unusable("price is not a number", name) from None
    if usd_per_hour == 0:
        raise Unusable("price is $0 (a capacity reservation or block, not a price)", name)
    return str(name), usd_per_hour


# Linux on shared hardware, no licence, on demand: pricing.GetProducts attribute values.
PRICE_FILTERS = {
    "operatingSystem": "Linux",
    "tenancy": "Shared",
    "preInstalledSw": "NA",
    "capacitystatus": "Used",
    "marketoption": "OnDemand",
}


def on_demand_prices(items: Iterable[str]) -> tuple[dict[str, float], list[Reject]]:
    """USD per hour by instance type; an instance type with two prices is rejected."""
    prices: dict[str, set[float]] = {}
    rejects = []
    for text in items:
        try:
            name, usd_per_hour = on_demand_price(text)
        except Unusable as error:
            rejects.append(Reject(error.what, error.reason))
        else:
            prices.setdefault(name, set()).add(usd_per_hour)
    for name, found in prices.items():
        if len(found) > 1:
            listed = " and ".join(f"${price:g}" for price in sorted(found))
            rejects.append(Reject(name, f"listed at {listed}"))
    return {name: found.pop() for name, found in prices.items() if len(found) == 1}, rejects


def spot_prices(history: Iterable[Raw]) -> tuple[dict[str, float], list[Reject]]:
    """USD per hour by instance type: the median over zones of each zone's newest price.

    The history may hold older prices too; the lowest of them is not what anyone pays now.
    """
    newest: dict[tuple[str, str], Raw] = {}
    rejects = []
    for item in history:
        name = str(item.get("InstanceType", "?"))
        if item.get("Timestamp") is None or not item.get("AvailabilityZone"):
            rejects.append(Reject(name, "spot price without a time or zone"))
            continue
        key = name, item["AvailabilityZone"]
        if key not in newest or item["Timestamp"] > newest[key]["Timestamp"]:
            newest[key] = item
    by_type: dict[str, list[float]] = {}
    for (name, zone), item in newest.items():
        try:
            by_type.setdefault(name, []).append(float(item["SpotPrice"]))
        except (KeyError, TypeError, ValueError):
            rejects.append(Reject(name, f"spot price in {zone} is not a number"))
    return {name: statistics.median(found) for name, found in by_type.items() if found}, rejects


def option_row(name: str, region: str, kind: str, usd_per_hour: float) -> dict[str, Any]:
    """One row of ``purchase_options``."""
    return {
        "cloud": "aws",
        "region": region,
        "zone": "",
        "instance_type": name,
        "kind": kind,
        "usd_per_hour": usd_per_hour,
        "quota_class": f"aws/{quota_family(name)} {kind.replace('_', '-')}",
        **BILLING,
        # A spot price is what it was at the time of asking.
        "confidence": "volatile" if kind == "spot" else "document",
    }


def quota_family(instance_type: str) -> str:
    """The vCPU quota an instance type draws on, as EC2 groups them."""
    letters = re.match(r"u-|[a-z]+", instance_type)
    family = letters.group() if letters else ""
    named = {
        "p": "P", "dl": "DL", "f": "F", "inf": "Inf", "trn": "Trn", "x": "X",
        "g": "G and VT", "gr": "G and VT", "vt": "G and VT",
        "hpc": "HPC", "u": "High Memory", "u-": "High Memory",
    }  # fmt: skip
    return named.get(family, "Standard")
