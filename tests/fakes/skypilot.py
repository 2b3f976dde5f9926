"""SkyPilot's hosted catalog on loopback: ``VERSION/CLOUD/vms.csv`` made of the snapshot."""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Iterable
from typing import Any

from tests.fakes.server import Call, FakeServer, Reply, etag_reply, text_reply
from tests.fakes.snapshot_rows import Sold, sold_by

COLUMNS = (
    "InstanceType", "AcceleratorName", "AcceleratorCount", "vCPUs", "MemoryGiB", "GpuInfo",
    "Price", "SpotPrice", "Region", "AvailabilityZone",
)  # fmt: skip
CLOUDS = ("aws", "azure", "gcp", "hyperstack", "lambda", "nebius", "oci", "runpod", "verda")
# SkyPilot's names of accelerators, where they differ from the snapshot's.
NAMES = {
    "H100-80GB": "H100", "A100-40GB": "A100", "V100-16GB": "V100", "RTX-PRO-6000-Server":
    "RTXPRO6000", "Trainium1": "Trainium", "Inferentia1": "Inferentia",
}  # fmt: skip
RUNPOD_NAMES = {"A100-80GB-PCIe": "A100-80GB", "A100-80GB": "A100-80GB-SXM",
                "H100-PCIe": "H100", "H100-80GB": "H100-SXM", "H200": "H200-SXM"}  # fmt: skip


def csv_text(rows: Iterable[dict[str, Any]], columns: tuple[str, ...] = COLUMNS) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, restval="")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


class FakeSkypilot(FakeServer):
    """``files`` holds the texts by ``VERSION/CLOUD``; what is not there is 404, as on GitHub."""

    def __init__(self) -> None:
        super().__init__()
        self.files: dict[str, str] = {}

    @property
    def env(self) -> dict[str, str]:
        return {"PLANNER_ENDPOINT_SKYPILOT": self.url}

    def populate(self, regions: list[str], seed: int) -> None:
        """Every cloud's file; rows of ``regions`` (``CLOUD/REGION`` too), else of all."""
        regions = [region.rpartition("/")[2] for region in regions]
        rng = random.Random(seed)
        for cloud in CLOUDS:
            sold = [s for s in sold_by(cloud) if not regions or s.region in (*regions, "all")]
            rows = [row for one in sold for row in _rows(cloud, one, rng.uniform(0.95, 1.05))]
            if rows:
                self.files[f"v8/{cloud}"] = csv_text(_unique(rows))

    def answer(self, call: Call) -> Reply:
        name = call.path.strip("/").removesuffix("/vms.csv")
        if call.method != "GET" or not call.path.endswith("/vms.csv"):
            return super().answer(call)
        if name not in self.files:
            return text_reply("404: Not Found", 404)
        text = self.files[name]
        reply = text_reply(text, content_type="text/csv")
        return etag_reply(call, reply, f'"{hash(text) & 0xFFFFFFFF:x}"')


def _rows(cloud: str, sold: Sold, factor: float) -> list[dict[str, Any]]:
    region = "us-east-1" if sold.region == "all" else sold.region
    prices = {
        "Price": sold.on_demand and round(sold.on_demand * factor, 4),
        "SpotPrice": sold.spot and round(sold.spot * factor, 4),
    }
    row = {
        "InstanceType": sold.instance_type,
        "AcceleratorName": NAMES.get(sold.accelerator, sold.accelerator),
        "AcceleratorCount": sold.count or "",
        "vCPUs": sold.vcpus,
        "MemoryGiB": sold.memory_gib,
        "Region": region,
        "AvailabilityZone": f"{region}-a",
    } | prices
    if cloud == "gcp" and sold.accelerator:
        return _apart(row, sold)
    if cloud == "runpod" and sold.accelerator:
        name = RUNPOD_NAMES.get(sold.accelerator, sold.accelerator)
        count, part = sold.instance_type.split("x_")[0], sold.instance_type.rpartition("_")[2]
        row |= {"AcceleratorName": name, "InstanceType": f"{count}x_{name}_{part}"}
    return [row]


def _apart(row: dict[str, Any], sold: Sold) -> list[dict[str, Any]]:
    """A GCP machine as the file has it: a host at its own price, and a row of accelerators."""
    if sold.instance_type.startswith("tpu-"):
        name = sold.instance_type.replace("v5litepod", "v5e")
        return [row | {"InstanceType": "", "AcceleratorName": name, "AcceleratorCount": 1}]
    host, _, attached = sold.instance_type.partition("+")
    spelling = "H100-MEGA" if host.startswith("a3-mega") else row["AcceleratorName"]
    host_usd = (sold.vcpus or 0) * 0.03
    host_row = row | {"InstanceType": host, "AcceleratorName": "", "AcceleratorCount": ""}
    gpu_row = row | {"InstanceType": "", "AcceleratorName": spelling, "vCPUs": "", "MemoryGiB": ""}
    for column, whole in (("Price", sold.on_demand), ("SpotPrice", sold.spot)):
        if whole is None:
            host_row[column] = gpu_row[column] = ""
            continue
        # Hosts that share a GPU row differ in their own part; attached GPUs share the host's.
        gpu_usd = whole - host_usd if attached else _gpu_usd(spelling, sold.count)
        gpu_row[column] = max(gpu_usd, 0.05)
        host_row[column] = host_usd if attached else max(whole - gpu_usd, host_usd)
    return [host_row, gpu_row]


def _gpu_usd(spelling: str, count: float) -> float:
    """An assumption of the fake: low enough to leave a positive host price."""
    return {"A100": 0.6, "A100-80GB": 1.0, "L4": 0.1, "H100": 1.5, "H100-MEGA": 1.6, "H200": 2.0,
            "B200": 3.0, "RTXPRO6000": 0.3}.get(spelling, 0.1) * count  # fmt: skip


def _unique(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """GPU rows are shared by several machines of a zone; the first stands for them."""
    seen: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in rows:
        key = tuple(row[name] for name in ("InstanceType", "AcceleratorName", "AcceleratorCount",
                                           "Region", "AvailabilityZone"))  # fmt: skip
        seen.setdefault(key, row)
    return list(seen.values())
