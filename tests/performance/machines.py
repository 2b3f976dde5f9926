"""Hardware and work that the tests of the training model ask about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from catalog import Catalog
from catalog.model_shapes import ModelShape
from planner.performance.devices import Device, Machines, from_accelerator
from planner.performance.layouts import Layout
from planner.performance.training import StepTimes, time_layout, transformer_step
from planner.performance.work import TransformerWork, transformer_work

PLENTY = 2.0**60  # bytes of memory that hold anything


def device(catalog: Catalog, name: str, *, roomy: bool = False) -> Device:
    found = from_accelerator(catalog.accelerator(name), host_memory_gib=512.0)
    return replace(found, memory=PLENTY) if roomy else found


def machines(
    devices: Device | Sequence[Device],
    per_node: int = 8,
    nodes: int | Sequence[int] = 1,
    network: float = 200e9,
) -> Machines:
    """``network`` is one-way bytes/s of a whole node."""
    several = [devices] if isinstance(devices, Device) else list(devices)
    counts = [nodes] * len(several) if isinstance(nodes, int) else list(nodes)
    if len(several) == 1:
        several = several * len(counts)
    one = np.ones(len(several))
    return Machines(
        tuple(several),
        per_node * one,
        np.array(counts, np.float64),
        network * one,
        96.0 * one,
        512.0 * 2**30 * one,
    )


def work_of(
    shape: ModelShape, length: int = 2048, method: str = "full", width: float = 2.0
) -> TransformerWork:
    return transformer_work(
        shape, sequence_length=length, method=method, lora_rank=16, bytes_per_value=width
    )


def step(
    work: TransformerWork,
    on: Machines,
    layout: Layout | None = None,
    *,
    length: int = 2048,
    sequences: float = 64,
    precision: str = "bf16",
    efficiency: float = 0.65,
) -> StepTimes:
    """One step of ``sequences``; every layout is tried when none is given."""
    if layout is None:
        return transformer_step(
            work,
            on,
            precision=precision,
            sequence_length=length,
            step_tokens=float(length) * sequences,
            kernel_efficiency=np.full(len(on), efficiency),
        )
    return time_layout(
        work,
        on,
        layout,
        precision=precision,
        sequence_length=length,
        step_tokens=float(length) * sequences,
        kernel_efficiency=np.full(len(on), efficiency),
    )
