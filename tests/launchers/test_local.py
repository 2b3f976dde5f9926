"""The local launcher: output, results, time limits, and process groups that are really gone."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from launchers.base import BenchmarkRun, RunResult
from launchers.errors import BenchmarkFailed, BenchmarkUnusable, LaunchRefused
from launchers.ledger import RunLedger, RunState
from launchers.local import LocalLauncher
from launchers.runs import execute
from planner.cli.main import run as planner
from tests import forked
from tests.launchers import programs
from tests.launchers.conftest import RESULT, RESULT_LINE

MakeRun = Callable[..., BenchmarkRun]
PRINT_RESULT = f"print({RESULT_LINE!r})\n"
FAMILY = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import signal, time\\n"
    "signal.signal(signal.SIGTERM, signal.SIG_IGN)\\ntime.sleep(60)"])
print("child", child.pid, flush=True)
"""


def launch(run: BenchmarkRun, folder: Path, lines: list[str] | None = None) -> RunResult:
    take = (lines if lines is not None else []).append
    return execute(LocalLauncher(), run, RunLedger(folder), confirmed=False, on_line=take)


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def test_result_and_lines_come_back(tmp_path: Path, make_run: MakeRun) -> None:
    lines: list[str] = []
    run = make_run("import sys\nprint('one')\nprint('two', file=sys.stderr)\n" + PRINT_RESULT)
    result = launch(run, tmp_path, lines)
    assert result.document == RESULT
    assert {"one", "two"} <= set(lines)
    assert RunLedger(tmp_path).runs()[0].state is RunState.DONE


def test_threads_environment_and_secrets_reach_the_program(
    tmp_path: Path, make_run: MakeRun
) -> None:
    lines: list[str] = []
    run = make_run(
        "import os\nprint(os.environ['OMP_NUM_THREADS'], os.environ['PLACE'])\n"
        "print('token', os.environ['TOKEN'])\n" + PRINT_RESULT,
        threads=3,
        environment={"PLACE": "here"},
        secrets={"TOKEN": "s3cret"},
    )
    launch(run, tmp_path, lines)
    assert lines[:2] == ["3 here", "token [secret]"]
    assert "s3cret" not in repr(run)


@pytest.mark.parametrize(
    ("source", "kind", "told"),
    [
        ("raise SystemExit(2)", BenchmarkUnusable, "ended with 2"),
        ("import sys\nprint('error: no such device')\nsys.exit(2)", BenchmarkUnusable, "no such"),
        ("print('boom')\nraise SystemExit(1)", BenchmarkFailed, "boom"),
        ("import os\nos.kill(os.getpid(), 9)", BenchmarkFailed, "-9"),
        ("print('all fine')", BenchmarkFailed, "without a result"),
        ("print('@@PLANNER_RESULT {broken')", BenchmarkFailed, "not JSON"),
        ("print('@@PLANNER_RESULT [1]')", BenchmarkFailed, "not an object"),
        ('print(\'@@PLANNER_RESULT {"schema": "other/9"}\')', BenchmarkFailed, "other/9"),
        (PRINT_RESULT.replace("640.0", "-1", 1), BenchmarkFailed, "value is -1"),
        (PRINT_RESULT.replace("640.0", "NaN", 1), BenchmarkFailed, "value is nan"),
        (PRINT_RESULT.replace("[0.1, 0.1, 0.11]", "[]"), BenchmarkFailed, "step_seconds"),
    ],
)
def test_what_gives_no_result_fails_with_a_reason(
    tmp_path: Path, make_run: MakeRun, source: str, kind: type[Exception], told: str
) -> None:
    with pytest.raises(kind, match=told) as caught:
        launch(make_run(source), tmp_path)
    assert type(caught.value) is kind
    (record,) = RunLedger(tmp_path).runs()
    assert record.state is RunState.FAILED
    assert told in record.problem


def test_a_disk_that_took_no_output_is_named(
    tmp_path: Path, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = shutil.disk_usage(tmp_path)._replace(free=0)
    monkeypatch.setattr("launchers.local.shutil.disk_usage", lambda _: full)
    with pytest.raises(BenchmarkFailed, match=r"goes to is full; free space in .*/data/runs "):
        launch(make_run("raise SystemExit(1)"), tmp_path)


@pytest.mark.parametrize(
    "forever", ["import time\ntime.sleep(60)", "while True: print('x' * 100)"], ids=["idle", "loud"]
)
def test_time_limit_ends_the_whole_group(
    tmp_path: Path, make_run: MakeRun, forever: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("launchers.local.TERMINATE_WAIT_S", 0.3)
    lines: list[str] = []
    started = time.monotonic()
    with pytest.raises(BenchmarkFailed, match=r"did not end within 1\.5 s"):
        launch(make_run(FAMILY + forever, timeout_s=1.5), tmp_path, lines)
    assert time.monotonic() - started < 6
    child = int(next(line for line in lines if line.startswith("child")).split()[1])
    assert not is_running(child)  # though it ignores SIGTERM
    assert not is_running(int(RunLedger(tmp_path).runs()[0].job.split("@")[0]))


def test_a_child_that_stays_behind_is_ended_too(
    tmp_path: Path, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("launchers.local.TERMINATE_WAIT_S", 0.3)
    lines: list[str] = []
    result = launch(make_run(FAMILY + PRINT_RESULT), tmp_path, lines)
    assert result.document == RESULT
    assert not is_running(int(lines[0].split()[1]))


def test_a_python_that_is_not_there(tmp_path: Path, make_run: MakeRun) -> None:
    launcher = LocalLauncher(tmp_path / "no-python")
    with pytest.raises(LaunchRefused, match="no-python"):
        execute(launcher, make_run(""), RunLedger(tmp_path), confirmed=True, on_line=print)


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_and_kill_end_the_group_and_the_ledger_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sign: signal.Signals
) -> None:
    """The whole command in a process of its own, interrupted from outside: exit code 130 and
    nothing left."""
    programs.quick(monkeypatch, tmp_path, steps=100000)
    reading, writing = os.pipe()
    command = partial(planner, ["calibrate", "run", "cnn", "--on", "local"])
    pid = forked.start(command, writing)
    os.close(writing)
    with os.fdopen(reading) as said:
        for line in said:
            if line.startswith("step"):
                break
        (record,) = RunLedger().runs()
        assert is_running(int(record.job.split("@")[0]))
        assert forked.end(pid, longest_s=20, after_s=0, number=sign) == 130
        rest = said.read()
    assert "Traceback" not in rest
    assert not is_running(int(record.job.split("@")[0]))
    (record,) = RunLedger().runs()
    assert (record.state, record.problem) == (RunState.FAILED, "interrupted")


def test_what_left_the_process_group_is_ended_too(
    tmp_path: Path, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Ray's daemons do; also by a planner that knows the run's name only."""
    monkeypatch.setattr("launchers.local.TERMINATE_WAIT_S", 0.3)
    daemon = FAMILY.replace('"time.sleep(60)"]', '"time.sleep(60)"], start_new_session=True')
    lines: list[str] = []
    launch(make_run(daemon + PRINT_RESULT), tmp_path, lines)
    assert not is_running(int(lines[0].split()[1]))
    run = make_run("import time\ntime.sleep(60)")
    first, second = LocalLauncher(), LocalLauncher()
    pid = int(first.launch(run, print, confirmed=True).split("@")[0])
    second.adopt(run, "")
    second.tear_down()
    first.tear_down()
    assert not is_running(pid)
