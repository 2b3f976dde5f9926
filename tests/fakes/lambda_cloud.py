"""Lambda's API on loopback: instance types as the snapshot knows them, prices a little moved."""

from __future__ import annotations

import random
from typing import Any

from tests.fakes.server import Call, FakeServer, Reply, json_reply
from tests.fakes.snapshot_rows import Sold, sold_by

KEY = "secret_fake_4f1d2c3b5a697887.AbCdEfGhIjKlMnOp"
DESCRIPTIONS = {
    "A10": "A10 (24 GB PCIe)",
    "A100-40GB": "A100 (40 GB SXM4)",
    "A100-40GB-PCIe": "A100 (40 GB PCIe)",
    "A100-80GB": "A100 (80 GB SXM4)",
    "RTX-A6000": "A6000 (48 GB)",
    "B200": "B200 (180 GB SXM6)",
    "GH200": "GH200 (96 GB)",
    "H100-PCIe": "H100 (80 GB PCIe)",
    "H100-80GB": "H100 (80 GB SXM5)",
    "RTX6000-Turing": "Quadro RTX 6000 (24 GB)",
    "V100-16GB": "Tesla V100 (16 GB)",
}


def entry(
    name: str,
    gpu_description: str,
    gpus: int,
    cents: object,
    *,
    free_in: tuple[str, ...] = (),
    vcpus: float = 208,
    memory_gib: float = 1800,
) -> dict[str, Any]:
    """One entry of ``data`` as the API words it."""
    return {
        "instance_type": {
            "name": name,
            "description": f"{gpus}x {gpu_description}" if gpus else "general purpose",
            "gpu_description": gpu_description or "N/A",
            "price_cents_per_hour": cents,
            "specs": {
                "vcpus": vcpus,
                "memory_gib": memory_gib,
                "storage_gib": 512,
                "gpus": gpus,
            },
        },
        "regions_with_capacity_available": [
            {"name": region, "description": region.title()} for region in free_in
        ],
    }


class FakeLambda(FakeServer):
    def __init__(self) -> None:
        super().__init__()
        self.types: dict[str, dict[str, Any]] = {}
        self.route("GET", "/api/v1/instance-types", self._instance_types)

    @property
    def env(self) -> dict[str, str]:
        return {"PLANNER_ENDPOINT_LAMBDA": self.url, "LAMBDA_API_KEY": KEY}

    def populate(self, regions: list[str], seed: int) -> None:
        """All types of the snapshot; what is free now is drawn from ``regions``."""
        rng = random.Random(seed)
        self.types = {sold.instance_type: self._entry(sold, regions, rng) for sold in _types()}

    def _entry(self, sold: Sold, regions: list[str], rng: random.Random) -> dict[str, Any]:
        assert sold.on_demand is not None
        free = tuple(region for region in regions if rng.random() < 0.3)
        return entry(
            sold.instance_type,
            DESCRIPTIONS.get(sold.accelerator, ""),
            int(sold.count),
            round(sold.on_demand * 100 * rng.uniform(0.9, 1.1)),
            free_in=free,
            vcpus=sold.vcpus or 0,
            memory_gib=sold.memory_gib or 0,
        )

    def _instance_types(self, call: Call) -> Reply:
        if call.headers.get("authorization") != f"Bearer {KEY}":
            said = {"code": "global/invalid-api-key", "message": "API key was invalid, expired"}
            return json_reply({"error": said}, 401)
        return json_reply({"data": self.types})


def _types() -> tuple[Sold, ...]:
    return sold_by("lambda")
