"""Accelerators of rows as numbers: peaks with fallbacks, bandwidth, memory, links.

Peaks are 1e12 operations a second, bandwidths 1e9 bytes a second, memory GiB.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from catalog import Accelerator, Catalog, UnknownName
from catalog.records import dataclass

NAN = math.nan

# Which column stands in for an empty one, and the factor; tried in order. A device without a
# native low precision runs it at the rate of the next wider one it has.
_FALLBACKS: Mapping[str, tuple[tuple[str, float], ...]] = {
    "fp4": (("fp8", 1.0), ("bf16", 1.0), ("fp16", 1.0), ("int8", 0.5), ("fp32", 1.0)),
    "fp8": (("bf16", 1.0), ("fp16", 1.0), ("int8", 0.5), ("fp32", 1.0)),
    "int4": (("int8", 1.0), ("fp8", 1.0), ("bf16", 1.0), ("fp16", 1.0), ("fp32", 1.0)),
    "int8": (("fp8", 1.0), ("fp16", 1.0), ("bf16", 1.0), ("fp32", 1.0)),
    "bf16": (("fp16", 1.0), ("int8", 0.5), ("tf32", 2.0), ("fp32", 1.0)),
    "fp16": (("bf16", 1.0), ("int8", 0.5), ("tf32", 2.0), ("fp32", 1.0)),
    "tf32": (("fp32", 1.0), ("fp16", 0.5), ("bf16", 0.5), ("int8", 0.25)),
    "fp32": (("tf32", 0.5), ("fp16", 0.25), ("bf16", 0.25), ("int8", 0.125)),
}
# Peak (1e12 a second) by bandwidth (1e9 bytes a second) in the median of datasheets.
_FLOPS_A_BYTE = {"fp32": 0.02, "tf32": 0.08, "fp16": 0.15, "bf16": 0.15, "fp8": 0.3, "int8": 0.3}
_EDGE = re.compile(
    r"jetson|coral|mali|raspberry|s922x|rk3588|cortex|armv8|ane|npu|bcm2|adreno|exynos|snapdragon",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Device:
    name: str
    kind: str  # GPU, TPU, ASIC, FPGA, NPU or CPU
    vendor: str
    edge: bool
    known: bool
    peaks: Mapping[str, float]
    bandwidth: float
    memory: float
    link: float
    domain: float
    year: float
    tdp: float
    cores: float

    def peak(self, precision: str) -> float:
        """Dense peak at a precision, by fallback where the datasheet says nothing."""
        value = self.peaks.get(precision, NAN)
        if value > 0:
            return value
        for other, factor in _FALLBACKS[precision]:
            value = self.peaks.get(other, NAN)
            if value > 0:
                return value * factor
        # No published peak at all: devices of one age balance arithmetic and memory alike.
        return self.bandwidth * _FLOPS_A_BYTE.get(precision, 0.1)


def _from_catalog(name: str, facts: Accelerator) -> Device:
    peaks = dict(facts.peak_tera_ops)
    kind = str(facts.kind.value)
    if kind == "CPU":
        # No hardware path: a CPU converts 16-bit weights and computes in FP32.
        fp32 = peaks.get("fp32", NAN)
        peaks.setdefault("bf16", fp32)
        peaks.setdefault("fp16", fp32)
        peaks.setdefault("int8", 2.0 * fp32)
    edge = bool(_EDGE.search(facts.name) or _EDGE.search(name))
    bandwidth = facts.memory_bandwidth_gb_per_s
    memory = facts.memory_gib
    return Device(
        name=facts.name,
        kind=kind,
        vendor=facts.vendor,
        edge=edge and "Apple" not in facts.name,
        known=True,
        peaks=peaks,
        bandwidth=bandwidth or (300.0 if kind == "CPU" else NAN),
        memory=memory or (256.0 if kind == "CPU" and not edge else 8.0),
        link=facts.link_bandwidth_gb_per_s or (64.0 if kind == "CPU" else 32.0),
        domain=float(facts.link_domain_size),
        year=float(facts.release_year or 2020),
        tdp=facts.tdp_w or NAN,
        cores=float(facts.cores or NAN),
    )


@dataclass(frozen=True, slots=True)
class _Generic:
    """A CPU that only its family names. FP32 FLOP a cycle and core, bytes/s in 1e9; int8 runs at
    ``int8`` times FP32 (4 with dot-product instructions, 2 without). Typical figures: assumption.
    """

    key: str
    cores: float
    ghz: float
    flop_per_cycle: float
    bandwidth: float
    edge: bool = False
    int8: float = 4.0


_GENERIC_CPU: tuple[_Generic, ...] = (
    # "ARMv8 rev N (v8l)" is how Linux names the cores of Arm boards that report no part, such as
    # the A78AE of Jetson Orin.
    _Generic("armv8", 4.0, 2.2, 16.0, 100.0, edge=True),
    _Generic("cortex-a5", 4.0, 1.4, 8.0, 4.0, edge=True, int8=2.0),
    # Without a board's name, as Linux reports it on Arm servers in clusters of four (Graviton).
    _Generic("cortex-a72", 4.0, 2.3, 8.0, 40.0, edge=True, int8=2.0),
    _Generic("cortex-a73", 4.0, 2.2, 8.0, 13.0, edge=True, int8=2.0),
    _Generic("cortex-a7", 4.0, 2.2, 16.0, 30.0, edge=True),
    _Generic("cortex-x", 8.0, 2.8, 32.0, 50.0, edge=True),
    _Generic("neoverse", 64.0, 2.7, 32.0, 300.0),
    _Generic("epyc", 64.0, 2.7, 32.0, 300.0, int8=2.0),
    _Generic("xeon", 32.0, 2.6, 64.0, 200.0),
    _Generic("ryzen", 8.0, 3.8, 32.0, 55.0, int8=2.0),
    _Generic("core", 8.0, 3.5, 32.0, 70.0),
    _Generic("i9", 16.0, 3.5, 32.0, 80.0),
    _Generic("i7", 8.0, 3.5, 32.0, 70.0),
    _Generic("i5", 6.0, 3.5, 32.0, 60.0),
    _Generic("apple", 8.0, 3.2, 32.0, 100.0, int8=2.0),
    _Generic("", 16.0, 2.5, 32.0, 100.0, int8=2.0),
)


def _generic_cpu(name: str) -> Device:
    lowered = name.lower()
    family = next(family for family in _GENERIC_CPU if family.key in lowered)
    fp32 = family.cores * family.ghz * family.flop_per_cycle / 1000.0
    return Device(
        name=name,
        kind="CPU",
        vendor="",
        edge=family.edge,
        known=False,
        peaks={"fp32": fp32, "fp16": fp32, "bf16": fp32, "int8": family.int8 * fp32},
        bandwidth=family.bandwidth,
        memory=8.0 if family.edge else 256.0,
        link=32.0,
        domain=1.0,
        year=2020.0,
        tdp=NAN,
        cores=family.cores,
    )


# The catalog takes this for a Raspberry Pi 4, whose peak (57.6 GFLOP/s at 1.8 GHz) published
# runs on it exceed.
_BARE_CORE = re.compile(r"(CPU-)?cortex-a72", re.IGNORECASE)


class DeviceBook:
    """Look-ups by publisher name, remembered; None when the name says nothing."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._found: dict[str, Device | None] = {}

    def find(self, name: str) -> Device | None:
        if name not in self._found:
            self._found[name] = self._look_up(name)
        return self._found[name]

    def _look_up(self, name: str) -> Device | None:
        if not name:
            return None
        if _BARE_CORE.fullmatch(name):
            return _generic_cpu(name.removeprefix("CPU-"))
        if name in self._catalog.accelerators:
            return _from_catalog(name, self._catalog.accelerators[name])
        for candidate in _spellings(name):
            try:
                return _from_catalog(name, self._catalog.accelerator(candidate))
            except UnknownName:
                continue
        if name.upper().startswith("CPU") or re.search(
            r"xeon|epyc|ryzen|cortex|neoverse|graviton|intel core|core\(tm\)", name, re.IGNORECASE
        ):
            return _generic_cpu(name.removeprefix("CPU-"))
        return None


def _spellings(name: str) -> list[str]:
    """The name, then plainer forms of it (no vendor, no memory size, dies or socket counts)."""
    plain = re.sub(r"\(.*?\)|:.*$", " ", name).strip()
    plain = re.sub(r"^(NVIDIA|AMD|Intel|Google|AWS|Arm|ARM)[ _-]+", "", plain)
    forms = [name, plain]
    forms.append(re.sub(r"[-_ ]?\d+ ?GB", "", plain, flags=re.IGNORECASE))
    forms.append(
        re.sub(r"[-_ ]?(SXM\d?|HBM\d?e?|OAM|Tensor[- ]Core|GPU)", "", plain, flags=re.IGNORECASE)
    )
    forms.append(re.sub(r"[-_ ]?(SXM\d?|\d+ ?GB|GPU)", "", plain, flags=re.IGNORECASE))
    for memory in ("80GB", "40GB", "16GB", "32GB", "64GB", "8GB"):
        forms.append(f"{forms[2]}-{memory}")
    if plain.upper().startswith("CPU"):
        forms.append(re.sub(r"^CPU-\d+x", "CPU-", plain, flags=re.IGNORECASE))
    return list(dict.fromkeys(form for form in forms if form))
