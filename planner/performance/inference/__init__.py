"""Inference: services, batches, vision, edge devices and generic work, on serving units.

One column of ``machines`` is a serving unit: ``nodes`` machines that hold at least one replica
together. Throughput is that of all replicas of the unit. Several machines are tried only where
the model does not fit one.
"""

from __future__ import annotations

from collections.abc import Sequence

from catalog.model_shapes import ModelShape
from planner.performance.devices import Machines
from planner.performance.efficiency import Measured
from planner.performance.inference.answers import impossible
from planner.performance.inference.diffusion import diffusion_throughput
from planner.performance.inference.generic import generic_throughput
from planner.performance.inference.language import (
    batch_throughput,
    language_units,
    serving_throughput,
)
from planner.performance.inference.vision import edge_throughput, vision_throughput
from planner.performance.throughput import Throughput
from planner.workload import BatchInference, Edge, Serving, VisionInference

__all__ = ["generic_throughput", "inference_throughput", "language_units"]


def inference_throughput(
    workload: Serving | BatchInference | VisionInference | Edge,
    shape: ModelShape,
    machines: Machines,
    measured: Sequence[Measured] = (),
) -> Throughput:
    """Throughput of each serving unit, with latencies where the work is a service.

    Units: requests_per_s for language models, samples_per_s for batches of an encoder,
    images_per_s for vision and diffusion, frames_per_s at the edge.
    """
    if isinstance(workload, Edge):
        return edge_throughput(workload, shape, machines, measured)
    if isinstance(workload, Serving):
        if shape.kind in ("vision", "diffusion"):
            reason = f"serving of {shape.kind} models is not covered: use kind vision-inference"
            return impossible("requests_per_s", machines, reason)
        return serving_throughput(workload, shape, machines, measured)
    if isinstance(workload, VisionInference) or shape.kind == "vision":
        return vision_throughput(workload, shape, machines, measured)
    if shape.kind == "diffusion":
        return diffusion_throughput(workload, shape, machines, measured)
    return batch_throughput(workload, shape, machines, measured)
