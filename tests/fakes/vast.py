"""Vast's search on loopback: a market of hosts, filtered and limited as the query asks."""

from __future__ import annotations

import random
from typing import Any

from tests.fakes.server import Call, FakeServer, Reply, json_reply

KEY = "fakevast0123456789abcdef0123456789"
# GPU, MiB of one, USD per GPU-hour
GPUS = (
    ("H100 SXM", 81559, 2.1),
    ("A100 SXM4", 81920, 0.9),
    ("A100 PCIE", 40960, 0.6),
    ("RTX 4090", 24564, 0.33),
    ("RTX 3090", 24576, 0.15),
    ("RTX 6000Ada", 49140, 0.55),
    ("L40S", 46068, 0.6),
    ("Tesla V100", 16384, 0.12),
)
PLACES = {"US": "California, US", "NO": "Norway, NO", "DE": "Germany, DE", "CA": "Quebec, CA"}


def offer(
    gpu_name: str,
    num_gpus: int,
    usd: float | None,
    *,
    gpu_ram: float | None = 24564,
    geolocation: str | None = "California, US",
    min_bid: float | None = None,
    cores: tuple[float | None, float | None] = (64, 128),
    cpu_ram: float | None = 515_000,
    **more: Any,
) -> dict[str, Any]:
    """One offer; ``cores`` are the offer's own and the host's, ``cpu_ram`` the host's MiB."""
    return {
        "id": 1,
        "gpu_name": gpu_name,
        "num_gpus": num_gpus,
        "gpu_ram": gpu_ram,
        "cpu_cores_effective": cores[0],
        "cpu_cores": cores[1],
        "cpu_ram": cpu_ram,
        "dph_base": usd,
        "dph_total": usd and usd * 1.03,
        "min_bid": min_bid,
        "storage_cost": 0.15,
        "reliability2": 0.99,
        "verification": "verified",
        "geolocation": geolocation,
    } | more


class FakeVast(FakeServer):
    def __init__(self) -> None:
        super().__init__()
        self.offers: list[dict[str, Any]] = []
        self.route("POST", "/api/v0/bundles/", self._bundles)

    @property
    def env(self) -> dict[str, str]:
        return {"PLANNER_ENDPOINT_VAST": self.url, "VAST_API_KEY": KEY}

    def populate(self, regions: list[str], seed: int) -> None:
        """Some hundred offers in ``regions`` (country codes; four countries without them)."""
        rng = random.Random(seed)
        places = [
            PLACES.get(region, f"Somewhere, {region}") for region in regions if region != "all"
        ]
        places = places or list(PLACES.values())
        self.offers = []
        for gpu, mib, usd_per_gpu in GPUS:
            for place in places:
                for count in (1, 1, 1, 2, 4, 8):
                    usd = usd_per_gpu * count * rng.uniform(0.8, 1.6)
                    self.offers.append(
                        offer(gpu, count, usd, gpu_ram=mib, geolocation=place, min_bid=usd / 2,
                              cores=(count * 8, 64))
                    )  # fmt: skip

    def _bundles(self, call: Call) -> Reply:
        search = call.json()
        found = [
            one
            for one in self.offers
            if (one["reliability2"] or 0) >= search["reliability2"]["gte"]
            and one["verification"] == "verified"
        ]
        return json_reply({"offers": found[: search["limit"]]})
