"""Request sizes and latency targets of a workload, as the batching model takes them."""

from __future__ import annotations

from collections.abc import Sequence

from catalog.model_shapes import ModelShape
from planner.performance.inference.operating_point import RequestMix, Target
from planner.performance.inference.queueing import USUAL_SIZE_VARIATION
from planner.workload import BatchInference, Serving

QUANTILES = (0.5, 0.95, 0.99)
# Prompt tokens in one pass: vLLM's max_num_batched_tokens online and offline; texts that an encoder
# takes together when the user does not say. Assumptions.
ONLINE_CHUNK_TOKENS = 2048.0
OFFLINE_CHUNK_TOKENS = 8192.0
ENCODER_TEXTS = 64.0
# Host time of one online request on its replica: HTTP, tokenizer, scheduling, detokenizer.
# Assumption; it bounds a replica to 2,000 requests/s however short they are.
REQUEST_S = 0.5e-3


def request_mix(workload: Serving, *, generates: bool = True) -> RequestMix:
    """Sizes of a service's requests. Cached prompt tokens are read, not computed.

    A mean alone counts as the size of all requests, with the variation of an exponential in the
    queue only. ``generates`` is false for encoders, whatever the workload says.
    """
    sizes = [(r.input_length, r.output_length, r.share) for r in workload.requests] or [
        (workload.input_length, workload.output_length, 1.0)
    ]
    fresh = 1 - workload.prefix_cache_hit
    mean_new = max(workload.mean_input_length * fresh, 1.0)
    output = workload.mean_output_length if generates else 1.0
    decoded = sum(share * out for _, out, share in sizes)
    held = sum(share * out * (new + out / 2) for new, out, share in sizes) / decoded
    square = sum(share * (new * fresh) ** 2 for new, _, share in sizes)
    return RequestMix(
        new=mean_new,
        cached=workload.mean_input_length - mean_new * (fresh > 0),
        new_at={q: max(_quantile(sizes, q) * fresh, 1.0) for q in QUANTILES},
        output=output,
        held=held if generates else workload.mean_input_length,
        most=float(max(new + (out if generates else 0) for new, out, _ in sizes)),
        size_scv=max(square / mean_new**2 - 1, 0.0) if workload.requests else USUAL_SIZE_VARIATION,
        arrival_scv=workload.burstiness,
        chunk=ONLINE_CHUNK_TOKENS,
        request_s=REQUEST_S,
    )


def _quantile(sizes: Sequence[tuple[int, float, float]], quantile: float) -> float:
    """Prompt tokens that a share ``quantile`` of the requests does not exceed."""
    reached = 0.0
    for new, _, share in sorted(sizes):
        reached += share
        if reached >= quantile - 1e-9:
            return float(new)
    return float(max(new for new, _, _ in sizes))


def batch_mix(workload: BatchInference, shape: ModelShape) -> RequestMix:
    """Sizes of a batch's requests, by their means; an encoder generates nothing."""
    output = 1.0 if shape.kind == "encoder" else workload.mean_output_length
    new = workload.mean_input_length
    generated = output if output > 1 else 0.0
    sizes: list[tuple[int, float, float]] = [
        (r.input_length, r.output_length, r.share) for r in workload.requests
    ]
    sizes = sizes or [(workload.input_length, generated, 1.0)]
    held = new + generated / 2
    if workload.requests and generated:
        # A request is held for as long as it generates.
        held = sum(share * out * (one + out / 2) for one, out, share in sizes) / output
    longest = float(max(one for one, _, _ in sizes))
    chunk = max(OFFLINE_CHUNK_TOKENS, longest)
    if not generated and (workload.batch_size or shape.kind == "encoder"):
        chunk = new * (workload.batch_size or ENCODER_TEXTS)
    return RequestMix(
        new=new,
        cached=0.0,
        new_at={q: _quantile(sizes, q) for q in QUANTILES},
        output=output,
        held=held,
        most=float(max(one + (out if generated else 0) for one, out, _ in sizes)),
        size_scv=0.0,
        arrival_scv=0.0,
        chunk=chunk,
    )


def targets_of(workload: Serving) -> tuple[Target, ...]:
    """The latency targets the user set, of the time to first token first."""
    found = []
    for kind in ("ttft", "tpot"):
        for quantile in QUANTILES:
            limit = getattr(workload, f"{kind}_p{round(100 * quantile)}")
            if limit is not None:
                found.append(Target(kind, quantile, float(limit)))
    return tuple(found)
