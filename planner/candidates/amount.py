"""How much work a workload is, and the bytes its machines load before they start."""

from __future__ import annotations

from catalog.model_shapes import ModelShape
from planner.candidates.columns import Amount
from planner.performance.devices import BYTES
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

# Text is about 4 bytes a token; an image about 110 kB as JPEG (the ImageNet mean).
BYTES_PER_TOKEN = 4.0
BYTES_PER_IMAGE = 110e3


def amount_of(workload: Workload) -> Amount:
    """Units in total of a job, or units a second of a service, in the throughput's unit."""
    if isinstance(workload, LanguageTraining):
        return Amount(total=workload.tokens)
    if isinstance(workload, VisionTraining):
        return Amount(total=workload.samples * workload.epochs)
    if isinstance(workload, BatchInference):
        return Amount(total=workload.request_count)
    if isinstance(workload, Generic):
        return Amount(total=workload.flops)
    if isinstance(workload, Serving):
        return Amount(
            per_second=workload.peak_rate,
            mean_per_second=workload.mean_rate,
            horizon_hours=workload.horizon,
        )
    if isinstance(workload, Edge):
        rate = workload.frames_per_second * workload.streams
        return Amount(per_second=rate, mean_per_second=rate, horizon_hours=workload.horizon)
    assert isinstance(workload, VisionInference)
    if workload.requests_per_second is None:
        return Amount(total=workload.samples)
    rate = workload.requests_per_second
    return Amount(per_second=rate, mean_per_second=rate, horizon_hours=workload.horizon)


def staged_bytes(workload: Workload, shape: ModelShape) -> float:
    """Weights and data that a machine loads before it starts.

    Inputs of inference stream in while it works; a ``data.input`` given by the user is staged.
    """
    width = BYTES.get(workload.precision.value, 2.0) if workload.precision else 2.0
    weights = shape.parameters_billion * 1e9 * width
    if workload.data.input is not None and not isinstance(workload, (Serving, Edge)):
        data = workload.data.input * 2**30
    elif isinstance(workload, LanguageTraining):
        data = BYTES_PER_TOKEN * workload.tokens
    elif isinstance(workload, VisionTraining):
        size = workload.image_size or shape.image_size or 224
        each = BYTES_PER_IMAGE if workload.decode_images else float(size * size)
        data = workload.samples * each
    else:
        data = 0.0
    starts_empty = isinstance(workload, VisionTraining) or (
        isinstance(workload, LanguageTraining) and workload.kind == "pretrain"
    )
    return data if starts_empty else weights + data
