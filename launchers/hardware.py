"""What this machine is: CPU, memory and GPUs, found with the standard library.

What cannot be found is None, never a guess. A container's CPU and memory limits count, because
they bound what a benchmark can use.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import platform
import re
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

# As /proc/cpuinfo spells them (x86 "flags", Arm "Features"), to the names used here.
ISA_FLAGS = {
    "avx": "avx",
    "fma": "fma",
    "avx2": "avx2",
    "avx512f": "avx512",
    "avx512_vnni": "avx512_vnni",
    "avx_vnni": "avx_vnni",
    "avx512_bf16": "avx512_bf16",
    "amx_tile": "amx",
    "amx_bf16": "amx_bf16",
    "amx_int8": "amx_int8",
    "asimd": "neon",
    "neon": "neon",
    "asimddp": "neon_dotprod",
    "sve": "sve",
    "sve2": "sve2",
    "i8mm": "i8mm",
    "bf16": "bf16",
}
ARM_VENDORS = {"0x41": "Arm", "0x48": "HiSilicon", "0x61": "Apple", "0xc0": "Ampere"}
# Arm cores with twice the vector pipes of the base case (Neoverse V1, V2; Cortex-X1).
WIDE_ARM_PARTS = frozenset({"0xd40", "0xd4f", "0xd44"})
COMMAND_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Gpu:
    """One NVIDIA GPU as its driver names it."""

    name: str
    memory_gib: float | None
    driver: str


@dataclass(frozen=True, slots=True)
class Machine:
    """This machine. ``ghz`` is per core, with where it comes from in ``ghz_basis``.

    ``physical_cores`` are those present; ``usable_cpus`` the hardware threads this process may
    use (affinity and container quota). ``memory_gib`` is the smaller of installed and allowed.
    """

    cpu_vendor: str
    cpu_model: str
    cpu_family: str
    cpu_part: str
    architecture: str
    sockets: int | None
    physical_cores: int | None
    threads: int
    usable_cpus: float
    ghz: float | None
    ghz_basis: str
    isa: tuple[str, ...]
    memory_gib: float | None
    memory_bandwidth_gb_per_s: float | None
    gpus: tuple[Gpu, ...]
    operating_system: str
    hypervisor: bool

    @property
    def fingerprint(self) -> str:
        """Equal for machines on which a measurement should repeat; holds no host name or serial.

        Clock and free memory vary from minute to minute, so they are left out.
        """
        stable = {
            "cpu": [self.cpu_vendor, self.cpu_model, self.cpu_family, self.cpu_part],
            "cores": [self.sockets, self.physical_cores, self.threads, self.usable_cpus],
            "isa": self.isa,
            "memory_gib": None if self.memory_gib is None else math.ceil(self.memory_gib),
            "gpus": [gpu.name for gpu in self.gpus],
            "os": self.operating_system,
        }
        return hashlib.sha256(json.dumps(stable).encode()).hexdigest()[:16]

    @property
    def usable_cores(self) -> float | None:
        """Physical cores that this process can keep busy."""
        if self.physical_cores is None:
            return None
        threads_per_core = max(1.0, self.threads / self.physical_cores)
        return min(float(self.physical_cores), self.usable_cpus / threads_per_core)

    @property
    def fp32_flop_per_cycle(self) -> tuple[int, str] | None:
        """FP32 operations per core and clock cycle, and why; a multiply-add counts as two."""
        isa = set(self.isa)
        family = int(self.cpu_family) if self.cpu_family.isdigit() else 0
        if "avx512" in isa:
            if self.cpu_vendor == "AMD" and family == 25:
                return 32, "AVX-512 on 256-bit units (Zen 4): 2 FMA x 8 lanes x 2"
            return 64, "AVX-512: 2 FMA units x 16 lanes x 2"
        if {"avx2", "fma"} <= isa:
            return 32, "AVX2: 2 FMA units x 8 lanes x 2"
        if "avx" in isa:
            return 16, "AVX: 8-lane add + 8-lane multiply"
        if "neon" in isa:
            if self.cpu_part in WIDE_ARM_PARTS or self.cpu_vendor == "Apple":
                return 32, "NEON/SVE, 512 bits a cycle: 16 lanes x 2"
            return 16, "NEON: 2 FMA units x 4 lanes x 2"
        if self.architecture == "x86_64":
            return 8, "SSE: 4-lane add + 4-lane multiply"
        return None

    @property
    def peak_fp32_tflops(self) -> float | None:
        """Usable cores x GHz x FLOP per cycle, in 1e12 FLOP/s; None when a factor is unknown."""
        cores, width = self.usable_cores, self.fp32_flop_per_cycle
        if cores is None or self.ghz is None or width is None:
            return None
        return cores * self.ghz * width[0] / 1000

    @property
    def peak_basis(self) -> str:
        """How ``peak_fp32_tflops`` was computed, in words."""
        cores, width = self.usable_cores, self.fp32_flop_per_cycle
        if cores is None or self.ghz is None or width is None:
            return "unknown: cores, clock or vector width not found"
        return f"{cores:g} cores x {self.ghz:g} GHz ({self.ghz_basis}) x {width[0]} ({width[1]})"

    def to_dict(self) -> dict[str, object]:
        """Plain values, derived ones included."""
        return asdict(self) | {
            "fingerprint": self.fingerprint,
            "peak_fp32_tflops": self.peak_fp32_tflops,
            "peak_basis": self.peak_basis,
        }


def describe_machine() -> Machine:
    """Describe the machine this runs on. Never raises for something it cannot find."""
    text = _read(Path("/proc/cpuinfo"))
    return machine_from(
        text,
        _read(Path("/proc/meminfo")),
        mac=_mac_facts() if platform.system() == "Darwin" else {},
        gpus=_gpus(),
    )


def machine_from(
    cpuinfo: str, meminfo: str, *, mac: Mapping[str, str], gpus: tuple[Gpu, ...]
) -> Machine:
    """A Machine from the texts it is described in (Linux /proc files, macOS sysctl)."""
    blocks = [_fields(block) for block in cpuinfo.split("\n\n") if "processor" in block]
    first = blocks[0] if blocks else {}
    flags = (first.get("flags") or first.get("Features") or "").split()
    isa = tuple(sorted({ISA_FLAGS[flag] for flag in flags if flag in ISA_FLAGS}))
    vendor = first.get("vendor_id") or ARM_VENDORS.get(first.get("CPU implementer", ""), "")
    vendor = {"GenuineIntel": "Intel", "AuthenticAMD": "AMD"}.get(vendor, vendor)
    if mac:
        vendor = "Apple" if platform.machine() == "arm64" else "Intel"
        isa = ("neon",) if vendor == "Apple" else isa
    threads = len(blocks) or os.cpu_count() or 1
    cores, sockets = _topology(blocks)
    ghz, basis = _clock(blocks)
    return Machine(
        cpu_vendor=vendor,
        cpu_model=first.get("model name") or mac.get("machdep.cpu.brand_string", ""),
        cpu_family=first.get("cpu family", ""),
        cpu_part=first.get("CPU part") or first.get("model", ""),
        architecture=platform.machine(),
        sockets=sockets,
        physical_cores=int(mac["hw.physicalcpu"]) if "hw.physicalcpu" in mac else cores,
        threads=threads,
        usable_cpus=_usable_cpus(threads),
        ghz=ghz,
        ghz_basis=basis,
        isa=isa,
        memory_gib=_memory_gib(meminfo, mac),
        memory_bandwidth_gb_per_s=None,
        gpus=gpus,
        operating_system=platform.system(),
        hypervisor="hypervisor" in flags,
    )


def _fields(block: str) -> dict[str, str]:
    pairs = (line.split(":", 1) for line in block.splitlines() if ":" in line)
    return {name.strip(): value.strip() for name, value in pairs}


def _topology(blocks: list[dict[str, str]]) -> tuple[int | None, int | None]:
    """Physical cores and sockets; Arm's cpuinfo tells neither, there a thread is a core."""
    if not blocks:
        return None, None
    if "core id" not in blocks[0]:
        return (len(blocks), None) if "CPU implementer" in blocks[0] else (None, None)
    cores = {(block.get("physical id"), block.get("core id")) for block in blocks}
    return len(cores), len({block.get("physical id") for block in blocks})


