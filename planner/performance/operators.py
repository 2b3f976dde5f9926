"""The operators of a workload on one device: operations, bytes, and which of the two binds.

They are those of the estimates: the same work, layouts and shares of peak and bandwidth, before
what measurements correct. A unit of work is an optimizer step of training, a request of language
inference, a batch of other networks. What moves between devices is no operator.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from catalog.model_shapes import ModelShape
from catalog.records import dataclass
from planner.performance.devices import BYTES, Device, Machines
from planner.performance.efficiency import Prior, prior
from planner.performance.inference.batches import CROSSING
from planner.performance.inference.diffusion import diffusion_work
from planner.performance.inference.language_work import language_work
from planner.performance.inference.precision import (
    EDGE_DEFAULTS,
    LANGUAGE_DEFAULTS,
    VISION_DEFAULTS,
    WEIGHT_BYTES,
)
from planner.performance.inference.step_times import (
    ACTIVATION_BYTES,
    HALF_EFFICIENCY_TOKENS,
    PASSING_WIDTHS,
)
from planner.performance.inference.vision import USUAL_PIXELS, engine, sample_work
from planner.performance.layouts import COLUMNS, Layout, Layouts
from planner.performance.step_costs import OPTIMIZER_TRAFFIC_BYTES, step_costs
from planner.performance.step_times import ATTENTION_EFFICIENCY, BANDWIDTH_SHARE
from planner.performance.tasks import task_of
from planner.performance.throughput import Throughput, training_precision
from planner.performance.vision import ACTIVATION_TRAFFIC, VECTOR_GAIN, WEIGHT_TRAFFIC_BYTES
from planner.performance.work import transformer_work, vision_work
from planner.workload import (
    BatchInference,
    Edge,
    Generic,
    LanguageTraining,
    Serving,
    VisionInference,
    VisionTraining,
    Workload,
)

Floats = NDArray[np.float64]

LANGUAGE = ("transformer", "encoder-decoder", "encoder")
# Operations a parameter of Adam's update, and of each value that element-wise kernels touch. Both
# are far below any device's ridge: what they cost is bytes. Assumptions.
UPDATE_OPS = 12.0
ELEMENTWISE_OPS_PER_BYTE = 0.5


@dataclass(frozen=True, slots=True)
class Operator:
    """Work of one kind on one device, a unit of work: operations, bytes, and the seconds both
    take by themselves (None where the device's figure is unknown). The slower one binds.
    """

    name: str
    flops: float
    bytes: float
    arithmetic_s: float | None
    memory_s: float | None

    @property
    def seconds(self) -> float:
        return max(self.arithmetic_s or 0.0, self.memory_s or 0.0)

    @property
    def memory_bound(self) -> bool:
        return (self.memory_s or 0.0) > (self.arithmetic_s or 0.0)

    @property
    def intensity(self) -> float:
        """Operations per byte."""
        return self.flops / self.bytes if self.bytes else np.inf


@dataclass(frozen=True, slots=True)
class _Speeds:
    """What one device reaches: FLOP/s in products, bytes/s."""

    products: float | None
    memory: float | None

    def operator(
        self, name: str, flops: float, moved: float, filled: float = 1.0, share: float = 1.0
    ) -> Operator:
        """``filled`` is how well products fill the device, ``share`` of the peak they may reach."""
        rate = None if self.products is None else self.products * filled * share
        return Operator(
            name,
            flops,
            moved,
            None if not rate else flops / rate,
            None if not self.memory else moved / self.memory,
        )


def work_unit(workload: Workload) -> str:
    """What the operators' amounts are of, on one device."""
    if isinstance(workload, (LanguageTraining, VisionTraining)):
        return "optimizer step"
    if isinstance(workload, Generic):
        return "whole work"
    if isinstance(workload, Serving):
        return "request"
    return "request or batch"


def operators(
    workload: Workload, shape: ModelShape, machines: Machines, found: Throughput, index: int
) -> list[Operator]:
    """Operators of one configuration that runs; ``found`` is the estimate of all of them."""
    device = machines.devices[index]
    devices = float(machines.total[index])
    task = task_of(workload, shape)
    known = prior(task, device.kind)
    if isinstance(workload, LanguageTraining):
        return _language_training(workload, shape, device, known, found, index)
    if isinstance(workload, VisionTraining):
        return _vision_training(workload, shape, device, known, devices)
    if isinstance(workload, Generic):
        precision = workload.precision.value if workload.precision else "fp32"
        speeds = _speeds(device, precision, known.kernel_efficiency, known.bandwidth_efficiency)
        flops, moved = workload.flops / devices, (workload.bytes or 0.0) / devices
        return [speeds.operator("the work", flops, moved)]
    if isinstance(workload, (Serving, BatchInference)) and shape.kind in LANGUAGE:
        return _generation(workload, shape, device, known, found, index, devices)
    if isinstance(workload, (VisionInference, BatchInference, Edge)):
        return _samples(workload, shape, device, known, found, index, devices)
    return []


def _speeds(
    device: Device, precision: str, kernel_efficiency: float, bandwidth_efficiency: float
) -> _Speeds:
    peak, memory = device.peak(precision), device.memory_bandwidth
    return _Speeds(
        None if peak is None else peak * kernel_efficiency,
        None if memory is None else memory * bandwidth_efficiency,
    )


def _language_training(
    workload: LanguageTraining,
    shape: ModelShape,
    device: Device,
    known: Prior,
    found: Throughput,
    index: int,
) -> list[Operator]:
    """A step in the layout chosen, micro-batches added up."""
    precision = training_precision(workload)
    stored = 2.0 if precision == "fp8" else BYTES[precision]
    work = transformer_work(
        shape,
        sequence_length=workload.sequence_length,
        method=workload.method.value,
        lora_rank=workload.lora_rank,
        bytes_per_value=stored,
    )
    degrees = None if found.step.degrees is None else found.step.degrees[index]
    if degrees is None:
        return []
    layouts = _one(degrees)
    sequences = max(1.0, workload.step_tokens / workload.sequence_length)
    costs = step_costs(work, layouts, sequence_length=workload.sequence_length, sequences=sequences)
    steps = float(costs.steps[0])
    speeds = _speeds(device, precision, known.kernel_efficiency, BANDWIDTH_SHARE)
    inflated = float(costs.matrix_flops[0]) * steps
    tokens = float(layouts.micro_batch[0]) * workload.sequence_length / float(layouts.context[0])
    forwards = 2.0 if degrees.recompute == 2 else 1.0
    attention = work.attention_flops_forward
    products = forwards * (work.flops_forward - attention) + work.flops_backward - 2 * attention
    cut = float(layouts.tensor[0] * layouts.pipeline[0])
    plain = min(products * tokens / cut * steps, inflated)
    # queries, keys, values and outputs of each pass; scores stay on the chip (flash attention)
    passed = 2 * work.hidden + 2 * work.key_value_width
    attended = (passed * stored * tokens * float(costs.layers[0]) * (forwards + 2.0)) / float(
        layouts.tensor[0]
    )
    update = float(costs.update_bytes[0])
    elementwise = float(costs.elementwise_bytes[0]) * steps
    return [
        speeds.operator(
            "matrix products", plain, float(costs.weight_bytes[0]) * steps, plain / inflated
        ),
        speeds.operator(
            "attention",
            float(costs.attention_flops[0]) * steps,
            attended * steps,
            share=ATTENTION_EFFICIENCY,
        ),
        speeds.operator(
            "norms, activations, logits", elementwise * ELEMENTWISE_OPS_PER_BYTE, elementwise
        ),
        speeds.operator("optimizer update", UPDATE_OPS * update / OPTIMIZER_TRAFFIC_BYTES, update),
    ]


def _one(layout: Layout) -> Layouts:
    values = ((getattr(layout, name) or 0) for name in COLUMNS)
    return Layouts(*(np.array([float(value)]) for value in values))


def _vision_training(
    workload: VisionTraining, shape: ModelShape, device: Device, known: Prior, devices: float
) -> list[Operator]:
    work = vision_work(shape, workload.image_size)
    if work is None:
        return []
    precision = training_precision(workload)
    width = BYTES[precision]
    images = float(np.ceil(workload.batch_size / devices))
    gpu = device.kind == "GPU" and precision == "fp32"
    reached = min(known.kernel_efficiency * (VECTOR_GAIN if gpu else 1.0), 1.0)
    speeds = _speeds(device, precision, reached, BANDWIDTH_SHARE)
    values = work.activation_values * width * images
    moved = ACTIVATION_TRAFFIC * values
    update = WEIGHT_TRAFFIC_BYTES * work.parameters
    return [
        # each of the three passes reads two tensors of activations or gradients and the weights
        speeds.operator(
            "convolutions",
            3 * work.flops_forward * images,
            3 * (2 * values + work.parameters * width),
        ),
        speeds.operator("norms, activations", moved * ELEMENTWISE_OPS_PER_BYTE, moved),
        speeds.operator("optimizer update", UPDATE_OPS * work.parameters, update),
    ]


def _generation(
    workload: Serving | BatchInference,
    shape: ModelShape,
    device: Device,
    known: Prior,
    found: Throughput,
    index: int,
    devices: float,
) -> list[Operator]:
    """One request, its share of the passes that it is in; spread over the devices of a replica."""
    work = language_work(shape)
    stored = workload.precision.value if workload.precision else "bf16"
    computed = "bf16" if stored == "int4" else stored
    efficiency = known.kernel_efficiency, known.bandwidth_efficiency
    speeds = _speeds(device, computed, *efficiency)
    if speeds.products is None:
        speeds = _speeds(device, "fp16", *efficiency)
    width = np.array(WEIGHT_BYTES[stored])
    latency = found.latency
    together, replicas = 1.0, 1.0
    if latency is not None and latency.replicas is not None:
        replicas = float(latency.replicas[index])
    if latency is not None and latency.decoding is not None:
        together = max(1.0 + float(latency.decoding[index]), 1.0)
    elif latency is not None and latency.concurrency is not None:
        together = max(float(latency.concurrency[index]) / replicas, 1.0)
    group = max(devices / replicas, 1.0)
    prompt, output = _lengths(workload)
    if shape.kind == "encoder":
        output = 1.0
    context = prompt + output / 2
    dense, routed, attention = work.prompt_flops(np.array(prompt), np.array(0.0))
    fill = prompt / (prompt + HALF_EFFICIENCY_TOKENS)
    linear, attended = work.token_flops(np.array(context))
    cache = work.kv_values_per_token * work.decode_share * context * 2.0
    passed = prompt * work.layers * (PASSING_WIDTHS * work.hidden) * ACTIVATION_BYTES
    read = float(work.read_bytes(np.array(together), width))
    once = float(work.read_bytes(np.array(prompt), width))
    queries = prompt * (work.layers * 2 * work.query + work.kv_values_per_token) * ACTIVATION_BYTES
    found_operators = [
        speeds.operator(
            "prompt: matrix products", float(dense + routed) / group, once / group, float(fill)
        ),
        speeds.operator("prompt: attention", float(attention) / group, queries / group),
        speeds.operator(
            "prompt: norms, activations",
            passed * ELEMENTWISE_OPS_PER_BYTE / group,
            passed / group,
        ),
    ]
    if output > 1:
        steps = output - 1
        found_operators += [
            speeds.operator(
                f"decode: matrix products, {together:.0f} together",
                steps * float(linear) / group,
                steps * read / together / group,
            ),
            speeds.operator(
                "decode: attention over the cache",
                steps * float(attended) / group,
                steps * cache / group,
            ),
        ]
    return found_operators


def _lengths(workload: Serving | BatchInference) -> tuple[float, float]:
    """Tokens of the mean prompt and answer."""
    if isinstance(workload, Serving):
        return workload.mean_input_length, workload.mean_output_length
    return float(workload.input_length or 1), float(workload.output_length or 1)


def _samples(
    workload: VisionInference | BatchInference | Edge,
    shape: ModelShape,
    device: Device,
    known: Prior,
    found: Throughput,
    index: int,
    devices: float,
) -> list[Operator]:
    """A batch of images on one device."""
    usual: tuple[str, ...] = EDGE_DEFAULTS if isinstance(workload, Edge) else VISION_DEFAULTS
    sample = None
    if shape.kind == "vision":
        work = vision_work(shape, workload.image_size)
        pixels = workload.image_size or shape.image_size or USUAL_PIXELS
        sample = None if work is None else sample_work(work, engine(workload.framework), pixels)
    elif isinstance(workload, BatchInference):
        usual = LANGUAGE_DEFAULTS
        sample = diffusion_work(shape, workload.image_size, workload.denoising_steps)
    if sample is None:
        return []
    stated = workload.precision.value if workload.precision else None
    tried = (stated,) if stated else usual
    precision = next((p for p in tried if device.peak(p) is not None), tried[0])
    batch = 1.0
    if found.latency is not None and found.latency.concurrency is not None:
        batch = max(float(found.latency.concurrency[index]) / devices, 1.0)
    width = WEIGHT_BYTES[precision]
    moved = batch * sample.moved_values * min(width, 4.0) * CROSSING.get(device.kind, 1.0)
    moved += sample.passes * sample.parameters * width
    speeds = _speeds(device, precision, known.kernel_efficiency, known.bandwidth_efficiency)
    return [speeds.operator(f"the network, batch {batch:.0f}", batch * sample.flops, moved)]
