"""Small programs to launch, and a cloud that is only recorded."""

from __future__ import annotations

import json
import os
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from launchers.base import BenchmarkRun
from tests.launchers.warm import WarmPython

os.environ["SKYPILOT_DISABLE_USAGE_COLLECTION"] = "1"

RESULT: dict[str, Any] = {
    "schema": "planner.benchmark/1",
    "benchmark": "cnn",
    "model": "MNIST-CNN-pytorch-examples",
    "task": "train",
    "metric": "images_per_s_per_device",
    "value": 640.0,
    "images_per_s": {"median": 640.0, "p10": 600.0, "p90": 650.0},
    "step_seconds": [0.1, 0.1, 0.11],
    "device": "cuda",
    "config": {"batch_size": 64, "precision": "fp32", "compile": False},
    "data": {"kind": "synthetic digits"},
    "hardware": {"cpu_model_name": "Intel(R) Xeon(R) Platinum 8375C", "gpu": "NVIDIA L4"},
    "versions": {"torch": "2.13.0+cu130"},
}
RESULT_LINE = "@@PLANNER_RESULT " + json.dumps(RESULT)


@pytest.fixture(scope="session")
def warm_python(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WarmPython]:
    pytest.importorskip("torch")
    python = WarmPython(tmp_path_factory.mktemp("warm"))
    yield python
    python.close()


@pytest.fixture
def make_run(tmp_path: Path) -> Callable[..., BenchmarkRun]:
    """A run of a Python program given as text."""

    def make(source: str, *, timeout_s: float = 20.0, **more: Any) -> BenchmarkRun:
        program = tmp_path / "program.py"
        program.write_text(textwrap.dedent(source), encoding="utf-8")
        return BenchmarkRun(
            run_id="test-1",
            benchmark="cnn",
            program=program,
            arguments=(),
            timeout_s=timeout_s,
            **more,
        )

    return make
