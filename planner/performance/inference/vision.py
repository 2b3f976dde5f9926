"""Vision inference in a data centre, on edge devices, and diffusion."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from catalog import Catalog
from catalog.accelerators import AcceleratorKind
from catalog.model_shapes import ModelShape
from catalog.records import dataclass
from planner.performance.devices import Machines
from planner.performance.efficiency import Measured, by_prior
from planner.performance.fitted import engine as known_engine
from planner.performance.inference.answers import (
    bandwidth_efficiency,
    correction,
    impossible,
    kernel_efficiency,
)
from planner.performance.inference.batches import (
    BATCHES,
    LIVE_SHARE,
    BatchTimes,
    Chosen,
    SampleWork,
    batch_times,
    choose,
    latency_of,
)
from planner.performance.inference.precision import EDGE_DEFAULTS, VISION_DEFAULTS, arithmetic
from planner.performance.inference.queueing import normal_quantile
from planner.performance.inference.sample_fit import samples_expected
from planner.performance.throughput import Throughput
from planner.performance.vision import DECODE_IMAGES_PER_S_PER_VCPU
from planner.performance.work import VisionWork, vision_work
from planner.workload import BatchInference, Edge, VisionInference

Floats = NDArray[np.float64]

USUAL_PIXELS = 224  # a side, of ImageNet classifiers
UNKNOWN_WORK = "operations of this model are unknown"


@dataclass(frozen=True, slots=True)
class Engine:
    """How a framework runs a network: kernels started a layer and seconds each on an accelerator
    and on a CPU, and how often an activation crosses the memory bus.
    """

    kernels_per_layer: float
    launch_s: float
    launch_cpu_s: float
    traffic: float


# Assumptions: eager PyTorch starts convolution, norm and activation apart and moves each result
# between them; compiled and graph engines fuse them into one kernel that reads and writes once.
EAGER = Engine(3.0, 6e-6, 10e-6, 4.0)
COMPILED = Engine(1.5, 5e-6, 10e-6, 2.5)
GRAPH = Engine(1.0, 6e-6, 10e-6, 2.0)
# Start of one layer on a small device: its host core is slow. Assumptions.
EDGE_LAUNCH_S = 15e-6
EDGE_LAUNCH_CPU_S = 5e-6
_GRAPH_ENGINES = ("tensorrt", "trt", "openvino", "onnx", "tflite", "litert", "coreml", "xla", "jax")


def engine(framework: str) -> Engine:
    name = framework.lower()
    if any(word in name for word in _GRAPH_ENGINES):
        return GRAPH
    return COMPILED if "compile" in name or "inductor" in name else EAGER


def sample_work(work: VisionWork, runs: Engine, pixels: int) -> SampleWork:
    """One colour image of ``pixels`` a side through the network."""
    return SampleWork(
        parameters=work.parameters,
        flops=work.flops_forward,
        moved_values=work.activation_values * runs.traffic,
        live_values=work.activation_values * LIVE_SHARE,
        kernels=work.layers * runs.kernels_per_layer,
        input_values=3.0 * pixels**2,
    )


def vision_throughput(
    workload: VisionInference | BatchInference,
    shape: ModelShape,
    machines: Machines,
    measured: Sequence[Measured] = (),
    catalog: Catalog | None = None,
) -> Throughput:
    """Images/s of all devices of a unit, at the largest batch that pays and meets the latency."""
    work = vision_work(shape, workload.image_size)
    if work is None:
        return impossible("images_per_s", machines, UNKNOWN_WORK)
    task = "vision-inference"
    framework = workload.framework or "pytorch"
    style = engine(framework)
    stated = workload.precision.value if workload.precision else None
    runs = arithmetic(stated, VISION_DEFAULTS, machines)
    batch = float(workload.batch_size or 0)
    sample = sample_work(work, style, workload.image_size or shape.image_size or USUAL_PIXELS)
    times = batch_times(
        sample,
        machines,
        runs,
        np.array([batch]) if batch else BATCHES,
        kernel_efficiency=kernel_efficiency(task, machines),
        bandwidth_efficiency=bandwidth_efficiency(task, machines),
        launch_s=np.where(machines.is_cpu, style.launch_cpu_s, style.launch_s),
        speed=np.ones(len(machines)),
    )
    service = isinstance(workload, VisionInference) and workload.is_service
    decodes = isinstance(workload, VisionInference) and workload.decode_images
    ceiling = shared = None
    if decodes:
        decoded = DECODE_IMAGES_PER_S_PER_VCPU * machines.vcpus * machines.nodes
        # A CPU decodes on the cores that compute.
        ceiling = np.where(machines.is_cpu | np.isnan(decoded), np.inf, decoded)
        shared = np.where(machines.is_cpu, np.nan_to_num(1 / decoded), 0.0)
    vision = workload if isinstance(workload, VisionInference) else None

    def chosen(times: BatchTimes, log_sd: Floats) -> Chosen:
        return choose(
            times,
            machines,
            runs,
            service=service,
            burstiness=vision.burstiness if vision else 1.0,
            latency_p95=vision.latency_p95 if vision else None,
            slack=np.exp(normal_quantile(workload.risk) * log_sd),
            before_s=1 / DECODE_IMAGES_PER_S_PER_VCPU if decodes else 0.0,
            ceiling=ceiling,
            shared=shared,
        )

    expected = asked = None
    if catalog is not None:
        analytic = by_prior(task, [device.kind for device in machines.devices])
        expected, asked = samples_expected(
            times,
            sample,
            chosen(times, analytic.log_sd).batch,
            machines,
            runs,
            shape,
            task=task,
            template={"img_size": str(workload.image_size or "")},
            frameworks=[known_engine(framework, "pytorch")] * len(machines),
            catalog=catalog,
        )
    fix = correction(task, shape.name, runs.stored, framework, batch, machines, measured, expected)
    found = chosen(times.at_speed(fix.ratio), fix.log_sd)
    return Throughput(
        "images_per_s",
        found.rate,
        fix.log_sd,
        fix.basis,
        found.step,
        found.reasons,
        latency_of(found, machines, service=service),
        fix.log_sd_above,
        asked,
        fix.setups,
    )


def edge_throughput(
    workload: Edge,
    shape: ModelShape,
    machines: Machines,
    measured: Sequence[Measured] = (),
    catalog: Catalog | None = None,
) -> Throughput:
    """Frames/s of one device, frame by frame, with a graph engine.

    Without a stated precision the device's 16-bit one, or int8 where it has nothing else. The
    latency is that of a frame when all streams of a device deliver theirs at once.
    """
    work = vision_work(shape, workload.image_size)
    if shape.kind != "vision" or work is None:
        kind = f"edge inference of {shape.kind} models is not covered: vision networks are"
        return impossible(
            "frames_per_s", machines, UNKNOWN_WORK if shape.kind == "vision" else kind
        )
    task = "edge"
    stated = workload.precision.value if workload.precision else None
    runs = arithmetic(stated, EDGE_DEFAULTS, machines)
    streams = float(workload.streams_per_device or 1)
    sample = sample_work(work, GRAPH, workload.image_size or shape.image_size or USUAL_PIXELS)
    times = batch_times(
        sample,
        machines,
        runs,
        np.ones(1),
        kernel_efficiency=kernel_efficiency(task, machines),
        bandwidth_efficiency=bandwidth_efficiency(task, machines),
        launch_s=np.where(machines.is_cpu, EDGE_LAUNCH_CPU_S, EDGE_LAUNCH_S),
        speed=np.ones(len(machines)),
    )
    expected = asked = None
    if catalog is not None:
        expected, asked = samples_expected(
            times,
            sample,
            np.ones(len(machines)),
            machines,
            runs,
            shape,
            task=task,
            template={"img_size": str(workload.image_size or ""), "metric": "ms_per_inference"},
            frameworks=_edge_engines(workload, machines),
            catalog=catalog,
        )
    fix = correction(
        task, shape.name, runs.stored, workload.framework, 1.0, machines, measured, expected
    )
    times = times.at_speed(fix.ratio)
    slack = np.exp(normal_quantile(workload.risk) * fix.log_sd)
    found = choose(
        times,
        machines,
        runs,
        service=False,
        latency_p95=None if workload.latency_p95 is None else workload.latency_p95 / streams,
        slack=slack,
    )
    latency = latency_of(found, machines, service=True)
    return Throughput(
        "frames_per_s",
        found.rate,
        fix.log_sd,
        fix.basis,
        found.step,
        found.reasons,
        type(latency)(latency_p95=found.latency_p95 * streams, concurrency=found.batch),
        fix.log_sd_above,
        asked,
        fix.setups,
    )


def _edge_engines(workload: Edge, machines: Machines) -> list[str]:
    """The engine stated, or the usual one of each device: TensorRT on GPUs, else LiteRT."""
    if "framework" in workload.model_fields_set:
        return [known_engine(workload.framework, "tflite")] * len(machines)
    gpu = AcceleratorKind.GPU
    return ["tensorrt" if device.kind is gpu else "tflite" for device in machines.devices]
