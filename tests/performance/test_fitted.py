"""Plans and rows have one estimator: what a plan says of a set-up is what its row is told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from catalog import Catalog
from planner.actions.calibration.own import machines_up_to
from planner.actions.estimate.one import estimate
from planner.actions.recommend.plan import recommend
from planner.model_choice import shape_of
from planner.performance.devices import Machines, from_accelerator
from planner.performance.efficiency import Measured, Setup
from planner.performance.fitted import steady_growth
from planner.performance.learned.model import RowPrediction, predict_rows
from planner.performance.throughput import Throughput, throughput_of
from planner.performance.training_fit import ANALYTIC_SHARE
from planner.performance.work import transformer_work
from planner.workload import LanguageTraining, VisionInference
from planner.workload.files import parse

LORA = {
    "kind": "finetune",
    "model": "llama-3.1-8b",
    "method": "lora",
    "tokens": "50M",
    "sequence_length": 4096,
    "precision": "bf16",
}
RESNET = {
    "kind": "vision-training",
    "model": "resnet50",
    "samples": "1M",
    "batch_size": 1024,
    "precision": "bf16",
    "decode_images": False,
}
IMAGES = {
    "kind": "vision-inference",
    "model": "resnet50",
    "samples": "1M",
    "batch_size": 64,
    "precision": "fp16",
    "framework": "tensorrt",
    "decode_images": False,
}
SERVING = {
    "kind": "serving",
    "model": "llama-3.1-70b",
    "requests_per_second": 20,
    "input_length": 1024,
    "output_length": 256,
    "precision": "fp8",
}
BATCH = {
    "kind": "batch-inference",
    "model": "llama-3.1-8b",
    "samples": "1M",
    "input_length": 512,
    "output_length": 128,
    "precision": "bf16",
    "batch_size": 64,
}
PER_DEVICE = {
    "tokens_per_s": "tokens_per_s_per_device",
    "requests_per_s": "tokens_per_s_per_device",
    "images_per_s": "images_per_s_per_device",
}


def on(catalog: Catalog, name: str, count: int = 8, nodes: int = 1) -> Machines:
    return machines_up_to(from_accelerator(catalog.accelerator(name)), count, nodes)


def estimated(catalog: Catalog, given: dict[str, Any], machines: Machines) -> Throughput:
    workload = parse(given, where="test")
    shape = shape_of(catalog, workload, "test")
    return throughput_of(workload, shape, machines, catalog=catalog)


def answered(catalog: Catalog, found: Throughput, index: int = 0) -> RowPrediction:
    """The row that is this set-up, put to ``estimate --batch``'s model."""
    assert found.setups is not None
    row = {**found.setups.row(index), "id": "row", "metric": PER_DEVICE[found.unit]}
    return predict_rows([row], catalog)[0]


@pytest.mark.parametrize("name", ["H100-80GB", "A100-80GB", "L4", "MI300X"])
@pytest.mark.parametrize("given", [LORA, RESNET], ids=["language", "vision"])
def test_training_is_what_its_row_is_told(
    catalog: Catalog, given: dict[str, Any], name: str
) -> None:
    """Of language models half way, in logs, between the row's figure and the analytic one."""
    found = estimated(catalog, given, on(catalog, name))
    row = answered(catalog, found)
    assert row.predicted and row.p10 and row.p90
    factor = 1.0
    if given is LORA:
        workload = parse(given, where="test")
        shape = shape_of(catalog, workload, "test")
        analytic = throughput_of(workload, shape, on(catalog, name)).median[0] / 8
        factor = (analytic / row.predicted) ** ANALYTIC_SHARE
    assert found.median[0] / 8 == pytest.approx(row.predicted * factor, rel=1e-6)
    assert found.p10[0] / 8 == pytest.approx(row.p10 * factor, rel=1e-6)
    assert found.p90[0] / 8 == pytest.approx(row.p90 * factor, rel=1e-6)
    assert found.basis[0] == row.basis


