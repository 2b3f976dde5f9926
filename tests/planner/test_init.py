"""``planner init``: every answer is checked on the spot, and a file is whole or not there."""

from __future__ import annotations

import io
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from planner.actions.write_file import write_text
from planner.cli.main import run
from planner.errors import BadInput
from planner.workload import KINDS, read
from tests.planner.conftest import Outcome, Planner

SETS: dict[str, list[str]] = {
    "pretrain": ["model=7B", "tokens=300B"],
    "finetune": ["model=llama-3.1-8b", "tokens=50M", "where.clouds=aws,gcp", "deadline=24h"],
    "vision-training": ["model=resnet50", "samples=60k", "epochs=3"],
    "serving": ["model=llama-3.1-8b", "requests_per_second=10/s", "ttft_p95=1s"],
    "batch-inference": ["model=qwen2.5-7b", "tokens=1B"],
    "vision-inference": ["model=resnet50", "requests_per_second=100", "latency_p95=20ms"],
    "generic": ["flops=3e21", "bytes=40PB", "precision=fp64"],
    "edge": ["model=yolov8n", "frames_per_second=30", "power=15W"],
}


class Terminal(io.TextIOWrapper):
    def isatty(self) -> bool:
        return True


def typed(
    answers: list[str],
    arguments: list[str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Outcome:
    """Run ``planner init`` on a terminal where these lines are typed."""
    lines = "".join(f"{answer}\n" for answer in answers)
    monkeypatch.setattr(sys, "stdin", Terminal(io.BytesIO(lines.encode()), encoding="utf-8"))
    code = run(["init", *arguments])
    captured = capsys.readouterr()
    return Outcome(code, captured.out, captured.err)


def test_there_is_an_example_for_every_kind() -> None:
    assert set(SETS) == set(KINDS)


@pytest.mark.parametrize("kind", SETS)
def test_without_questions(kind: str, planner: Planner, tmp_path: Path) -> None:
    out = tmp_path / "job.yaml"
    sets = [part for field in SETS[kind] for part in ("--set", field)]
    result = planner("init", "--kind", kind, *sets, "--out", out)
    assert (result.code, result.out) == (0, "")
    assert result.err == f"wrote {out}; next: planner recommend {out}\n"
    assert read(str(out)).kind == kind
    assert [path.name for path in tmp_path.iterdir()] == ["job.yaml"]
    assert out.stat().st_mode & 0o400


def test_prints_what_it_would_write(planner: Planner, tmp_path: Path) -> None:
    sets = [part for field in SETS["finetune"] for part in ("--set", field)]
    result = planner("init", "--kind", "finetune", *sets, "--out", "-")
    assert (result.code, result.err) == (0, "")
    workload = read("-", result.out)
    assert workload.deadline == 24
    assert workload.where.clouds == ("aws", "gcp")
    assert "tokens: 50M  # tokens seen in total" in result.out


def test_asks_again_until_the_answer_can_be_used(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    out = tmp_path / "job.yaml"
    answers = [
        *("finetun", "finetune"),
        *("?qwen3", "llama-3.1-9b", "resnet50", "", "llama-3.1-8b"),
        *("lorra", "lora"),
        *("-5", "50X", "1k", "50M"),
        *("100M", "4096"),
        *("tomorrow", "24h"),
        *("lots", ""),
        *("awz", "aws, gcp"),
        "eu",
    ]
    result = typed(answers, ["--out", str(out)], capsys, monkeypatch)
    assert (result.code, result.out) == (0, "")
    workload = read(str(out))
    assert workload.model_dump(include={"kind", "method", "tokens", "sequence_length"}) == {
        "kind": "finetune",
        "method": "lora",
        "tokens": 5e7,
        "sequence_length": 4096,
    }
    assert workload.where.residency == ("eu",)
    for told in (
        "did you mean finetune?",
        "Qwen3-0.6B, Qwen3-1.7B",
        "unknown model 'llama-3.1-9b'; did you mean",
        "resnet50 is a vision model",
        "did you mean lora?",
        "-5 is not above zero",
        "'50X' has an unknown suffix",
        "tokens: is below sequence_length",
        "'tomorrow' is not a quantity",
        "'lots' is not a quantity",
        "did you mean aws?",
    ):
        assert told in result.err, told
    assert "# budget:" in out.read_text(), "what was left out is shown as a comment"


def test_end_of_input_leaves_nothing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    result = typed(["finetune", "llama-3.1-8b"], [], capsys, monkeypatch)
    assert (result.code, result.out) == (130, "")
    assert list(tmp_path.iterdir()) == []


def test_interrupt_leaves_nothing(child_environment: dict[str, str], tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    code = "import sys; from planner.cli.main import main; sys.argv[0] = 'planner'; main()"
    with subprocess.Popen(
        [sys.executable, "-c", code, "init"],
        env=child_environment,
        cwd=tmp_path,
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stderr is not None
        os.set_blocking(process.stderr.fileno(), False)
        said = b""
        deadline = time.monotonic() + 60
        while b"Kind of work" not in said and time.monotonic() < deadline:
            said += process.stderr.read() or b""
            time.sleep(0.05)
        assert b"Kind of work" in said
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
        os.set_blocking(process.stderr.fileno(), True)
        assert b"interrupted" in process.stderr.read()
        assert process.stdout is not None
        assert process.stdout.read() == b""
    os.close(ours)
    os.close(theirs)
    assert list(tmp_path.iterdir()) == []


REFUSED: dict[str, tuple[list[str], str]] = {
    "nobody to ask": ([], "init: stdin is not a terminal, so nothing can be asked; say --kind"),
    "kind": (["--kind", "finetun"], "did you mean finetune?"),
    "kind missing": (["--set", "tokens=5M"], "say --kind KIND"),
    "kind twice": (["--kind", "edge", "--set", "kind=edge"], "kind: is given apart"),
    "no equals": (["--kind", "edge", "--set", "tokens"], "--set: 'tokens' is not FIELD=VALUE"),
    "no field": (["--kind", "edge", "--set", "=5"], "is empty; write FIELD=VALUE"),
    "no value": (["--kind", "edge", "--set", "streams="], "streams: is empty"),
    "field": (["--kind", "finetune", "--set", "tokenz=5"], "did you mean tokens?"),
    "field of where": (["--kind", "finetune", "--set", "clouds=aws"], "as where.clouds"),
    "inner field": (["--kind", "finetune", "--set", "where.cloud=aws"], "did you mean clouds?"),
    "too deep": (["--kind", "finetune", "--set", "tokens.all=5"], "tokens: a mapping is not"),
    "yaml": (["--kind", "finetune", "--set", "where.clouds=[aws"], "correct the YAML"),
    "quantity": (["--kind", "finetune", "--set", "tokens=-5"], "tokens: -5 is not above zero"),
    "model": (["--kind", "finetune", "--set", "model=lama-3.1-8b"], "did you mean Llama-3.1-8B"),
    "wrong model": (["--kind", "serving", "--set", "model=resnet50"], "use kind vision-training"),
    "cloud": (["--kind", "finetune", "--set", "where.clouds=awz"], "did you mean aws?"),
    "accelerator": (["--kind", "finetune", "--set", "where.accelerators=H1000"], "mean H100"),
    "missing": (["--kind", "finetune", "--set", "tokens=5M"], "init: model: is missing"),
    "amount missing": (
        ["--kind", "batch-inference", "--set", "model=qwen2.5-7b"],
        "tokens: is missing, and so is samples; give one of them",
    ),
    "contradiction": (
        ["--kind", "finetune", "--set", "model=7B", "--set", "tokens=1k"],
        "tokens: is below sequence_length",
    ),
    "folder": (
        ["--kind", "generic", "--set", "flops=3e21", "--out", "/nonexistent/x.yaml"],
        "/nonexistent/x.yaml: cannot be written (No such file or directory)",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_in_one_line(
    case: str, planner: Planner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments, part = REFUSED[case]
    result = planner("init", *arguments)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("error: ")
    assert result.err.count("\n") == 1
    assert part in result.err
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_not_replaced_unless_told_to(planner: Planner, tmp_path: Path) -> None:
    out = tmp_path / "job.yaml"
    out.write_text("mine\n")
    arguments = ["init", "--kind", "generic", "--set", "flops=3e21", "--out", str(out)]
    refused = planner(*arguments)
    assert (refused.code, out.read_text()) == (2, "mine\n")
    assert "exists already; name another file, or say --force" in refused.err
    assert planner(*arguments, "--force").code == 0
    assert read(str(out)).kind == "generic"


def test_a_file_that_came_meanwhile_is_kept(tmp_path: Path) -> None:
    out = tmp_path / "job.yaml"
    out.write_text("mine\n")
    with pytest.raises(BadInput, match="exists already"):
        write_text(out, "theirs\n", force=False)
    assert out.read_text() == "mine\n"
    assert [path.name for path in tmp_path.iterdir()] == ["job.yaml"]
