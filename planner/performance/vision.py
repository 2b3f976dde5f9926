"""Training time of vision networks with data parallelism."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from planner.performance.communication import all_reduce_s, bandwidth
from planner.performance.devices import Machines
from planner.performance.memory import CONTEXT_BYTES, FRAGMENTATION
from planner.performance.training import StepTimes
from planner.performance.work import ADAM_BYTES, VisionWork

Floats = NDArray[np.float64]

# Kernels of one layer in one step: 3 forward (convolution, bias or norm, activation), 6 backward,
# and the optimizer's fused update; plus what a framework does once a step. Eager PyTorch.
KERNELS_PER_LAYER = 9.0
KERNELS_PER_STEP = 40.0
LAUNCH_S_ACCELERATOR = 10e-6
LAUNCH_S_CPU = 6e-6
# Reading and writing each activation forward, reading it and its gradient backward.
ACTIVATION_TRAFFIC = 5.0
# JPEG decoding and augmentation of a 224-pixel crop on one server vCPU, images/s. Assumption
# from common practice (100-200 with Pillow-SIMD or libjpeg-turbo).
DECODE_IMAGES_PER_S_PER_VCPU = 130.0


def vision_step(
    work: VisionWork,
    machines: Machines,
    *,
    precision: str,
    batch_size: int,
    bytes_per_value: float,
    decode_images: bool,
    kernel_efficiency: Floats,
) -> StepTimes:
    """One optimizer step of ``batch_size`` images over all devices."""
    devices = machines.total
    per_device = np.ceil(batch_size / devices)
    flops = 3 * work.flops_forward * per_device
    moved = ACTIVATION_TRAFFIC * work.activation_values * bytes_per_value * per_device
    moved += 3 * work.parameters * 4.0
    compute = np.maximum(
        flops / (machines.peak(precision) * kernel_efficiency),
        np.nan_to_num(moved / machines.memory_bandwidth),
    )
    launch = np.where(machines.is_cpu, LAUNCH_S_CPU, LAUNCH_S_ACCELERATOR)
    launches = KERNELS_PER_LAYER * work.layers + KERNELS_PER_STEP
    overhead = launches * launch
    if decode_images:
        decode = batch_size / (DECODE_IMAGES_PER_S_PER_VCPU * machines.vcpus * machines.nodes)
        overhead = np.maximum(overhead, np.nan_to_num(decode) - compute)
    one = np.ones_like(devices)
    rate = bandwidth(
        devices,
        one,
        machines.per_node,
        machines.link_bandwidth,
        machines.link_domain,
        machines.network,
    )
    communication = all_reduce_s(work.parameters * 4.0 * one, devices, rate, machines.nodes <= 1)
    need = one * work.parameters * (4.0 + 4.0 + ADAM_BYTES)
    need = need + 2 * work.activation_values * bytes_per_value * per_device
    need = need * (1 + FRAGMENTATION) + np.where(machines.is_cpu, 0.5, 1.0) * CONTEXT_BYTES
    idle = devices > batch_size
    fits = (need <= machines.memory) & ~idle
    return StepTimes(
        compute_s=np.where(fits, compute, np.nan),
        communication_s=np.where(fits, communication, np.nan),
        overhead_s=np.where(fits, overhead, np.nan),
        layout=[
            "" if not ok else "single device" if n == 1 else f"dp{int(n)}"
            for n, ok in zip(devices, fits, strict=True)
        ],
        memory_need=need,
        shortfall=np.where(fits, 0.0, need - machines.memory),
    )
