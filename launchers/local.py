"""Runs a benchmark on this machine, as a process group of its own."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path

from launchers.base import BenchmarkRun, CostEstimate, OnLine, RunResult
from launchers.errors import BenchmarkFailed, BenchmarkUnusable, LaunchRefused, TearDownFailed
from launchers.output import find_result, redact

TERMINATE_WAIT_S = 3.0
KILL_WAIT_S = 10.0
OUTPUT_POLL_S = 0.2
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


class LocalLauncher:
    """``python`` is the interpreter that runs the program, this one by default."""

    target = "local"
    resource = ""

    def __init__(self, python: Path | None = None) -> None:
        self._python = str(python or sys.executable)
        self._process: subprocess.Popen[str] | None = None
        self._lines: list[str] = []
        self._run: BenchmarkRun | None = None
        self._started_s = 0.0

    def estimate_cost(self, run: BenchmarkRun) -> CostEstimate:
        return CostEstimate(0.0, 0.0, run.timeout_s / 3600, "this machine, electricity not counted")

    def launch(self, run: BenchmarkRun, on_line: OnLine, *, confirmed: bool) -> str:
        """Start the program; returns its process id. It costs nothing, so needs no consent."""
        del confirmed, on_line
        self._run, self._started_s = run, time.monotonic()
        try:
            self._process = subprocess.Popen(
                [self._python, "-u", str(run.program), *run.arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                encoding="utf-8",
                errors="replace",
                env=_environment(run),
                start_new_session=True,  # a group of its own: its children end with it
            )
        except OSError as error:
            raise LaunchRefused(
                f"cannot start {self._python} ({error.strerror})",
                where=self.target,
                remedy="give a Python that has torch installed",
            ) from error
        return str(self._process.pid)

    def stream(self, on_line: OnLine) -> None:
        process, run = self._running()
        lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        # A thread, because a read cannot be given a time limit on every system.
        threading.Thread(target=_pump, args=(process, lines), daemon=True).start()
        end_s = self._started_s + run.timeout_s
        ended = False
        while True:
            if not ended and time.monotonic() > end_s and process.poll() is None:
                raise BenchmarkFailed(
                    f"did not end within {run.timeout_s:g} s",
                    where=f"local run {run.run_id}",
                    remedy="allow more time or give it less work",
                )
            try:
                line = lines.get(timeout=OUTPUT_POLL_S)
            except queue.Empty:
                if ended:  # a child that outlives it holds the output open: no more will come
                    break
                ended = process.poll() is not None
                continue
            if line is None:
                break
            self._lines.append(line)
            on_line(redact(line, run.secrets.values()))
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(max(0.1, end_s - time.monotonic()))

    def collect(self) -> RunResult:
        process, run = self._running()
        where = f"local run {run.run_id}"
        if process.returncode:
            last = next((line for line in reversed(self._lines) if line.strip()), "no output")
            last = redact(last, run.secrets.values()).strip()
            kind = BenchmarkUnusable if process.returncode == 2 else BenchmarkFailed
            raise kind(f"{run.benchmark} ended with {process.returncode} ({last})", where=where)
        document, text = find_result(self._lines, where)
        return RunResult(document, text, time.monotonic() - self._started_s)

    def tear_down(self) -> None:
        """End the whole process group, gently first."""
        if self._process is None:
            return
        group = self._process.pid
        for sign, patience_s in ((signal.SIGTERM, TERMINATE_WAIT_S), (signal.SIGKILL, KILL_WAIT_S)):
            if not _group_lives(group, self._process):
                break
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(group, sign)
            end_s = time.monotonic() + patience_s
            while _group_lives(group, self._process) and time.monotonic() < end_s:
                time.sleep(0.02)
        if _group_lives(group, self._process):
            raise TearDownFailed(
                f"process group {group} does not end", where="local", remedy="end it by hand"
            )

    def _running(self) -> tuple[subprocess.Popen[str], BenchmarkRun]:
        if self._process is None or self._run is None:
            raise BenchmarkFailed("was never launched", where=self.target)
        return self._process, self._run


def _environment(run: BenchmarkRun) -> dict[str, str]:
    threads: Mapping[str, str] = {}
    if run.threads:
        threads = dict.fromkeys(THREAD_VARIABLES, str(run.threads))
    return {**os.environ, **threads, **run.environment, **run.secrets}


def _pump(process: subprocess.Popen[str], lines: queue.SimpleQueue[str | None]) -> None:
    assert process.stdout is not None
    try:
        for line in process.stdout:
            lines.put(line.rstrip("\n"))
    finally:
        lines.put(None)


def _group_lives(group: int, leader: subprocess.Popen[str]) -> bool:
    """Whether a process of the group still runs. Dead ones nobody waited for do not count."""
    leader.poll()
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    stats = list(Path("/proc").glob("[0-9]*/stat"))
    if not stats:
        return True
    for path in stats:
        with contextlib.suppress(OSError):
            state, _parent, its_group = path.read_text().rsplit(")", 1)[1].split()[:3]
            if int(its_group) == group and state not in "ZX":
                return True
    return False
