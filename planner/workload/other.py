"""Work that is neither training nor serving in a data centre: generic jobs and edge fleets."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from planner.quantities import Bytes, Gib, Operations, RatePerSecond, Seconds, Watts, WholeCount
from planner.workload.base import ServiceBase, WorkloadBase
from planner.workload.model import ModelField
from planner.workload.where import Share


class Generic(WorkloadBase):
    """HPC-style work given as operations and bytes; runs at the roofline of the device."""

    kind: Literal["generic"]
    flops: Operations = Field(description="floating-point operations in total, e.g. 3e21")
    bytes: Bytes | None = Field(
        default=None, description="device memory traffic in total, e.g. 40PB"
    )
    memory: Gib | None = Field(
        default=None, description="working set over all devices, e.g. 900GiB"
    )
    communication: Bytes | None = Field(
        default=None, description="exchanged between devices in total when spread over several"
    )
    parallel_fraction: Share = Field(default=1.0, description="Amdahl: share that runs in parallel")
    efficiency: float | None = Field(
        default=None, gt=0, le=1, description="share of the peak the code reaches, if known"
    )


class Edge(ServiceBase):
    """Inference beside the camera or sensor: frames a second, latency, power."""

    kind: Literal["edge"]
    model: ModelField = Field(description="model name, e.g. yolov8n, or a shape")
    frames_per_second: RatePerSecond = Field(description="of one stream")
    streams: WholeCount = Field(default=1, description="cameras or sensors in the fleet")
    streams_per_device: WholeCount | None = Field(
        default=None, description="streams one device may take; default: one"
    )
    latency_p95: Seconds | None = Field(default=None, description="of one frame, e.g. 50ms")
    power: Watts | None = Field(default=None, description="most one device may draw, e.g. 15W")
    image_size: WholeCount | None = Field(default=None, description="pixels a side")
    usd_per_kwh: float = Field(default=0.15, ge=0, le=10)
