"""Serving and batches of language models: known orders of magnitude, and a simulated engine."""

from __future__ import annotations

from collections import deque
from dataclasses import replace

import numpy as np
import pytest

from catalog import Catalog
from planner.performance.efficiency import Measured, Setup
from planner.performance.inference import inference_throughput
from planner.performance.inference.language import language_units, serving_throughput
from planner.performance.inference.operating_point import Batching
from planner.performance.inference.queueing import wait_quantile_s
from planner.performance.inference.request_sizes import request_mix
from planner.performance.throughput import Throughput
from planner.workload import BatchInference, Serving
from tests.performance.inference_cases import batch, device, serving, units


def one(
    catalog: Catalog,
    workload: Serving | BatchInference,
    model: str,
    name: str,
    per_node: int = 1,
    nodes: int = 1,
) -> Throughput:
    machines = units((device(catalog, name), per_node, nodes))
    return inference_throughput(workload, catalog.model_shape(model), machines)


class TestOrdersOfMagnitude:
    """Figures that practitioners know; the ranges are wide on purpose."""

    @pytest.mark.parametrize(
        ("model", "name", "count", "slowest", "fastest"),
        [
            # one stream reads 16 GB a token: 3,350 GB/s / 16 GB = 209 tokens/s at best
            ("llama-3.1-8b", "H100-80GB", 1, 100, 190),
            ("llama-3.1-8b", "A100-80GB", 1, 60, 120),
            ("llama-3.1-8b", "L4", 1, 8, 19),
            ("llama-3.1-70b", "H100-80GB", 8, 50, 140),
        ],
    )
    def test_one_stream_decodes_at_memory_speed(
        self, catalog: Catalog, model: str, name: str, count: int, slowest: float, fastest: float
    ) -> None:
        workload = batch(input_length=128, output_length=1024)
        machines = units((device(catalog, name), count, 1))
        shape = catalog.model_shape(model)
        mix = request_mix(serving(input_length=128, output_length=1024))
        found = language_units(workload, shape, machines, (), mix)
        step = found.times.decode_step_s(np.ones(found.layouts.tensor.shape), 640.0)
        best = np.where(found.layouts.fits, step, np.inf).min()
        assert slowest < 1 / best < fastest

    def test_saturated_node_generates_thousands_of_tokens_a_second(self, catalog: Catalog) -> None:
        found = one(catalog, serving(), "llama-3.1-70b", "H100-80GB", 8)
        assert found.latency is not None
        assert found.latency.output_tokens_per_s is not None
        assert 2000 < found.latency.output_tokens_per_s[0] < 12000

    def test_quantised_weights_decode_faster_than_wide_ones(self, catalog: Catalog) -> None:
        rates = [
            one(catalog, serving(precision=name), "llama-3.1-70b", "H100-80GB", 8).median[0]
            for name in ("bf16", "fp8")
        ]
        assert rates[1] > 1.2 * rates[0]

    def test_tensor_parallel_over_pcie_pays_for_its_all_reduces(self, catalog: Catalog) -> None:
        """A prompt of 4,096 tokens exchanges 64 MiB twice a layer: the link decides."""
        nvlink = device(catalog, "A100-80GB")
        pcie = replace(nvlink, name="pcie", link_bandwidth=64e9)
        machines = units((nvlink, 8, 1), (pcie, 8, 1))
        mix = request_mix(serving(input_length=4096))
        shape = catalog.model_shape("llama-3.1-70b")
        found = language_units(serving(input_length=4096), shape, machines, (), mix)
        split = found.layouts.tensor[0].tolist().index(8.0)
        seconds = found.times.prefill_s(4096.0)[:, split]
        assert seconds[1] > 1.5 * seconds[0]

    def test_few_requests_touch_few_experts(self, catalog: Catalog) -> None:
        """DeepSeek-V3 reads 37 of 671 B parameters for one token, nearly all for a large batch."""
        mix = request_mix(serving())
        machines = units((device(catalog, "H200"), 8, 1))
        shape = catalog.model_shape("DeepSeek-V3")
        work = language_units(serving(precision="fp8"), shape, machines, (), mix).times.work
        few, many = work.touched_parameters(np.array([1.0, 1024.0]))
        assert few == pytest.approx(37e9, rel=0.15)
        assert many == pytest.approx(671e9, rel=0.05)

    def test_latent_attention_keeps_a_small_cache(self, catalog: Catalog) -> None:
        """DeepSeek-V2 paper, table 1: (512 + 64) values a layer instead of 2 x heads x width."""
        mix = request_mix(serving())
        machines = units((device(catalog, "H200"), 8, 1))
        shape = catalog.model_shape("DeepSeek-V3")
        work = language_units(serving(precision="fp8"), shape, machines, (), mix).times.work
        assert work.kv_values_per_token == 61 * 576


