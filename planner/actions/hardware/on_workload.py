"""One workload on one device: how many are needed, how fast that is, and which operators bind."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from catalog.accelerators import Accelerator, AcceleratorKind
from catalog.model_shapes import ModelShape
from planner.actions.hardware.facts import Facts
from planner.candidates.eligible import ability
from planner.items import rounded
from planner.performance.devices import Machines, from_accelerator, usual_network
from planner.performance.efficiency import Measured
from planner.performance.inference.answers import SPREAD_NOT_NEEDED
from planner.performance.operators import operators
from planner.performance.throughput import Throughput, throughput_of, training_precision
from planner.results.hardware import DeviceOn, OperatorOn
from planner.workload import LanguageTraining, VisionTraining, Workload

# Devices of one machine, and machines, that are tried; a TPU slice is one machine.
PER_NODE = 8
MOST_DEVICES = 1024
# Host memory of a socket, which is what a CPU computes in. Assumption: eight channels of 64 GiB.
SOCKET_MEMORY_GIB = 512.0
SOCKET_VCPUS = 64.0


def on_device(
    workload: Workload,
    shape: ModelShape,
    spec: Accelerator,
    facts: Facts,
    measured: Sequence[Measured] = (),
) -> DeviceOn:
    """The number of devices that does most a device, at the speed estimated for it.

    Tried is one machine, or what the work needs at least where it needs more.
    """
    needed = ability(workload, shape)
    if needed not in spec.can_run:
        return _cannot(spec, f"cannot do {needed}")
    machines = machines_of(spec)
    found = throughput_of(workload, shape, machines, measured, catalog=facts.catalog)
    runs = [i for i, why in enumerate(found.why_not) if not why]
    if not runs:
        return _cannot(spec, _least(found, machines))
    index = _best_number(found, machines, runs)
    return _described(workload, shape, spec, facts, machines, found, index)


def _cannot(spec: Accelerator, why_not: str) -> DeviceOn:
    return DeviceOn(name=spec.name, kind=spec.kind.value, devices=None, why_not=why_not)


def _best_number(found: Throughput, machines: Machines, runs: Sequence[int]) -> int:
    """Of the smallest number that holds the work and larger ones in one machine."""
    most = max(float(PER_NODE), float(machines.total[runs[0]]))
    few = [i for i in runs if machines.total[i] <= most]
    return max(few, key=lambda i: float(found.median[i] / machines.total[i]))


def machines_of(spec: Accelerator) -> Machines:
    """1, 2, 4 ... devices in a machine, then machines of eight; of TPUs ever larger slices."""
    cpu = spec.kind is AcceleratorKind.CPU
    device = from_accelerator(spec, host_memory_gib=SOCKET_MEMORY_GIB if cpu else None)
    doubled = [2**k for k in range(MOST_DEVICES.bit_length()) if 2**k <= MOST_DEVICES]
    slices = spec.kind is AcceleratorKind.TPU
    most = 1 if cpu else spec.link_domain_size if slices else PER_NODE
    per_node = np.array([float(min(n, max(most, 1))) for n in doubled])
    nodes = np.array(doubled, np.float64) / per_node
    network = np.array([usual_network(device, n) for n in per_node.tolist()])
    hosts = np.full(len(doubled), np.nan)
    return Machines((device,) * len(doubled), per_node, nodes, network, hosts, hosts)


def _least(found: Throughput, machines: Machines) -> str:
    """Why the largest number tried cannot do it."""
    told = [(n, why) for n, why in zip(machines.total.tolist(), found.why_not, strict=True)]
    told = [(n, why) for n, why in told if why != SPREAD_NOT_NEEDED] or told
    return f"{told[-1][1]} ({int(told[-1][0])} devices tried)"


def _described(
    workload: Workload,
    shape: ModelShape,
    spec: Accelerator,
    facts: Facts,
    machines: Machines,
    found: Throughput,
    index: int,
) -> DeviceOn:
    devices = int(machines.total[index])
    device = machines.devices[index]
    rate = float(found.median[index])
    price = facts.on_demand(spec)
    hourly = None if price is None else price.usd_per_hour * devices
    precision = _precision(workload)
    parts = operators(workload, shape, machines, found, index)
    whole = sum(part.seconds for part in parts) or 1.0
    return DeviceOn(
        name=spec.name,
        kind=spec.kind.value,
        devices=devices,
        layout=found.step.layout[index],
        throughput=rounded(rate),
        throughput_p10=rounded(found.p10[index]),
        throughput_p90=rounded(found.p90[index]),
        unit=found.unit,
        basis=found.basis[index],
        precision=precision,
        peak_flops=device.peak(precision),
        memory_bytes_per_s=device.memory_bandwidth,
        usd_per_hour=None if hourly is None else rounded(hourly),
        usd_per_million_units=None if hourly is None else rounded(hourly / (rate * 3600) * 1e6),
        operators=[
            OperatorOn(
                name=part.name,
                flops=rounded(part.flops),
                bytes=rounded(part.bytes),
                ops_per_byte=rounded(part.intensity),
                bound="memory" if part.memory_bound else "arithmetic",
                flops_per_s=rounded(part.flops / part.seconds),
                share=rounded(part.seconds / whole),
            )
            for part in parts
            if part.seconds > 0 and part.bytes > 0
        ],
    )


def _precision(workload: Workload) -> str:
    """The arithmetic whose peak is the roof."""
    if isinstance(workload, (LanguageTraining, VisionTraining)):
        return training_precision(workload)
    if workload.precision is None:
        return "bf16" if hasattr(workload, "input_length") else "fp32"
    return "bf16" if workload.precision.value == "int4" else workload.precision.value
