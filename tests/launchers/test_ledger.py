"""The ledger tells what may still cost money, whenever the planner was killed."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from catalog.errors import CatalogError
from launchers.base import BenchmarkRun, Bill, CostEstimate, OnLine, RunResult, RunTerms
from launchers.errors import (
    BenchmarkFailed,
    LaunchRefused,
    LedgerNotWritten,
    ResultNotStored,
    TearDownFailed,
)
from launchers.ledger import RunLedger, RunState
from launchers.runs import execute

# A cloud is a folder, a cluster a file in it. Runs are made one after the other until killed.
PLANNER = """
import sys, time, uuid, random
from pathlib import Path
from launchers.base import BenchmarkRun, CostEstimate, RunResult
from launchers.ledger import RunLedger
from launchers.runs import execute
cloud = Path(sys.argv[1]) / "cloud"
cloud.mkdir(exist_ok=True)
class Rented:
    target = "skypilot:aws"
    def __init__(self, name): self.resource = name; self.file = cloud / name
    def pause(self): time.sleep(random.uniform(0, 0.01))
    def estimate_cost(self, run): return CostEstimate(1.0, 1.0, 1.0, "test")
    def launch(self, run, on_line, *, confirmed, on_request):
        self.pause(); self.file.write_text(run.run_id); self.pause(); return "1"
    def stream(self, on_line): self.pause()
    def collect(self): return RunResult({}, "{}", 1.0)
    def bill(self): return None
    def tear_down(self): self.pause(); self.file.unlink(missing_ok=True); self.pause()
ledger = RunLedger(Path(sys.argv[1]))
while True:
    run = BenchmarkRun(uuid.uuid4().hex, "cnn", Path("x"), (), 1.0)
    execute(Rented("c-" + run.run_id), run, ledger, confirmed=True, on_line=print)
    print("ran", flush=True)
