"""Every benchmark program really runs here, small, from one file, and its result becomes a row."""

from __future__ import annotations

import ast
import subprocess
import sys
from typing import Any

import pytest

from catalog import Catalog
from launchers.benchmarks import BENCHMARKS
from launchers.benchmarks.bundle import bundled, executable
from launchers.errors import BenchmarkFailed
from launchers.output import find_result
from planner.actions.calibration.observed import observed_workload, per_second
from planner.actions.calibration.row import observation
from tests.launchers.warm import WarmPython

pytest.importorskip("torch")
SMOKE = ["--size", "smoke", "--batch-size", "2", "--steps", "2", "--warmup-steps", "1"]


def words_of(name: str, *arguments: str) -> list[str]:
    benchmark = BENCHMARKS[name]
    return [str(executable(benchmark)), *benchmark.arguments, "--threads", "1", *arguments]


@pytest.mark.parametrize("name", BENCHMARKS)
def test_a_program_is_one_file_that_needs_nothing_of_ours(name: str) -> None:
    text = bundled(BENCHMARKS[name].program)
    tree = ast.parse(text)
    assert ast.get_docstring(tree)
    imported = {
        node.module if isinstance(node, ast.ImportFrom) else node.names[0].name
        for node in ast.walk(tree)
        if isinstance(node, (ast.Import, ast.ImportFrom))
    }
    assert not any((one or "").startswith(("launchers", "planner", "catalog")) for one in imported)
    # Modules stand one after the other: a name defined twice would be another one's.
    defined = [n.name for n in tree.body if isinstance(n, (ast.FunctionDef, ast.ClassDef))]
    assert len(defined) == len(set(defined))
    checked = subprocess.run(
        [sys.executable, "-I", *words_of(name, "--check-only")],
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert (checked.returncode, checked.stdout) == (0, "arguments are good\n")


@pytest.mark.parametrize("name", BENCHMARKS)
def test_its_networks_are_in_the_catalog(name: str, catalog: Catalog) -> None:
    for model in BENCHMARKS[name].models:
        assert catalog.model_shape(model).name == model


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("transformer", [*SMOKE, "--sequence", "16", "--precision", "bf16", "--recompute"]),
        ("transformer", [*SMOKE, "--sequence", "16", "--parallel", "ddp", "--ranks", "2"]),
        ("transformer", [*SMOKE, "--sequence", "16", "--parallel", "fsdp", "--ranks", "2"]),
        ("decode", [*SMOKE, "--input-length", "16", "--output-length", "4"]),
        ("resnet50", ["--batch-size", "2", "--image-size", "32", "--steps", "2"]),
        ("gemm", ["--largest", "256", "--steps", "3"]),
        ("memory", ["--mebibytes", "4", "--steps", "3"]),
        ("collectives", ["--largest-mib", "1", "--steps", "3"]),
        ("inference", ["--network", "smoke", "--sequence", "8", "--steps", "3"]),
        ("onnxruntime", ["--network", "cnn", "--batch-size", "2", "--steps", "3"]),
        ("openvino", ["--network", "smoke", "--sequence", "8", "--steps", "3"]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_it_runs(warm_python: WarmPython, name: str, arguments: list[str]) -> None:
    done = warm_python.run(*words_of(name, *arguments))
    missing = "is not installed" in done.stderr
    if missing and BENCHMARKS[name].needs:
        pytest.skip(done.stderr.strip())
    assert done.returncode == 0, done.stderr
    document, _ = find_result(done.stdout.splitlines(), "test")
    assert document["benchmark"] == name
    assert document["value"] > 0
    assert document["rates"]["p10"] <= document["value"] <= document["rates"]["p90"]
    assert all(second > 0 for second in document["step_seconds"])
    assert document["utilisation"]["samples"]
    assert document["threads"] == 1
    if name == "decode":
        assert document["ttft_ms"]["median"] > 0 and document["tpot_ms"]["median"] > 0
    if "--ranks" in arguments or name == "collectives":
        assert document["ranks"] == 2
    if name in ("gemm", "collectives"):
        assert document["value"] == max(r["median"] for r in document["by_size"].values())


@pytest.mark.parametrize(
    ("name", "arguments", "told"),
    [
        ("transformer", ["--sequence", "4096"], "above the model's 1024"),
        ("transformer", ["--ranks", "2"], "need --parallel"),
        ("transformer", ["--size", "gpt9"], "invalid choice"),
        ("decode", ["--input-length", "1000", "--output-length", "100"], "above 1024"),
        ("gemm", ["--steps", "0"], "--steps must be above zero"),
        ("gemm", ["--no-such-flag"], "unrecognized arguments"),
        ("gemm", ["--device", "xla"], "torch_xla"),
        ("resnet50", ["--device", "hpu"], "device hpu is not available here"),
        ("onnxruntime", ["--precision", "bf16"], "is measured in fp32 here"),
        ("vllm", ["--input-length", "2000"], "above the model's 1024"),
    ],
)
def test_what_cannot_be_is_one_line(
    warm_python: WarmPython, name: str, arguments: list[str], told: str
) -> None:
    done = warm_python.run(*words_of(name, *arguments))
    assert done.returncode == 2
    assert told in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith(f"error: {BENCHMARKS[name].program}: ")


def document_of(**changes: Any) -> dict[str, Any]:
    return {
        "schema": "planner.benchmark/1", "benchmark": "transformer", "model": "GPT2-124M",
        "task": "train", "metric": "tokens_per_s_per_device", "value": 1000.0,
        "rates": {"median": 1000.0, "p10": 900.0, "p90": 1100.0}, "step_seconds": [0.5],
        "device": "cuda", "threads": 8, "ranks": 4, "nodes": 1,
        "config": {"batch_size": 8, "precision": "bf16", "sequence": 512, "parallel": "fsdp",
                   "recompute": True, "compile": True},
        "data": {"kind": "random"}, "hardware": {"gpu": "NVIDIA H100 80GB HBM3"},
        "versions": {"torch": "2.13.0+cu130"}, "utilisation": {"other_cpu_share": 0.02},
        **changes,
    }  # fmt: skip


def test_a_training_row(catalog: Catalog) -> None:
    row, _ = observation(BENCHMARKS["transformer"], document_of(), "imported", catalog)
    assert (row.accelerator, row.accelerators, row.nodes) == ("H100-80GB", 4, 1)
    assert (row.batch_global, row.batch_per_device, row.seq_len) == ("32", 8, 512)
    assert (row.precision, row.framework) == ("amp-bf16", "pytorch2.13-compile")
    assert (row.parallelism, row.value) == ("fsdp recompute", 1000.0)
    assert "other_cpu=0.02" in row.notes
    workload = observed_workload(row, catalog.model_shape(row.model), 4)
    assert workload is not None and workload.kind == "pretrain"
    assert per_second(row, "tokens_per_s", 4) == 4000.0


def test_ranks_on_a_cpu_are_one_device(catalog: Catalog) -> None:
    document = document_of(
        device="cpu", ranks=2, hardware={"cpu_model_name": "AMD EPYC 7R13 48-Core Processor"}
    )
    row, _ = observation(BENCHMARKS["transformer"], document, "imported", catalog)
    assert (row.accelerator, row.accelerators) == ("CPU-Milan-7R13", 1)
    assert (row.value, row.batch_global) == (2000.0, "16")


def test_generation_and_scoring_count_their_own_tokens(catalog: Catalog) -> None:
    decode = document_of(
        benchmark="decode", task="infer_batch", ranks=1,
        config={"batch_size": 8, "precision": "bf16", "input_length": 256, "output_length": 64},
        ttft_ms={"median": 12.5}, tpot_ms={"median": 3.25},
    )  # fmt: skip
    row, _ = observation(BENCHMARKS["decode"], decode, "imported", catalog)
    assert (row.input_len, row.output_len, row.precision) == ("256", "64", "bf16")
    assert (row.ttft_ms, row.tpot_ms) == (12.5, 3.25)
    assert per_second(row, "requests_per_s", 1) == 1000.0 / 64
    scoring = document_of(
        benchmark="onnxruntime", task="infer_batch", ranks=1, device="cpu",
        config={"batch_size": 4, "precision": "fp32", "sequence": 128, "runtime": "onnxruntime"},
        versions={"torch": "2.13.0", "onnxruntime": "1.32.0", "onnx": "1.23"},
    )  # fmt: skip
    row, _ = observation(BENCHMARKS["onnxruntime"], scoring, "imported", catalog)
    assert (row.framework, row.output_len) == ("onnxruntime1.32", "1")
    assert per_second(row, "requests_per_s", 1) == 1000.0 / 128


def test_a_ceiling_is_no_network(catalog: Catalog) -> None:
    document = document_of(
        benchmark="gemm", model="gemm", task="ceiling", metric="tflops", ranks=1,
        config={"precision": "bf16", "largest": 4096},
    )  # fmt: skip
    row, _ = observation(BENCHMARKS["gemm"], document, "imported", catalog)
    assert (row.task, row.metric, row.params_b, row.model_class) == ("ceiling", "tflops", None, "")


@pytest.mark.parametrize("model", ["smoke", "resnet50", "gpt5"])
def test_a_network_it_does_not_run_is_refused(model: str, catalog: Catalog) -> None:
    with pytest.raises(BenchmarkFailed, match="does not run"):
        observation(BENCHMARKS["transformer"], document_of(model=model), "imported", catalog)


def test_the_file_is_written_once_and_again_when_damaged() -> None:
    path = executable(BENCHMARKS["gemm"])
    before = path.stat().st_mtime_ns
    assert executable(BENCHMARKS["gemm"]) == path
    assert path.stat().st_mtime_ns == before
    path.write_text("damaged")
    assert executable(BENCHMARKS["gemm"]).read_text().startswith('"""Multiplies')
