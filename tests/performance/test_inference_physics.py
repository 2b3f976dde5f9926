"""Inference moves the way physics does, whatever its constants are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog import Catalog
from catalog.model_shapes import ModelShape
from planner.performance.devices import Device
from planner.performance.inference import inference_throughput
from planner.performance.inference.language_work import language_work
from planner.performance.inference.replicas import replicas
from planner.workload import BatchInference, Serving
from tests.performance.inference_cases import batch, device, edge, serving, units, vision

MODELS = st.sampled_from(
    ["llama-3.1-8b", "llama-3.1-70b", "Mixtral-8x7B", "DeepSeek-V3", "GPT-OSS-120B", "Whisper-base"]
)
DEVICES = st.sampled_from(["H100-80GB", "L4", "A100-80GB", "TPU-v5e", "CPU-SapphireRapids-8480+"])
FASTER = st.floats(1.0, 20.0)
TARGETS = st.sampled_from(
    [{}, {"ttft_p95": 2.0}, {"tpot_p95": 0.1}, {"ttft_p99": 9, "tpot_p50": 1}]
)
CLOSE = 1 + 1e-4  # bisection stops at 2^-26 of the range


def roomy(catalog: Catalog, name: str) -> Device:
    """A device that every model fits, so that only speed differs."""
    return replace(device(catalog, name), memory=2.0**43)


def better(plain: Device, peak: float, memory_rate: float, link: float) -> Device:
    assert plain.memory_bandwidth is not None
    return replace(
        plain,
        name="better",
        peaks={precision: rate * peak for precision, rate in plain.peaks.items()},
        memory_bandwidth=plain.memory_bandwidth * memory_rate,
        link_bandwidth=plain.link_bandwidth * link,
    )


def rate(
    workload: Serving | BatchInference, shape: ModelShape, on: Device, count: int = 8
) -> float:
    """Requests/s, 0 where it cannot run."""
    found = inference_throughput(workload, shape, units((on, count, 1)))
    return float(np.nan_to_num(found.median[0]))


@settings(max_examples=80, deadline=None)
@given(MODELS, DEVICES, st.sampled_from([1, 4, 8]), FASTER, FASTER, FASTER, TARGETS)
def test_better_hardware_never_serves_less(
    catalog: Catalog,
    model: str,
    name: str,
    count: int,
    peak: float,
    memory_rate: float,
    link: float,
    targets: dict[str, float],
) -> None:
    shape = catalog.model_shape(model)
    plain = roomy(catalog, name)
    faster = better(plain, peak, memory_rate, link)
    for workload in (serving(**targets), batch(), batch(output_length=1)):
        assert rate(workload, shape, faster, count) * CLOSE >= rate(workload, shape, plain, count)


@settings(max_examples=60, deadline=None)
@given(MODELS, DEVICES, st.integers(1, 8000), st.integers(1, 2000), st.floats(1.0, 4.0), TARGETS)
def test_longer_requests_are_never_served_faster(
    catalog: Catalog,
    model: str,
    name: str,
    prompt: int,
    output: int,
    longer: float,
    targets: dict[str, float],
) -> None:
    shape, on = catalog.model_shape(model), roomy(catalog, name)

    def served(new: int, out: int) -> float:
        return rate(serving(input_length=new, output_length=out, **targets), shape, on)

    base = served(prompt, output)
    assert served(round(prompt * longer), output) <= base * CLOSE
    # The time per token is a mean over the output: a longer one evens bursts out.
    if not any(name.startswith("tpot") for name in targets):
        assert served(prompt, round(output * longer)) <= base * CLOSE


@settings(max_examples=60, deadline=None)
@given(MODELS, DEVICES, st.floats(0.2, 20.0), st.floats(0.01, 0.5), st.floats(1.0, 5.0))
def test_tighter_targets_never_raise_throughput(
    catalog: Catalog, model: str, name: str, ttft: float, tpot: float, looser: float
) -> None:
    shape, on = catalog.model_shape(model), roomy(catalog, name)
    tight = rate(serving(ttft_p95=ttft, tpot_p95=tpot), shape, on)
    for workload in (
        serving(ttft_p95=ttft * looser, tpot_p95=tpot),
        serving(ttft_p95=ttft, tpot_p95=tpot * looser),
        serving(ttft_p50=ttft, tpot_p95=tpot),
        serving(ttft_p95=ttft, tpot_p50=tpot),
        serving(ttft_p95=ttft),
        serving(),
    ):
        assert tight <= rate(workload, shape, on) * CLOSE


@settings(max_examples=40, deadline=None)
@given(MODELS, DEVICES, TARGETS, st.floats(0.5, 0.98), st.floats(0.2, 4.0), st.floats(0.0, 0.9))
def test_caution_bursts_and_cold_caches_never_raise_throughput(
    catalog: Catalog,
    model: str,
    name: str,
    targets: dict[str, float],
    risk: float,
    burstiness: float,
    hit: float,
) -> None:
    shape, on = catalog.model_shape(model), roomy(catalog, name)
    base = rate(serving(risk=risk, burstiness=burstiness, **targets), shape, on)
    assert rate(serving(risk=0.99, burstiness=burstiness, **targets), shape, on) <= base * CLOSE
    assert rate(serving(risk=risk, burstiness=burstiness * 3, **targets), shape, on) <= base * CLOSE
    warm = serving(risk=risk, burstiness=burstiness, prefix_cache_hit=hit, **targets)
    assert rate(warm, shape, on) * CLOSE >= base


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["llama-3.1-8b", "Mixtral-8x7B", "DeepSeek-V3", "BERT-large"]),
    st.sampled_from(["H100-80GB", "A100-80GB", "TPU-v5e"]),
    st.integers(16, 4096),
    st.sampled_from([1, 2, 64, 512]),
)
def test_no_batch_beats_the_roofline(
    catalog: Catalog, model: str, name: str, prompt: int, output: int
) -> None:
    """Every token costs two operations a parameter that it passes, every device has one peak."""
    shape, on = catalog.model_shape(model), roomy(catalog, name)
    found = inference_throughput(
        batch(input_length=prompt, output_length=output), shape, units((on, 8, 1))
    )
    work = language_work(shape)
    passed = work.always - work.head + work.routed * work.routed_share
    tokens = prompt + (output - 1 if shape.kind != "encoder" else 0)
    peak = on.peak("bf16")
    assert peak is not None
    assert 0 < found.median[0] <= 8 * peak / (2 * passed * tokens)


@settings(max_examples=60, deadline=None)
@given(MODELS, DEVICES, st.integers(1, 100_000), st.floats(1.01, 8.0), st.floats(1.01, 8.0))
def test_memory_need_grows_with_requests_and_parameters(
    catalog: Catalog, model: str, name: str, tokens: int, longer: float, larger: float
) -> None:
    shape = catalog.model_shape(model)
    machines = units((device(catalog, name), 8, 1))

    def need(of: ModelShape, length: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        return replicas(
            language_work(of),
            machines,
            weight_bytes=np.array([2.0]),
            kv_bytes=np.array([2.0]),
            request_tokens=length,
            chunk_tokens=2048.0,
        ).need

    heavy = replace(shape, parameters_billion=shape.parameters_billion * larger)
    assert np.all(need(shape, tokens * longer) > need(shape, tokens))
    assert np.all(need(heavy, tokens) > need(shape, tokens))


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["resnet50", "mobilenetv2_100", "vit_base_patch16_224"]),
    st.sampled_from(["T4", "H100-80GB", "CPU-IceLake-8375C", "Jetson-AGX-Orin-64GB"]),
    FASTER,
    FASTER,
    st.sampled_from([None, 0.01, 0.1, 1.0]),
)
def test_better_hardware_never_slows_vision(
    catalog: Catalog, model: str, name: str, peak: float, rate_up: float, limit: float | None
) -> None:
    shape, plain = catalog.model_shape(model), device(catalog, name)
    faster = better(plain, peak, rate_up, 1.0)
    for workload in (
        vision(decode_images=False, latency_p95=limit),
        vision(requests_per_second=100, latency_p95=limit),
        edge(latency_p95=limit),
    ):
        found = inference_throughput(workload, shape, units((plain, 4, 1), (faster, 4, 1)))
        slow, fast = np.nan_to_num(found.median).tolist()
        assert fast * (1 + 1e-12) >= slow


@settings(max_examples=40, deadline=None)
@given(st.integers(64, 1024), st.floats(1.0, 4.0), st.sampled_from(["T4", "CPU-IceLake-8375C"]))
def test_larger_images_are_never_faster(
    catalog: Catalog, size: int, larger: float, name: str
) -> None:
    shape = catalog.model_shape("resnet50")

    def images(pixels: int) -> float:
        on = units((device(catalog, name), 1, 1))
        return float(inference_throughput(vision(image_size=pixels), shape, on).median[0])

    assert images(round(size * larger)) <= images(size) * (1 + 1e-12)


@pytest.mark.parametrize("model", ["llama-3.1-8b", "Mixtral-8x7B"])
def test_more_requests_together_never_lower_a_batch(catalog: Catalog, model: str) -> None:
    """Weights are read once for all of them, so each added request adds less than its share."""
    shape, on = catalog.model_shape(model), roomy(catalog, "H100-80GB")
    rates = [rate(batch(batch_size=2**k), shape, on) for k in range(11)]
    assert rates == sorted(rates)
    assert rates[6] > 10 * rates[0]
