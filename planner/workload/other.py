"""Work that is neither training nor serving in a data centre: generic jobs and edge fleets."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from planner.quantities import (
    Bytes,
    Gib,
    Operations,
    Price,
    RatePerSecond,
    Seconds,
    Share,
    Watts,
    WholeCount,
)
from planner.workload.base import MAX_PIXELS, ServiceBase, WorkloadBase
from planner.workload.model import ModelField


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
    efficiency: Share | None = Field(
        default=None, gt=0, description="share of the peak the code reaches, if known"
    )


class Edge(ServiceBase):
    """Inference beside the camera or sensor: frames a second, latency, power."""

    kind: Literal["edge"]
    model: ModelField = Field(description="model name, e.g. yolov8n, or a shape")
    frames_per_second: RatePerSecond = Field(description="of one stream")
    streams: WholeCount = Field(
        default=1, le=1_000_000_000, description="cameras or sensors in the fleet"
    )
    streams_per_device: WholeCount | None = Field(
        default=None, le=1_000_000, description="streams one device may take; default: one"
    )
    latency_p95: Seconds | None = Field(default=None, description="of one frame, e.g. 50ms")
    power: Watts | None = Field(
        default=None, le=1e5, description="most one device may draw, e.g. 15W"
    )
    image_size: WholeCount | None = Field(
        default=None, le=MAX_PIXELS, description="pixels a side; default the model's"
    )
    usd_per_kwh: Price = Field(
        default=0.15, le=10, description="price of electricity; the default is an assumption"
    )

    @model_validator(mode="after")
    def _check(self) -> Edge:
        self.refuse_deadline("latency_p95")
        return self
