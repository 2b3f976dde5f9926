"""The learned performance model: loads fast, answers every row, and its core obeys physics."""

from __future__ import annotations

import json
import math
import random
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog import Catalog
from planner.errors import PlannerError
from planner.performance.learned.analytic import language_inference, language_training, samples
from planner.performance.learned.artefact import ARTEFACT, current, load
from planner.performance.learned.columns import Columns
from planner.performance.learned.model import predict_rows
from planner.performance.learned.packing import pack
from planner.performance.learned.table import read_rows
from planner.performance.learned.text import framework, layout, length, number, precision

OUTCOMES = ("value", "ttft_ms", "tpot_ms", "source", "source_id", "source_date")
LLM = {
    "task": "serve", "model": "Llama-3.1-8B", "accelerator": "H100-80GB", "accelerators": 1,
    "metric": "tokens_per_s_per_device", "input_len": "1024", "output_len": "256",
    "batch_global": "32", "precision": "fp8", "framework": "vllm-0.12.0",
}  # fmt: skip
TRAINING = {
    "task": "train", "model": "Llama-3.1-8B", "accelerator": "H100-80GB", "accelerators": 64,
    "metric": "tokens_per_s_per_device", "seq_len": 4096, "batch_global": "256",
    "precision": "bf16", "parallelism": "tp2 pp1",
}  # fmt: skip
VISION = {
    "task": "infer_batch", "model": "resnet50", "accelerator": "A100-80GB", "accelerators": 1,
    "metric": "images_per_s_per_device", "batch_global": "64", "precision": "fp16",
    "fwd_gmacs": 4.11, "img_size": 224,
}  # fmt: skip


def seconds(columns: Columns) -> np.ndarray:
    """Analytic seconds by the core that the row belongs to."""
    if columns["class_llm"][0] > 0:
        core = language_training if columns["training"][0] > 0 else language_inference
        timed: np.ndarray = core.estimate(columns)["seconds"]
        return timed
    found: np.ndarray = samples.estimate(columns)["seconds"]
    return found


def test_every_observation_like_row_gets_an_ordered_finite_interval(catalog: Catalog) -> None:
    rows = [
        {name: cell for name, cell in row.items() if name not in OUTCOMES}
        for row in catalog.rows("observations")[::29]
    ]
    for row, found in zip(rows, predict_rows(rows, catalog), strict=True):
        assert found.predicted and found.p10 and found.p90, (row["id"], found.reason)
        assert 0 < found.p10 < found.predicted < found.p90 < math.inf, row["id"]
        assert found.basis in ("calibrated", "analytic")


def test_rows_with_only_the_required_columns_are_answered(catalog: Catalog) -> None:
    keep = ("id", "task", "model", "accelerator", "metric")
    rows = [{name: row[name] for name in keep} for row in catalog.rows("observations")[::97]]
    for row, found in zip(rows, predict_rows(rows, catalog), strict=True):
        assert found.predicted, (row["id"], found.reason)


def test_a_network_that_nobody_published_is_sized_by_its_relatives(catalog: Catalog) -> None:
    row = VISION | {"fwd_gmacs": None}
    relative, known, stranger = predict_rows(
        [row | {"model": name} for name in ("convnext_base.my_tune", "convnext_base", "zzz_net")],
        catalog,
    )
    assert relative.predicted == pytest.approx(known.predicted, rel=0.3)
    assert stranger.predicted is None and "fwd_gmacs" in stranger.reason


def test_outcomes_and_sources_are_never_inputs(catalog: Catalog) -> None:
    told = LLM | {"ttft_ms": 1.0, "tpot_ms": 0.1, "value": 5.0, "source_id": "x", "source": "y"}
    assert predict_rows([LLM], catalog) == predict_rows([told], catalog)


def test_a_prediction_does_not_depend_on_its_neighbours(catalog: Catalog) -> None:
    together = predict_rows([LLM, VISION, TRAINING], catalog)
    for row, beside in zip((LLM, VISION, TRAINING), together, strict=True):
        (alone,) = predict_rows([row], catalog)
        assert alone.predicted == pytest.approx(beside.predicted, rel=1e-9)
        assert alone.p90 == pytest.approx(beside.p90, rel=1e-9)


