"""Answers: the parts that every kind of inference shares when it reports its throughput."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from planner.performance.devices import Machines
from planner.performance.efficiency import (
    Expected,
    Measured,
    Posterior,
    Setup,
    posterior,
    prior,
)
from planner.performance.latency import Latency
from planner.performance.throughput import Throughput, kernel_efficiency
from planner.performance.training import StepTimes

__all__ = ["bandwidth_efficiency", "correction", "impossible", "kernel_efficiency", "take"]

Floats = NDArray[np.float64]

SPREAD_NOT_NEEDED = "fits one machine: replicas are counted, not spread"


def bandwidth_efficiency(task: str, machines: Machines) -> Floats:
    return np.array([prior(task, device.kind).bandwidth_efficiency for device in machines.devices])


def correction(
    task: str,
    model: str,
    precisions: Sequence[str],
    framework: str,
    batch: float,
    machines: Machines,
    measured: Sequence[Measured],
    expected: Expected | None = None,
) -> Posterior:
    """What own measurements say about each configuration, beyond what is ``expected`` of it."""
    setups = [
        Setup(
            task,
            device.kind,
            device.name,
            model,
            precision,
            framework,
            batch,
            float(total) * device.share,
        )
        for device, total, precision in zip(
            machines.devices, machines.total, precisions, strict=True
        )
    ]
    return posterior(setups, measured, expected)


def why_not(
    median: Floats,
    machines: Machines,
    peak: Floats,
    precisions: Sequence[str],
    shortfall: Floats,
    otherwise: Sequence[str],
    *,
    needs_bandwidth: bool = True,
    needs_memory: bool = True,
) -> list[str]:
    """One reason for each configuration that has no throughput, empty for the others."""
    reasons = [""] * len(machines)
    memory, rate = machines.memory, machines.memory_bandwidth
    for index in np.flatnonzero(~(np.isfinite(median) & (median > 0))).tolist():
        if np.isnan(peak[index]):
            reasons[index] = f"no {precisions[index]} arithmetic in the datasheet"
        elif needs_memory and np.isnan(memory[index]):
            reasons[index] = "memory size unknown"
        elif needs_bandwidth and np.isnan(rate[index]):
            reasons[index] = "memory bandwidth unknown"
        elif np.isfinite(shortfall[index]) and shortfall[index] > 0:
            reasons[index] = f"memory: short of {shortfall[index] / 2**30:.1f} GiB a device"
        else:
            reasons[index] = otherwise[index] or "no layout divides these devices"
    return reasons


def impossible(unit: str, machines: Machines, reasons: str | Sequence[str]) -> Throughput:
    """Nothing runs, for one reason or one each."""
    count = len(machines)
    nan = np.full(count, np.nan)
    texts = [reasons] * count if isinstance(reasons, str) else list(reasons)
    step = StepTimes(nan, nan, nan, nan, nan, [""] * count, nan, nan)
    return Throughput(unit, nan, nan, ["analytic"] * count, step, texts)


def take(found: Throughput, rows: NDArray[np.intp]) -> Throughput:
    """The chosen configurations, repeated where asked for more than once."""
    index = rows.tolist()
    latency: Latency | None = None if found.latency is None else found.latency.take(rows)
    return Throughput(
        found.unit,
        found.median[rows],
        found.log_sd[rows],
        [found.basis[i] for i in index],
        found.step.take(rows),
        [found.why_not[i] for i in index],
        latency,
        None if found.log_sd_above is None else found.log_sd_above[rows],
        None if found.setups is None else found.setups.take(rows),
        [found.known_as[i] for i in index] if found.known_as else (),
    )
