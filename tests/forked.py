"""Work in a process of its own, which may be killed at any moment.

Forked from a process that has everything imported: what is tested takes milliseconds, importing
takes seconds.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

LOOK_S = 0.005


def start(work: Callable[[], int | None], output: Path | int | None = None) -> int:
    """Begin it; returns its pid. Its exit code is what ``work`` returns, 1 when it raises.

    All that it says goes to ``output``, a file or a descriptor, where one is given.
    """
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        if output is not None:
            _say_into(output)
        code = work() or 0
    except BaseException as error:  # noqa: BLE001  # told, and seen in the exit code
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
    finally:
        # As a command ends: threads that hang in dead connections are not waited for.
        os._exit(code)


def end(
    pid: int,
    *,
    longest_s: float = 60.0,
    after_s: float | None = None,
    number: signal.Signals = signal.SIGKILL,
) -> int | None:
    """Send it a signal after a while, if asked to, and wait for its end; returns its exit code,
    negative for the signal that ended it. None for one that hangs, which is killed.

    Patience is counted in looks, not by the clock: where all processes are stopped for a while, or
    the machine is busy, nobody hangs.
    """
    begun = time.monotonic()
    for _ in range(int(longest_s / LOOK_S)):
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        if after_s is not None and time.monotonic() >= begun + after_s:
            os.kill(pid, number)
            after_s = None
        time.sleep(LOOK_S)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return None


def _say_into(output: Path | int) -> None:
    if isinstance(output, Path):
        output = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
    os.dup2(output, 1)
    os.dup2(output, 2)
    sys.stdout = open(1, "w", buffering=1, closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, closefd=False)  # noqa: SIM115
