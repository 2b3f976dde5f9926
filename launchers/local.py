"""Runs a benchmark on this machine, as a process group of its own.

Its output goes to a file, which is followed: a planner that is killed does not take the program
with it, and the next one finds both.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO

from launchers import processes
from launchers.base import BenchmarkRun, Bill, CostEstimate, OnLine, RunResult
from launchers.errors import (
    BenchmarkFailed,
    BenchmarkUnusable,
    LaunchError,
    LaunchRefused,
    TearDownFailed,
)
from launchers.output import find_result, redact, sample_of
from launchers.spool import Spool
from launchers.templates import Cluster, Ranks, find_template

TERMINATE_WAIT_S = 3.0
KILL_WAIT_S = 10.0
OUTPUT_POLL_S = 0.05
# A disk with less room than this may have cut the output off.
FULL_BYTES = 65536
# Tells the processes of a run from all others, whatever became of the planner that started them.
RUN_VARIABLE = "PLANNER_RUN"
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


class LocalLauncher:
    """``python`` is the interpreter that runs the program, this one by default; ``prefix`` are
    words put before it (a profiler). ``guard`` is called all the time and raises LaunchError to end
    the run."""

    target = "local"
    resource = ""

    def __init__(
        self,
        python: Path | None = None,
        *,
        prefix: tuple[str, ...] = (),
        guard: Callable[[], None] = lambda: None,
        spool: Spool | None = None,
    ) -> None:
        self._python = str(python or sys.executable)
        self._prefix, self._guard, self._spool = prefix, guard, spool or Spool()
        self._process: subprocess.Popen[bytes] | None = None
        self._pid = 0
        self._pid_started = ""
        self._lines: list[str] = []
        self._run: BenchmarkRun | None = None
        self._run_id = ""
        self._started_s = 0.0

    def estimate_cost(self, run: BenchmarkRun) -> CostEstimate:
        """Nothing. Raises LaunchRefused when the interpreter is not there."""
        if shutil.which(self._python) is None:
            raise LaunchRefused(
                f"cannot start {self._python} (no such program)",
                where=self.target,
                remedy="give a Python that has torch installed",
            )
        return CostEstimate(0.0, 0.0, run.timeout_s / 3600, "this machine, electricity not counted")

    def launch(
        self,
        run: BenchmarkRun,
        on_line: OnLine,
        *,
        confirmed: bool,
        on_request: Callable[[str], None] = lambda _: None,
    ) -> str:
        """Start the program; returns ``PID@START``. It costs nothing, so needs no consent."""
        del confirmed, on_line, on_request
        self._run, self._run_id, self._started_s = run, run.run_id, time.monotonic()
        try:
            with _private(self._spool.path(run.run_id)) as output:
                self._process = subprocess.Popen(
                    [*self._prefix, *self._words(run)],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env=_environment(run),
                    start_new_session=True,  # a group of its own: its children end with it
                )
        except OSError as error:
            raise LaunchRefused(
                f"cannot start {self._python} ({error.strerror})",
                where=self.target,
                remedy="give a Python that has torch installed; free space if the disk is full",
            ) from error
        self._pid = self._process.pid
        self._pid_started = processes.started(self._pid)
        return f"{self._pid}@{self._pid_started}"

    def rejoin(self, run: BenchmarkRun, job: str, request: str, on_line: OnLine) -> None:
        """Find the program that a planner which died had started. Its output is all there; whether
        it ended well is told by the result in it."""
        del job, request, on_line
        self._run, self._started_s = run, time.monotonic()
        if not self._pid and not self._spool.lines(run.run_id):
            raise BenchmarkFailed(
                "the program ended with the planner and left no output",
                where=f"local run {run.run_id}",
                remedy="run it again",
            )

    def adopt(self, run: BenchmarkRun, job: str) -> None:
        """The process group that an earlier planner started, if it still runs: by its number, or,
        where that planner died before it could write it down, by the mark on its processes."""
        self._run_id = run.run_id
        number, _, began = job.partition("@")
        if number.isdecimal() and began and processes.started(int(number)) == began:
            self._pid, self._pid_started = int(number), began
            return
        for pid in processes.marked(RUN_VARIABLE, run.run_id):
            with contextlib.suppress(OSError):
                self._pid = os.getpgid(pid)
                # Empty where the leader ended and its children did not.
                self._pid_started = processes.started(self._pid)
                return

    def stream(self, on_line: OnLine) -> None:
        run = self._running()
        end_s = self._started_s + run.timeout_s
        with self._spool.path(run.run_id).open(encoding="utf-8", errors="replace") as output:
            rest = ""
            while True:
                ended = not self._is_alive()  # asked first: what it wrote before is then there
                while text := output.read(1 << 16):
                    *lines, rest = (rest + text).split("\n")
                    for line in lines:
                        self._take(line, on_line)
                    if time.monotonic() > end_s:
                        break
                if ended:
                    break
                self._guard_result()
                if time.monotonic() > end_s:
                    raise BenchmarkFailed(
                        f"did not end within {run.timeout_s:g} s",
                        where=f"local run {run.run_id}",
                        remedy="allow more time or give it less work",
                    )
                time.sleep(OUTPUT_POLL_S)
            if rest:
                self._take(rest, on_line)

    def collect(self) -> RunResult:
        run = self._running()
        try:
            return self._result(run)
        except BenchmarkFailed as error:
            folder = self._spool.path(run.run_id).parent
            if shutil.disk_usage(folder).free >= FULL_BYTES:
                raise
            raise type(error)(
                f"{error.problem}, and the disk that its output goes to is full",
                where=error.where,
                remedy=f"free space in {folder} and run it again",
            ) from error

    def _result(self, run: BenchmarkRun) -> RunResult:
        where = f"local run {run.run_id}"
        code = self._process.returncode if self._process else 0
        if code:
            last = next(
                (one for one in reversed(self._lines) if one.strip() and sample_of(one) is None),
                "no output",
            )
            last = redact(last, run.secrets.values()).strip()
            kind = BenchmarkUnusable if code == 2 else BenchmarkFailed
            raise kind(
                f"{run.benchmark} ended with {code} ({last})",
                where=where,
                remedy="see its output above",
            )
        document, text = find_result(self._lines, where)
        return RunResult(document, text, time.monotonic() - self._started_s)

    def tear_down(self) -> None:
        """End the whole process group, gently first, then what left it (Ray's daemons do)."""
        if not self._pid and self._run is not None:
            self.adopt(self._run, "")  # Ctrl-C came while it was being started
        if self._pid:
            self._end(self._group_lives, lambda sign: os.killpg(self._pid, sign))
        self._end(lambda: bool(self._left_over()), self._signal_left_over)
        left = [self._pid] if self._pid and self._group_lives() else self._left_over()
        if left:
            raise TearDownFailed(
                f"processes {', '.join(map(str, left))} do not end",
                where="local",
                remedy=f"end them by hand: kill -9 {' '.join(map(str, left))}",
            )

    def _end(self, lives: Callable[[], bool], send: Callable[[signal.Signals], None]) -> None:
        for sign, patience_s in ((signal.SIGTERM, TERMINATE_WAIT_S), (signal.SIGKILL, KILL_WAIT_S)):
            if not lives():
                return
            with contextlib.suppress(ProcessLookupError, PermissionError):
                send(sign)
            end_s = time.monotonic() + patience_s
            while lives() and time.monotonic() < end_s:
                time.sleep(0.02)

    def _left_over(self) -> list[int]:
        if not self._run_id:
            return []
        found = processes.marked(RUN_VARIABLE, self._run_id)
        return [pid for pid in found if pid != os.getpid() and processes.started(pid)]

    def _signal_left_over(self, sign: signal.Signals) -> None:
        for pid in self._left_over():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, sign)

    def bill(self) -> Bill | None:
        return None

    def _words(self, run: BenchmarkRun) -> list[str]:
        words = [str(run.program), *run.arguments]
        if not run.template:
            return [self._python, "-u", *words]
        template, ranks = find_template(run.template), Ranks(1, run.ranks_per_node)
        lines = template.command(words, ranks, Cluster.LOCAL, shlex.quote(self._python))
        return ["bash", "-c", lines]

    def _take(self, line: str, on_line: OnLine) -> None:
        self._lines.append(line)
        on_line(redact(line, self._running().secrets.values()))

    def _guard_result(self) -> None:
        """The guard ends a run, unless what it is made for is already there."""
        try:
            self._guard()
        except LaunchError:
            try:
                find_result(self._lines, self.target)
            except BenchmarkFailed:
                pass
            else:
                return
            raise

    def _is_alive(self) -> bool:
        if self._process is not None:
            return self._process.poll() is None
        return bool(self._pid_started) and processes.started(self._pid) == self._pid_started

    def _group_lives(self) -> bool:
        """Whether a process of the group still runs. Dead ones nobody waited for do not count."""
        if self._process is not None:
            self._process.poll()
        try:
            os.killpg(self._pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        members = processes.group_members(self._pid)
        return members is None or bool(members)

    def _running(self) -> BenchmarkRun:
        if self._run is None:
            raise BenchmarkFailed("was never launched", where=self.target)
        return self._run


def _private(path: Path) -> BinaryIO:
    """A new file that only its owner reads. Raises OSError."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode=0o600), "wb")


def _environment(run: BenchmarkRun) -> dict[str, str]:
    threads: Mapping[str, str] = {}
    if run.threads:
        threads = dict.fromkeys(THREAD_VARIABLES, str(run.threads))
    # As a terminal would have it: a program that prints in the C locale fails on its first umlaut.
    return {
        **os.environ,
        **{"PYTHONIOENCODING": "utf-8", RUN_VARIABLE: run.run_id},
        **threads,
        **run.environment,
        **run.secrets,
    }
