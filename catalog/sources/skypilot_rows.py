"""SkyPilot's ``vms.csv`` as hosted rows: pure functions on rows by column name.

The file of GCP prices hosts and accelerators apart: a row of ``a2-highgpu-1g`` is the host without
its GPU, and a row without an instance type is accelerators alone. A machine is the sum of both.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, cast

from catalog.python_text import literal
from catalog.sources.accelerator_names import accelerator_named
from catalog.sources.bodies import positive
from catalog.sources.hosted_rows import HostedRow, Rejects
from catalog.sources.known_machines import Known, known_of
from catalog.sources.runpod_rows import pod_name

Row = Mapping[str, str]
# Rows of accelerators alone, by region, zone and count.
Accelerators = dict[tuple[str, str, float], list[Row]]
REQUIRED = (
    "InstanceType", "AcceleratorName", "AcceleratorCount", "vCPUs", "MemoryGiB", "Price",
    "SpotPrice", "Region",
)  # fmt: skip
# RunPod's names, where SkyPilot means another device than the bare name says.
RUNPOD_NAMES = {"A100-80GB": "A100-80GB-PCIe", "H100": "H100-PCIe"}
RUNPOD_TYPE = re.compile(r"(\d{1,2})x_(.+)_(SECURE|COMMUNITY)")
# GCP families whose machines come with accelerators: without these it is no machine.
ACCELERATED_FAMILY = re.compile(r"(?:a[2-9]|g[2-9]|ct\d)")
# What SkyPilot calls the GPU of a family that shares its GPU with another one.
FAMILY_SPELLING = {"a3-megagpu": "H100-MEGA"}
TPU_TYPES = ("", "TPU-VM")
MOST_INFO = 2000


def hosted_rows(cloud: str, rows: Iterable[Row], rejects: Rejects) -> Iterator[HostedRow]:
    """Prices of one cloud's file. A missing or zero price means not offered, not free."""
    if cloud == "gcp":
        yield from _gcp(list(rows), rejects)
        return
    for row in rows:
        name, gpu = row["InstanceType"], row["AcceleratorName"]
        if not name or not row["Region"]:
            rejects.add(name or gpu, "without an instance type or region")
            continue
        if cloud == "runpod":
            name, gpu = _runpod_names(name, gpu)
        yield from _prices(row, name, gpu, rejects)


def _prices(row: Row, name: str, gpu: str, rejects: Rejects) -> Iterator[HostedRow]:
    if row["Price"] and positive(row["Price"]) is None:
        rejects.add(name, f"price of {row['Price']!r:.20} USD")
    for spot in (False, True):
        usd = positive(row["SpotPrice" if spot else "Price"])
        if usd is not None:
            yield HostedRow(
                name,
                row["Region"],
                usd,
                spot,
                positive(row["vCPUs"]),
                positive(row["MemoryGiB"]),
                gpu,
                positive(row["AcceleratorCount"]),
                _gpu_memory_gib(row.get("GpuInfo", "")),
            )


@lru_cache(maxsize=512)  # every row of a GPU says the same
def _gpu_memory_gib(info: str) -> float | None:
    """GiB of one GPU from GpuInfo, a Python literal; None where it is none or in another unit."""
    if not info.startswith("{") or len(info) > MOST_INFO:
        return None
    try:
        size = cast("Any", literal(info))["Gpus"][0]["MemoryInfo"]["SizeInMiB"]
    except (ValueError, SyntaxError, LookupError, TypeError, RecursionError, MemoryError):
        return None
    mib = positive(size)
    # RunPod's file has GiB there.
    return mib / 1024 if mib and mib >= 4096 else None


def _runpod_names(name: str, gpu: str) -> tuple[str, str]:
    """Pods by the catalog's name of their GPU."""
    match = RUNPOD_TYPE.fullmatch(name)
    accelerator = accelerator_named(RUNPOD_NAMES.get(gpu, gpu)) if gpu else None
    if match is None or accelerator is None:
        return name, gpu
    return pod_name(accelerator, match[3], int(match[1])), accelerator


def _gcp(rows: list[Row], rejects: Rejects) -> Iterator[HostedRow]:
    hosts: dict[str, list[Row]] = defaultdict(list)
    accelerators: Accelerators = defaultdict(list)
    machines = known_of("gcp").machines
    for row in rows:
        count = positive(row["AcceleratorCount"])
        gpu = row["AcceleratorName"]
        if row["InstanceType"] not in TPU_TYPES:
            hosts[row["InstanceType"]].append(row)
        elif gpu.startswith("tpu-"):
            name = gpu.replace("tpu-v5e-", "tpu-v5litepod-")
            if name in machines:
                yield from _prices(row, name, gpu, rejects)
            else:
                rejects.add(gpu, "a TPU slice whose chips and hosts the catalog does not know")
        elif gpu and count:
            accelerators[row["Region"], _zone(row), count].append(row)
    attached = _attachments(machines)
    for name, found in hosts.items():
        known = machines.get(name)
        if known is not None and known.accelerator:
            yield from _sums(name, known, found, accelerators, rejects)
        elif known is None and ACCELERATED_FAMILY.match(name):
            rejects.add(name, "a host whose accelerators the catalog does not know")
        else:
            for row in found:
                yield from _prices(row, name, "", rejects)
        for full_name, full in attached.get(name, ()):
            yield from _sums(full_name, full, found, accelerators, rejects)


def _attachments(machines: Mapping[str, Known]) -> dict[str, list[tuple[str, Known]]]:
    """Machines such as ``n1-standard-8+1xT4`` by their host."""
    attached: dict[str, list[tuple[str, Known]]] = defaultdict(list)
    for name, machine in machines.items():
        host, plus, _ = name.partition("+")
        if plus:
            attached[host].append((name, machine))
    return attached


def _sums(
    name: str,
    machine: Known,
    hosts: list[Row],
    accelerators: Accelerators,
    rejects: Rejects,
) -> Iterator[HostedRow]:
    for host in hosts:
        parts = [
            row
            for row in accelerators.get((host["Region"], _zone(host), machine.count or 0), ())
            if _is_spelling(row["AcceleratorName"], name, machine.accelerator)
        ]
        if len(parts) != 1:
            if "+" not in name:  # any host could have GPUs attached: most zones have none
                rejects.add(name, f"host without the price of its GPUs in {host['Region']}")
            continue
        for spot in (False, True):
            column = "SpotPrice" if spot else "Price"
            usd = [positive(host[column]), positive(parts[0][column])]
            if usd[0] is not None and usd[1] is not None:
                yield HostedRow(
                    name,
                    host["Region"],
                    usd[0] + usd[1],
                    spot,
                    positive(host["vCPUs"]),
                    positive(host["MemoryGiB"]),
                    machine.accelerator,
                    machine.count,
                )


def _is_spelling(gpu: str, name: str, accelerator: str) -> bool:
    family = name.rpartition("-")[0]
    wanted = FAMILY_SPELLING.get(family)
    if wanted is not None or gpu in FAMILY_SPELLING.values():
        return gpu == wanted
    sizes = {"A100": "A100-40GB", "V100": "V100-16GB", "H100": "H100-80GB",
             "RTXPRO6000": "RTX-PRO-6000-Server"}  # fmt: skip
    return sizes.get(gpu, accelerator_named(gpu)) == accelerator


def _zone(row: Row) -> str:
    return row.get("AvailabilityZone", "")
