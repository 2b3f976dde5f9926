"""What Google's list calls answer, as plain facts: SKUs, machine types, cards, TPU types.

Messages are read as plain protobuf; fields that a newer API adds are ignored, and what it drops
reads as 0 or empty, which the rows' checks reject.
"""

from __future__ import annotations

import re
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from catalog.sources.base import FetchFailed, Reject, check_deadline
from catalog.sources.gcp_client import GoogleClients
from catalog.sources.gcp_machines import MachineType, normalised
from catalog.sources.gcp_skus import Sku

SKU_PAGE = 5000
PAGE = 500
CURRENCY = "USD"


def list_skus(clients: GoogleClients, service: str, deadline: float) -> list[Sku]:
    """All SKUs of a billing service (``services/ID``), every page. Raises FetchFailed."""
    client = clients.billing(deadline)
    request = {"parent": service, "currency_code": CURRENCY, "page_size": SKU_PAGE}
    now = time.time()
    return [
        sku_of(raw, now)
        for page in clients.pages("billing", deadline, client.list_skus, request=request)
        for raw in page.skus
    ]


def sku_of(raw: Any, now: float) -> Sku:
    """One billing SKU with the price in force at ``now`` (seconds since 1970)."""
    unit, usd, problem = _price(raw, now)
    return Sku(
        raw.sku_id,
        raw.description,
        raw.category.usage_type,
        tuple(raw.service_regions),
        unit,
        usd,
        problem,
    )


def _price(raw: Any, now: float) -> tuple[str, float | None, str]:
    """Unit, USD per unit and what is wrong. The first paid tier counts: a first one may be free.

    Later tiers are rebates for amounts of use that nobody can know here.
    """
    if not raw.pricing_info:
        return "", None, "no price is listed"
    in_force = [info for info in raw.pricing_info if info.effective_time.seconds <= now]
    if not in_force:
        return "", None, "its price is not in force yet"
    latest = max(in_force, key=lambda info: info.effective_time.seconds)
    expression = latest.pricing_expression
    for tier in sorted(expression.tiered_rates, key=lambda tier: tier.start_usage_amount):
        price = tier.unit_price
        if price.currency_code not in ("", CURRENCY):
            return expression.usage_unit, None, f"priced in {price.currency_code}"
        usd = price.units + price.nanos / 1e9
        if usd:
            return expression.usage_unit, usd, "" if usd > 0 else "price is negative"
    return expression.usage_unit, None, ""


@dataclass(slots=True)
class RegionTypes:
    """What one region's zones offer, and what of it could not be read."""

    machines: dict[str, MachineType] = field(default_factory=dict)
    # Zone: accelerator: most cards of one instance.
    cards: dict[str, dict[str, int]] = field(default_factory=dict)
    zones: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class AllTypes:
    """Machine types and attachable cards by region; ``unreached`` scopes with the reason."""

    regions: Mapping[str, RegionTypes]
    unreached: Mapping[str, str]

    def rejects(self, region: str) -> list[Reject]:
        """What is missing of a region's answer. A scope without a region concerns all."""
        return [
            Reject(scope, reason)
            for scope, reason in sorted(self.unreached.items())
            if "/" not in scope or region_of(scope.rpartition("/")[2]) == region
        ]


def region_of(zone: str) -> str:
    return zone.rpartition("-")[0]


def list_types(clients: GoogleClients, deadline: float) -> AllTypes:
    """Machine types and accelerator cards of every zone. Raises FetchFailed."""
    regions: defaultdict[str, RegionTypes] = defaultdict(RegionTypes)
    unreached: dict[str, str] = {}
    for zone, scope in _scopes(clients, "MachineTypes", deadline, unreached):
        for raw in scope.machine_types:
            _add_machine(regions[region_of(zone)], zone, raw)
    for zone, scope in _scopes(clients, "AcceleratorTypes", deadline, unreached):
        cards = {t.name: t.maximum_cards_per_instance for t in scope.accelerator_types}
        regions[region_of(zone)].cards.setdefault(zone, {}).update(cards)
    return AllTypes(dict(regions), unreached)