class TestWhatFits:
    def test_seventy_billion_at_16_bit_never_on_80_gb(self, catalog: Catalog) -> None:
        found = one(catalog, serving(), "llama-3.1-70b", "H100-80GB")
        assert np.isnan(found.median[0])
        # 141 GB of weights against 72 GiB that an engine takes
        assert found.why_not[0].startswith("memory: short of ")
        assert 55 < found.step.shortfall[0] / 2**30 < 75
        assert one(catalog, serving(precision="int4"), "llama-3.1-70b", "H100-80GB").median[0] > 0

    def test_machines_are_joined_only_where_one_is_too_small(self, catalog: Catalog) -> None:
        refused = one(catalog, serving(), "llama-3.1-70b", "H100-80GB", 8, 2)
        assert refused.why_not == ["fits one machine: replicas are counted, not spread"]
        alone = one(catalog, serving(), "llama-3.1-405b", "H100-80GB", 8)
        assert alone.why_not[0].startswith("memory: short of ")
        joined = one(catalog, serving(), "llama-3.1-405b", "H100-80GB", 8, 2)
        assert joined.median[0] > 0
        assert joined.step.layout == ["tp8 pp2"]

    def test_a_machine_is_filled_with_replicas(self, catalog: Catalog) -> None:
        single = one(catalog, batch(), "qwen2.5-7b", "L40S", 1)
        eight = one(catalog, batch(), "qwen2.5-7b", "L40S", 8)
        assert eight.median[0] >= 8 * single.median[0] * (1 - 1e-9)

    def test_heads_limit_tensor_parallelism(self, catalog: Catalog) -> None:
        """Qwen2.5-7B has 28 heads: they divide by 4, not by 8."""
        mix = request_mix(serving())
        shape = catalog.model_shape("qwen2.5-7b")
        found = language_units(serving(), shape, units((device(catalog, "L4"), 8, 1)), (), mix)
        valid = found.layouts.tensor[found.layouts.valid]
        assert set(valid.tolist()) == {1.0, 2.0, 4.0}

    def test_half_a_device_does_less_than_half_when_weights_weigh(self, catalog: Catalog) -> None:
        shape = catalog.model_shape("llama-3.1-8b")
        machines = units(
            (device(catalog, "H100-80GB"), 1, 1), (device(catalog, "H100-80GB", 0.5), 1, 1)
        )
        whole, half = inference_throughput(serving(), shape, machines).median
        assert 0 < half < 0.5 * whole

    @pytest.mark.parametrize(
        ("precision", "name", "reason"),
        [
            ("fp8", "A100-80GB", "no fp8 arithmetic in the datasheet"),
            ("fp4", "H100-80GB", "no fp4 arithmetic in the datasheet"),
            ("bf16", "T4", "no bf16 arithmetic in the datasheet"),
        ],
    )
    def test_nothing_stands_in_for_a_stated_precision(
        self, catalog: Catalog, precision: str, name: str, reason: str
    ) -> None:
        assert one(catalog, serving(precision=precision), "qwen2.5-7b", name, 8).why_not == [reason]

    def test_unstated_precision_is_the_devices_16_bit_one(self, catalog: Catalog) -> None:
        assert one(catalog, serving(), "qwen2.5-7b", "T4", 8).median[0] > 0

    def test_unknown_figures_are_refused(self, catalog: Catalog) -> None:
        dark = replace(device(catalog, "L4"), memory_bandwidth=None)
        blank = replace(device(catalog, "L4"), memory=None, name="other")
        shape = catalog.model_shape("qwen2.5-7b")
        found = inference_throughput(serving(), shape, units((dark, 8, 1), (blank, 8, 1)))
        assert found.why_not == ["memory bandwidth unknown", "memory size unknown"]


