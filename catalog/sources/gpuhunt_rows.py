"""gpuhunt's ``PROVIDER.csv`` as hosted rows: pure functions on rows by column name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from catalog.sources.accelerator_names import accelerator_named
from catalog.sources.bodies import positive
from catalog.sources.hosted_rows import HostedRow, Rejects
from catalog.sources.known_machines import known_of
from catalog.sources.runpod_rows import COMMUNITY, SECURE, pod_name

Row = Mapping[str, str]
REQUIRED = (
    "instance_name", "location", "price", "cpu", "memory", "gpu_count", "gpu_name", "gpu_memory",
    "spot",
)  # fmt: skip
SPOT = {"True": True, "False": False}
# Flags of other products under the same instance name: calendar-mode and flex-start capacity,
# clusters.
OTHER_PRODUCT = re.compile(r"dws|calendar|flex-start|capacity-block|cluster")
TPU = re.compile(r"(?:tpu-)?(v\d\w*?)(?:pod)?-(\d{1,5})")
ZONE = re.compile(r"([a-z]+-[a-z]+\d+)-[a-z]")
COUNTRY = re.compile(r"[A-Z]{2}")


def hosted_rows(cloud: str, rows: Iterable[Row], rejects: Rejects) -> Iterator[HostedRow]:
    """Prices of one provider's file; they are of whole machines."""
    for row in rows:
        name = row["instance_name"]
        usd, spot = positive(row["price"]), SPOT.get(row["spot"])
        if OTHER_PRODUCT.search(row.get("flags", "")):
            rejects.add(name, f"another product ({row['flags'][:40]})")
        elif not name or not row["location"] or usd is None or spot is None:
            rejects.add(name, "without a name, a place, a price or a kind")
        else:
            memory_gib = positive(row["gpu_memory"])
            gpu, count = row["gpu_name"], positive(row["gpu_count"])
            full_name = _name(cloud, row, gpu, count, memory_gib)
            if full_name is None:
                rejects.add(name, f"accelerator {gpu[:40]!r} unknown to the catalog")
                continue
            yield HostedRow(
                full_name,
                _region(cloud, row["location"]),
                usd,
                spot,
                positive(row["cpu"]),
                positive(row["memory"]),
                gpu if count else "",
                count,
                memory_gib,
            )


def _region(cloud: str, location: str) -> str:
    zone = ZONE.fullmatch(location) if cloud == "gcp" else None
    return zone[1] if zone else location


def _name(
    cloud: str, row: Row, gpu: str, count: float | None, memory_gib: float | None
) -> str | None:
    """The catalog's name of the machine; None for one that it could not tell from others."""
    name = row["instance_name"]
    if cloud == "gcp" and (tpu := TPU.fullmatch(name)):
        version = {"v5lite": "v5litepod", "v5e": "v5litepod"}.get(tpu[1], tpu[1])
        slice_name = f"tpu-{version}-{tpu[2]}"
        return slice_name if slice_name in known_of("gcp").machines else None
    machines = known_of(cloud).machines
    if cloud == "nebius":  # "gpu-h100-sxm 8gpu-128vcpu-1600gb": platform and preset
        name = name.replace(" ", "_")
    if cloud == "azure" and f"Standard_{name}" in machines:
        name = f"Standard_{name}"
    if not count:
        return name
    accelerator = accelerator_named(gpu, memory_gib)
    if cloud == "gcp" and name.startswith("n1-"):  # GPUs are attached to these
        return f"{name}+{count:g}x{accelerator}" if accelerator else None
    if cloud == "runpod":  # named after the GPU, without count and part of RunPod
        accelerator = accelerator_named(name, memory_gib)
        part = COMMUNITY if COUNTRY.fullmatch(row["location"]) else SECURE
        return pod_name(accelerator, part, int(count)) if accelerator else None
    return name
