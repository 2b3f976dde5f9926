"""Inference: services with a request rate, and batches with an end."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

from pydantic import Field, model_validator

from planner.quantities import (
    Count,
    Hours,
    Price,
    RatePerSecond,
    Seconds,
    Share,
    SpareCount,
    WholeCount,
)
from planner.workload.base import MAX_BATCH, MAX_PIXELS, MAX_TOKENS, ServiceBase, WorkloadBase
from planner.workload.model import ModelField
from planner.workload.part import Part

PERCENTILES = ("p50", "p95", "p99")
# Tokens that a request of a batch generates where nobody says.
DEFAULT_OUTPUT_LENGTH = 128
# Why services and batches may have to run on one configuration.
NO_SPARES = "spare_machines are kept in one group"
NO_DEADLINE = "a batch is shared out by its deadline, and it has none"


class RequestSize(Part):
    """One bucket of a request-size distribution."""

    input_length: WholeCount = Field(le=MAX_TOKENS, description="prompt tokens")
    output_length: WholeCount = Field(le=MAX_TOKENS, description="generated tokens")
    share: Share = Field(gt=0, description="share of the requests, e.g. 25%")


class HostedPrice(Part):
    """Price of a hosted model API: a baseline to beat."""

    name: str = Field(default="hosted API", min_length=1)
    usd_per_million_input_tokens: Price = Field(le=1e6)
    usd_per_million_output_tokens: Price = Field(le=1e6)


class Speculation(Part):
    """Speculative decoding: a draft proposes tokens, the model checks them in one step."""

    draft_tokens: WholeCount = Field(default=4, le=16, description="proposed in one step")
    acceptance: Share = Field(lt=1, description="share of proposed tokens accepted")
    draft_cost: Share = Field(
        default=0.1, description="time of one draft token over one step of the model"
    )


class Autoscaling(Part):
    """Machines follow the load: the mean is paid, the peak must be reachable."""

    mean_requests_per_second: RatePerSecond = Field(description="requests a second on average")
    min_machines: WholeCount = Field(default=1, le=1_000_000, description="never fewer")
    cold_start: Hours | None = Field(
        default=None, description="from asking to serving; default: boot, image and weights"
    )


def check_sizes(requests: tuple[RequestSize, ...], given: set[str]) -> None:
    """Shares add up, and no single size is ``given`` beside them. Raises ValueError."""
    total = sum(bucket.share for bucket in requests)
    if requests and not 0.999 <= total <= 1.001:
        raise ValueError(f"requests has shares that add up to {total:g}; make them add up to 1")
    if requests and given & {"input_length", "output_length"}:
        name = min(given & {"input_length", "output_length"})
        raise ValueError(f"{name} does not go with requests, which has sizes; keep one")


class Serving(ServiceBase):
    """Online serving of a language model at a rate and within latency percentiles."""

    kind: Literal["serving"]
    model: ModelField = Field(description="model name, e.g. llama-3.1-70b; a shape; or 7B")
    framework: str = Field(default="vllm", description="vllm, trtllm, sglang, ...")
    requests_per_second: RatePerSecond = Field(
        description="rate that must be carried (the peak, unless `rate: mean`)"
    )
    rate: Literal["peak", "mean"] = "peak"
    peak_to_mean: Count = Field(
        default=2.0, ge=1, le=100, description="used with `rate: mean`: peak over mean rate"
    )
    burstiness: Count = Field(
        default=1.0,
        le=100,
        description="squared coefficient of variation of arrivals; 1 = Poisson",
    )
    input_length: WholeCount = Field(default=1024, le=MAX_TOKENS, description="prompt tokens, mean")
    output_length: WholeCount = Field(
        default=256, le=MAX_TOKENS, description="generated tokens, mean"
    )
    requests: tuple[RequestSize, ...] = Field(
        default=(),
        max_length=1000,
        description="distribution of sizes; replaces input_length and output_length",
    )
    ttft_p50: Seconds | None = None
    ttft_p95: Seconds | None = Field(default=None, description="time to first token, e.g. 1s")
    ttft_p99: Seconds | None = None
    tpot_p50: Seconds | None = None
    tpot_p95: Seconds | None = Field(default=None, description="time per output token, e.g. 50ms")
    tpot_p99: Seconds | None = None
    prefix_cache_hit: Share = Field(default=0.0, description="share of prompt tokens cached")
    speculative: Speculation | None = None
    autoscaling: Autoscaling | None = None
    spare_machines: SpareCount = Field(default=0, description="kept beyond the need (N+k)")
    hosted_api: HostedPrice | None = Field(default=None, description="baseline to beat")

    @model_validator(mode="after")
    def _check(self) -> Serving:
        check_sizes(self.requests, self.changed)
        if self.autoscaling and self.autoscaling.mean_requests_per_second > self.peak_rate:
            raise ValueError("autoscaling has a mean rate above the peak; lower it")
        self.refuse_deadline("ttft_p95 or tpot_p95")
        given = self.changed
        if self.rate == "mean" and self.autoscaling:
            raise ValueError("autoscaling has a mean rate of its own; leave out rate: mean")
        if self.rate == "peak" and "peak_to_mean" in given:
            raise ValueError("peak_to_mean does not go with a peak rate; add rate: mean")
        for metric in ("ttft", "tpot"):
            limits = [(f"{metric}_{p}", getattr(self, f"{metric}_{p}")) for p in PERCENTILES]
            known = [(name, limit) for name, limit in limits if limit is not None]
            for (low, less), (high, more) in pairwise(known):
                if more < less:
                    raise ValueError(f"{high} is below {low}; the slowest cannot be the fastest")
        return self

    @property
    def why_one(self) -> str:
        if self.autoscaling is not None:
            return "autoscaling is planned for one configuration"
        return NO_SPARES if self.spare_machines > 0 else self.stays()

    @property
    def peak_rate(self) -> float:
        """Requests a second that must be carried."""
        return self.requests_per_second * (self.peak_to_mean if self.rate == "mean" else 1.0)

    @property
    def mean_rate(self) -> float:
        """Requests a second on average, for cost per token."""
        if self.autoscaling:
            return self.autoscaling.mean_requests_per_second
        return self.requests_per_second

    @property
    def mean_input_length(self) -> float:
        if not self.requests:
            return float(self.input_length)
        return sum(r.share * r.input_length for r in self.requests)

    @property
    def mean_output_length(self) -> float:
        if not self.requests:
            return float(self.output_length)
        return sum(r.share * r.output_length for r in self.requests)


class BatchInference(WorkloadBase):
    """A finite set of inputs: prompts for a language model, or samples for any other."""

    kind: Literal["batch-inference"]
    model: ModelField = Field(description="model name, e.g. qwen2.5-7b, stable-diffusion-2")
    framework: str = Field(
        default="", max_length=60, description="default vllm for language models, else pytorch"
    )
    tokens: Count | None = Field(default=None, description="prompt tokens in total, e.g. 1B")
    samples: Count | None = Field(default=None, description="requests, images or texts in total")
    input_length: WholeCount = Field(
        default=512, le=MAX_TOKENS, description="prompt tokens of one request"
    )
    output_length: WholeCount | None = Field(
        default=None,
        le=MAX_TOKENS,
        description="generated tokens of one request; default 128, 1 = scoring only",
    )
    requests: tuple[RequestSize, ...] = Field(
        default=(),
        max_length=1000,
        description="distribution of sizes; replaces input_length and output_length",
    )
    batch_size: WholeCount | None = Field(
        default=None, le=MAX_BATCH, description="default: what fits"
    )
    image_size: WholeCount | None = Field(
        default=None, le=MAX_PIXELS, description="pixels a side; default the model's"
    )
    denoising_steps: WholeCount | None = Field(
        default=None, le=10_000, description="diffusion; default 50"
    )
    hosted_api: HostedPrice | None = Field(default=None, description="baseline to beat")

    @model_validator(mode="after")
    def _check(self) -> BatchInference:
        if self.tokens is None and self.samples is None:
            raise ValueError("tokens is missing, and so is samples; give one of them")
        if self.tokens is not None and self.samples is not None:
            raise ValueError("tokens does not go with samples; give one of them")
        if self.samples is not None and self.samples < 1:
            raise ValueError("samples is below 1; give one at least")
        check_sizes(self.requests, self.changed)
        if self.tokens is not None and self.tokens < self.mean_input_length:
            raise ValueError("tokens is below input_length; one request must fit")
        return self

    @property
    def mean_input_length(self) -> float:
        """Prompt tokens of a request."""
        if not self.requests:
            return float(self.input_length)
        return sum(r.share * r.input_length for r in self.requests)

    @property
    def mean_output_length(self) -> float:
        """Generated tokens of a request."""
        if not self.requests:
            return float(self.output_length or DEFAULT_OUTPUT_LENGTH)
        return sum(r.share * r.output_length for r in self.requests)

    @property
    def why_one(self) -> str:
        return NO_DEADLINE if self.deadline is None else self.stays()

    @property
    def request_count(self) -> float:
        """Requests in total."""
        if self.samples is not None:
            return self.samples
        return (self.tokens or 0.0) / self.mean_input_length


class VisionInference(ServiceBase):
    """Inference of a vision network: a finite set of images, or a rate."""

    kind: Literal["vision-inference"]
    model: ModelField = Field(description="model name, e.g. resnet50, or a shape")
    samples: Count | None = Field(default=None, description="images in total")
    requests_per_second: RatePerSecond | None = Field(default=None, description="images a second")
    burstiness: Count = Field(
        default=1.0, le=100, description="squared coefficient of variation of arrivals"
    )
    latency_p95: Seconds | None = Field(default=None, description="of one request, e.g. 20ms")
    batch_size: WholeCount | None = Field(
        default=None, le=MAX_BATCH, description="default: the best that fits"
    )
    image_size: WholeCount | None = Field(
        default=None, le=MAX_PIXELS, description="pixels a side; default the model's"
    )
    decode_images: bool = Field(default=True, description="images are decoded on the host CPU")
    spare_machines: SpareCount = Field(default=0, description="kept beyond the need (N+k)")

    @model_validator(mode="after")
    def _check(self) -> VisionInference:
        if self.samples is None and self.requests_per_second is None:
            raise ValueError("samples is missing, and so is requests_per_second; give one of them")
        if self.samples is not None:
            if self.requests_per_second is not None:
                raise ValueError("samples does not go with requests_per_second; give one of them")
            for name in sorted({"burstiness", "spare_machines", "horizon"} & self.changed):
                raise ValueError(
                    f"{name} does not go with samples, which end; use requests_per_second instead"
                )
            if self.samples < 1:
                raise ValueError("samples is below 1; give one at least")
        elif self.deadline is not None:
            raise ValueError("deadline does not go with requests_per_second; use latency_p95")
        return self

    @property
    def why_one(self) -> str:
        if not self.is_service and self.deadline is None:
            return NO_DEADLINE
        return NO_SPARES if self.spare_machines > 0 else self.stays()

    @property
    def is_service(self) -> bool:
        return self.requests_per_second is not None


def is_service(workload: object) -> bool:
    """Whether work goes on, at a rate of requests, in a place that is rented or owned for it."""
    if isinstance(workload, VisionInference):
        return workload.is_service
    return isinstance(workload, Serving)
