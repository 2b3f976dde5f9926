"""A planner that is killed in any state: the next one ends its run, launching nothing again."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from catalog import Catalog
from catalog.observations import OwnObservations
from launchers.base import RunTerms
from launchers.ledger import RunLedger, RunState
from launchers.sky_server import ELSEWHERE
from planner.actions.calibration.run import CalibrationOptions, run_calibration
from planner.actions.calibration.runs import orphans, resume, stop_all
from planner.cli.main import run as planner
from tests import forked
from tests.fakes.sky_module import FakeSky
from tests.launchers.conftest import RESULT_LINE

AWS = "skypilot:aws/us-east-1,accelerators=L4:1"
OPTIONS = CalibrationOptions(settings={"samples": "600"}, max_seconds=5.0)
# Every write of a run that goes well, and of one that fails and will not go down.
GOOD = ("planned", "launching", "launching", "running", "collecting", "collected", "tearing_down")
NO_PROCESS = 2**22 + 1


@pytest.fixture
def cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeSky:
    log = f"(x, pid=7) @@PLANNER_STAGE run\n(x, pid=7) {RESULT_LINE}\n"
    return FakeSky(tmp_path / "cloud", log).install(monkeypatch)


def killed_at(
    monkeypatch: pytest.MonkeyPatch, number: int, *, after: bool, catalog: Catalog
) -> None:
    """A planner that runs cnn on AWS and is killed around its ``number``-th ledger write."""
    written = RunLedger.record
    seen = 0

    def record(ledger: RunLedger, run_id: str, state: RunState, **detail: Any) -> None:
        nonlocal seen
        if seen == number and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        written(ledger, run_id, state, **detail)
        if seen == number and after:
            os.kill(os.getpid(), signal.SIGKILL)
        seen += 1

    def work() -> None:
        RunLedger.record = record  # type: ignore[method-assign]
        run_calibration("cnn", AWS, OPTIONS, lambda _: True, lambda _: None, catalog=catalog)

    assert forked.end(forked.start(work)) == -signal.SIGKILL


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("number", range(len(GOOD)))
def test_killed_in_every_state(
    cloud: FakeSky, monkeypatch: pytest.MonkeyPatch, catalog: Catalog, number: int, after: bool
) -> None:
    killed_at(monkeypatch, number, after=after, catalog=catalog)
    before = RunLedger().runs()
    if after:
        assert before[0].state == GOOD[number]
    launched = len(cloud.calls("launch"))
    done = resume(None, lambda _: None, catalog=catalog)
    assert len(done) == len(before)
    assert len(cloud.calls("launch")) == launched <= 1  # nothing is launched twice
    assert not cloud.standing  # nothing is left running
    assert len(OwnObservations().all()) == launched  # what ran is stored, once
    for record in RunLedger().runs():
        assert record.state is (RunState.DONE if launched else RunState.FAILED)
        assert not record.may_cost_money
        if not launched:
            assert "again" in record.problem  # says what to do
    assert resume(None, lambda _: None, catalog=catalog) == []
    assert orphans() == ([], "")


def test_killed_after_a_failed_tear_down(
    cloud: FakeSky, monkeypatch: pytest.MonkeyPatch, catalog: Catalog
) -> None:
    monkeypatch.setattr("launchers.skypilot.RETRY_WAIT_S", 0.0)

    def work() -> None:
        cloud.faults["down"] = [ConnectionError("no answer") for _ in range(3)]
        run_calibration("cnn", AWS, OPTIONS, lambda _: True, lambda _: None, catalog=catalog)

    assert forked.end(forked.start(work)) == 1
    (record,) = RunLedger().runs()
    assert record.state is RunState.TEAR_DOWN_FAILED
    assert cloud.standing == {record.resource}
    ((orphan,), unasked) = orphans()
    assert (orphan.cluster, orphan.exists, unasked) == (record.resource, True, "")
    assert record.run_id in orphan.command
    (done,) = resume(None, lambda _: None, catalog=catalog)
    assert (done.is_over, done.problem) == (True, "")
    assert not cloud.standing
    assert len(OwnObservations().all()) == 1


def test_a_preempted_run_says_so_and_is_over(
    cloud: FakeSky, monkeypatch: pytest.MonkeyPatch, catalog: Catalog
) -> None:
    monkeypatch.setattr("launchers.skypilot.RETRY_WAIT_S", 0.0)
    killed_at(monkeypatch, 3, after=True, catalog=catalog)
    cloud.vanish()
    (done,) = resume(None, lambda _: None, catalog=catalog)
    assert done.is_over
    assert "does not exist" in done.problem
    assert OwnObservations().all() == []


def test_a_run_is_claimed_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = RunLedger()
    with monkeypatch.context() as patch:
        patch.setattr("launchers.ledger.os.getpid", lambda: NO_PROCESS)
        ledger.plan("r", benchmark="cnn", target=AWS, resource="planner-r", terms=RunTerms())
    ledger.record("r", RunState.RUNNING, job="7")
    code = (
        "import sys\nfrom launchers.ledger import RunLedger\nsys.stdin.read(1)\n"
        "print(RunLedger().claim('r') is not None, flush=True)\nsys.stdin.read(1)\n"
    )
    planners = [
        subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    for one in planners:
        assert one.stdin is not None
        one.stdin.write("g")
        one.stdin.flush()
    got = [one.stdout.readline().strip() for one in planners if one.stdout is not None]
    assert sorted(got) == ["False", "False", "False", "True"]
    assert ledger.claim("r") is None  # while the one that has it lives
    for one in planners:
        one.communicate("e")
    taken = ledger.claim("r")
    assert taken is not None
    assert (taken.state, taken.job, taken.planner_pid) == (RunState.RUNNING, "7", os.getpid())


def test_another_hosts_run_is_left_alone_unless_taken_over(
    cloud: FakeSky, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("launchers.ledger.socket.gethostname", lambda: "elsewhere")
        RunLedger().plan("r", benchmark="cnn", target=AWS, resource="planner-r", terms=RunTerms())
    assert planner(["calibrate", "resume"]) == 0
    assert "--take-over" in capsys.readouterr().err
    assert planner(["calibrate", "resume", "r"]) == 2
    assert planner(["calibrate", "resume", "r", "--take-over"]) == 0
    assert RunLedger().runs()[0].state is RunState.FAILED


def test_stop_all_ends_living_planners_too(
    cloud: FakeSky, monkeypatch: pytest.MonkeyPatch, catalog: Catalog
) -> None:
    killed_at(monkeypatch, 3, after=True, catalog=catalog)
    code = (
        "import time\nfrom launchers.base import RunTerms\nfrom launchers.ledger import *\n"
        "from planner.cli.calibrate_runs import signals_interrupt\nledger = RunLedger()\n"
        "ledger.plan('live', benchmark='cnn', target='local', resource='', terms=RunTerms())\n"
        "with signals_interrupt():\n    try:\n        print('up', flush=True)\n"
        "        time.sleep(60)\n    finally:\n        ledger.record('live', RunState.FAILED)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as live:
        assert live.stdout is not None and live.stdout.readline() == "up\n"
        assert stop_all(lambda _: None) == []
    assert not cloud.standing
    assert all(record.state.is_end for record in RunLedger().runs())


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where SkyPilot would keep its state, which is empty."""
    for name in ELSEWHERE:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SKY_RUNTIME_DIR", str(tmp_path))
    (tmp_path / ".sky").mkdir()
    return tmp_path / ".sky" / "state.db"


