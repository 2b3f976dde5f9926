"""RunPod's GraphQL answers as priced machines: pure functions on parsed JSON.

RunPod states prices of one GPU; a pod of n costs n times that. A price of 0 or null means that
the GPU is not offered that way.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from catalog.sources.accelerator_names import accelerator_named, reason_unknown
from catalog.sources.base import Reject
from catalog.sources.bodies import mapping, positive, sequence
from catalog.sources.cloud_rows import Machine, Priced, Unusable, printable

Raw = Mapping[str, Any]
COUNTS = (1, 2, 4, 8)
# Name of a part of RunPod: field that says whether a GPU is sold there, its prices by kind, the
# most GPUs of a pod.
SECURE, COMMUNITY = "SECURE", "COMMUNITY"
PARTS = {
    SECURE: ("secureCloud", "securePrice", "secureSpotPrice", "maxGpuCountSecureCloud"),
    COMMUNITY: (
        "communityCloud",
        "communityPrice",
        "communitySpotPrice",
        "maxGpuCountCommunityCloud",
    ),
}
NOTES = {SECURE: "", COMMUNITY: "community cloud: other people's machines"}
# Names by which the catalog's snapshot and SkyPilot know secure pods, where they differ.
LABELS = {"A100-80GB": "A100-80GB-SXM"}

_LOWEST = "\n".join(
    f"    {part.lower()}{count}: lowestPrice(input: {{gpuCount: {count}, "
    f"secureCloud: {'true' if part == SECURE else 'false'}}}) "
    "{ minVcpu minMemory stockStatus }"
    for part in PARTS
    for count in COUNTS
)
GPU_QUERY = f"""query {{
  gpuTypes {{
    id displayName memoryInGb maxGpuCount
    secureCloud securePrice secureSpotPrice maxGpuCountSecureCloud
    communityCloud communityPrice communitySpotPrice maxGpuCountCommunityCloud
{_LOWEST}
  }}
  dataCenters {{ id listed }}
}}"""


def cpu_query(data_center: str) -> str:
    """CPU pods as one data centre prices them; ``data_center`` is checked by the caller."""
    return f"""query {{
  cpuFlavors {{
    id minVcpu maxVcpu ramMultiplier
    specifics(input: {{dataCenterId: "{data_center}"}}) {{ stockStatus securePrice }}
  }}
}}"""


def gpu_pods(gpu_types: object, kind: str) -> tuple[list[Priced], list[Reject]]:
    """Pods of every GPU type and part of RunPod, of one kind."""
    pods: list[Priced] = []
    rejects: list[Reject] = []
    for raw in sequence(gpu_types):
        try:
            pods += _pods_of(mapping(raw), kind)
        except Unusable as error:
            rejects.append(error.reject)
    return pods, rejects


def _pods_of(raw: Raw, kind: str) -> Iterator[Priced]:
    gpu_id = raw.get("id")
    if not isinstance(gpu_id, str) or not gpu_id:
        raise Unusable("?", "a GPU type without an id")
    prices = {part: positive(raw.get(names[1 if kind == "on_demand" else 2]))
              for part, names in PARTS.items() if raw.get(names[0])}  # fmt: skip
    if not any(prices.values()):
        return iter(())  # not offered that way
    memory_gib = positive(raw.get("memoryInGb"))
    spellings = [gpu_id, str(raw.get("displayName") or "")]
    named = (accelerator_named(spelling, memory_gib) for spelling in spellings if spelling)
    accelerator = next((name for name in named if name), None)
    if accelerator is None:
        raise Unusable(gpu_id, reason_unknown(gpu_id, memory_gib))
    return (
        _pod(raw, accelerator, part, count, usd)
        for part, usd in prices.items()
        if usd
        for count in COUNTS
        if count <= (positive(raw.get(PARTS[part][3])) or positive(raw.get("maxGpuCount")) or 1)
    )


def _pod(raw: Raw, accelerator: str, part: str, count: int, usd_per_gpu_hour: float) -> Priced:
    lowest = mapping(raw.get(f"{part.lower()}{count}"))
    notes = [NOTES[part], "" if lowest.get("stockStatus") else "none free when asked"]
    return Priced(
        Machine(
            pod_name(accelerator, part, count),
            # Of the cheapest host free now, of the whole pod; unknown when none is.
            positive(lowest.get("minVcpu")),
            positive(lowest.get("minMemory")),
            accelerator,
            count,
        ),
        usd_per_gpu_hour * count,
        "; ".join(note for note in notes if note),
    )


def pod_name(accelerator: str, part: str, count: int) -> str:
    """The catalog's name of a pod."""
    label = LABELS.get(accelerator, accelerator) if part == SECURE else accelerator
    return f"{count}x_{label}_{part}"


def cpu_pods(flavors: object) -> tuple[list[Priced], list[Reject]]:
    """CPU pods in sizes of doubling vCPUs; the price grows with them from the smallest pod's."""
    pods: list[Priced] = []
    rejects: list[Reject] = []
    for raw in sequence(flavors):
        flavor = mapping(raw)
        name = printable(flavor.get("id") or "?")
        specifics = mapping(flavor.get("specifics"))
        usd = positive(specifics.get("securePrice"))
        if usd is None:
            continue  # not sold there
        sizes = [positive(flavor.get(key)) for key in ("minVcpu", "maxVcpu", "ramMultiplier")]
        least, most, gib_per_vcpu = sizes
        if not (least and most and gib_per_vcpu) or least > most or most > 1024:
            rejects.append(Reject(name, "vCPUs or memory not stated"))
            continue
        vcpus = least
        while vcpus <= most:
            memory_gib = vcpus * gib_per_vcpu
            machine = Machine(f"{name}-{vcpus:g}-{memory_gib:g}", vcpus, memory_gib)
            free = "" if specifics.get("stockStatus") else "none free when asked"
            pods.append(Priced(machine, usd * vcpus / least, free))
            vcpus *= 2
    return pods, rejects
