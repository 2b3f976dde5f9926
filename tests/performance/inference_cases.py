"""Serving units and workloads that the tests of inference share."""

from __future__ import annotations

from typing import Any

import numpy as np

from catalog import Catalog
from planner.performance.devices import Device, Machines, from_accelerator
from planner.workload import BatchInference, Edge, Generic, Serving, VisionInference


def units(*columns: tuple[Device, int, int], network: float = 50e9, vcpus: float = 96) -> Machines:
    """One column for each (device, devices a machine, machines)."""
    devices, per_node, nodes = zip(*columns, strict=True)
    count = len(columns)
    return Machines(
        tuple(devices),
        np.array(per_node, np.float64),
        np.array(nodes, np.float64),
        np.full(count, network),
        np.full(count, vcpus),
        np.full(count, 512.0 * 2**30),
    )


def device(catalog: Catalog, name: str, share: float = 1.0) -> Device:
    return from_accelerator(catalog.accelerator(name), share, 512.0)


def _written(changes: dict[str, Any]) -> dict[str, Any]:
    """Seconds as a workload file has them: with their unit."""
    limits = ("ttft", "tpot", "latency")
    return {
        name: f"{value:.9f}s" if name.startswith(limits) and value is not None else value
        for name, value in changes.items()
    }


def serving(**changes: Any) -> Serving:
    return Serving(kind="serving", model="any", requests_per_second=10, **_written(changes))


def batch(**changes: Any) -> BatchInference:
    return BatchInference(kind="batch-inference", model="any", samples=1e6, **changes)


def vision(**changes: Any) -> VisionInference:
    amount: dict[str, Any] = {} if "requests_per_second" in changes else {"samples": 1e6}
    return VisionInference(kind="vision-inference", model="any", **amount, **_written(changes))


def edge(**changes: Any) -> Edge:
    return Edge(kind="edge", model="any", frames_per_second=10, **_written(changes))


def generic(**changes: Any) -> Generic:
    return Generic(kind="generic", **{"flops": 1e21, **changes})
