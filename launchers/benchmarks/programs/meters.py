"""What a machine does while it is measured: a thread samples it each second.

psutil and NVML are used where they are; else /proc and nvidia-smi tell the same, or part of it.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

STARTED = time.perf_counter()
# A launcher that follows the run sets the variable and knows the lines by their beginning.
SAMPLES_WANTED = "PLANNER_SAMPLES"
SAMPLE_MARKER = "@@PLANNER_SAMPLE "


def run_tool(command: list[str]) -> str:
    """Output of a tool; empty when it is absent, fails or hangs."""
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=10).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""


class Meter(threading.Thread):
    """Samples utilisation, memory, power, temperature and clocks beside the benchmark.

    ``other_cpu_share`` is the part of the machine's CPU time that other processes had: a run
    beside other work measures both.
    """

    def __init__(self, device: str, interval_s: float = 1.0) -> None:
        super().__init__(daemon=True)
        self.samples: list[dict[str, float]] = []
        self._interval_s = interval_s
        self._over = threading.Event()
        wanted = os.environ.get(SAMPLES_WANTED, "") not in ("", "0")
        self._tells = wanted and os.environ.get("RANK", "0") == "0"
        self._gpu = _gpu_reader() if device == "cuda" else None
        self._tpu = shutil.which("tpu-info") if device == "xla" else None
        names = ["psutil" if _module("psutil") else "/proc"]
        if self._gpu is not None:
            names.append(self._gpu.name)
        if self._tpu:
            names.append("tpu-info")
        self.source = ", ".join(names)
        self._before = self._first = _cpu_ticks()
        self._own_first = _own_cpu_s()
        self._energy_first = self._gpu.energy_j() if self._gpu else None

    def run(self) -> None:
        while not self._over.wait(self._interval_s):
            self.sample()

    def sample(self) -> None:
        point = {"second": round(time.perf_counter() - STARTED, 2)}
        now = _cpu_ticks()
        if now and self._before and now[1] > self._before[1]:
            busy, total = now[0] - self._before[0], now[1] - self._before[1]
            point["cpu_percent"] = round(100 * busy / total, 1)
        self._before = now
        used = _memory_used_gib()
        if used is not None:
            point["memory_used_gib"] = round(used, 3)
        if self._gpu is not None:
            point.update(self._gpu.read())
        if self._tpu:
            point.update(_tpu_reading(self._tpu))
        if len(point) > 1:
            self.samples.append(point)
            if self._tells:  # one write: the benchmark's own lines stay whole
                sys.stdout.write(f"{SAMPLE_MARKER}{json.dumps(point)}\n")
                sys.stdout.flush()

    def finish(self) -> dict[str, Any]:
        """Stop, and sum up."""
        self._over.set()
        self.join()
        self.sample()
        return {
            "source": self.source,
            "samples": self.samples,
            "other_cpu_share": self._other_share(),
            "gpu_energy_j": self._energy_j(),
        }

    def _other_share(self) -> float | None:
        last = _cpu_ticks()
        if not (self._first and last and last[1] > self._first[1]):
            return None
        hertz = os.sysconf("SC_CLK_TCK")
        own = (_own_cpu_s() - self._own_first) * hertz
        share = (last[0] - self._first[0] - own) / (last[1] - self._first[1])
        return round(min(max(share, 0.0), 1.0), 4)

    def _energy_j(self) -> float | None:
        """Of the device's own counter, else power integrated over the samples."""
        if self._gpu is None:
            return None
        last = self._gpu.energy_j()
        if last is not None and self._energy_first is not None:
            return round(last - self._energy_first, 1)
        points = [(p["second"], p["gpu_watts"]) for p in self.samples if "gpu_watts" in p]
        if len(points) < 2:
            return None
        pairs = itertools.pairwise(points)
        return round(sum((b[0] - a[0]) * (a[1] + b[1]) / 2 for a, b in pairs), 1)