class TestTargets:
    def test_targets_hold_at_the_quantile_asked(self, catalog: Catalog) -> None:
        workload = serving(ttft_p95=1.0, tpot_p95=0.05, risk=0.9)
        found = one(catalog, workload, "llama-3.1-70b", "H100-80GB", 8)
        assert found.latency is not None
        slack = np.exp(1.2815515655446004 * found.log_sd[0])
        ttft, tpot = found.latency.ttft_p95, found.latency.tpot_p95
        assert ttft is not None and tpot is not None
        # the binding one is met exactly, the other with room
        assert tpot[0] * slack == pytest.approx(0.05, rel=1e-3)
        assert ttft[0] * slack < 1.0
        assert found.latency.utilisation_limit is not None
        assert found.latency.utilisation_limit[0] < 0.9

    def test_a_target_out_of_reach_says_by_how_much(self, catalog: Catalog) -> None:
        found = one(catalog, serving(tpot_p95=0.003), "llama-3.1-70b", "H100-80GB", 8)
        assert np.isnan(found.median[0])
        assert found.why_not[0].startswith("tpot_p95 of 3 ms missed: ")
        assert found.why_not[0].endswith(" ms at one request in flight")

    def test_percentiles_are_ordered(self, catalog: Catalog) -> None:
        found = one(catalog, serving(), "llama-3.1-8b", "A100-80GB", 8)
        latency = found.latency
        assert latency is not None
        for kind in ("ttft", "tpot"):
            values = [float(getattr(latency, f"{kind}_{q}")[0]) for q in ("p50", "p95", "p99")]
            assert values == sorted(values)
            assert values[0] > 0

    def test_long_prompts_in_the_mix_set_the_tail(self, catalog: Catalog) -> None:
        """Same mean, but one request in ten is ten times longer than the rest."""
        buckets = [
            {"input_length": 500, "output_length": 200, "share": 0.9},
            {"input_length": 5000, "output_length": 200, "share": 0.1},
        ]
        alike = one(
            catalog,
            serving(input_length=950, output_length=200, ttft_p95=0.5),
            "llama-3.1-8b",
            "A100-80GB",
            1,
        )
        mixed = one(
            catalog, serving(requests=buckets, ttft_p95=0.5), "llama-3.1-8b", "A100-80GB", 1
        )
        assert np.nan_to_num(mixed.median[0]) < alike.median[0]

    def test_speculation_pays_while_memory_is_the_limit(self, catalog: Catalog) -> None:
        """Accepted drafts save weight reads at small batches; rejected ones only cost."""
        good = {"draft_tokens": 4, "acceptance": 0.8, "draft_cost": 0.05}
        bad = {"draft_tokens": 4, "acceptance": 0.1, "draft_cost": 0.2}
        tight = {"tpot_p95": 0.03}
        plain, fast, slow = (
            np.nan_to_num(
                one(catalog, serving(**tight, **extra), "llama-3.1-70b", "H100-80GB", 8).median[0]
            )
            for extra in ({}, {"speculative": good}, {"speculative": bad})
        )
        assert fast > plain > slow

    def test_own_measurements_move_the_answer(self, catalog: Catalog) -> None:
        workload, shape = serving(), catalog.model_shape("llama-3.1-8b")
        machines = units((device(catalog, "L4"), 1, 1), (device(catalog, "A10G"), 1, 1))
        setup = Setup("llm-serving", "GPU", "L4", shape.name, "bf16", "vllm", 1280.0, 1.0)
        before = inference_throughput(workload, shape, machines)
        after = inference_throughput(workload, shape, machines, [Measured(setup, -0.7)])
        assert after.basis == ["measured", "calibrated"]
        assert after.median[0] == pytest.approx(before.median[0] * np.exp(-0.7), rel=0.1)
        assert before.median[1] * np.exp(-0.7) < after.median[1] < before.median[1]
        assert after.log_sd[0] < after.log_sd[1] < before.log_sd[1]


def test_waits_match_the_exact_queue() -> None:
    """M/M/1: P(wait > t) = rho exp(-(1 - rho) t / s), for which the approximation is exact."""
    service, rho = np.array([0.2]), np.array([0.7])
    wait = wait_quantile_s(
        service, rho, np.ones(1), arrival_scv=1.0, service_scv=1.0, quantile=0.95
    )
    assert wait[0] == pytest.approx(0.2 / 0.3 * np.log(0.7 / 0.05))
    idle = wait_quantile_s(
        service, np.array([0.04]), np.ones(1), arrival_scv=1.0, service_scv=1.0, quantile=0.95
    )
    assert idle[0] == 0


