"""Oracle's cost estimator files on loopback, made of the snapshot's shapes."""

from __future__ import annotations

import json
import random
from typing import Any

from tests.fakes.server import Call, FakeServer, Reply, etag_reply, json_reply
from tests.fakes.snapshot_rows import sold_by

FOLDER = "/a/ocom/docs/cloudestimator2/data"
FLEXIBLE = ("VM.Standard.E4.Flex", "VM.Standard.E5.Flex")


def product(part: str, usd: float, *, currency: str = "USD", **more: Any) -> dict[str, Any]:
    prices = [{"model": "PAY_AS_YOU_GO", "value": usd}]
    other = {"currencyCode": "EUR", "prices": [{"model": "PAY_AS_YOU_GO", "value": usd * 0.9}]}
    return {
        "partNumber": part,
        "billingModel": "UCM",
        "pricetype": "HOUR",
        "currencyCodeLocalizations": [other, {"currencyCode": currency, "prices": prices}],
    } | more


def gpu_shape(
    name: str,
    part: str,
    gpus: float | None,
    ocpus: float | None,
    memory: float | None,
    *,
    preemptible: bool = False,
    **more: Any,
) -> dict[str, Any]:
    return {
        "name": name,
        "hidden": False,
        "status": "ACTIVE",
        "allowPreemptible": preemptible,
        "gpuQty": gpus,
        "bundleMemoryQty": memory,
        "processorType": {"value": "arm"},  # as the files say of A10 and A100 hosts
        "subType": {"value": "gpu"},
        "products": [{"type": {"value": "ocpu"}, "partNumber": part, "qty": ocpus}],
    } | more


def flexible_shape(name: str, ocpu_part: str, memory_part: str) -> dict[str, Any]:
    return {
        "name": name,
        "hidden": False,
        "status": "ACTIVE",
        "allowPreemptible": True,
        "gpuQty": None,
        "bundleMemoryQty": 0,
        "subType": {"value": "flexible"},
        "products": [
            {"type": {"value": "ocpu"}, "partNumber": ocpu_part, "qty": 0, "min": 1, "max": 94},
            {"type": {"value": "memory"}, "partNumber": memory_part, "qty": 0, "max": 1049},
        ],
    }


class FakeOci(FakeServer):
    def __init__(self) -> None:
        super().__init__()
        self.shapes: list[dict[str, Any]] = []
        self.products: list[dict[str, Any]] = []
        self.route("GET", f"{FOLDER}/shapes.json", lambda call: self._file(call, self.shapes))
        self.route("GET", f"{FOLDER}/products.json", lambda call: self._file(call, self.products))

    @property
    def env(self) -> dict[str, str]:
        return {"PLANNER_ENDPOINT_OCI": self.url}

    def populate(self, regions: list[str], seed: int) -> None:
        """The snapshot's shapes; prices are the same in all regions."""
        rng = random.Random(seed)
        self.shapes, self.products = [], []
        for number, sold in enumerate(sold_by("oci")):
            if sold.accelerator and sold.on_demand:
                part = f"B{90000 + number}"
                usd = sold.on_demand / sold.count * rng.uniform(0.95, 1.05)
                ocpus = sold.vcpus / 2 if sold.vcpus else None
                self.shapes.append(
                    gpu_shape(sold.instance_type, part, sold.count, ocpus, sold.memory_gib,
                              preemptible=sold.spot is not None)
                )  # fmt: skip
                self.products.append(product(part, usd))
        for number, name in enumerate(FLEXIBLE):
            parts = f"B8{number}1", f"B8{number}2"
            self.shapes.append(flexible_shape(name, *parts))
            factor = rng.uniform(0.95, 1.05)
            self.products += [product(parts[0], 0.03 * factor), product(parts[1], 0.002 * factor)]

    def _file(self, call: Call, items: list[dict[str, Any]]) -> Reply:
        reply = json_reply({"items": items})
        return etag_reply(call, reply, f'"{hash(json.dumps(items)) & 0xFFFFFFFF:x}"')
