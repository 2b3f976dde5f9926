"""Networks that take batches of independent samples: time of a batch, and which batch is best."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from catalog.accelerators import AcceleratorKind
from catalog.records import dataclass
from planner.performance.devices import Machines
from planner.performance.inference.answers import SPREAD_NOT_NEEDED, why_not
from planner.performance.inference.precision import Arithmetic
from planner.performance.inference.queueing import MOST_UTILISATION, wait_quantile_s
from planner.performance.latency import Latency
from planner.performance.memory import CONTEXT_BYTES, FRAGMENTATION
from planner.performance.training import StepTimes

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

BATCHES = np.array([2.0**k for k in range(9)])
# Loads that a service may be planned for; the highest that meets the latency is taken.
LOADS = np.round(np.arange(0.05, MOST_UTILISATION + 0.001, 0.05), 2)
# Share of all activations of a pass that live at once. Assumption (layers free their inputs).
LIVE_SHARE = 0.25
# Share of the activations that leaves the chip: dataflow designs keep most of them in on-chip
# memory. Assumption, in line with published ResNet-50 runs on them.
CROSSING = {AcceleratorKind.ASIC: 0.1, AcceleratorKind.FPGA: 0.1, AcceleratorKind.NPU: 0.1}
# A device whose whole memory is below this holds weights on the chip.
ON_CHIP_BYTES = 2.0**30

# Cores that share one sample's layers before they mostly wait for each other: half of the speed is
# lost where a CPU has this many a sample. Assumption, in line with published batch-1 runs.
CORES_A_SAMPLE = 12.0
# Share of a host link's rate that streamed weights reach; the link of an edge device is quoted
# one way. Assumption.
STREAM_SHARE = 0.7
# Asking such a device and hearing from it, over USB or PCIe. Assumption.
ROUND_TRIP_S = 0.5e-3


@dataclass(frozen=True)
class SampleWork:
    """One sample's work. ``passes`` is how often the network runs for it (denoising steps), each
    time reading ``parameters``; operations and values are of all passes together. ``input_values``
    are handed to the device.
    """

    parameters: float
    flops: float
    moved_values: float
    live_values: float
    kernels: float
    passes: float = 1.0
    input_values: float = 0.0


@dataclass(frozen=True)
class BatchTimes:
    """Seconds of one batch of each size on one device, shape (n, batches)."""

    size: Floats
    device: Floats
    overhead: Floats
    need: Floats
    usable: Floats

    @property
    def total(self) -> Floats:
        return self.device + self.overhead

    def at_speed(self, speed: Floats) -> BatchTimes:
        """The same, ``speed`` times as fast, shape (n,)."""
        fix = speed[:, None]
        return replace(self, device=self.device / fix, overhead=self.overhead / fix)

    @property
    def fits(self) -> Bools:
        """Devices without a known memory size (dies in a phone) use the host's: taken to fit."""
        fits: Bools = ~(self.need > self.usable)
        return fits


def batch_times(
    work: SampleWork,
    machines: Machines,
    runs: Arithmetic,
    sizes: Floats,
    *,
    kernel_efficiency: Floats,
    bandwidth_efficiency: Floats,
    launch_s: Floats,
    speed: Floats,
) -> BatchTimes:
    """Roofline of arithmetic and of moved bytes, plus one start of every kernel a batch.

    A device with on-chip memory only gets its input over the host link, and with it the weights
    beyond that memory in every pass (Coral's compiler calls them off-chip parameters).
    """
    size = sizes[None, :]
    peak = (runs.peak * kernel_efficiency)[:, None] * _busy_share(machines, size)
    memory = machines.memory[:, None]
    on_chip = memory < ON_CHIP_BYTES
    weights = work.parameters * runs.weight_bytes[:, None]
    crossing = np.array([CROSSING.get(device.kind, 1.0) for device in machines.devices])[:, None]
    values = size * work.moved_values * crossing
    moved = values * runs.value_bytes[:, None] + work.passes * weights
    rate = (machines.memory_bandwidth * bandwidth_efficiency)[:, None]
    with np.errstate(invalid="ignore", divide="ignore"):
        # Without a bandwidth the memory is on the chip or unknown: arithmetic alone counts.
        moving = np.nan_to_num(moved / rate)
        streamed = np.where(on_chip, np.maximum(weights - memory, 0.0), 0.0) * work.passes
        handed = np.where(on_chip, size * work.input_values, 0.0)
        link = STREAM_SHARE * machines.link_bandwidth[:, None]
        streaming = (streamed + handed) / link + np.where(on_chip, ROUND_TRIP_S, 0.0)
    device = np.maximum(size * work.flops / peak, moving) + streaming
    live = size * work.live_values * runs.value_bytes[:, None]
    need = (weights + live) * (1 + FRAGMENTATION)
    context = CONTEXT_BYTES * np.minimum(1.0, np.nan_to_num(memory) / (16 * 2**30))
    fix = speed[:, None]
    return BatchTimes(
        np.broadcast_to(size, device.shape),
        device / fix,
        np.broadcast_to(work.passes * work.kernels * launch_s[:, None], device.shape) / fix,
        np.where(on_chip, 0.0, need + context),
        np.broadcast_to(memory, device.shape),
    )


