"""One run of the command, the cloud it meets, and what became of it."""

from __future__ import annotations

import os
import random
import select
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest

from launchers import processes
from launchers.ledger import RunLedger, RunRecord
from launchers.local import RUN_VARIABLE
from planner.cli.main import run as planner
from tests import forked
from tests.fakes.sky_module import FakeSky
from tests.launchers.conftest import RESULT_LINE

CAP_USD = 0.2
LONGEST_RUN_S = 40.0
SECRET = "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY"
RENTED = f"skypilot:aws/us-east-1,accelerators=L4:1 --yes --max-cost {CAP_USD}USD"
# A benchmark on this machine: what it prints comes slowly, so that there are moments in between.
PROGRAM = """
import sys, time
if "--check-only" in sys.argv: sys.exit()
for line in {lines!r}:
    time.sleep(0.05)
    sys.stdout.write(line)
    sys.stdout.flush()
time.sleep({then_s})
"""


@dataclass
class World:
    """``lines`` is what the benchmark prints; the rest is told where it is set."""

    cloud: FakeSky
    folder: Path
    rng: random.Random
    usual_s: dict[bool, list[float]]
    monkeypatch: pytest.MonkeyPatch
    is_local: bool = False
    lines: list[str] = field(default_factory=lambda: ["at work\n", RESULT_LINE + "\n"])
    then_s: float = 0.0
    # What is done to the process while it runs, called with its pid in a thread.
    meanwhile: Callable[[int], None] | None = None
    kill_share: float = 0.35
    # Set when whoever reads what the command says leaves, as a terminal does that is closed.
    leaves: threading.Event = field(default_factory=threading.Event)
    output: str = ""
    code: int | None = 0
    was_killed: bool = False
    killed_in: str = ""

    def moment_s(self, *, late: float = 1.2) -> float:
        """Sometime within what such a run takes from its first word in the ledger, or after."""
        seconds = sorted(self.usual_s[self.is_local]) or [1.0]
        return self.rng.uniform(0.0, late * seconds[len(seconds) // 2])

    def wait_for_begin(self, pid: int) -> None:
        """Until it has written to the ledger, or ended: before that there is little to go wrong."""
        path = RunLedger().path
        while not path.exists():
            if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT | os.WNOHANG):
                return
            time.sleep(0.005)

    def command(self, words: str) -> Callable[[], int]:
        return partial(planner, ["calibrate", *words.split()])

    def say(self, words: str, **end: float) -> tuple[int | None, str]:
        """Another command, in a process of its own: exit code and what it said."""
        path = self.folder / "said"
        path.touch()  # a process may be killed before it has opened it
        code = forked.end(forked.start(self.command(words), path), longest_s=LONGEST_RUN_S, **end)
        return code, path.read_text(errors="replace")

    def run(self) -> None:
        program = self.folder / "planner_cnn_x.py"
        program.write_text(PROGRAM.format(lines=self.lines, then_s=self.then_s))
        self.cloud.log = "@@PLANNER_STAGE run\n" + "".join(f"(x) {line}" for line in self.lines)
        on = "local" if self.is_local else RENTED
        # A pipe, not a file: a full disk takes the message along.
        reading, writing = os.pipe()
        kill_s = self.moment_s(late=0.8) if self.rng.random() < self.kill_share else None
        pid = forked.start(
            self.command(f"run cnn --samples 600 --max-seconds 1 --on {on}"), writing
        )
        os.close(writing)
        said: list[bytes] = []
        reader = threading.Thread(target=_listen, args=(reading, said, self.leaves))
        reader.start()
        if self.rng.random() < 0.9:
            self.wait_for_begin(pid)
        begun = time.monotonic()
        beside = threading.Thread(target=self.meanwhile or (lambda _: None), args=(pid,))
        beside.start()
        self.code = forked.end(pid, longest_s=LONGEST_RUN_S, after_s=kill_s)
        beside.join()
        if self.code == 0 and self.meanwhile is None:
            self.usual_s[self.is_local].append(time.monotonic() - begun)
        self.was_killed = self.code == -signal.SIGKILL
        if self.was_killed:
            self.killed_in = self.records[0].state if self.records else "nothing begun"
        reader.join()
        self.output = b"".join(said).decode(errors="replace")

    @property
    def records(self) -> list[RunRecord]:
        return RunLedger().runs()

    def marked(self) -> list[int]:
        """Programs of our runs on this machine."""
        return [
            pid
            for record in self.records
            for pid in processes.marked(RUN_VARIABLE, record.run_id)
            if processes.started(pid)
        ]


def _listen(reading: int, said: list[bytes], leaves: threading.Event) -> None:
    while not leaves.is_set():
        if select.select([reading], [], [], 0.02)[0]:
            read = os.read(reading, 65536)
            if not read:
                break
            said.append(read)
    os.close(reading)
