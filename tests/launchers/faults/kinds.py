"""The faults: each prepares a world in which one thing goes wrong."""

from __future__ import annotations

import os
import resource
import signal
import sqlite3
import time
from collections.abc import Callable

from launchers.ledger import RunLedger
from launchers.spending import Spending
from tests.launchers.conftest import RESULT_LINE
from tests.launchers.faults.world import SECRET, World

# The clock of planner and cloud in runs that are to reach the cap: 15 minutes take 4.5 s.
SECONDS_A_SECOND = 200.0
GARBAGE = (
    "",
    "@@PLANNER_RESULT \x00\x1b[31m{garb\n",
    RESULT_LINE[:300] + "\n",
    RESULT_LINE.replace("640.0", "NaN", 1) + "\n",
    RESULT_LINE.replace('"MNIST-CNN-pytorch-examples"', '"no-such-network"') + "\n",
    RESULT_LINE.replace('"precision": "fp32"', '"precision": ["?"]') + "\n",
)


def undisturbed(world: World) -> None:
    world.kill_share = 0.0


def killed(world: World) -> None:
    world.kill_share = 1.0


def launch_refused(world: World) -> None:
    world.cloud.faults["launch"] = [PermissionError(f"not authorised: secret {SECRET}\nmore")]


def no_capacity(world: World) -> None:
    world.cloud.fails_launches = True


def answer_lost(world: World) -> None:
    world.cloud.loses_answers = True
    world.cloud.provision_s = world.rng.uniform(0.0, 0.6)


def preempted(world: World) -> None:
    world.cloud.lines_before_end = world.rng.randrange(4)
    world.cloud.end_of_node = world.cloud.preempt


def node_lost(world: World) -> None:
    world.cloud.lines_before_end = world.rng.randrange(4)
    world.cloud.end_of_node = world.cloud.lose


def hung(world: World) -> None:
    if world.rng.random() < 0.5:
        world.cloud.lines_before_end = world.rng.randrange(4)
        return
    verbs = ("stream_and_get", "tail_logs", "down", "cost_report", "api_cancel")
    world.cloud.hangs = {world.rng.choice(verbs)}


def dear(world: World) -> None:
    """Nobody ends it before the watchdog does, which lives: the machine of a dead planner is ended
    by limits of its own, which this cloud does not have."""
    world.kill_share = 0.0
    world.monkeypatch.setitem(
        Spending.__init__.__kwdefaults__, "clock", lambda: time.monotonic() * SECONDS_A_SECOND
    )
    world.cloud.seconds_a_second = SECONDS_A_SECOND
    world.cloud.lines_before_end = world.rng.randrange(3)
    world.monkeypatch.setattr("planner.actions.calibration.ready.GRACE_S", 60.0)


def garbage(world: World) -> None:
    world.lines = ["at work\n", world.rng.choice(GARBAGE)]


def stubborn(world: World) -> None:
    failing = [ConnectionError(f"token {SECRET}") for _ in range(world.rng.randint(1, 4))]
    world.cloud.faults["down"] = list(failing)


def disk_full(world: World) -> None:
    """No file may grow from some moment on: the ledger, the store, the result on its way."""
    most = world.rng.choice((0, 0, 4096, 20480))

    def fill(pid: int) -> None:
        time.sleep(world.moment_s(late=0.9))
        try:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))
        except ProcessLookupError:
            return

    world.meanwhile = fill


def ledger_locked(world: World) -> None:
    """Another program holds the ledger, for a moment or for longer than anyone waits."""

    def lock(_pid: int) -> None:
        path = RunLedger().path
        time.sleep(world.moment_s(late=0.7))
        if not path.exists():
            return
        connection = sqlite3.connect(path, isolation_level=None, timeout=5.0)
        connection.execute("BEGIN EXCLUSIVE")
        time.sleep(world.rng.choice((0.1, 0.5, 2.0)))
        connection.execute("ROLLBACK")
        connection.close()

    world.meanwhile = lock


def interrupted(world: World) -> None:
    """Ctrl-C, kill or a lost terminal, once or impatiently."""
    signs = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def press(pid: int) -> None:
        time.sleep(world.moment_s())
        for _ in range(world.rng.choice((1, 1, 2, 3))):
            try:
                os.kill(pid, world.rng.choice(signs))
            except ProcessLookupError:
                return
            time.sleep(world.rng.uniform(0.0, 0.2))

    world.meanwhile = press


def stopped(world: World) -> None:
    """Somebody says `stop --all` in another terminal."""

    def stop(_pid: int) -> None:
        time.sleep(world.moment_s())
        code, said = world.say("stop --all")
        assert code == 0, said

    world.meanwhile = stop
    world.kill_share = 0.0


def nobody_reads(world: World) -> None:
    def leave(_pid: int) -> None:
        time.sleep(world.moment_s())
        world.leaves.set()

    world.meanwhile = leave


def local(fault: Callable[[World], None]) -> Callable[[World], None]:
    def prepare(world: World) -> None:
        world.is_local = True
        fault(world)

    return prepare


def local_hung(world: World) -> None:
    world.is_local, world.then_s = True, 60.0
    if world.rng.random() < 0.5:
        world.lines = ["at work\n"]


KINDS: dict[str, Callable[[World], None]] = {
    "killed": killed,
    "launch refused": launch_refused,
    "no capacity": no_capacity,
    "answer lost": answer_lost,
    "preempted": preempted,
    "node lost": node_lost,
    "hung": hung,
    "dear": dear,
    "garbage": garbage,
    "stubborn": stubborn,
    "disk full": disk_full,
    "ledger locked": ledger_locked,
    "interrupted": interrupted,
    "stopped": stopped,
    "nobody reads": nobody_reads,
    "local, killed": local(killed),
    "local, hung": local_hung,
    "local, garbage": local(garbage),
    "local, disk full": local(disk_full),
    "local, ledger locked": local(ledger_locked),
    "local, interrupted": local(interrupted),
}