def _scopes(
    clients: GoogleClients, kind: str, deadline: float, unreached: dict[str, str]
) -> Iterable[tuple[str, Any]]:
    request = {"project": clients.project(deadline), "max_results": PAGE}
    method = clients.compute(kind, deadline).aggregated_list
    for page in clients.pages("compute", deadline, method, request=request):
        for name in page.unreachables:
            unreached[name] = f"Google did not reach it while listing {kind}"
        if page.warning.code and not page.unreachables:
            unreached[kind] = f"the list came with the warning {page.warning.code}"
        for name, scope in page.items.items():
            code = scope.warning.code
            if code and code != "NO_RESULTS_ON_PAGE":
                unreached[name] = f"listed with the warning {code}"
            if name.startswith("zones/"):
                yield name.removeprefix("zones/"), scope


def _add_machine(region: RegionTypes, zone: str, raw: Any) -> None:
    region.zones.add(zone)
    known = region.machines.get(raw.name)
    zones = frozenset({zone}) | (known.zones if known else frozenset())
    kinds = {card.guest_accelerator_type for card in raw.accelerators}
    region.machines[raw.name] = normalised(
        MachineType(
            name=raw.name,
            zones=zones,
            vcpus=float(raw.guest_cpus),
            memory_gib=raw.memory_mb / 1024,
            gpu="+".join(sorted(kinds)),
            gpu_count=float(sum(card.guest_accelerator_count for card in raw.accelerators)),
            ssd_partitions=raw.bundled_local_ssds.partition_count or _described(raw.description),
            state=raw.deprecated.state,
        )
    )


@dataclass(frozen=True, slots=True)
class TpuTypes:
    """TPU types with their topologies, and the zones whose list did not come."""

    topologies: Mapping[str, tuple[str, ...]]
    rejects: tuple[Reject, ...]


def list_tpu_types(clients: GoogleClients, zones: Iterable[str], deadline: float) -> TpuTypes:
    """TPU types of the zones. Raises FetchFailed when the time is up."""
    found: dict[str, tuple[str, ...]] = {}
    rejects: list[Reject] = []
    client = clients.tpu(deadline)
    project = clients.project(deadline)
    for zone in sorted(zones):
        request = {"parent": f"projects/{project}/locations/{zone}"}
        try:
            pages = list(
                clients.pages("tpu", deadline, client.list_accelerator_types, request=request)
            )
        except FetchFailed as failure:
            check_deadline(deadline, "reading from Google's tpu API")
            rejects.append(Reject(f"TPU slices of {zone}", f"{failure.problem}; {failure.remedy}"))
            continue
        for page in pages:
            for raw in page.accelerator_types:
                shapes = tuple(config.topology for config in raw.accelerator_configs)
                found[raw.type_] = tuple(dict.fromkeys((*found.get(raw.type_, ()), *shapes)))
    return TpuTypes(found, tuple(rejects))


def _described(description: str) -> int:
    """Local SSDs that only a description names, as in "4 vCPUs, 16 GB RAM, 1 local SSD"."""
    found = re.search(r"(\d+) local ssds?\b", description, re.IGNORECASE)
    return int(found.group(1)) if found else 0


def list_tpu_zones(clients: GoogleClients, deadline: float) -> frozenset[str]:
    """Zones in which the project may use TPUs. Raises FetchFailed."""
    from google.cloud.location import locations_pb2

    client = clients.tpu(deadline)
    name = f"projects/{clients.project(deadline)}"
    zones: set[str] = set()
    token = ""
    while True:
        request = locations_pb2.ListLocationsRequest(name=name, page_token=token)
        page = clients.call("tpu", deadline, client.list_locations, request=request)
        zones |= {location.location_id for location in page.locations}
        token = page.next_page_token
        if not token:
            return frozenset(zones)
