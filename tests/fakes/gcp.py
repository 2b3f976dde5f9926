"""A small Google Cloud on loopback: compute, billing and TPU REST APIs for the real clients.

Small by hand for tests (``machine``, ``sku``), or whole with ``populate`` (``gcp_world``).
"""

from __future__ import annotations

import hashlib
import re
import urllib.parse
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tests.fakes.server import Call, FakeServer, Fault, Reply, json_reply

PROJECT = "fake-project"
COMPUTE = "6F81-5844-456A"
OLD_TPU = "E000-3F24-B8AA"
VERTEX = "C7E2-9256-1C43"
AGGREGATED = f"/compute/v1/projects/{PROJECT}/aggregated"
Document = dict[str, Any]


def machine(
    name: str,
    vcpus: int,
    memory_gib: float,
    gpu: str = "",
    count: int = 0,
    *,
    partitions: int = 0,
    **fields: Any,
) -> Document:
    """A machineTypes item without its zone."""
    raw: Document = {
        "kind": "compute#machineType",
        "id": "1",
        "name": name,
        "guestCpus": vcpus,
        "memoryMb": round(memory_gib * 1024),
        "isSharedCpu": False,
        **fields,
    }
    if gpu:
        raw["accelerators"] = [{"guestAcceleratorType": gpu, "guestAcceleratorCount": count}]
    if partitions:
        raw["bundledLocalSsds"] = {"defaultInterface": "NVME", "partitionCount": partitions}
    return raw


def sku(
    description: str,
    usd: float,
    *,
    usage: str = "OnDemand",
    group: str = "CPU",
    unit: str = "h",
    regions: Sequence[str] = ("us-central1",),
    family: str = "Compute",
    tiers: Sequence[tuple[float, float]] | None = None,
    effective: str = "2026-11-01T00:00:00Z",
    currency: str = "USD",
) -> Document:
    """A billing SKU; ``tiers`` are start amounts and USD, by default all from 0."""

    def rate(start: float, amount: float) -> Document:
        units = int(amount)
        nanos = round((amount - units) * 1e9)
        price: Document = {"currencyCode": currency, "units": str(units), "nanos": nanos}
        return {"startUsageAmount": start, "unitPrice": price}

    said = repr((description, usage, tuple(regions)))
    identity = hashlib.sha256(said.encode()).hexdigest()[:12].upper()
    return {
        "name": f"services/x/skus/{identity}",
        "skuId": "-".join(identity[i : i + 4] for i in (0, 4, 8)),
        "description": description,
        "category": {
            "serviceDisplayName": "Compute Engine",
            "resourceFamily": family,
            "resourceGroup": group,
            "usageType": usage,
        },
        "serviceRegions": list(regions),
        "pricingInfo": [
            {
                "summary": "",
                "effectiveTime": effective,
                "currencyConversionRate": 1.0,
                "pricingExpression": {
                    "usageUnit": unit,
                    "displayQuantity": 1,
                    "tieredRates": [rate(*tier) for tier in tiers or [(0, usd)]],
                },
            }
        ],
        "serviceProviderName": "Google",
    }


def refusal(status: int, reason: str, message: str = "said the fake") -> Fault:
    """An error as Compute Engine words it."""
    body = {"code": status, "message": message, "errors": [{"reason": reason, "message": message}]}
    reply = json_reply({"error": body}, status)
    return Fault.status(status, reply.body, content_type="application/json")


