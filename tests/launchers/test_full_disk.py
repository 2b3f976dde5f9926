"""A disk that becomes full while a rented machine is at work: what was paid for is not lost."""

from __future__ import annotations

import os
import resource
from pathlib import Path
from typing import Any

import pytest

from catalog.observations import OwnObservations
from launchers.ledger import RunLedger, RunState
from launchers.spool import rescue
from planner.cli.main import run as planner
from tests import forked
from tests.fakes.sky_module import FakeSky
from tests.launchers import programs
from tests.launchers.conftest import RESULT_LINE

AWS = "skypilot:aws/us-east-1,accelerators=L4:1"
RUN = ["calibrate", "run", "cnn", "--on", AWS, "--yes", "--quiet", "--max-seconds", "5"]


@pytest.fixture
def cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeSky:
    programs.quick(monkeypatch, tmp_path)
    monkeypatch.setattr("launchers.skypilot.RETRY_WAIT_S", 0.0)
    log = f"(x, pid=7) @@PLANNER_STAGE run\n(x, pid=7) {RESULT_LINE}\n"
    return FakeSky(tmp_path / "cloud", log).install(monkeypatch)


def fill_disks() -> None:
    """No file of this process grows any more, wherever it is."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))


def measured_until_full() -> tuple[int | None, list[str]]:
    """The command, all disks full from the moment its job runs; exit code and what it said."""

    def work() -> int:
        written = RunLedger.record

        def record(ledger: RunLedger, run_id: str, state: RunState, **detail: Any) -> None:
            written(ledger, run_id, state, **detail)
            if state is RunState.RUNNING:
                fill_disks()

        RunLedger.record = record  # type: ignore[method-assign]
        return planner(RUN)

    reading, writing = os.pipe()
    pid = forked.start(work, writing)
    os.close(writing)
    with os.fdopen(reading) as said:
        return forked.end(pid), said.read().splitlines()


@pytest.mark.parametrize("goes", [True, False], ids=["torn down", "not torn down"])
def test_a_result_that_no_disk_takes_is_said_at_once(
    cloud: FakeSky, tmp_path: Path, goes: bool, capfd: pytest.CaptureFixture[str]
) -> None:
    """Though nobody wants to hear anything, and whatever becomes of the machine."""
    if not goes:
        cloud.faults["down"] = [ConnectionError("no answer") for _ in range(3)]
    code, said = measured_until_full()
    assert code == 1
    said_at = next(n for n, line in enumerate(said) if "no disk takes the result" in line)
    (copied := tmp_path / "copied.json").write_text(said[said_at + 1])
    assert "could not be stored" in said[-2]
    assert "planner calibrate import" in said[-2]
    assert said[-1].startswith("error: ")
    (record,) = RunLedger().runs()
    assert record.state is RunState.RUNNING  # the ledger could not be told
    if goes:
        assert not cloud.standing
        assert "nothing of it runs any more" in said[-1]
        assert "planner calibrate resume" in said[-1]
    else:
        assert cloud.standing == {record.resource}
        assert "planner calibrate stop --all" in said[-1]
    # There is room again.
    assert planner(["calibrate", "import", str(copied)]) == 0
    assert len(OwnObservations().all()) == 1
    cloud.recover()
    assert planner(["calibrate", "stop", "--all"]) == 0
    assert not cloud.standing
    assert RunLedger().runs()[0].state.is_end


def test_stop_takes_down_what_it_cannot_note(
    cloud: FakeSky, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    cloud.faults["down"] = [ConnectionError("no answer") for _ in range(3)]
    measured_until_full()
    assert cloud.standing
    cloud.recover()

    def stop() -> int:
        fill_disks()
        return planner(["calibrate", "stop", "--all"])

    reading, writing = os.pipe()
    pid = forked.start(stop, writing)
    os.close(writing)
    with os.fdopen(reading) as file:
        assert forked.end(pid) == 1
        said = file.read()
    assert not cloud.standing
    assert "nothing of it runs any more" in said
    assert "free space" in said
    assert "planner calibrate resume" in said


def test_a_rescued_result_goes_where_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The temporary folder is gone, or takes names and no bytes; the folder worked in takes it."""
    monkeypatch.chdir(tmp_path)
    full = tmp_path / "full"
    monkeypatch.setattr("tempfile.tempdir", str(full))
    assert rescue("cnn-1", "{}") is not None
    full.mkdir()
    synced = os.fsync

    def fsync(handle: int) -> None:
        if Path(f"/proc/self/fd/{handle}").readlink().parent == full:
            raise OSError(28, "No space left on device")
        synced(handle)

    monkeypatch.setattr("os.fsync", fsync)
    path = rescue("cnn-1", "{}")
    assert path is not None
    assert (path.parent, path.read_text()) == (tmp_path, "{}")
    assert list(full.iterdir()) == []


def test_an_answer_to_a_full_disk_is_one_line(capfd: pytest.CaptureFixture[str]) -> None:
    def work() -> int:
        os.dup2(os.open("/dev/full", os.O_WRONLY), 1)
        return planner(["calibrate", "benchmarks"])

    reading, writing = os.pipe()
    pid = forked.start(work, writing)
    os.close(writing)
    with os.fdopen(reading) as said:
        assert forked.end(pid) == 1
        assert said.read() == "error: output: No space left on device; free space there\n"
