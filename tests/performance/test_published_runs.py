"""Runs that others published come out of the model, and hardware differs the way it should."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from catalog import Catalog
from planner.actions.estimate.one import estimate
from planner.errors import BadInput, Infeasible
from planner.performance.devices import Machines
from planner.performance.layouts import Layout, parse_layout
from planner.performance.rows import predict_rows
from planner.performance.throughput import training_throughput
from planner.workload import parse
from tests.performance.machines import device, machines, step, work_of

MEGATRON = "tp8 pp8 dp16 recompute, micro-batch 1"


def days(tokens: float, tokens_per_s: float) -> float:
    return tokens / tokens_per_s / 86400


def dgx_a100(catalog: Catalog, nodes: int = 128) -> Machines:
    """DGX A100: eight HDR InfiniBand ports of 200 Gbit/s (Narayanan et al. 2021, section 5)."""
    return machines(device(catalog, "A100-80GB"), 8, nodes, 8 * 25e9)


def test_gpt3_on_1024_a100_takes_34_days(catalog: Catalog) -> None:
    """Narayanan et al. 2021, section 5.1: 300 B tokens of the 175 B model at a batch of 1536 in 34
    days with tensor and pipeline parallelism and full recomputation.
    """
    workload = parse(
        {
            "kind": "pretrain",
            "model": "GPT-3-175B",
            "tokens": "300B",
            "sequence_length": 2048,
            "batch_tokens": 1536 * 2048,
        },
        where="test",
    )
    shape = catalog.model_shape("GPT-3-175B")
    found = training_throughput(workload, shape, dgx_a100(catalog), layout=parse_layout(MEGATRON))
    # what the layout leaves open (interleaving, ZeRO) is the planner's to choose
    assert found.step.layout[0].startswith("tp8 pp8")
    assert "recompute, micro-batch 1" in found.step.layout[0]
    assert days(300e9, float(found.median[0])) == pytest.approx(34, rel=0.2)
    work = work_of(shape)
    exact = step(work, dgx_a100(catalog), parse_layout(MEGATRON), sequences=1536)
    assert exact.layout == [MEGATRON]
    assert days(300e9, 1536 * 2048 / float(exact.total_s[0])) == pytest.approx(34, rel=0.2)


def test_gpt3_as_a_row_with_its_layout_takes_34_days(catalog: Catalog) -> None:
    row = {
        "task": "train",
        "metric": "tokens_per_s_per_device",
        "model": "GPT-3-175B",
        "accelerator": "A100-80GB",
        "accelerators": 1024,
        "nodes": 128,
        "seq_len": 2048,
        "batch_global": 1536,
        "precision": "bf16",
        "parallelism": "tp8 pp8 dp16 act-ckpt",
    }
    (found,) = predict_rows([row], catalog)
    assert found.predicted is not None
    assert days(300e9, found.predicted * 1024) == pytest.approx(34, rel=0.2)


def test_selective_recomputation_is_what_made_megatron_faster(catalog: Catalog) -> None:
    """Korthikanti et al. 2022, table 5: GPT-3 175B in 18.1 s a step with full recomputation and
    13.8 s with selective and sequence parallelism (batch 64 on 64 A100, t=8, p=8, 3 chunks).
    """
    work = work_of(catalog.model_shape("GPT-3-175B"))
    on = dgx_a100(catalog, 8)
    old = step(work, on, Layout(8, 8, recompute=2, interleave=3), sequences=64)
    new = step(work, on, Layout(8, 8, recompute=1, interleave=3), sequences=64)
    assert old.total_s[0] == pytest.approx(18.1, rel=0.2)
    assert new.total_s[0] == pytest.approx(13.8, rel=0.2)
    assert 1.15 < old.total_s[0] / new.total_s[0] < 1.45


def test_long_sequences_need_context_parallelism(catalog: Catalog) -> None:
    """At a million tokens a sequence no device holds one; rings of devices do."""
    work = work_of(catalog.model_shape("llama-3.1-8b"), 2**20)
    on = machines(device(catalog, "H100-80GB"), nodes=16, network=400e9)
    found = step(work, on, length=2**20, sequences=8)
    assert "cp" in found.layout[0]
    alone = step(
        work,
        on,
        Layout(tensor=8, context=1, data=16, zero=3, recompute=2),
        length=2**20,
        sequences=16,
    )
    assert np.isnan(alone.total_s[0])
    assert alone.shortfall[0] > 0


def test_experts_cost_messages_and_save_operations(catalog: Catalog) -> None:
    """A mixture multiplies its active parameters only, but less well than a dense model of that
    size; tokens that travel between nodes pay for the network.
    """
    mixtral = work_of(catalog.model_shape("Mixtral-8x7B"))
    dense = work_of(catalog.model_shape("llama-2-13b"))
    chip = device(catalog, "H100-80GB", roomy=True)
    one = machines(chip, nodes=1)
    mixture = step(mixtral, one, Layout(expert=8, zero=1), sequences=64).total_s[0]
    all_work = step(dense, one, Layout(zero=1), sequences=64).total_s[0]
    assert all_work < mixture < 46.7 / 13 * all_work
    # the same network for each device, but groups of eight within a node or over four
    near = step(mixtral, machines(chip, 8, 2, 100e9), Layout(expert=8, zero=1), sequences=64)
    far = step(mixtral, machines(chip, 2, 8, 25e9), Layout(expert=8, zero=1), sequences=64)
    assert far.communication_s[0] > 1.5 * near.communication_s[0]


def test_a_tpu_slice_is_one_machine_on_its_own_interconnect(catalog: Catalog) -> None:
    """256 chips of a v5e slice share ICI; as 64 hosts of 4 chips they would share a network."""
    work = work_of(catalog.model_shape("llama-3.1-8b"))
    chip = device(catalog, "TPU-v5e")
    slice_ = step(work, machines(chip, 256, 1), sequences=512)
    hosts = step(work, machines(chip, 4, 64, network=25e9), sequences=512)
    assert np.isfinite(slice_.total_s[0])
    assert slice_.communication_s[0] < hosts.communication_s[0]
    assert slice_.total_s[0] < hosts.total_s[0]
    assert machines(chip, 256, 1).fast_domain[0] == 256
    assert machines(chip, 4, 64).fast_domain[0] == 4


def test_a_rack_scale_domain_spans_machines(catalog: Catalog) -> None:
    """NVL72 joins 18 machines of four GPUs; eight GPUs of an HGX board end with the machine."""
    rack, board = device(catalog, "GB200"), device(catalog, "H100-80GB")
    assert list(machines(rack, 4, [1, 4, 18, 36]).fast_domain) == [4, 16, 72, 72]
    assert list(machines(board, 4, [1, 4]).fast_domain) == [4, 4]
    assert list(machines(board, 8, [1, 4]).fast_domain) == [8, 8]
    work = work_of(catalog.model_shape("llama-3.1-8b"))
    split = replace(board, link_domain=72, peaks=rack.peaks)
    assert step(work, machines(split, 4, 4)).layout == step(work, machines(split, 4, 4)).layout
    wide = step(work, machines(rack, 4, 4), Layout(tensor=8))
    assert np.isfinite(wide.total_s[0])
    assert np.isnan(step(work, machines(board, 4, 4), Layout(tensor=8)).total_s[0])


@pytest.mark.parametrize("network", [1.25e9, 12.5e9])
def test_cpu_training_over_machines_pays_for_its_network(catalog: Catalog, network: float) -> None:
    """Two socket machines over Ethernet: faster together, by less than their number."""
    work = work_of(catalog.model_shape("GPT2-124M"), 1024)
    cpu = device(catalog, "CPU-SapphireRapids-8480+")
    found = step(work, machines(cpu, 1, [1, 4, 16], network), length=1024, sequences=64)
    speed_up = found.total_s[0] / found.total_s
    assert 1 < speed_up[1] < 4
    assert 1 < speed_up[2] < 16
    assert found.communication_s[0] == 0
    # 124 M gradients in bf16 twice over 1.25 GB/s take 0.2 s at the line rate, more over TCP
    line_rate = 2 * 3 / 4 * 0.124e9 * 2 / network
    least = found.communication_s[1] if "zero" not in found.layout[1] else 2 * line_rate
    assert least > 0.3 * line_rate
    assert found.overhead_s[0] == 0


def test_small_models_are_bound_by_launches_on_gpus(catalog: Catalog) -> None:
    """A forward and backward pass of 12 layers launches some 700 kernels: milliseconds."""
    work = work_of(catalog.model_shape("GPT2-124M"), 128)
    chip = device(catalog, "H100-80GB")
    found = step(work, machines(chip, 1), Layout(micro_batch=1), length=128, sequences=1)
    assert 2e-3 < found.total_s[0] < 20e-3
    assert found.overhead_s[0] > found.compute_s[0] - 3e-3


GPT3 = {
    "kind": "pretrain",
    "model": "GPT-3-175B",
    "tokens": "300B",
    "sequence_length": 2048,
    "batch_tokens": 1536 * 2048,
}


def test_a_user_who_states_the_published_layout_gets_the_published_time(catalog: Catalog) -> None:
    workload = parse({**GPT3, "parallelism": "TP8 pp8 dp16, recompute"}, where="test")
    found = estimate(workload, "A100-80GB:8x128", catalog)
    assert found.parallelism.startswith("tp8 pp8")
    assert found.hours is not None
    assert found.hours / 24 == pytest.approx(34, rel=0.2)


def test_the_planner_finds_what_was_found_after_the_run(catalog: Catalog) -> None:
    """Left to choose, it recomputes selectively: Korthikanti et al. 2022 gained 29-32% so."""
    stated = parse({**GPT3, "parallelism": "tp8 pp8 dp16 recompute"}, where="test")
    free = estimate(parse(GPT3, where="test"), "A100-80GB:8x128", catalog)
    fixed = estimate(stated, "A100-80GB:8x128", catalog)
    assert free.hours is not None and fixed.hours is not None
    assert 1.15 < fixed.hours / free.hours < 1.7
    assert "recompute" not in free.parallelism or "selective" in free.parallelism


def test_a_layout_that_cannot_be_is_said_so(catalog: Catalog) -> None:
    stated = parse({**GPT3, "parallelism": "tp8 pp7"}, where="test")
    with pytest.raises(Infeasible, match="layout asked for does not divide"):
        estimate(stated, "A100-80GB:8x128", catalog)


@pytest.mark.parametrize("text", ["pq8", "tp8pp8", "tp0", "zero4", "tp8; rm -rf", "micro-batch x"])
def test_words_that_are_no_layout_are_refused(text: str) -> None:
    with pytest.raises(BadInput, match=r"test: parallelism: .*(not a layout|together)"):
        parse({**GPT3, "parallelism": text}, where="test")