def test_latency_and_throughput_of_one_run_agree(catalog: Catalog) -> None:
    latency = VISION | {"metric": "ms_per_inference"}
    throughput, milliseconds = predict_rows([VISION, latency], catalog)
    assert throughput.predicted and milliseconds.predicted
    implied = 64 * 1000 / milliseconds.predicted
    # Latency rows come from other publishers and engines than throughput rows: within a factor 5.
    assert 0.2 < implied / throughput.predicted < 5


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"accelerator": "FluxCapacitor-9"}, "accelerator"),
        ({"model": "mystery", "metric": "images_per_s_per_device", "fwd_gmacs": ""}, "model"),
        ({"metric": "furlongs"}, "metric"),
    ],
)
def test_what_cannot_be_predicted_says_why(
    catalog: Catalog, change: dict[str, object], word: str
) -> None:
    (found,) = predict_rows([VISION | change], catalog)
    assert found.predicted is None and not found.feasible
    assert word in found.reason


def test_weights_larger_than_memory_are_infeasible_with_the_shortfall(catalog: Catalog) -> None:
    row = LLM | {"model": "Llama-3.1-405B", "precision": "bf16"}
    (found,) = predict_rows([row], catalog)
    assert not found.feasible and "GiB" in found.reason


@pytest.mark.parametrize("row", [LLM, TRAINING, VISION], ids=["serve", "train", "vision"])
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(factor=st.floats(1.05, 20.0))
def test_a_better_device_never_slows_and_more_work_never_speeds_up(
    row: dict[str, object], factor: float
) -> None:
    columns = COLUMNS[str(row["task"])]
    before = seconds(columns)
    for name in ("bandwidth", "peak", "link"):
        better = columns | {name: columns[name] * factor}
        assert (seconds(better) <= before * (1 + 1e-9)).all(), name
    for name in ("active", "gmacs", "params"):
        harder = columns | {name: columns[name] * factor}
        assert (seconds(harder) >= before * (1 - 1e-9)).all(), name


COLUMNS: dict[str, Columns] = {}


@pytest.fixture(autouse=True, scope="module")
def _columns(catalog: Catalog) -> None:
    for row in (LLM, TRAINING, VISION):
        COLUMNS[str(row["task"])] = read_rows([row], catalog).columns


@pytest.mark.parametrize("row", [TRAINING, VISION], ids=["train", "vision"])
def test_the_core_never_beats_the_stated_peak(row: dict[str, object]) -> None:
    columns = COLUMNS[str(row["task"])]
    if row["task"] == "train":
        work = 6e9 * columns["active"]
    else:
        work = 2e9 * samples.forward_gmacs(columns)
    assert (seconds(columns) >= work / (columns["peak"] * 1e12)).all()


def test_an_image_takes_many_passes_of_a_denoiser_and_a_training_step_one(catalog: Catalog) -> None:
    row: dict[str, object] = {
        "model": "Stable-Diffusion-2",
        "accelerator": "H100-80GB",
        "precision": "fp16",
    }
    rows = [{**row, "task": "infer_batch"}, {**row, "task": "train"}]

    def gmacs(one: dict[str, object]) -> float:
        return float(samples.forward_gmacs(read_rows([one], catalog).columns)[0])

    once = gmacs({**rows[0], "fwd_gmacs": 340.0})
    generate, train = map(gmacs, rows)
    assert generate == pytest.approx(40 * train) == pytest.approx(once)


def test_messages_of_a_tensor_group_cost_its_devices_together(catalog: Catalog) -> None:
    """All devices of a group wait for each all-reduce; recomputation repeats half of them."""
    row = {
        "task": "train", "model": "Llama-3.1-70B", "accelerator": "H100-80GB", "accelerators": 64,
        "batch_global": 64, "seq_len": 4096, "precision": "bf16",
    }  # fmt: skip
    parts = [
        language_training.estimate(read_rows([{**row, "parallelism": text}], catalog).columns)
        for text in ("tp2 pp1", "tp4 pp1", "tp4 pp4", "tp4 pp1 act-ckpt")
    ]
    two, four, staged, again = (p["tensor_parallel"][0] * p["compute"][0] for p in parts)
    assert four / two == pytest.approx(3.0) and staged == pytest.approx(four)
    assert again / four == pytest.approx(1.5)


def test_wide_cores_count_as_256_bit_ones_only_where_nothing_else_is_native(
    catalog: Catalog,
) -> None:
    """64 FLOP a cycle on the datasheet: 32 count in FP32, all of the matrix units' do in BF16."""
    row = VISION | {"accelerator": "CPU-SapphireRapids-8480+", "accelerators": 1}
    peaks = catalog.accelerator("CPU-SapphireRapids-8480+").peak_tera_ops
    for precision_, share in (("fp32", 0.5), ("bf16", 1.0), ("int8", 1.0)):
        columns = read_rows([row | {"precision": precision_}], catalog).columns
        assert columns["peak"][0] == pytest.approx(share * peaks[precision_])
    narrow = read_rows([row | {"accelerator": "CPU-Ryzen9-7950X", "precision": "fp32"}], catalog)
    fp32 = catalog.accelerator("CPU-Ryzen9-7950X").peak_tera_ops["fp32"]
    assert narrow.columns["peak"][0] == pytest.approx(fp32)


