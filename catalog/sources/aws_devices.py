"""Accelerators of AWS instance types: from names and memories of the API to the catalog's names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Raw = Mapping[str, Any]


class Unusable(Exception):
    """Why a raw row becomes a reject; ``what`` is the instance type where it is known."""

    def __init__(self, reason: str, what: str = "?") -> None:
        self.reason, self.what = reason, what
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class Device:
    """How EC2 names a device: its name, our name, the memory of a whole one in MiB.

    ``memory_mib`` is None where the API is known to report it wrongly.
    """

    api_name: str
    accelerator: str
    memory_mib: int | None


GPUS = (
    Device("K80", "K80", 12288),
    Device("M60", "M60", 8192),
    Device("V100", "V100-16GB", 16384),
    Device("V100", "V100-32GB", 32768),
    Device("T4", "T4", 16384),
    Device("T4g", "T4G", 16384),
    Device("A10G", "A10G", 22888),
    Device("L4", "L4", 22888),
    Device("L40S", "L40S", 45776),
    Device("A100", "A100-40GB", 40960),
    Device("A100", "A100-80GB", 81920),
    Device("H100", "H100-80GB", 81920),
    Device("H200", "H200", 144384),
    Device("B200", "B200", 183359),
    Device("B300", "B300", 275040),
    Device("GB200", "GB200", 189471),
    Device("GB300", "GB300", 284672),
    Device("RTX PRO 4500", "RTX-PRO-4500-Server", 32768),
    Device("RTX PRO Server 6000", "RTX-PRO-6000-Server", 98304),
    Device("Radeon Pro V520", "Radeon-V520", 8192),
    Device("Gaudi HL-205", "Gaudi", 32768),
)
NEURON = (
    Device("Inferentia", "Inferentia1", 8192),
    Device("Inferentia2", "Inferentia2", 32768),
    Device("Trainium", "Trainium1", 32768),
    Device("Trainium2", "Trainium2", None),  # 512 GiB is reported for a device of 96
    Device("Trainium3", "Trainium3", None),
)
INFERENCE = (Device("Qualcomm AI100", "Cloud-AI-100", None), *NEURON)
FPGAS = (
    Device("Virtex UltraScale (VU9P)", "FPGA-VU9P", None),
    Device("Virtex UltraScale+ (VU9P)", "FPGA-VU9P", None),
    Device("Virtex UltraScale+ (VU47P)", "FPGA-VU47P", None),
)
MEDIA = (Device("U30", "FPGA-Alveo-U30", None),)
# Families whose GPU the API has called just 'NVIDIA'.
UNNAMED = {"p5e": "H200", "p5en": "H200"}
# A device's memory may differ by this share from ours before it counts as another device.
MEMORY_TOLERANCE = 0.06
# Vendors slice a GPU into eighths at the finest.
FINEST_SLICE = 1 / 8


def accelerator_of(raw: Raw) -> tuple[str, float | None]:
    """Canonical accelerator name and count of an instance type; ``("", None)`` for CPU only.

    Neuron devices of older families are listed a second time as inference accelerators, so that
    list is read only where there is no other. Raises Unusable for a device without facts.
    """
    family = str(raw.get("InstanceType", "")).partition(".")[0]
    parts = (
        (raw.get("GpuInfo", {}).get("Gpus", ()), GPUS),
        (raw.get("NeuronInfo", {}).get("NeuronDevices", ()), NEURON),
        (raw.get("InferenceAcceleratorInfo", {}).get("Accelerators", ()), INFERENCE),
        (raw.get("FpgaInfo", {}).get("Fpgas", ()), FPGAS),
        (raw.get("MediaAcceleratorInfo", {}).get("Accelerators", ()), MEDIA),
    )
    for listed, known in parts:
        if listed:
            found = [_device(item, known, family) for item in listed]
            names = {name for name, _ in found}
            if len(names) > 1:
                raise Unusable(f"several kinds of accelerator: {', '.join(sorted(names))}")
            return names.pop(), sum(count for _, count in found)
    return "", None


def _device(item: Raw, known: tuple[Device, ...], family: str) -> tuple[str, float]:
    api_name = str(item.get("Name") or "")
    if api_name in ("", str(item.get("Manufacturer"))):
        api_name = UNNAMED.get(family, api_name)
    same_name = [device for device in known if device.api_name == api_name]
    if not same_name:
        raise Unusable(f"no facts about accelerator {api_name!r}")
    count = float(item.get("Count") or 0)
    memory = item.get("MemoryInfo", {}).get("SizeInMiB")
    if not memory and any(device.memory_mib for device in same_name):
        raise Unusable(f"{api_name} without its memory")  # which one, and whether a part of one
    for device in same_name:
        if (
            device.memory_mib is None
            or not memory
            or abs(memory / device.memory_mib - 1) <= MEMORY_TOLERANCE
        ):
            if count <= 0:
                raise Unusable(f"{api_name} without a count")
            return device.accelerator, count
    return _slice_of_device(item, same_name, count)


def _slice_of_device(item: Raw, whole: list[Device], count: float) -> tuple[str, float]:
    """A part of a GPU: the API counts it as 0 or 1 and gives the memory of the part."""
    memory = item["MemoryInfo"]["SizeInMiB"]
    device = whole[0]
    share = memory / device.memory_mib if device.memory_mib else 0.0
    eighths = round(share / FINEST_SLICE)
    if len(whole) > 1 or not 1 <= eighths < 8 or abs(share / FINEST_SLICE - eighths) > 0.1:
        raise Unusable(f"no facts about {device.api_name} with {memory} MiB")
    return device.accelerator, max(count, 1.0) * eighths * FINEST_SLICE
