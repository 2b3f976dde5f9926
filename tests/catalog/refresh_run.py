"""Refreshes in processes of their own, each of which may be killed at any moment.

They are forked from one process that has the SDKs imported: importing them takes seconds, and 500
runs are to end within a night's patience. That process reads a JSON line for each run, and writes
the child's pid and, when it has ended, its exit status.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, Self

from tests import forked

PRELOADED = (
    "boto3",
    "google.cloud.compute_v1",
    "google.cloud.billing_v1",
    "google.cloud.tpu_v2",
    "azure.mgmt.compute",
    "azure.identity",
    "catalog.applied",
    "catalog.joined",
    "planner.actions.catalog.refresh",
)


class Runner:
    """The process that forks; a context manager."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.catalog.refresh_run"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
            cwd=Path(__file__).parents[2],
        )
        assert self._read() == "ready"
        return self

    def __exit__(self, *error: object) -> None:
        self._process.kill()
        self._process.communicate()

    def start(self, request: Mapping[str, Any]) -> int:
        """Begin one refresh; returns its pid."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        return int(self._read())

    def end(self, pid: int, kill_after_s: float | None, longest_s: float) -> int:
        """Kill it after a while, if asked to, and wait for its end; returns its exit code.

        One that does not end in time is killed too, with exit code 1.
        """
        begun, hangs = time.monotonic(), False
        if kill_after_s is not None:
            time.sleep(kill_after_s)
            with contextlib.suppress(ProcessLookupError):  # ended before
                os.kill(pid, signal.SIGKILL)
        assert self._process.stdout is not None
        left = max(0.1, longest_s - (time.monotonic() - begun))
        if not select.select([self._process.stdout], [], [], left)[0]:
            hangs = True
            os.kill(pid, signal.SIGKILL)
        code = os.waitstatus_to_exitcode(int(self._read()))
        return 1 if hangs else code

    def _read(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


def _run(request: Mapping[str, Any]) -> None:
    """What the child does; what it says is of no interest, only what it leaves."""
    import catalog.compiled
    from planner.actions.catalog.refresh import refresh_catalog

    os.environ.update(request["env"])
    catalog.compiled.SNAPSHOT = Path(request["snapshot"])
    refresh_catalog(
        only=request["only"],
        regions=request["regions"],
        kinds=request["kinds"],
        deadline_s=request["deadline_s"],
    )


def _serve() -> None:
    for name in PRELOADED:
        import_module(name)
    _tell("ready")
    for line in sys.stdin:
        pid = forked.start(partial(_run, json.loads(line)))
        _tell(str(pid))
        _tell(str(os.waitpid(pid, 0)[1]))


def _tell(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    _serve()
