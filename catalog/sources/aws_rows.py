"""AWS answers as catalog rows: pure functions on the dicts that boto3 returns.

Any field may be absent: boto3 drops what it does not know and omits what was not sent.
A row that cannot be trusted raises ``Unusable`` with the reason and becomes a reject.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from catalog.sources.aws_devices import Raw, Unusable, accelerator_of

# EC2 bills Linux by the second, at least a minute.
BILLING = {"billing_increment_s": 1, "minimum_s": 60}
# Usage class of the API by our purchase kind; a commitment is a discount on on-demand use.
USAGE_CLASS = {"on_demand": "on-demand", "spot": "spot", "capacity_block": "capacity-block"}


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


def usage_classes(raw: Raw) -> frozenset[str] | None:
    """How the type may be used (on-demand, spot, capacity-block); None where not stated."""
    stated = raw.get("SupportedUsageClasses")
    return frozenset(stated) if stated else None


def option_row(name: str, region: str, kind: str, usd_per_hour: float) -> dict[str, Any]:
    """One row of ``purchase_options`` without a commitment."""
    return {
        "cloud": "aws",
        "region": region,
        "zone": "",
        "instance_type": name,
        "kind": kind,
        "usd_per_hour": usd_per_hour,
        "quota_class": quota_class(name, kind),
        **BILLING,
        # A spot price is what it was at the time of asking.
        "confidence": "volatile" if kind == "spot" else "document",
    }


def quota_class(name: str, kind: str) -> str:
    """The quota a purchase draws on: commitments run as on-demand, blocks have none of these."""
    if kind == "capacity_block":
        return ""
    return f"aws/{quota_family(name)} {'spot' if kind == 'spot' else 'on-demand'}"


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


def is_zone_of(zone: str, region: str) -> bool:
    """Whether a zone is one of the region's own: local and wavelength zones have longer names."""
    return re.fullmatch(re.escape(region) + "[a-z]", zone) is not None


def zones_sold(offerings: Iterable[Raw], region: str) -> tuple[dict[str, int], int]:
    """In how many of the region's zones each instance type is offered, and how many zones it has.

    Zones are counted, not named: each account has the same names in another order. A type that
    only local or wavelength zones offer counts 0.
    """
    found: dict[str, set[str]] = {}
    zones: set[str] = set()
    for item in offerings:
        name, zone = item.get("InstanceType"), str(item.get("Location") or "")
        if not name:
            continue
        own = found.setdefault(str(name), set())
        if is_zone_of(zone, region):
            own.add(zone)
            zones.add(zone)
    return {name: len(own) for name, own in found.items()}, len(zones)


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
