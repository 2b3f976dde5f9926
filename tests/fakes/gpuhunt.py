"""gpuhunt's hosted catalog on loopback: version pointers and zip archives of the snapshot."""

from __future__ import annotations

import io
import random
import re
import zipfile
from typing import Any

from tests.fakes.server import Call, FakeServer, Reply, etag_reply, text_reply
from tests.fakes.skypilot import csv_text
from tests.fakes.snapshot_rows import Sold, sold_by

COLUMNS = (
    "instance_name", "location", "price", "cpu", "memory", "gpu_count", "gpu_name", "gpu_memory",
    "spot", "disk_size", "gpu_vendor", "flags",
)  # fmt: skip
PROVIDERS = {
    "aws": "aws", "azure": "azure", "gcp": "gcp", "lambda": "lambdalabs", "nebius": "nebius",
    "oci": "oci", "runpod": "runpod", "verda": "verda",
}  # fmt: skip
VERSION = "20261124-4711"


def hunted(name: str, location: str, price: object, **more: Any) -> dict[str, Any]:
    """One row; a CPU machine on demand unless said otherwise."""
    plain = {"cpu": 8, "memory": 64.0, "gpu_count": 0, "spot": "False", "flags": ""}
    return {"instance_name": name, "location": location, "price": price} | plain | more


def archive(files: dict[str, str]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        for name, text in files.items():
            file.writestr(name, text)
    return out.getvalue()


class FakeGpuhunt(FakeServer):
    def __init__(self) -> None:
        super().__init__()
        self.versions: dict[str, str] = {}
        self.archives: dict[tuple[str, str], bytes] = {}

    @property
    def env(self) -> dict[str, str]:
        return {"PLANNER_ENDPOINT_GPUHUNT": self.url}

    def populate(self, regions: list[str], seed: int) -> None:
        """Every provider's archive; rows of ``regions`` (``CLOUD/REGION`` too), else of all."""
        regions = [region.rpartition("/")[2] for region in regions]
        rng = random.Random(seed)
        for cloud, provider in PROVIDERS.items():
            rows = [
                row
                for sold in sold_by(cloud)
                if not regions or sold.region in (*regions, "all")
                for row in _rows(cloud, sold, rng.uniform(0.95, 1.05))
            ]
            self.publish(provider, rows)

    def publish(self, provider: str, rows: list[dict[str, Any]], version: str = VERSION) -> None:
        self.versions[provider] = version
        text = csv_text(rows, COLUMNS)
        self.archives[provider, version] = archive({f"{provider}.csv": text})

    def answer(self, call: Call) -> Reply:
        pointer = re.fullmatch(r"/v3/(\w+)/version", call.path)
        if pointer and pointer[1] in self.versions:
            return text_reply(self.versions[pointer[1]] + "\n")
        packed = re.fullmatch(r"/v3/(\w+)/([^/]+)/catalog\.zip", call.path)
        if packed and (body := self.archives.get((packed[1], packed[2]))) is not None:
            reply = Reply(200, body, {"content-type": "application/zip"})
            return etag_reply(call, reply, f'"{hash(body) & 0xFFFFFFFF:x}"')
        return text_reply("<Error><Code>AccessDenied</Code></Error>", 403, "application/xml")


def _rows(cloud: str, sold: Sold, factor: float) -> list[dict[str, Any]]:
    location = "us-east-1" if sold.region == "all" else sold.region
    name = sold.instance_type
    if cloud == "gcp":
        location += "-a"
        name = name.partition("+")[0].removeprefix("tpu-")
    if cloud == "nebius":
        name = name.replace("_", " ")
    if cloud == "runpod" and sold.accelerator:
        name = f"NVIDIA {sold.accelerator}" if sold.accelerator[0] != "M" else sold.accelerator
        location = "US-TX-3" if sold.instance_type.endswith("SECURE") else "SE"
    return [
        hunted(
            name,
            location,
            round(usd * factor, 5),
            cpu=sold.vcpus,
            memory=sold.memory_gib,
            gpu_count=int(sold.count) or (1 if sold.accelerator else 0),
            gpu_name=sold.accelerator,
            spot=str(spot),
        )
        for spot, usd in ((False, sold.on_demand), (True, sold.spot))
        if usd
    ]
