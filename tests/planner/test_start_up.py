"""The house's walls, and what a cold start may cost."""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

from tests.planner.conftest import LORA, ROOT

HEAVY = ("torch", "textual", "sky", "boto3", "botocore", "google", "azure", "pandas", "httpx")
RECOMMEND = "import sys; sys.argv[0] = 'planner'; from planner.cli.main import main; main()"
YARDSTICK = "import numpy, pydantic, typer"
LIMIT = 3.0


def test_recommend_imports_nothing_heavy(child_environment: dict[str, str]) -> None:
    code = (
        "import json, sys\n"
        "from planner.cli.main import run\n"
        f"assert run(['recommend', {str(LORA)!r}, '--format', 'json']) == 0\n"
        "print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})), file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=child_environment,
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(json.loads(done.stderr))
    assert loaded.isdisjoint(HEAVY), loaded.intersection(HEAVY)
    assert {"catalog", "planner"} <= loaded
    assert loaded.isdisjoint({"launchers", "tui"})


def test_import_contracts_hold() -> None:
    lint = Path(sys.executable).parent / "lint-imports"
    done = subprocess.run(
        [str(lint), "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.benchmark
def test_cold_start_within_three_times_its_libraries(child_environment: dict[str, str]) -> None:
    """Medians of interleaved runs, so that what else the machine does weighs on both."""
    commands = {
        "planner": [sys.executable, "-c", RECOMMEND, "recommend", str(LORA), "--format", "json"],
        "yardstick": [sys.executable, "-c", YARDSTICK],
    }

    def seconds(name: str) -> float:
        # Processor time of the child: on shared machines wall time swings by a third.
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(
            commands[name], env=child_environment, stdout=subprocess.DEVNULL, check=True, cwd=ROOT
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    def ratio(rounds: int) -> float:
        times: dict[str, list[float]] = {"planner": [], "yardstick": []}
        for _ in range(rounds):
            for name, taken in times.items():
                taken.append(seconds(name))
        medians = {name: statistics.median(taken) for name, taken in times.items()}
        print({name: round(median, 3) for name, median in medians.items()})
        return medians["planner"] / medians["yardstick"]

    for name in commands:  # byte code and the compiled catalog are there from now on
        seconds(name)
    measured = ratio(7)
    if measured > LIMIT:  # a busy machine: once more, and longer
        measured = min(measured, ratio(15))
    assert measured <= LIMIT, f"{measured:.2f} times {YARDSTICK!r}; load {os.getloadavg()[0]:.1f}"