"""


class Fake:
    """A launcher that fails where it is told to, and counts its tear-downs."""

    target = "skypilot:aws"
    resource = "planner-test-1"

    def __init__(self, fails_at: str = "", error: BaseException | None = None) -> None:
        self.fails_at, self.error, self.torn_down = fails_at, error, 0

    def _step(self, name: str) -> None:
        if name == self.fails_at:
            raise self.error or BenchmarkFailed(f"{name} went wrong")

    def estimate_cost(self, run: BenchmarkRun) -> CostEstimate:
        return CostEstimate(1.5, 1.0, 1.5, "test")

    def launch(
        self, run: BenchmarkRun, on_line: OnLine, *, confirmed: bool, on_request: Any = None
    ) -> str:
        self._step("launch")
        return "job 1"

    def stream(self, on_line: OnLine) -> None:
        self._step("stream")

    def collect(self) -> RunResult:
        self._step("collect")
        return RunResult({"value": 1.0}, "{}", 1.0)

    def adopt(self, run: BenchmarkRun, job: str) -> None:
        pass

    def rejoin(self, run: BenchmarkRun, job: str, request: str, on_line: OnLine) -> None:
        self._step("rejoin")

    def bill(self) -> Bill | None:
        return None

    def tear_down(self) -> None:
        self.torn_down += 1
        self._step("tear_down")


MakeRun = Callable[..., BenchmarkRun]


def test_a_good_run_leaves_every_state_behind(tmp_path: Path, make_run: MakeRun) -> None:
    ledger = RunLedger(tmp_path)
    execute(Fake(), make_run("", secrets={}), ledger, confirmed=True, on_line=print)
    (record,) = ledger.runs()
    assert (record.state, record.job, record.terms.cost_usd) == (RunState.DONE, "job 1", 1.5)
    assert not record.may_cost_money
    states = [row[1] for row in ledger._file.rows()]
    expected = "planned launching running collecting collected tearing_down done"
    assert states == expected.split()


@pytest.mark.parametrize("stage", ["launch", "stream", "collect"])
@pytest.mark.parametrize(
    "error", [BenchmarkFailed("token s3cret refused"), KeyboardInterrupt(), OSError("lost")]
)
def test_whatever_fails_the_machine_is_given_back(
    tmp_path: Path, make_run: MakeRun, stage: str, error: BaseException
) -> None:
    launcher, ledger = Fake(stage, error), RunLedger(tmp_path)
    run = make_run("", secrets={"TOKEN": "s3cret"})
    with pytest.raises(type(error)):
        execute(launcher, run, ledger, confirmed=True, on_line=print)
    (record,) = ledger.runs()
    assert launcher.torn_down == 1
    assert record.state is RunState.FAILED
    assert record.problem
    assert not record.may_cost_money
    assert b"s3cret" not in ledger.path.read_bytes()


def test_a_failed_tear_down_stays_on_record(tmp_path: Path, make_run: MakeRun) -> None:
    ledger = RunLedger(tmp_path)
    kept: list[RunResult] = []
    with pytest.raises(TearDownFailed):
        execute(
            Fake("tear_down", TearDownFailed("it will not go")),
            make_run(""),
            ledger,
            confirmed=True,
            on_line=print,
            on_result=kept.append,
        )
    (record,) = ledger.runs()
    assert record.state is RunState.TEAR_DOWN_FAILED
    assert record.may_cost_money
    assert len(kept) == 1  # the measurement is not lost with it


@pytest.mark.parametrize(
    "error",
    [
        CatalogError("is full", path="disk", remedy="free space"),
        BenchmarkFailed("printed a bad result: unknown network"),
        LaunchRefused("unknown benchmark 'cnn'"),
        RuntimeError("a mistake of ours"),
    ],
)
def test_a_result_that_cannot_be_stored_still_gives_the_machine_back(
    tmp_path: Path, make_run: MakeRun, error: Exception
) -> None:
    launcher = Fake()

    def full_disk(result: RunResult) -> None:
        raise error

    kind = BenchmarkFailed if isinstance(error, BenchmarkFailed) else ResultNotStored
    with pytest.raises(kind, match="planner calibrate import") as told:
        execute(
            launcher,
            make_run(""),
            RunLedger(tmp_path),
            confirmed=True,
            on_line=print,
            on_result=full_disk,
        )
    assert launcher.torn_down == 1
    kept = Path(str(told.value).rsplit("planner calibrate import ", 1)[1])
    assert kept.read_text() == "{}"
    kept.unlink()


def test_a_ledger_that_breaks_meanwhile_does_not_keep_the_machine(
    tmp_path: Path, make_run: MakeRun
) -> None:
    launcher, ledger = Fake(), RunLedger(tmp_path)

    def break_ledger(result: RunResult) -> None:
        ledger.path.write_bytes(b"")

    with pytest.raises(LedgerNotWritten, match="planner calibrate resume"):
        execute(
            launcher,
            make_run(""),
            ledger,
            confirmed=True,
            on_line=print,
            on_result=break_ledger,
        )
    assert launcher.torn_down == 1


@pytest.mark.parametrize("attempt", range(5))
def test_killed_planner_never_forgets_a_cluster(tmp_path: Path, attempt: int) -> None:
    planner = subprocess.Popen(
        [sys.executable, "-c", PLANNER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert planner.stdout is not None
    planner.stdout.readline()
    time.sleep(random.uniform(0, 0.2))
    planner.send_signal(signal.SIGKILL)
    planner.wait()
    planner.stdout.close()
    records = {record.resource: record for record in RunLedger(tmp_path).runs()}
    standing = {path.name for path in (tmp_path / "cloud").iterdir()}
    remembered = {name for name, record in records.items() if record.may_cost_money}
    assert standing <= remembered
    assert len(remembered) <= 1  # and it does not cry wolf about the earlier ones
    assert all(records[name].is_abandoned for name in remembered)


def test_a_living_planner_is_told_from_a_dead_one(tmp_path: Path) -> None:
    ledger = RunLedger(tmp_path)
    ledger.plan("r", benchmark="cnn", target="local", resource="", terms=RunTerms(0.0))
    (record,) = ledger.runs()
    assert record.planner_pid == os.getpid()
    assert record.planner_is_alive
    assert not record.is_abandoned


def test_a_damaged_ledger_is_not_replaced(tmp_path: Path) -> None:
    ledger = RunLedger(tmp_path)
    ledger.plan("r", benchmark="cnn", target="local", resource="", terms=RunTerms(0.0))
    ledger.path.write_bytes(b"garbage" * 1000)
    with pytest.raises(CatalogError, match="damaged"):
        ledger.runs()
    with pytest.raises(CatalogError, match="damaged"):
        ledger.plan("s", benchmark="cnn", target="local", resource="", terms=RunTerms(0.0))
    assert ledger.path.read_bytes() == b"garbage" * 1000
