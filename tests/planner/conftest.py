"""The command line in this process, and the workloads most tests ask about."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from planner.cli.main import run

ROOT = Path(__file__).resolve().parents[2]
LORA = ROOT / "examples" / "finetune-llama-8b-lora.yaml"
MNIST = ROOT / "examples" / "train-mnist-cnn.yaml"


@dataclass(frozen=True)
class Outcome:
    """What one command left behind."""

    code: int
    out: str
    err: str


Planner = Callable[..., Outcome]


@pytest.fixture
def planner(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Planner:
    """Run the command line here: ``planner("recommend", "-", stdin="kind: ...")``."""

    def call(*arguments: object, stdin: str | bytes = b"") -> Outcome:
        raw = stdin.encode("utf-8", "surrogatepass") if isinstance(stdin, str) else stdin
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw), encoding="utf-8"))
        capsys.readouterr()
        code = run([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return call


@pytest.fixture
def child_environment() -> dict[str, str]:
    """Environment of a child process as a user's: byte code is written, this checkout importable.

    The planner's folders are those of the test.
    """
    environment = dict(os.environ)
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    environment["PYTHONPATH"] = str(ROOT)
    return environment