@pytest.mark.parametrize("load", [0.3, 0.6, 0.85])
def test_the_steady_state_is_that_of_a_simulated_engine(catalog: Catalog, load: float) -> None:
    """An engine that packs waiting prompts into the next iteration, with the same step times:
    batch, time per output token and their tail come out as the closed form says.
    """
    workload = serving(input_length=512, output_length=128)
    shape = catalog.model_shape("llama-3.1-8b")
    mix = request_mix(workload)
    found = language_units(workload, shape, units((device(catalog, "L4"), 1, 1)), (), mix)
    batching = Batching(found.times, mix, found.layouts.count, found.layouts.kv_tokens / mix.held)
    places = float(batching.cap[0, 0])
    state = batching.state(np.full(batching.cap.shape, load * places))
    rate = float(state.rate[0, 0])
    step_s = [
        float(found.times.decode_step_s(np.full(batching.cap.shape, max(n, 1.0)), mix.held)[0, 0])
        for n in range(400)
    ]
    decoding, tpot = _simulate(rate, float(batching.packed_s[0, 0]), step_s, int(mix.output), 4000)
    assert np.mean(decoding) == pytest.approx(load * places, rel=0.15)
    assert np.mean(tpot) == pytest.approx(float(batching.tpot_s(state, 0.5)[0, 0]), rel=0.12)
    p95 = float(batching.tpot_s(state, 0.95)[0, 0])
    assert np.quantile(tpot, 0.95) == pytest.approx(p95, rel=0.2)


def _simulate(
    rate: float, prompt_s: float, step_s: list[float], output: int, requests: int
) -> tuple[list[int], list[float]]:
    """Batch sizes seen on arrival, and seconds per output token, after a warm-up."""
    random = np.random.default_rng(7)
    arrivals = deque(np.cumsum(random.exponential(1 / rate, requests)).tolist())
    now = 0.0
    running: list[tuple[float, int]] = []  # first token at, tokens to go
    seen: list[int] = []
    tpot: list[float] = []
    while arrivals or running:
        if not running and arrivals[0] > now:
            now = arrivals[0]
        joining = 0
        while arrivals and arrivals[0] <= now and joining < 4:
            arrivals.popleft()
            joining += 1
            seen.append(len(running))
        now += joining * prompt_s + (step_s[len(running)] if running else 0.0)
        still = []
        for first, left in running:
            if left == 1:
                tpot.append((now - first) / (output - 1))
            else:
                still.append((first, left - 1))
        running = still + [(now, output - 1)] * joining
    skip = requests // 5
    return seen[skip:], tpot[skip:]


def test_batches_have_no_latency_and_count_what_is_in_flight(catalog: Catalog) -> None:
    found = one(catalog, batch(batch_size=16), "llama-3.1-8b", "H100-80GB")
    assert found.latency is not None
    assert found.latency.ttft_p95 is None
    assert found.latency.concurrency is not None
    assert found.latency.concurrency[0] == 16
    scoring = one(catalog, batch(output_length=1), "llama-3.1-8b", "H100-80GB")
    # nothing is generated: 512 tokens of prompt only, against 512 and 128 decode steps
    assert scoring.median[0] > 1.2 * one(catalog, batch(), "llama-3.1-8b", "H100-80GB").median[0]


def test_encoders_count_samples(catalog: Catalog) -> None:
    short = one(catalog, batch(input_length=128), "BERT-base", "A100-80GB")
    long = one(catalog, batch(input_length=512), "BERT-base", "A100-80GB")
    assert short.unit == "samples_per_s"
    # four times the linear work and attention on top, less what a pass costs whatever it holds
    assert short.median[0] > 3.5 * long.median[0]
    assert 1000 < long.median[0] < 10_000


def test_identical_machines_are_timed_once_and_answered_each(catalog: Catalog) -> None:
    on = device(catalog, "L4")
    machines = units((on, 8, 1), (device(catalog, "A10G"), 4, 1), (on, 8, 1))
    found = serving_throughput(serving(), catalog.model_shape("qwen2.5-7b"), machines)
    assert found.median[0] == found.median[2] != found.median[1]
    assert found.latency is not None and found.latency.ttft_p95 is not None
    assert found.latency.ttft_p95.shape == (3,)


def test_hosts_bound_how_many_short_requests_a_replica_takes(catalog: Catalog) -> None:
    found = one(catalog, serving(input_length=1, output_length=1), "BERT-base", "H100-80GB", 8)
    assert 8 * 1000 < found.median[0] < 8 * 2000


def test_no_machines_no_answers(catalog: Catalog) -> None:
    none = units((device(catalog, "L4"), 1, 1)).take(np.array([], np.intp))
    for workload, model in ((serving(), "llama-3.1-8b"), (batch(), "SDXL-1.0")):
        found = inference_throughput(workload, catalog.model_shape(model), none)
        assert found.median.shape == (0,)
        assert found.why_not == []