class _Nvml:
    """Through NVIDIA's own library."""

    name = "NVML"

    def __init__(self, nvml: Any) -> None:
        self._nvml = nvml
        nvml.nvmlInit()
        self._handle = nvml.nvmlDeviceGetHandleByIndex(0)

    def read(self) -> dict[str, float]:
        nvml, handle = self._nvml, self._handle
        readings: dict[str, Any] = {
            "gpu_percent": lambda: nvml.nvmlDeviceGetUtilizationRates(handle).gpu,
            "gpu_memory_mib": lambda: nvml.nvmlDeviceGetMemoryInfo(handle).used / 2**20,
            "gpu_watts": lambda: nvml.nvmlDeviceGetPowerUsage(handle) / 1e3,
            "gpu_celsius": lambda: nvml.nvmlDeviceGetTemperature(handle, 0),
            "gpu_mhz": lambda: nvml.nvmlDeviceGetClockInfo(handle, 1),
        }
        found = {}
        for name, ask in readings.items():
            try:
                found[name] = round(float(ask()), 1)
            except nvml.NVMLError:  # not every device has every sensor
                continue
        return found

    def energy_j(self) -> float | None:
        try:
            return float(self._nvml.nvmlDeviceGetTotalEnergyConsumption(self._handle)) / 1e3
        except self._nvml.NVMLError:
            return None


class _NvidiaSmi:
    """Through the command, where the library is not."""

    name = "nvidia-smi"
    _FIELDS = ("utilization.gpu", "memory.used", "power.draw", "temperature.gpu", "clocks.sm")
    _NAMES = ("gpu_percent", "gpu_memory_mib", "gpu_watts", "gpu_celsius", "gpu_mhz")

    def read(self) -> dict[str, float]:
        query = f"--query-gpu={','.join(self._FIELDS)}"
        text = run_tool(["nvidia-smi", query, "--format=csv,noheader,nounits"])
        found = {}
        for name, cell in zip(self._NAMES, text.split("\n")[0].split(","), strict=False):
            if cell.strip().replace(".", "", 1).isdigit():
                found[name] = float(cell)
        return found

    def energy_j(self) -> float | None:
        return None


def _gpu_reader() -> _Nvml | _NvidiaSmi:
    nvml = _module("pynvml")
    if nvml is not None:
        try:
            return _Nvml(nvml)
        except nvml.NVMLError:  # no driver or no permission: the command may still work
            pass
    return _NvidiaSmi()


def _tpu_reading(tool: str) -> dict[str, float]:
    """Duty cycle and memory of the first chip, as ``tpu-info`` prints them."""
    for line in run_tool([tool]).splitlines():
        cells = [cell.strip() for cell in line.replace("│", "|").split("|") if cell.strip()]
        if len(cells) >= 3 and cells[-1].endswith("%") and "GiB" in cells[-2]:
            used = cells[-2].split("GiB")[0].strip()
            try:
                percent = float(cells[-1].rstrip("% "))
                return {"tpu_percent": percent, "tpu_memory_gib": float(used)}
            except ValueError:
                continue
    return {}


def _module(name: str) -> Any:
    try:
        return __import__(name)
    except ImportError:
        return None


def _cpu_ticks() -> tuple[int, int] | None:
    """Busy and all clock ticks of all CPUs since boot, where the system tells."""
    try:
        ticks = Path("/proc/stat").read_text().split("\n")[0].split()[1:9]
    except OSError:
        psutil = _module("psutil")
        if psutil is None:
            return None
        times = psutil.cpu_times()
        hertz = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
        whole = sum(times)
        return round((whole - times.idle) * hertz), round(whole * hertz)
    numbers = [int(tick) for tick in ticks]
    # Time stolen by other guests of the host is neither ours nor idle: it counts as others'.
    return sum(numbers) - numbers[3] - numbers[4], sum(numbers)


def _own_cpu_s() -> float:
    """CPU seconds of this process, its threads, and children that ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _memory_used_gib() -> float | None:
    psutil = _module("psutil")
    if psutil is not None:
        memory = psutil.virtual_memory()
        return float(memory.total - memory.available) / 2**30
    try:
        fields = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
        total, free = (int(fields[name].split()[0]) for name in ("MemTotal", "MemAvailable"))
        return (total - free) / 2**20
    except (OSError, KeyError, ValueError):
        return None