def _busy_share(machines: Machines, size: Floats) -> Floats:
    """Share of a CPU's cores that a batch keeps busy; 1 for devices that hide their cores."""
    cores = [
        (device.cores or 0.0) if device.kind is AcceleratorKind.CPU else 0.0
        for device in machines.devices
    ]
    result: Floats = 1 / (1 + np.array(cores)[:, None] / (CORES_A_SAMPLE * size))
    return result


@dataclass(frozen=True)
class Chosen:
    """Samples/s of the unit, shape (n,), with the batch and load it is reached at."""

    rate: Floats
    batch: Floats
    load: Floats
    latency_p95: Floats
    step: StepTimes
    reasons: list[str]


def choose(
    times: BatchTimes,
    machines: Machines,
    runs: Arithmetic,
    *,
    service: bool,
    burstiness: float = 1.0,
    latency_p95: float | None = None,
    slack: Floats | None = None,
    before_s: float = 0.0,
    ceiling: Floats | None = None,
    shared: Floats | None = None,
) -> Chosen:
    """The batch and load with the highest rate that meet the latency.

    A service runs below saturation: a request waits for the batch under way, for those queued by
    bursts, and for its own. ``before_s`` is spent on each request first (decoding). ``ceiling``
    bounds samples/s of a unit (host CPUs), ``shared`` are seconds a sample on the same cores;
    ``slack`` lengthens times for the risk asked.
    """
    loads = LOADS if service else np.ones(1)
    devices = machines.total[:, None, None]
    batch_s = times.total[:, :, None]
    size = times.size[:, :, None]
    if shared is not None:
        batch_s = batch_s + size * shared[:, None, None]
    load = loads[None, None, :]
    if service:
        queued = wait_quantile_s(
            batch_s, load, devices, arrival_scv=burstiness, service_scv=0.0, quantile=0.95
        )
        late = before_s + batch_s * np.where(size > 1, 1.95, 1.0) + queued / size
    else:
        late = before_s + batch_s + 0.0 * load
    rate = devices * load * size / batch_s
    if ceiling is not None:
        rate = np.minimum(rate, (ceiling * (MOST_UTILISATION if service else 1.0))[:, None, None])
    allowed = np.broadcast_to(times.fits[:, :, None], rate.shape) & np.isfinite(rate)
    stretched = late
    if slack is not None:
        stretched = before_s + (late - before_s) * slack[:, None, None]
    if latency_p95 is not None:
        allowed = allowed & (stretched <= latency_p95)
    count = len(machines)
    ways = rate.shape[1] * rate.shape[2]
    flat = np.where(allowed, rate, -1.0).reshape(count, ways)
    best = np.argmax(flat, axis=1)
    rows = np.arange(count)
    b, u = np.unravel_index(best, rate.shape[1:])
    median = np.where(flat[rows, best] > 0, flat[rows, best], np.nan)
    quickest = np.where(times.fits[:, :, None], stretched, np.inf).reshape(count, ways).min(axis=1)
    missed = [
        f"latency_p95 of {1e3 * latency_p95:.4g} ms missed: {1e3 * seconds:.3g} ms at best"
        if latency_p95 is not None and np.isfinite(seconds) and seconds > latency_p95
        else ""
        for seconds in quickest.tolist()
    ]
    short = np.nan_to_num(np.maximum(times.need - times.usable, 0.0).min(axis=1))
    reasons = why_not(
        median,
        machines,
        runs.peak,
        runs.stored,
        short,
        missed,
        needs_bandwidth=False,
        needs_memory=False,
    )
    spread = machines.nodes > 1
    reasons = [
        reason or (SPREAD_NOT_NEEDED if several else "")
        for several, reason in zip(spread.tolist(), reasons, strict=True)
    ]
    stopped = np.array([bool(reason) for reason in reasons], bool)

    def at(values: Floats) -> Floats:
        return np.where(stopped, np.nan, values[rows, b])

    batch = at(times.size)
    overhead, waiting = at(times.overhead), np.full(len(machines), np.nan)
    if shared is not None:
        waiting = np.where(shared > 0, batch * shared, np.nan)
        overhead = overhead + np.nan_to_num(waiting)
    step = StepTimes(
        compute_s=at(times.device),
        communication_s=np.where(stopped, np.nan, 0.0),
        overhead_s=overhead,
        bubble_s=np.where(stopped, np.nan, 0.0),
        input_s=waiting,
        layout=[
            "" if stop else _describe(float(n), float(k))
            for n, k, stop in zip(machines.total, batch, stopped.tolist(), strict=True)
        ],
        memory_need=np.where(stopped, times.need.min(axis=1), at(times.need)),
        shortfall=short,
    )
    return Chosen(
        np.where(stopped, np.nan, median),
        batch,
        np.where(stopped, np.nan, loads[u]),
        np.where(stopped, np.nan, late[rows, b, u]),
        step,
        reasons,
    )


def _describe(devices: float, batch: float) -> str:
    who = "single device" if devices <= 1 else f"{int(devices)} replicas"
    return f"{who}, batch {int(batch)}"


def latency_of(chosen: Chosen, machines: Machines, *, service: bool) -> Latency:
    """Latency of a service; of a finite set only how much is in flight."""
    together = chosen.batch * machines.total
    if not service:
        return Latency(concurrency=together)
    return Latency(
        latency_p95=chosen.latency_p95, concurrency=together, utilisation_limit=chosen.load
    )