def test_a_slow_network_costs_what_the_usual_one_does_not(catalog: Catalog) -> None:
    """The fit learnt from clusters with fast fabrics: 10 Gbit/s between them must still hurt."""
    job = parse(
        {"kind": "pretrain", "model": "7B", "tokens": "1T", "batch_tokens": "1M"}, where="test"
    )
    shape = shape_of(catalog, job, "test")
    fast = on(catalog, "H100-80GB", 8, 4)
    slow = replace(fast, network=np.full(len(fast), 1.25e9))
    quick = throughput_of(job, shape, fast, catalog=catalog)
    late = throughput_of(job, shape, slow, catalog=catalog)
    assert late.median[0] == pytest.approx(quick.median[0])  # one machine
    assert np.all(late.median[1:] < 0.7 * quick.median[1:])


@pytest.mark.parametrize("name", ["A100-80GB", "L4", "T4"])
def test_vision_inference_is_what_its_row_is_told(catalog: Catalog, name: str) -> None:
    found = estimated(catalog, IMAGES, on(catalog, name, 4))
    row = answered(catalog, found)
    assert found.median[0] / 4 == pytest.approx(row.predicted, rel=1e-6)
    assert found.p90[0] / found.p10[0] == pytest.approx((row.p90 or 0) / (row.p10 or 1), rel=1e-6)


@pytest.mark.parametrize("name", ["H100-80GB", "A100-80GB", "B200"])
def test_a_saturated_replica_is_what_its_row_is_told(catalog: Catalog, name: str) -> None:
    found = estimated(catalog, BATCH, on(catalog, name, 1))
    assert found.latency is not None and found.latency.output_tokens_per_s is not None
    row = answered(catalog, found)
    assert found.latency.output_tokens_per_s[0] == pytest.approx(row.predicted, rel=0.01)


@pytest.mark.parametrize("target", [{}, {"tpot_p95": "50ms", "ttft_p95": "1s"}])
@pytest.mark.parametrize("name", ["H100-80GB", "B200", "MI300X"])
def test_a_service_is_what_its_row_is_told_at_its_concurrency(
    catalog: Catalog, name: str, target: dict[str, str]
) -> None:
    """The row has what the plan was fitted at in flight, which is near what it settles at."""
    found = estimated(catalog, {**SERVING, **target}, on(catalog, name))
    assert found.latency is not None and found.latency.output_tokens_per_s is not None
    row = answered(catalog, found)
    assert found.latency.output_tokens_per_s[0] / 8 == pytest.approx(row.predicted, rel=0.06)
    assert found.basis[0] == row.basis


def test_no_training_runs_beyond_the_peak(catalog: Catalog) -> None:
    """Every plan of every accelerator: model operations over the datasheet's peak stay below 1."""
    workload = parse(LORA, where="test")
    assert isinstance(workload, LanguageTraining)
    shape = catalog.model_shape("llama-3.1-8b")
    work = transformer_work(
        shape, sequence_length=4096, method="lora", lora_rank=workload.lora_rank, bytes_per_value=2
    )
    candidates = recommend(workload, catalog).candidates
    found, machines = candidates.throughput, candidates.machines
    peak = machines.peak("bf16") * machines.total
    used = found.median * (work.flops_forward + work.flops_backward) / peak
    assert np.nanmax(used) <= 1.0 + 1e-9
    assert np.nanmax(used) > 0.2


def test_more_machines_of_a_kind_are_never_slower_nor_better_than_in_proportion(
    catalog: Catalog,
) -> None:
    for name in ("H100-80GB", "A100-80GB", "L4", "B200", "MI300X"):
        machines = on(catalog, name, 8, 32)
        found = estimated(catalog, {**LORA, "tokens": "10B", "batch_tokens": "4M"}, machines)
        runs = np.isfinite(found.median)
        growth = np.diff(np.log(found.median[runs]))
        doubling = np.diff(np.log(machines.nodes[runs]))
        assert runs.sum() >= 5
        assert np.all(growth >= -1e-9)
        assert np.all(growth <= doubling + 0.05), name  # own memory may need fewer tricks