class FakeGcp(FakeServer):
    """Machine types and cards by zone, SKUs by service, TPU types by zone, quotas by region."""

    def __init__(self, *, zones_per_page: int = 2, skus_per_page: int = 3) -> None:
        super().__init__()
        self.zones_per_page, self.skus_per_page = zones_per_page, skus_per_page
        self.machines: dict[str, list[Document]] = {}
        self.cards: dict[str, dict[str, int]] = {}
        self.skus: dict[str, list[Document]] = {COMPUTE: [], OLD_TPU: []}
        self.services = {
            "Compute Engine": COMPUTE,
            "Cloud TPU": OLD_TPU,
            "Vertex AI": VERTEX,
        }
        self.tpu_types: dict[str, dict[str, str]] = {}
        self.quotas: dict[str, list[Document]] = {}
        # Added to the last page of machine types.
        self.last_page: Document = {}

    @property
    def env(self) -> dict[str, str]:
        return {
            "PLANNER_ENDPOINT_GCP": self.url,
            "PLANNER_ENDPOINT_VERTEX_AI": self.url,
            "GOOGLE_CLOUD_PROJECT": PROJECT,
        }

    def populate(self, regions: list[str], seed: int) -> None:
        from tests.fakes.gcp_world import fill

        fill(self, regions, seed)

    def count(self, part: str) -> int:
        return sum(part in call.path for call in self.calls)

    def answer(self, call: Call) -> Reply:
        for pattern, handler in _HANDLERS.items():
            if call.method == "GET" and (found := re.fullmatch(pattern, call.path)):
                words = [urllib.parse.unquote(word) for word in found.groups()]
                return json_reply(handler(self, call.query, *words))
        return super().answer(call)

    def _aggregated(
        self, query: Mapping[str, str], key: str, lists: Mapping[str, list[Document]]
    ) -> Document:
        start, zones = int(query.get("pageToken") or 0), sorted(lists)
        items: Document = {
            f"zones/{zone}": {key: [{**raw, "zone": zone} for raw in lists[zone]]}
            for zone in zones[start : start + self.zones_per_page]
        }
        items["regions/us-central1"] = {
            "warning": {"code": "NO_RESULTS_ON_PAGE", "message": "no results for the scope"}
        }
        page: Document = {"kind": "compute#list", "id": "x", "items": items}
        if start + self.zones_per_page < len(zones):
            page["nextPageToken"] = str(start + self.zones_per_page)
        elif key == "machineTypes":
            page |= self.last_page
        return page

    def machine_types(self, query: Mapping[str, str]) -> Document:
        return self._aggregated(query, "machineTypes", self.machines)

    def accelerator_types(self, query: Mapping[str, str]) -> Document:
        lists = {
            zone: [{"name": name, "maximumCardsPerInstance": most} for name, most in cards.items()]
            for zone, cards in self.cards.items()
        }
        return self._aggregated(query, "acceleratorTypes", lists)

    def region(self, _query: Mapping[str, str], name: str) -> Document:
        return {"kind": "compute#region", "name": name, "quotas": self.quotas.get(name, [])}

    def list_services(self, query: Mapping[str, str]) -> Document:
        return self._paged(
            query,
            "services",
            [
                {"name": f"services/{identity}", "serviceId": identity, "displayName": title}
                for title, identity in self.services.items()
            ],
            2,
        )

    def list_skus(self, query: Mapping[str, str], service: str) -> Document:
        return self._paged(query, "skus", self.skus.get(service, []), self.skus_per_page)

    def locations(self, query: Mapping[str, str]) -> Document:
        found = [
            {"locationId": zone, "name": f"projects/x/locations/{zone}"} for zone in self.tpu_types
        ]
        return self._paged(query, "locations", found, 50)

    def tpu_list(self, query: Mapping[str, str], zone: str) -> Document:
        found = [
            {"name": f"x/{name}", "type": name, "acceleratorConfigs": [{"topology": topology}]}
            for name, topology in self.tpu_types.get(zone, {}).items()
        ]
        return self._paged(query, "acceleratorTypes", found, 100)

    @staticmethod
    def _paged(query: Mapping[str, str], key: str, items: list[Document], size: int) -> Document:
        start = int(query.get("pageToken") or 0)
        end = start + size
        return {key: items[start:end], "nextPageToken": str(end) if end < len(items) else ""}


_HANDLERS: dict[str, Callable[..., Document]] = {
    rf"{AGGREGATED}/machineTypes": FakeGcp.machine_types,
    rf"{AGGREGATED}/acceleratorTypes": FakeGcp.accelerator_types,
    rf"/compute/v1/projects/{PROJECT}/regions/([\w-]+)": FakeGcp.region,
    r"/v1/services": FakeGcp.list_services,
    r"/v1/services/([\w-]+)/skus": FakeGcp.list_skus,
    rf"/v2/projects/{PROJECT}/locations": FakeGcp.locations,
    rf"/v2/projects/{PROJECT}/locations/([\w-]+)/acceleratorTypes": FakeGcp.tpu_list,
}
