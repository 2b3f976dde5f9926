"""TPUs as offers: single hosts are machine types, larger slices are the TPU API's types.

Names count differently: v5litepod-16 and v6e-16 are 16 chips, v5p-16 is 16 cores, which is 8
chips. Prices do too: see ``gcp_skus.TPU_CHIPS``.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

from catalog.sources.gcp_machines import MachineType, Unusable, known_network
from catalog.sources.gcp_skus import TPU, Rates


@dataclass(frozen=True, slots=True)
class Host:
    """Chips, vCPUs and memory of one host of a slice; None where not published.

    cloud.google.com/tpu/docs/v5e, v5p and v6e, as in the snapshot's rows.
    """

    chips: int
    vcpus: float | None = None
    memory_gib: float | None = None


HOSTS = {
    "v2": Host(4),
    "v3": Host(4),
    "v4": Host(4),
    "v5e": Host(4, 112, 192),
    "v5p": Host(4, 208, 448),
    "v6e": Host(4, 180, 720),
}
# Machine types: TPU version.
MACHINE_TYPES = {"ct4p-": "v4", "ct5lp-": "v5e", "ct5p-": "v5p", "ct6e-": "v6e", "tpu7x-": "7x"}
# Versions in slice names that the price list calls otherwise.
SPELLINGS = {"v5litepod": "v5e"}
# Versions whose slice names count cores, two to a chip.
NAMED_BY_CORES = ("v2", "v3", "v4", "v5p")
# Versions whose single hosts are sold as machine types; their slices of one host are the same.
SOLD_AS_MACHINES = ("v5e", "v5p", "v6e")
# Hosts of this many chips exist as machine types only; slices are made of smaller ones.
LARGEST_HOST_CHIPS = {"v5e": 8, "v6e": 8}


@dataclass(frozen=True, slots=True)
class Slice:
    """TPU chips bought together: a machine type or a slice of several hosts."""

    name: str
    version: str
    chips: int
    hosts: int
    vcpus: float | None
    memory_gib: float | None

    @property
    def accelerator(self) -> str:
        return "TPU-v7x" if self.version == "7x" else f"TPU-{self.version}"


def is_tpu(machine_type: str) -> bool:
    return machine_type.startswith(tuple(MACHINE_TYPES)) or machine_type.startswith("ct")


def tpu_machine(machine: MachineType) -> Slice:
    """A TPU machine type, whose name ends in its chips. Raises Unusable."""
    chips = re.search(r"-(\d+)t$", machine.name)
    version = next((v for p, v in MACHINE_TYPES.items() if machine.name.startswith(p)), None)
    if version is None or chips is None:
        raise Unusable("no facts about this TPU machine type")
    count = int(chips.group(1))
    if machine.gpu_count and machine.gpu_count != count:
        raise Unusable(f"named for {count} chips, said to have {machine.gpu_count:g}")
    return Slice(machine.name, version, count, 1, machine.vcpus, machine.memory_gib)


def tpu_slice(accelerator_type: str, topologies: tuple[str, ...]) -> Slice | None:
    """A type of the TPU API; None for one that is sold as a machine type. Raises Unusable.

    ``topologies`` are its shapes in chips (``2x4``, ``4x4x8``); they must agree with the name.
    """
    named = re.fullmatch(r"(v\d+\w*)-(\d+)", accelerator_type)
    version = SPELLINGS.get(named.group(1), named.group(1)) if named else ""
    if named is None or version not in HOSTS:
        raise Unusable("no facts about this TPU type")
    chips = int(named.group(2)) // (2 if version in NAMED_BY_CORES else 1)
    shapes = {math.prod(map(int, t.split("x"))) for t in topologies if re.fullmatch(r"[\dx]+\d", t)}
    if shapes and shapes != {chips}:
        listed = " and ".join(map(str, sorted(shapes)))
        raise Unusable(f"named for {chips} chips, its topology has {listed}")
    host = HOSTS[version]
    hosts = max(1, math.ceil(chips / host.chips))
    if version in SOLD_AS_MACHINES and chips <= LARGEST_HOST_CHIPS.get(version, host.chips):
        return None
    return Slice(
        f"tpu-{accelerator_type}",
        version,
        chips,
        hosts,
        hosts * host.vcpus if host.vcpus else None,
        hosts * host.memory_gib if host.memory_gib else None,
    )


def tpu_usd_per_hour(tpu: Slice, region: str, way: str, rates: Rates) -> float:
    """Price of all chips. v2 and v3 slices of several hosts, and any v4, are priced as pods.

    Raises MissingRate; a pod's rate is never used for a single host or the other way round.
    """
    pod = tpu.version == "v4" or (tpu.version in ("v2", "v3") and tpu.hosts > 1)
    return tpu.chips * rates.rate(region, way, TPU, f"{tpu.version} pod" if pod else tpu.version)


def is_tpu_sold(tpu: Slice, region: str, way: str, rates: Rates) -> bool:
    """Whether any rate of its version is listed."""
    return any(rates.has(region, way, TPU, tpu.version + pod) for pod in ("", " pod"))


def tpu_quota_class(tpu: Slice, preemptible: bool) -> str:
    return f"gcp/{tpu.accelerator} {'preemptible ' if preemptible else ''}chips"


def tpu_offer_row(tpu: Slice, region: str) -> dict[str, Any]:
    """One row of ``offers``."""
    return {
        "cloud": "gcp",
        "region": region,
        "zone": "",
        "instance_type": tpu.name,
        "vcpus": tpu.vcpus,
        "memory_gib": tpu.memory_gib,
        "accelerator": tpu.accelerator,
        "accelerator_count": float(tpu.chips),
        "hosts": tpu.hosts,
        **known_network(tpu.name),
    }
