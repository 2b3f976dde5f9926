"""Generic work given as operations and bytes, at the roofline of the devices."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from planner.performance.communication import LINK_SHARE
from planner.performance.devices import Machines
from planner.performance.efficiency import Measured
from planner.performance.inference.answers import (
    bandwidth_efficiency,
    correction,
    kernel_efficiency,
    why_not,
)
from planner.performance.inference.precision import arithmetic
from planner.performance.throughput import Throughput
from planner.performance.training import StepTimes
from planner.workload import Generic

Floats = NDArray[np.float64]

DEFAULTS = ("fp32",)
# Spread of log(measured / estimated) when the user states the efficiency. Assumption.
STATED_LOG_SD = 0.2


def generic_throughput(
    workload: Generic, machines: Machines, measured: Sequence[Measured] = ()
) -> Throughput:
    """Operations/s of the work on all devices of each configuration.

    The time is that of the roofline on one device, of which the parallel share is divided by the
    devices (Amdahl 1967), plus the exchanged bytes over the slowest link they cross. ``step``
    holds the seconds of the whole work.
    """
    task = "generic"
    stated = workload.precision.value if workload.precision else None
    runs = arithmetic(stated, DEFAULTS, machines)
    name = workload.name
    fix = correction(task, name, runs.stored, workload.framework, 0.0, machines, measured)
    reached = (
        np.full(len(machines), workload.efficiency)
        if workload.efficiency is not None
        else kernel_efficiency(task, machines)
    )
    moved = workload.bytes or 0.0
    with np.errstate(invalid="ignore", divide="ignore"):
        computing = workload.flops / (runs.peak * reached)
        rate = machines.memory_bandwidth * bandwidth_efficiency(task, machines)
        moving = moved / rate if moved else np.zeros(len(machines))
        alone = np.maximum(computing, moving)
        total = machines.total
        share = workload.parallel_fraction
        device = alone * ((1 - share) + share / total)
        exchange = _exchange_s(workload.communication or 0.0, machines)
        median = workload.flops / (device + exchange) * fix.ratio
    need = np.full(len(machines), (workload.memory or 0.0) * 2**30) / total
    short = np.maximum(need - machines.memory, 0.0)
    unsure = (workload.memory is not None) & np.isnan(machines.memory)
    median = np.where((np.nan_to_num(short) > 0) | unsure, np.nan, median)
    reasons = why_not(
        median,
        machines,
        runs.peak,
        runs.stored,
        np.nan_to_num(short),
        [""] * len(machines),
        needs_bandwidth=bool(moved),
        needs_memory=workload.memory is not None,
    )
    stopped = np.array([bool(reason) for reason in reasons], bool)
    step = StepTimes(
        compute_s=np.where(stopped, np.nan, device),
        communication_s=np.where(stopped, np.nan, exchange),
        overhead_s=np.where(stopped, np.nan, 0.0),
        bubble_s=np.full(len(machines), np.nan),
        input_s=np.full(len(machines), np.nan),
        layout=[
            "" if stop else "single device" if n <= 1 else f"{int(n)} devices"
            for n, stop in zip(total, stopped.tolist(), strict=True)
        ],
        memory_need=need,
        shortfall=np.nan_to_num(short),
    )
    log_sd = fix.log_sd
    if workload.efficiency is not None:
        log_sd = np.minimum(log_sd, STATED_LOG_SD)
    return Throughput("flops_per_s", median, log_sd, fix.basis, step, reasons, known_as=fix.setups)


def _exchange_s(exchanged: float, machines: Machines) -> Floats:
    """Seconds for bytes that all devices exchange together, spread evenly over them."""
    total, nodes = machines.total, machines.nodes
    inside = exchanged / total / (LINK_SHARE * machines.link_bandwidth / 2)
    outside = exchanged / nodes / (LINK_SHARE * machines.network)
    slowest = np.where(nodes > 1, np.fmax(inside, outside), inside)
    result: Floats = np.where(total > 1, slowest, 0.0)
    return result
