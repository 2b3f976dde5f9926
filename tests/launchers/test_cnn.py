"""The CNN benchmark is really trained here, and what it measured is stored."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from catalog import Catalog
from catalog.observations import OwnObservations
from launchers.benchmarks import BENCHMARKS
from launchers.benchmarks.bundle import executable
from launchers.output import find_result
from planner.actions.calibration.run import CalibrationOptions, run_calibration
from planner.actions.calibration.runs import status
from planner.errors import BadInput
from tests.launchers.warm import WarmPython

pytest.importorskip("torch")
PROGRAM = executable(BENCHMARKS["cnn"])
SMALL = ["--samples", "640", "--threads", "1", "--warmup-steps", "2"]


def never(estimate: object) -> bool:
    raise AssertionError("asked about a run that costs nothing")


RunProgram = Callable[..., tuple[subprocess.CompletedProcess[str], dict[str, Any]]]


@pytest.fixture
def run_program(warm_python: WarmPython) -> RunProgram:
    """The program with these arguments: how it ended, and its result."""

    def run(*arguments: str) -> tuple[subprocess.CompletedProcess[str], dict[str, Any]]:
        done = warm_python.run(str(PROGRAM), *arguments)
        document = find_result(done.stdout.splitlines(), "test")[0] if done.returncode == 0 else {}
        return done, document

    return run


def test_calibrate_trains_and_stores(catalog: Catalog) -> None:
    lines: list[str] = []
    options = CalibrationOptions({"samples": "640", "warmup-steps": "2"}, threads=1)
    outcome = run_calibration("cnn", "local", options, never, lines.append, catalog=catalog)
    document, row = outcome.document, outcome.own.observation
    assert document["parameters"] == 1_199_882
    assert len(document["step_seconds"]) == 8
    assert document["threads"] == 1
    assert document["data"]["kind"] == "synthetic digits"
    assert 0 < document["images_per_s"]["p10"] <= document["value"]
    assert document["value"] <= document["images_per_s"]["p90"]
    assert (row.value, row.model) == (document["value"], "MNIST-CNN-pytorch-examples")
    assert (row.accelerator, row.precision, row.batch_global) == ("this-machine", "fp32", "64")
    assert row.framework.startswith("pytorch2.") and row.framework.endswith("-eager")
    assert (row.img_size, row.params_b) == (28.0, 0.001199882)
    assert any(line.startswith("epoch 1 step 1/10") for line in lines)
    (own,) = OwnObservations().all()
    assert own == outcome.own
    assert json.loads(own.result_json) == document
    (record,) = status()
    assert (record.run_id, record.state.value) == (outcome.run_id, "done")


def test_it_learns_and_repeats_itself(run_program: RunProgram) -> None:
    first, second = (
        run_program("--samples", "1600", "--batch-size", "32", *SMALL[2:])[1] for _ in range(2)
    )
    assert first["accuracy"] > 0.4  # ten digits: 0.1 by chance
    assert first["data"] == second["data"]
    assert first["accuracy"] == second["accuracy"]
    assert len(first["epoch_seconds"]) == 1
    assert not first["stopped_early"]


def test_real_mnist_files(tmp_path: Path, run_program: RunProgram) -> None:
    def idx(*sizes: int) -> bytes:
        head = bytes([0, 0, 8, len(sizes)]) + b"".join(n.to_bytes(4, "big") for n in sizes)
        count = 1
        for size in sizes:
            count *= size
        return head + bytes(i % 10 for i in range(count))

    for name, sizes in (
        ("train-images-idx3-ubyte", (700, 28, 28)),
        ("train-labels-idx1-ubyte", (700,)),
        ("t10k-images-idx3-ubyte", (50, 28, 28)),
        ("t10k-labels-idx1-ubyte", (50,)),
    ):
        if "train" in name:
            (tmp_path / f"{name}.gz").write_bytes(gzip.compress(idx(*sizes)))
        else:
            (tmp_path / name).write_bytes(idx(*sizes))
    done, document = run_program(*SMALL, "--data", str(tmp_path), "--optimizer", "sgd")
    assert document["data"]["kind"] == "mnist"
    assert (document["data"]["train"], document["data"]["test"]) == (640, 50)
    for name, digest in document["data"]["sha256"].items():
        assert f"{name} sha256 {digest}" in done.stdout
    (tmp_path / "t10k-labels-idx1-ubyte").write_bytes(b"\0\0\x08\x01xx")
    done, _ = run_program(*SMALL, "--data", str(tmp_path))
    assert done.returncode == 2
    assert "is not an idx file" in done.stderr


def test_time_limit_ends_early_with_what_was_measured(run_program: RunProgram) -> None:
    done, document = run_program(
        "--samples", "1600", "--epochs", "200", "--threads", "1", "--max-seconds", "2"
    )
    if done.returncode == 2:  # the machine is so busy that not one step was timed, and it says so
        assert "raise --max-seconds" in done.stderr
    else:
        assert document["stopped_early"]
        assert document["steps"] < 5000


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--samples", "10"], "more --samples"),
        (["--epochs", "0"], "--epochs must be above zero"),
        (["--threads", "-1"], "negative"),
        (["--data", "/nowhere"], "/nowhere: has no train-images-idx3-ubyte"),
        (["--precision", "amp", "--device", "cpu"], "needs a CUDA device"),
    ],
)
def test_bad_arguments_are_one_line_and_exit_2(
    run_program: RunProgram, arguments: list[str], told: str
) -> None:
    done, _ = run_program(*arguments)
    assert done.returncode == 2
    assert told in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_device_that_is_not_there(run_program: RunProgram) -> None:
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("this machine has CUDA")
    done, _ = run_program("--device", "cuda")
    assert (done.returncode, done.stderr) == (
        2,
        "error: cnn: device cuda is not available here; use --device cpu or auto\n",
    )


def test_no_torch() -> None:
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(PROGRAM)], capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "torch is not installed" in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_programs_refusal_is_bad_input(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the words that the real one has in the tests above."""
    stub = tmp_path / "planner_cnn_stub.py"
    stub.write_text(
        "import sys\nif '--check-only' in sys.argv: sys.exit()\n"
        "print('error: cnn: --precision amp (fp16) needs a CUDA device', file=sys.stderr)\n"
        "sys.exit(2)\n"
    )
    monkeypatch.setattr("launchers.benchmarks.bundle.executable", lambda _: stub)
    options = CalibrationOptions({"samples": "640", "precision": "amp", "device": "cpu"})
    with pytest.raises(BadInput, match="needs a CUDA device"):
        run_calibration("cnn", "local", options, never, print, catalog=catalog)
    assert OwnObservations().all() == []
    assert status()[0].state.value == "failed"
