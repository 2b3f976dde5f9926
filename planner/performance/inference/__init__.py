"""Inference: services, batches, vision, edge devices and generic work, on serving units.

One column of ``machines`` is a serving unit: ``nodes`` machines that hold at least one replica
together. Throughput is that of all replicas of the unit. Several machines are tried only where
the model does not fit one. Each kind of work is imported when first asked for.
"""

from __future__ import annotations

from collections.abc import Sequence

from catalog import Catalog
from catalog.model_shapes import ModelShape
from planner.performance.devices import Machines
from planner.performance.efficiency import Measured
from planner.performance.throughput import Throughput
from planner.workload import BatchInference, Edge, Generic, Serving, VisionInference


def inference_throughput(
    workload: Serving | BatchInference | VisionInference | Edge,
    shape: ModelShape,
    machines: Machines,
    measured: Sequence[Measured] = (),
    *,
    catalog: Catalog | None = None,
) -> Throughput:
    """Throughput of each serving unit, with latencies where the work is a service.

    Units: requests_per_s for language models, samples_per_s for batches of an encoder,
    images_per_s for vision and diffusion, frames_per_s at the edge. The fitted model is laid over
    the analytic one where a ``catalog`` is given.
    """
    if isinstance(workload, Edge):
        from planner.performance.inference.vision import edge_throughput

        return edge_throughput(workload, shape, machines, measured, catalog)
    if isinstance(workload, Serving):
        return _served(workload, shape, machines, measured, catalog)
    if isinstance(workload, VisionInference) or shape.kind == "vision":
        from planner.performance.inference.vision import vision_throughput

        return vision_throughput(workload, shape, machines, measured, catalog)
    if shape.kind == "diffusion":
        from planner.performance.inference.diffusion import diffusion_throughput

        return diffusion_throughput(workload, shape, machines, measured, catalog)
    from planner.performance.inference.language import batch_throughput

    return batch_throughput(workload, shape, machines, measured, catalog)


def _served(
    workload: Serving,
    shape: ModelShape,
    machines: Machines,
    measured: Sequence[Measured],
    catalog: Catalog | None,
) -> Throughput:
    if shape.kind in ("vision", "diffusion"):
        from planner.performance.inference.answers import impossible

        remedy = "vision-inference" if shape.kind == "vision" else "batch-inference"
        reason = f"serving of {shape.kind} models is not covered: use kind {remedy}"
        return impossible("requests_per_s", machines, reason)
    from planner.performance.inference.language import serving_throughput

    return serving_throughput(workload, shape, machines, measured, catalog)


def generic_throughput(
    workload: Generic, machines: Machines, measured: Sequence[Measured] = ()
) -> Throughput:
    """Operations/s of work given as operations and bytes, on all devices of each column."""
    from planner.performance.inference import generic

    return generic.generic_throughput(workload, machines, measured)
