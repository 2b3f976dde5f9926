"""RunPod's GraphQL endpoint on loopback: answers by what a query asks for, errors as HTTP 200."""

from __future__ import annotations

import random
import re
from typing import Any

from tests.fakes.server import Call, FakeServer, Reply, json_reply
from tests.fakes.snapshot_rows import sold_by

KEY = "rpa_FAKE0123456789abcdefGHIJKL"
# How RunPod names the snapshot's accelerators.
IDS = {
    "A100-80GB-PCIe": ("NVIDIA A100 80GB PCIe", "A100 PCIe", 80),
    "A100-80GB": ("NVIDIA A100-SXM4-80GB", "A100 SXM", 80),
    "A40": ("NVIDIA A40", "A40", 48),
    "B200": ("NVIDIA B200", "B200", 180),
    "H100-80GB": ("NVIDIA H100 80GB HBM3", "H100 SXM", 80),
    "H100-NVL": ("NVIDIA H100 NVL", "H100 NVL", 94),
    "H100-PCIe": ("NVIDIA H100 PCIe", "H100 PCIe", 80),
    "H200": ("NVIDIA H200", "H200 SXM", 141),
    "L4": ("NVIDIA L4", "L4", 24),
    "L40": ("NVIDIA L40", "L40", 48),
    "L40S": ("NVIDIA L40S", "L40S", 48),
    "MI300X": ("AMD Instinct MI300X OAM", "MI300X", 192),
    "RTX-PRO-6000-Server": (
        "NVIDIA RTX PRO 6000 Blackwell Server Edition", "RTX PRO 6000", 96,
    ),
    "RTX3090": ("NVIDIA GeForce RTX 3090", "RTX 3090", 24),
    "RTX4000-Ada": ("NVIDIA RTX 4000 Ada Generation", "RTX 4000 Ada", 20),
    "RTX4090": ("NVIDIA GeForce RTX 4090", "RTX 4090", 24),
    "RTX5090": ("NVIDIA GeForce RTX 5090", "RTX 5090", 32),
    "RTX6000-Ada": ("NVIDIA RTX 6000 Ada Generation", "RTX 6000 Ada", 48),
}  # fmt: skip


def gpu_type(
    gpu_id: str, memory_gb: int, *, vcpus: int = 16, memory: int = 125, **prices: float | None
) -> dict[str, Any]:
    """One of ``gpuTypes`` without what a query's aliases add; prices are of one GPU."""
    plain: dict[str, Any] = {
        "id": gpu_id,
        "displayName": gpu_id.removeprefix("NVIDIA "),
        "memoryInGb": memory_gb,
        "maxGpuCount": 8,
        "maxGpuCountSecureCloud": 8,
        "maxGpuCountCommunityCloud": 8,
        "secureCloud": bool(prices.get("securePrice")),
        "communityCloud": bool(prices.get("communityPrice")),
        "securePrice": 0,
        "secureSpotPrice": None,
        "communityPrice": 0,
        "communitySpotPrice": None,
        "_vcpus": vcpus,
        "_memory": memory,
    }
    return plain | prices


class FakeRunpod(FakeServer):
    def __init__(self) -> None:
        super().__init__()
        self.gpus: list[dict[str, Any]] = []
        self.flavors: list[dict[str, Any]] = []
        self.data_centers = [{"id": "EU-RO-1", "listed": True}, {"id": "US-OLD-1", "listed": False}]
        # GraphQL errors of coming answers, by a word of the query.
        self.errors: dict[str, str] = {}
        self.route("POST", "/graphql", self._graphql)

    @property
    def env(self) -> dict[str, str]:
        return {"PLANNER_ENDPOINT_RUNPOD": self.url, "RUNPOD_API_KEY": KEY}

    def populate(self, regions: list[str], seed: int) -> None:
        """The snapshot's pods. Prices are the same in all regions, so ``regions`` change none."""
        rng = random.Random(seed)
        per_gpu: dict[str, dict[str, float]] = {}
        for sold in sold_by("runpod"):
            part = "secure" if sold.instance_type.endswith("SECURE") else "community"
            for field, usd in (("Price", sold.on_demand), ("SpotPrice", sold.spot)):
                if sold.accelerator and usd:
                    found = per_gpu.setdefault(sold.accelerator, {})
                    found.setdefault(part + field, usd / sold.count * rng.uniform(0.9, 1.1))
        self.gpus = [
            gpu_type(IDS[name][0], IDS[name][2], **prices) | {"displayName": IDS[name][1]}
            for name, prices in per_gpu.items()
        ]
        self.flavors = [
            {"id": name, "minVcpu": 2, "maxVcpu": 32, "ramMultiplier": gib, "_price": usd}
            for name, gib, usd in (("cpu5g", 4, 0.086), ("cpu5m", 8, 0.13))
        ]

    def _graphql(self, call: Call) -> Reply:
        query = call.json()["query"]
        for word, message in self.errors.items():
            if word in query:
                return json_reply({"errors": [{"message": message}], "data": None})
        if "cpuFlavors" in query:
            center = re.search(r'dataCenterId: "([^"]*)"', query)
            return json_reply({"data": {"cpuFlavors": self._flavors(center)}})
        if "gpuTypes" in query:
            aliases = re.findall(
                r"(\w+): lowestPrice\(input: \{gpuCount: (\d+), secureCloud: (true|false)\}\)",
                query,
            )
            gpus = [_answered(gpu, aliases) for gpu in self.gpus]
            return json_reply({"data": {"gpuTypes": gpus, "dataCenters": self.data_centers}})
        return json_reply({"errors": [{"message": "Cannot query that"}]}, 400)

    def _flavors(self, center: re.Match[str] | None) -> list[dict[str, Any]]:
        listed = center is not None and center[1] == "EU-RO-1"
        return [
            {key: value for key, value in flavor.items() if not key.startswith("_")}
            | {
                "specifics": {
                    "stockStatus": "High" if listed else None,
                    "securePrice": flavor["_price"] if listed else None,
                }
            }
            for flavor in self.flavors
        ]


def _answered(gpu: dict[str, Any], aliases: list[tuple[str, str, str]]) -> dict[str, Any]:
    lowest: dict[str, Any] = {}
    for alias, count, secure in aliases:
        sold = gpu.get("secureCloud" if secure == "true" else "communityCloud")
        lowest[alias] = {
            "minVcpu": gpu.get("_vcpus", 16) * int(count) if sold else None,
            "minMemory": gpu.get("_memory", 125) * int(count) if sold else None,
            "stockStatus": "Low" if sold and int(count) < 8 else None,
        }
    return {key: value for key, value in gpu.items() if not key.startswith("_")} | lowest