def test_the_artefact_is_small_versioned_and_needs_no_learning_library() -> None:
    assert ARTEFACT.stat().st_size < 1_500_000
    code = (
        "import sys, json; import planner.performance.learned as l; "
        "from planner.performance.learned.artefact import current; current(); "
        "print(json.dumps([m for m in ('lightgbm', 'sklearn', 'scipy', 'torch') "
        "if m in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []


def test_a_damaged_artefact_is_an_error_in_words(tmp_path: object) -> None:
    from pathlib import Path

    broken = Path(str(tmp_path)) / "artefact.npz"
    broken.write_bytes(b"not an archive")
    with pytest.raises(PlannerError, match="planner fit"):
        load(broken)


def test_the_artefact_keeps_names_but_no_measurement_per_row(catalog: Catalog) -> None:
    artefact = current()
    for learner in artefact.learners.values():
        assert len(learner.linear.effects) == len(learner.models) < 500
    assert int(artefact.provenance["rows"]) == len(catalog.rows("observations"))


def test_a_forest_sends_unknowns_where_it_was_told() -> None:
    split = {"missing_type": "NaN", "split_feature": 0, "threshold": 1.0, "split_index": 0}
    tree = split | {"left_child": {"leaf_value": 3.0}, "right_child": {"leaf_value": 5.0}}
    rows = np.array([[0.5], [1.0], [1.5], [np.nan]])
    right = pack([tree | {"default_left": False}], 1).predict(rows)
    left = pack([tree | {"default_left": True}], 1).predict(rows)
    assert right.tolist() == [3.0, 3.0, 5.0, 5.0] and left.tolist() == [3.0, 3.0, 5.0, 3.0]


def random_tree(rng: random.Random, leaves: int) -> dict[str, Any]:
    """A tree of LightGBM's form over three features."""
    if leaves == 1:
        return {"leaf_value": rng.gauss(0, 1)}
    inside = rng.randint(1, leaves - 1)
    return {
        "split_index": 0,
        "split_feature": rng.randrange(3),
        "threshold": rng.randint(-3, 3) / 2,
        "missing_type": rng.choice(("NaN", "None")),
        "default_left": rng.random() < 0.5,
        "left_child": random_tree(rng, inside),
        "right_child": random_tree(rng, leaves - inside),
    }


def walked(node: dict[str, Any], row: np.ndarray) -> float:
    """The leaf that a row reaches, split by split."""
    while "split_index" in node:
        value = row[node["split_feature"]]
        if np.isnan(value):
            by_default = node["missing_type"] == "NaN"
            left = node["default_left"] if by_default else node["threshold"] >= 0
        else:
            left = value <= node["threshold"]
        node = node["left_child" if left else "right_child"]
    return float(node["leaf_value"])


@given(seed=st.integers(0, 10_000), shared=st.booleans())
def test_masks_reach_the_leaves_that_a_walk_reaches(seed: int, shared: bool) -> None:
    rng, draw = random.Random(seed), np.random.default_rng(seed)
    trees = [random_tree(rng, rng.randint(2, 16)) for _ in range(5)]
    rows = draw.integers(-4, 5, (7, 3)) / 2
    rows[draw.random(rows.shape) < 0.2] = np.nan
    if shared:
        rows[:, 1] = rows[0, 1]
    expected = [sum(walked(tree, row) for tree in trees) for row in rows]
    assert pack(trees, 3).predict(rows) == pytest.approx(expected, abs=1e-5)


def test_messy_cells() -> None:
    assert length("cnndm~924", output=False) == 924
    assert length("~69(4.0+ tokens/s metric)", output=True) == 69
    assert number("max") != number("max")  # NaN
    assert precision("amp-fp16").compute == "fp16"
    assert precision("nvfp4").compute == "fp4"
    assert precision("q4_k_m").weight_bits < 5
    assert not precision("mixed(mlperf)").stated
    read = layout("tp4 pp16 cp1 vp8 ep32")
    assert [read.degree(name) for name in ("tp", "pp", "vp", "ep")] == [4, 16, 8, 32]
    assert layout("tp4 pp1 dp4 moe_tp1 ep16").degree("moe_tp") == 1
    assert framework("tensorrt-llm-0.9.0").engine == "trtllm"
    assert framework("pytorch2.4-compile nchw").compiled
