"""Google Cloud machine types as offers, and the parts a machine's price is the sum of.

The API names a machine's GPUs and memory, but neither its network nor, for some accelerator
families, the local SSD that is sold with it.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from catalog.attributes import SNAPSHOT
from catalog.sources.gcp_skus import CORE, GPU, RAM, SLICE, SPOT, SSD, Rates

# Name of the accelerator in the API: ours.
ACCELERATORS = {
    "nvidia-tesla-k80": "K80",
    "nvidia-tesla-p4": "P4",
    "nvidia-tesla-p100": "P100",
    "nvidia-tesla-t4": "T4",
    "nvidia-tesla-v100": "V100-16GB",
    "nvidia-tesla-a100": "A100-40GB",
    "nvidia-a100-80gb": "A100-80GB",
    "nvidia-l4": "L4",
    "nvidia-h100-80gb": "H100-80GB",
    "nvidia-h100-mega-80gb": "H100-80GB",
    "nvidia-h200-141gb": "H200",
    "nvidia-b200": "B200",
    "nvidia-b300": "B300",
    "nvidia-gb200": "GB200",
    "nvidia-gb300": "GB300",
    "nvidia-rtx-pro-6000": "RTX-PRO-6000-Server",
}
# Billed vCPUs of shared-core machines, whose API entry counts the virtual ones
# (cloud.google.com/compute/vm-instance-pricing, as in the snapshot).
SHARED_CORES = {"e2-micro": 0.25, "e2-small": 0.5, "e2-medium": 1.0}
# Series of the SKUs where it is not the beginning of the machine's name.
SERIES = {
    "a3-megagpu-": "a3plus",
    "a3-ultragpu-": "a3ultra",
    "a3-edgegpu-": "a3edge",
    "m4-ultramem-224": "m4ultramem224",
}
# GiB of one bundled partition (cloud.google.com/compute/docs/disks/local-ssd).
PARTITION_GIB = 375.0
BIG_PARTITION_GIB = {"z3": 3000.0}
BARE_METAL_GIB = {
    "c4-highmem-288-lssd-metal": 18000.0,
    "c4-standard-288-lssd-metal": 18000.0,
    "z3-highmem-192-highlssd-metal": 72000.0,
}
# Partitions to a GPU in families whose bundled SSD the API may leave out (same page; billed so,
# as the published prices of a2-ultragpu and a3-highgpu show).
PARTITIONS_PER_GPU = {"a2-ultragpu-": 1, "a3-highgpu-": 2, "a3-megagpu-": 2, "a3-ultragpu-": 4}
# vCPUs that come with a whole GPU; smaller G4 machines have a part of one.
VCPUS_PER_GPU = {"g4-standard-": 48}
# Hosts for GPUs that attach to N1: GPUs by host. Within the limits of every such GPU type.
N1_HOSTS = {"n1-standard-8": 1, "n1-standard-16": 2, "n1-standard-32": 4, "n1-standard-64": 8}
SMALL_HOST = ("n1-standard-4", "nvidia-tesla-t4")
ATTACHABLE = (
    "nvidia-tesla-t4",
    "nvidia-tesla-p4",
    "nvidia-tesla-p100",
    "nvidia-tesla-v100",
)
# Priced by the hour but not to be had on demand (Google's pages on consumption options).
NOT_ON_DEMAND = ("a4-", "a4x-", "a3-ultragpu-", "a3-highgpu-1g", "a3-highgpu-2g", "a3-highgpu-4g")
SPOT_OR_FLEX = "spot-or-flex-start-only"
GONE = ("DEPRECATED", "OBSOLETE", "DELETED")
# Series priced by SKUs of another form: the whole machine, or M1's rates and a surcharge.
UNPRICED = {"f1": "shared-core", "g1": "shared-core", "m2": "an upgrade surcharge"}


class Unusable(Exception):
    """Why a machine type becomes a reject."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class MachineType:
    """One machine type of a region; ``gpu`` is the API's name of the accelerator."""

    name: str
    zones: frozenset[str]
    vcpus: float
    memory_gib: float
    gpu: str = ""
    gpu_count: float = 0.0
    ssd_partitions: int = 0
    state: str = ""

    @property
    def series(self) -> str:
        for prefix, series in SERIES.items():
            if self.name.startswith(prefix):
                return series
        return self.name.partition("-")[0]


def check(machine: MachineType) -> None:
    """Raise Unusable for a machine type that is no offer."""
    if machine.state in GONE:
        raise Unusable(f"the machine type is {machine.state.lower()}")
    if not machine.vcpus or not machine.memory_gib:
        raise Unusable("vCPUs or memory not stated")
    if machine.gpu and machine.gpu not in ACCELERATORS:
        raise Unusable(f"no facts about accelerator {machine.gpu!r}")
    if machine.gpu and not machine.gpu_count:
        raise Unusable(f"{machine.gpu} without a count")


def normalised(machine: MachineType) -> MachineType:
    """With billed vCPUs of shared cores and the part of a GPU that small machines have."""
    if machine.name in SHARED_CORES:
        machine = replace(machine, vcpus=SHARED_CORES[machine.name])
    for prefix, whole in VCPUS_PER_GPU.items():
        if machine.name.startswith(prefix) and machine.gpu and machine.vcpus < whole:
            machine = replace(machine, gpu_count=machine.vcpus / whole)
    return machine


