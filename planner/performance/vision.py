"""Training time of vision networks with data parallelism."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from catalog.accelerators import AcceleratorKind
from planner.performance.communication import all_reduce_s, bandwidth
from planner.performance.devices import Machines
from planner.performance.memory import CONTEXT_BYTES, FRAGMENTATION
from planner.performance.step_times import OVERLAP
from planner.performance.training import StepTimes
from planner.performance.work import ADAM_BYTES, VisionWork

Floats = NDArray[np.float64]

# Kernels of one layer in one step: 3 forward (convolution, bias or norm, activation), 6 backward,
# and the optimizer's fused update; plus what a framework does once a step. Eager PyTorch.
KERNELS_PER_LAYER = 9.0
KERNELS_PER_STEP = 40.0
LAUNCH_S_ACCELERATOR = 10e-6
LAUNCH_S_CPU = 6e-6
# Bytes moved beside convolutions, in units of the convolutions' outputs: normalisation, activation
# function and residual sums read and write each forward, and it and its gradient backward.
ACTIVATION_TRAFFIC = 10.0
BANDWIDTH_SHARE = 0.8
# Values kept for the backward pass, in the same units: convolutions' and normalisations' outputs,
# some in place. ResNet-50 trains on 512 images in 24 GiB (timm's published benchmark).
STORED = 1.8
# The optimizer reads weights, gradients and momentum in fp32 and writes two of them.
WEIGHT_TRAFFIC_BYTES = 20.0
# Plain fp32 is no matter of tensor cores: kernels come this much closer to its lower peak.
VECTOR_GAIN = 2.0
# Gradients are sent in buckets of this size (PyTorch DDP's default).
BUCKET_BYTES = 25 * 2**20
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
    moved += WEIGHT_TRAFFIC_BYTES * work.parameters
    gpu = np.array([device.kind is AcceleratorKind.GPU for device in machines.devices], bool)
    easier = np.where(gpu & (precision == "fp32"), VECTOR_GAIN, 1.0)
    reached = machines.peak(precision) * np.minimum(kernel_efficiency * easier, 1.0)
    compute = flops / reached + np.nan_to_num(moved / (BANDWIDTH_SHARE * machines.memory_bandwidth))
    launch = np.where(machines.is_cpu, LAUNCH_S_CPU, LAUNCH_S_ACCELERATOR)
    launches = KERNELS_PER_LAYER * work.layers + KERNELS_PER_STEP
    overhead = launches * launch
    waiting = np.full(len(machines), np.nan)  # decoded before: how they are read is in no model
    if decode_images:
        decode = batch_size / (DECODE_IMAGES_PER_S_PER_VCPU * machines.vcpus * machines.nodes)
        waiting = np.maximum(decode - compute - overhead, 0.0)
        overhead = overhead + np.nan_to_num(waiting)
    communication = _exposed_all_reduce(work, machines, compute + overhead)
    one = np.ones_like(devices)
    need = one * work.parameters * (4.0 + 4.0 + ADAM_BYTES)
    need = need + STORED * work.activation_values * bytes_per_value * per_device
    need = need * (1 + FRAGMENTATION) + np.where(machines.is_cpu, 0.5, 1.0) * CONTEXT_BYTES
    idle = devices > batch_size
    fits = (need <= machines.memory) & ~idle
    return StepTimes(
        compute_s=np.where(fits, compute, np.nan),
        communication_s=np.where(fits, communication, np.nan),
        overhead_s=np.where(fits, overhead, np.nan),
        bubble_s=np.where(fits, 0.0, np.nan),
        input_s=np.where(fits, waiting, np.nan),
        layout=[
            "" if not ok else "single device" if n == 1 else f"dp{int(n)}"
            for n, ok in zip(devices, fits, strict=True)
        ],
        memory_need=need,
        shortfall=np.where(fits, 0.0, need - machines.memory),
    )


def _exposed_all_reduce(work: VisionWork, machines: Machines, busy: Floats) -> Floats:
    """Seconds of averaging fp32 gradients that the backward pass does not hide.

    That is 2/3 of a step that keeps the devices ``busy``, launching and waiting for images
    included. DDP sends buckets of 25 MiB as soon as they are complete.
    """
    gradients = work.parameters * 4.0
    devices, one = machines.total, np.ones_like(machines.total)
    over_tcp = machines.is_cpu
    rate = bandwidth(
        devices,
        one,
        machines.per_node,
        machines.link_bandwidth,
        machines.fast_domain,
        machines.network,
        over_tcp=over_tcp,
    )
    buckets = np.ceil(gradients / BUCKET_BYTES)
    inside = machines.nodes <= 1
    each = all_reduce_s(gradients / buckets * one, devices, rate, inside, over_tcp=over_tcp)
    seconds = buckets * each
    hidden = OVERLAP * np.minimum(2 / 3 * busy, seconds)
    result: Floats = seconds - np.nan_to_num(hidden)
    return result