def _clock(blocks: list[dict[str, str]]) -> tuple[float | None, str]:
    """GHz and its basis. A nominal clock is preferred to the one of this moment."""
    folder = Path("/sys/devices/system/cpu/cpu0/cpufreq")
    base = _read(folder / "base_frequency").strip()
    if base.isdigit():
        return int(base) / 1e6, "base clock, cpufreq"
    named = re.search(r"@\s*([\d.]+)\s*GHz", blocks[0].get("model name", "") if blocks else "")
    if named:
        return float(named[1]), "nominal clock, in the model name"
    top = _read(folder / "cpuinfo_max_freq").strip()
    if top.isdigit():
        return int(top) / 1e6, "maximum clock, cpufreq"
    clocks = [float(block["cpu MHz"]) for block in blocks if block.get("cpu MHz")]
    if clocks:
        return round(max(clocks) / 1000, 3), "clock when looked at, cpuinfo"
    return None, "unknown"


def _usable_cpus(threads: int) -> float:
    usable = float(threads)
    if hasattr(os, "sched_getaffinity"):
        usable = min(usable, float(len(os.sched_getaffinity(0))))
    quota = _read(Path("/sys/fs/cgroup/cpu.max")).split()
    if len(quota) == 2 and quota[0].isdigit() and quota[1].isdigit():
        usable = min(usable, int(quota[0]) / int(quota[1]))
    return usable


def _memory_gib(meminfo: str, mac: Mapping[str, str]) -> float | None:
    found = re.search(r"^MemTotal:\s+(\d+) kB", meminfo, re.MULTILINE)
    total = int(found[1]) / 2**20 if found else None
    if mac.get("hw.memsize", "").isdigit():
        total = int(mac["hw.memsize"]) / 2**30
    allowed = _read(Path("/sys/fs/cgroup/memory.max")).strip()
    if total is not None and allowed.isdigit():
        total = min(total, int(allowed) / 2**30)
    return total


def _gpus() -> tuple[Gpu, ...]:
    """NVIDIA GPUs by their driver's own tool, which comes with every driver."""
    query = "--query-gpu=name,memory.total,driver_version"
    found = []
    for line in _run(["nvidia-smi", query, "--format=csv,noheader,nounits"]).splitlines():
        cells = [cell.strip() for cell in line.split(",")]
        if len(cells) == 3:
            memory = cells[1].replace(".", "", 1).isdigit()
            found.append(Gpu(cells[0], float(cells[1]) / 1024 if memory else None, cells[2]))
    return tuple(found)


def _mac_facts() -> dict[str, str]:
    names = ["machdep.cpu.brand_string", "hw.physicalcpu", "hw.memsize"]
    values = _run(["sysctl", "-n", *names]).splitlines()
    return dict(zip(names, values, strict=False))


def _run(command: list[str]) -> str:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=COMMAND_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