def test_noise_between_numbers_of_machines_is_taken_out(catalog: Catalog) -> None:
    machines = on(catalog, "H100-80GB", 8, 8)
    analytic = np.log([10.0, 19.0, 36.0, 60.0])
    noisy = np.log([8.0, 20.0, 14.0, 50.0])
    smooth = np.exp(steady_growth(noisy, analytic, machines))
    assert smooth == pytest.approx([8.0, 16.0, 16.0, 32.0])
    missing = np.array([np.nan, *noisy[1:]])
    assert np.isnan(steady_growth(missing, analytic, machines)[0])
    assert np.exp(steady_growth(missing, analytic, machines))[1:] == pytest.approx([20, 20, 40])
    calm = np.log([8.0, 15.0, 29.0, 50.0])
    assert steady_growth(calm, analytic, machines) == pytest.approx(calm)


def test_an_estimate_is_that_of_the_plan(catalog: Catalog) -> None:
    """``planner estimate --on`` and ``recommend`` name one figure, over several machines too."""
    workload = parse({**LORA, "where": {"clouds": ["aws"], "max_nodes": 4}}, where="test")
    candidates = recommend(workload, catalog).candidates
    machines, found = candidates.machines, candidates.throughput
    index = next(
        i
        for i, device in enumerate(machines.devices)
        if device.name == "A100-80GB" and machines.per_node[i] == 8 and machines.nodes[i] == 1
    )
    alone = estimate(workload, "A100-80GB:8", catalog).throughput
    assert alone.value == pytest.approx(found.median[index], rel=1e-4)
    assert alone.p10 == pytest.approx(found.p10[index], rel=1e-4)


def test_what_the_fit_does_not_know_keeps_the_analytic_time(catalog: Catalog) -> None:
    machines = on(catalog, "H100-80GB", 1)
    given = {
        "kind": "batch-inference",
        "model": "stable-diffusion-1.5",
        "samples": "1k",
        "image_size": 512,
        "precision": "fp16",
    }
    workload = parse(given, where="test")
    shape = catalog.model_shape("stable-diffusion-1.5")
    plain = throughput_of(workload, shape, machines)
    fitted = throughput_of(workload, shape, machines, catalog=catalog)
    assert fitted.median[0] == plain.median[0]
    assert fitted.basis == plain.basis == ["analytic"]
    known = estimated(catalog, {**given, "model": "sdxl-1.0", "image_size": 1024}, machines)
    assert known.basis == ["calibrated"]


def test_a_device_too_little_known_keeps_the_analytic_time(catalog: Catalog) -> None:
    """A Coral's datasheet has no bandwidth: the fit says nothing, its bound must not stand in."""
    workload = parse(
        {
            "kind": "edge",
            "model": "yolov8n",
            "frames_per_second": 10,
            "streams": 1,
            "precision": "int8",
        },
        where="test",
    )
    shape = shape_of(catalog, workload, "test")
    machines = on(catalog, "Coral-EdgeTPU", 1)
    fitted = throughput_of(workload, shape, machines, catalog=catalog)
    assert fitted.median[0] == throughput_of(workload, shape, machines).median[0]
    assert fitted.basis == ["analytic"]


def test_own_runs_stand_above_the_fit(catalog: Catalog) -> None:
    """An exact repeat is measured, within the noise of a run, whatever the fit expects."""
    workload = parse(IMAGES, where="test")
    assert isinstance(workload, VisionInference)
    shape = catalog.model_shape("resnet50")
    machines = on(catalog, "L4", 1)
    before = throughput_of(workload, shape, machines, catalog=catalog)
    setup = Setup("vision-inference", "GPU", "L4", shape.name, "fp16", "tensorrt", 64.0, 1.0)
    run = Measured(setup, -0.4, "own-1", float(before.log_sd[0]))
    after = throughput_of(workload, shape, machines, [run], catalog=catalog)
    assert after.basis == ["measured"]
    assert np.log(after.median[0] / before.median[0]) == pytest.approx(-0.4, abs=0.03)
    assert after.log_sd[0] < before.log_sd[0] / 2
