"""From offers to machine configurations: distinct hardware, and how many machines to try."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from catalog import Catalog, OfferTable
from catalog.records import dataclass
from planner.performance.devices import Device, Machines, from_accelerator
from planner.performance.throughput import training_precision
from planner.workload import (
    BatchInference,
    Edge,
    Generic,
    LanguageTraining,
    Serving,
    VisionInference,
    VisionTraining,
    Workload,
)

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]

# Inter-node bandwidth where the catalog has none: a common floor of GPU machines. Assumption.
ASSUMED_NETWORK_GBPS = 10.0
# CPU machines that train together over Ethernet: more are never worth their network. Assumption.
MOST_CPU_NODES = 2
# Machines that one model replica may span when it does not fit one.
_REPLICA_NODES = (1, 2, 4, 8)


@dataclass(frozen=True)
class Configurations:
    """``machines`` are distinct; ``table[hardware, step]`` is the column of each pair, -1 = not
    tried; ``of_offer`` gives each offer's hardware.
    """

    machines: Machines
    table: Rows
    of_offer: Rows


def configurations(workload: Workload, offers: OfferTable, catalog: Catalog) -> Configurations:
    """Distinct machines among the offers, each with every number of machines worth timing."""
    devices, of_offer, first = _devices(offers, catalog)
    steps = _node_steps(workload)
    precision = None
    if isinstance(workload, (LanguageTraining, VisionTraining)):
        precision = training_precision(workload)
    # A slice of several hosts is itself a cluster; part of a device or of a CPU socket is not
    # spread: the cloud sells the whole one. What cannot run at all is kept once, so that its reason
    # is counted.
    once = {id(one): one for one in devices}
    runs = {
        place: one.share >= 1
        and one.memory is not None
        and (precision is None or one.peak(precision) is not None)
        for place, one in once.items()
    }
    spread = np.array([runs[id(one)] for one in devices], bool)
    spread &= ~(offers.numbers["hosts"][first] > 1)
    cpu = np.array([one.is_cpu for one in devices], bool)
    nodes = np.array(steps, np.float64)
    tried = (nodes == 1) | (spread[:, None] & ((nodes <= MOST_CPU_NODES) | ~cpu[:, None]))
    which, step = np.nonzero(tried)
    table = np.full(tried.shape, -1, np.intp)
    table[which, step] = np.arange(len(which))
    source = first[which]
    numbers = offers.numbers
    rdma, network = numbers["rdma_gbps"][source], numbers["network_gbps"][source]
    gbps = np.where(
        np.isnan(rdma), np.where(np.isnan(network), ASSUMED_NETWORK_GBPS, network), rdma
    )
    machines = Machines(
        devices=tuple(devices[i] for i in which),
        per_node=np.maximum(np.nan_to_num(numbers["accelerator_count"][source], nan=1.0), 1.0),
        nodes=nodes[step],
        network=gbps * 1e9 / 8,
        vcpus=numbers["vcpus"][source],
        host_memory=numbers["memory_gib"][source] * 2**30,
    )
    return Configurations(machines, table, of_offer)


@lru_cache(maxsize=2)
def _known_devices(catalog: Catalog) -> dict[tuple[str, float, float | None], Device]:
    """What was made of a catalog before."""
    del catalog
    return {}


def _devices(offers: OfferTable, catalog: Catalog) -> tuple[list[Device], Rows, Rows]:
    """The device of each distinct machine, each offer's index, and one offer of each."""
    _, first, of_offer = np.unique(offers.codes["hardware"], return_index=True, return_inverse=True)
    known = _known_devices(catalog)

    def device(name: str, share: float, memory: float | None) -> Device:
        key = (name, share, memory)
        found = known.get(key)
        if found is None:
            found = known[key] = from_accelerator(catalog.accelerators[name], share, memory)
        return found

    machines = offers.take(first)
    numbers = {
        name: [value if value == value else None for value in machines.numbers[name].tolist()]
        for name in ("accelerator_count", "cpu_sockets", "memory_gib")
    }
    devices = [
        device(name, min(count or 1.0, 1.0), None) if name else device(cpu, sockets or 1.0, memory)
        for name, cpu, count, sockets, memory in zip(
            machines.texts("accelerator"), machines.texts("cpu"), *numbers.values(), strict=True
        )
    ]
    return devices, np.asarray(of_offer, np.intp).reshape(-1), np.asarray(first, np.intp)


def _node_steps(workload: Workload) -> list[int]:
    """Numbers of machines that work together on one thing."""
    most = workload.where.max_nodes
    if isinstance(workload, (LanguageTraining, VisionTraining, Generic)):
        return doubling(most)
    if isinstance(workload, (Serving, BatchInference)):
        return [nodes for nodes in _REPLICA_NODES if nodes <= most]
    assert isinstance(workload, (VisionInference, Edge))
    return [1]


def doubling(most: int) -> list[int]:
    """1, 2, 4, ... and ``most`` itself."""
    counts = [2**k for k in range(most.bit_length()) if 2**k <= most]
    return counts if counts[-1] == most else [*counts, most]