def test_orphans_does_not_stop_a_server_that_is_slow_to_answer(cloud: FakeSky, state: Path) -> None:
    cloud.start_server()
    cloud.faults["api_info"] = [TimeoutError("read timed out")] * 2
    assert planner(["calibrate", "orphans"]) == 0
    assert cloud.server_runs


@pytest.mark.parametrize(
    "known", ["nothing", "no clusters", "a cluster", "unreadable", "elsewhere"]
)
def test_orphans_leaves_no_server_behind(
    cloud: FakeSky, state: Path, monkeypatch: pytest.MonkeyPatch, known: str
) -> None:
    """It is started only where there may be something to find, and stopped again."""
    if known == "unreadable":
        state.write_text("no database")
    elif known == "elsewhere":
        monkeypatch.setenv("SKYPILOT_DB_CONNECTION_URI", "postgresql://somewhere")
    elif known != "nothing":
        with closing(sqlite3.connect(state)) as file:
            file.execute("CREATE TABLE clusters (name TEXT)")
            if known == "a cluster":
                file.execute("INSERT INTO clusters VALUES ('planner-cnn-dead')")
            file.commit()
    assert planner(["calibrate", "orphans"]) == 0
    asked = known not in ("nothing", "no clusters")
    assert len(cloud.calls("status")) == len(cloud.calls("api_stop")) == asked
    assert not cloud.server_runs