def with_attached_gpus(
    machines: Iterable[MachineType], attachable: Mapping[str, Mapping[str, int]]
) -> list[MachineType]:
    """N1 hosts with the GPUs that can be attached to them in a common zone.

    ``attachable[zone][accelerator]`` is the most cards of one instance.
    """
    found = []
    for host in machines:
        for gpu in ATTACHABLE:
            counts = [N1_HOSTS[host.name]] if host.name in N1_HOSTS else []
            if (host.name, gpu) == SMALL_HOST:
                counts = [1]
            for count in counts:
                zones = {z for z in host.zones if attachable.get(z, {}).get(gpu, 0) >= count}
                if zones:
                    found.append(
                        replace(
                            host,
                            name=f"{host.name}+{count}x{ACCELERATORS[gpu]}",
                            zones=frozenset(zones),
                            gpu=gpu,
                            gpu_count=float(count),
                        )
                    )
    return found


def bundled_ssd_gib(machine: MachineType) -> float:
    """GiB of local SSD that come with the machine and are billed. Raises Unusable."""
    if machine.name in BARE_METAL_GIB:
        return BARE_METAL_GIB[machine.name]
    partitions: float = machine.ssd_partitions
    if not partitions:
        for prefix, per_gpu in PARTITIONS_PER_GPU.items():
            if machine.name.startswith(prefix):
                partitions = per_gpu * machine.gpu_count
    if not partitions and "lssd" in machine.name:
        raise Unusable("its bundled local SSD is of unknown size")
    if partitions and machine.name.endswith("-metal"):
        # Bare metal has larger disks, which the API counts without their size.
        raise Unusable("its bundled local disks are of unknown size")
    return partitions * BIG_PARTITION_GIB.get(machine.series, PARTITION_GIB)


def parts_of(
    machine: MachineType, region: str, way: str, rates: Rates
) -> list[tuple[float, str, str]]:
    """Amount, resource and name of what is billed. Raises Unusable.

    A GPU sold by slices carries its share of vCPUs, memory and SSD. Otherwise cores + GiB of
    memory + GPUs + bundled GiB of local SSD, at the series' own rate where it has one.
    """
    series = machine.series
    if machine.gpu and rates.has(region, way, SLICE, machine.gpu):
        return [(machine.gpu_count, SLICE, machine.gpu)]
    parts = [(machine.vcpus, CORE, series), (machine.memory_gib, RAM, series)]
    if machine.gpu:
        parts.append((machine.gpu_count, GPU, machine.gpu))
    if gib := bundled_ssd_gib(machine):
        parts.append((gib, SSD, series if rates.has(region, way, SSD, series) else ""))
    return parts


def is_sold(machine: MachineType, region: str, way: str, rates: Rates) -> bool:
    """Whether any part that only its family has is priced this way.

    N1 cores and local SSD are sold in every way: alone they say nothing of the GPU beside them.
    """
    if machine.series in UNPRICED:
        return True  # usd_per_hour says why it has no price
    kinds = (GPU, SLICE) if machine.gpu in ATTACHABLE else (CORE, RAM, GPU, SLICE)
    return any(
        rates.has(region, way, resource, name)
        for resource in kinds
        for name in (machine.series, machine.gpu)
    )


def usd_per_hour(machine: MachineType, region: str, way: str, rates: Rates) -> float:
    """The whole machine's price: all its parts or none.

    Raises MissingRate naming the first part without a rate, and Unusable.
    """
    if machine.series in UNPRICED:
        raise Unusable(f"priced by {UNPRICED[machine.series]} SKUs, which are not read")
    parts = parts_of(machine, region, way, rates)
    return sum(n * rates.rate(region, way, resource, name) for n, resource, name in parts)


def obtainability(name: str, way: str) -> str:
    """What is known beyond being priced; empty when nothing is."""
    return SPOT_OR_FLEX if way == "on_demand" and name.startswith(NOT_ON_DEMAND) else ""


def quota_class(machine: MachineType, preemptible: bool) -> str:
    """The quota a machine draws on, in the catalog's words. Flex start draws on spot's."""
    prefix = "preemptible " if preemptible else ""
    if machine.gpu:
        return f"gcp/{prefix}{ACCELERATORS[machine.gpu]} GPUs"
    return f"gcp/{prefix}{machine.name.partition('-')[0].upper()} CPUs"


def offer_row(machine: MachineType, region: str) -> dict[str, Any]:
    """One row of ``offers``."""
    return {
        "cloud": "gcp",
        "region": region,
        "zone": "",
        "instance_type": machine.name,
        "vcpus": machine.vcpus,
        "memory_gib": round(machine.memory_gib, 3),
        "accelerator": ACCELERATORS[machine.gpu] if machine.gpu else "",
        "accelerator_count": machine.gpu_count if machine.gpu else None,
        "hosts": 1,
        **known_network(machine.name),
    }


def known_network(instance_type: str) -> dict[str, Any]:
    """Network columns of a type as the snapshot knows them: the API has none."""
    return dict(_networks().get(instance_type, {}))


@cache
def _networks() -> Mapping[str, Mapping[str, Any]]:
    names = ("network_gbps", "rdma_gbps")
    found: dict[str, dict[str, Any]] = {}
    with (SNAPSHOT / "offers.csv").open(newline="", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            if row["cloud"] == "gcp" and any(row[name] for name in names):
                numbers = {name: float(row[name]) if row[name] else None for name in names}
                found[row["instance_type"]] = {**numbers, "network_source": row["network_source"]}
    return found


def option_row(
    name: str, region: str, kind: str, usd: float, quota: str, **columns: Any
) -> dict[str, Any]:
    """One row of ``purchase_options``. Google bills by the second, at least a minute."""
    return {
        "cloud": "gcp",
        "region": region,
        "zone": "",
        "instance_type": name,
        "kind": kind,
        "usd_per_hour": round(usd, 6),
        "quota_class": quota,
        "billing_increment_s": 1,
        "minimum_s": 60,
        "confidence": "volatile" if kind == SPOT else "document",
        **columns,
    }