def test_orphans_leaves_a_server_alone_that_others_use(
    cloud: FakeSky, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SKYPILOT_API_SERVER_ENDPOINT", "http://127.0.0.1:46580")
    cloud.provision_s = 60.0
    asked = cloud.status

    def status(*, refresh: str) -> Any:
        cloud.launch(None, cluster_name="somebody-elses")  # meanwhile
        return asked(refresh=refresh)

    with monkeypatch.context() as patch:
        patch.setattr(cloud, "status", status)
        assert planner(["calibrate", "orphans"]) == 0
    assert cloud.server_runs
    assert planner(["calibrate", "orphans"]) == 0  # it ran before
    assert cloud.calls("api_stop") == []


def test_orphans_names_what_the_ledger_does_not_know(
    cloud: FakeSky, capsys: pytest.CaptureFixture[str]
) -> None:
    cloud.start_server()
    for name in ("planner-cnn-dead", "somebody-elses"):
        cloud.stand(name)
    assert planner(["calibrate", "orphans", "--exit-code"]) == 5
    out = capsys.readouterr().out
    assert "sky down planner-cnn-dead" in out
    assert "somebody-elses" not in out


def test_the_bill_stands_beside_the_estimate(
    cloud: FakeSky, catalog: Catalog, capsys: pytest.CaptureFixture[str]
) -> None:
    cloud.least_billed_s = 900.0
    run_calibration("cnn", AWS, OPTIONS, lambda _: True, lambda _: None, catalog=catalog)
    (record,) = RunLedger().runs()
    assert record.bill is not None and record.terms.cost_usd
    assert (record.bill.usd, record.bill.held_s) == (pytest.approx(0.2), 900)
    assert "cost report" in record.bill.basis
    assert planner(["calibrate", "status", "--format", "json"]) == 0
    ratio = 0.2 / record.terms.cost_usd
    assert f'"ratio": {ratio!r}'[:14] in capsys.readouterr().out


def test_a_local_program_outlives_its_planner_and_is_collected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, catalog: Catalog
) -> None:
    """The program prints its result only once the planner is dead."""
    (tmp_path / "go").unlink(missing_ok=True)
    program = tmp_path / "planner_cnn_fake.py"
    program.write_text(
        "import sys, time, pathlib\nif '--check-only' in sys.argv: sys.exit()\n"
        f"while not pathlib.Path({str(tmp_path / 'go')!r}).exists(): time.sleep(0.02)\n"
        f"print({RESULT_LINE!r})\n"
    )
    monkeypatch.setattr("launchers.benchmarks.bundle.executable", lambda _: program)
    written = RunLedger.record

    def record(ledger: RunLedger, run_id: str, state: RunState, **detail: Any) -> None:
        written(ledger, run_id, state, **detail)
        if state is RunState.RUNNING:
            os.kill(os.getpid(), signal.SIGKILL)

    def work() -> None:
        RunLedger.record = record  # type: ignore[method-assign]
        run_calibration("cnn", "local", OPTIONS, lambda _: True, lambda _: None, catalog=catalog)

    assert forked.end(forked.start(work)) == -signal.SIGKILL
    (tmp_path / "go").touch()
    (done,) = resume(None, lambda _: None, catalog=catalog)
    assert done.problem == ""
    assert done.own is not None
    assert [own.id for own in OwnObservations().all()] == [done.own.id]
