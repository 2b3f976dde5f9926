"""Runs with a fault each, many killed as well: what they leave is whole, paid for once, and over.

Each run is the command itself in a process of its own, over a SkyPilot that lives in a folder.
"""

from __future__ import annotations

import os
import random
import resource
import select
import signal
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest

from catalog.observations import OwnObservations
from launchers import processes
from launchers.ledger import RunLedger, RunRecord, RunState
from launchers.local import RUN_VARIABLE
from launchers.spending import Spending
from launchers.spool import Spool
from planner.cli.main import run as planner
from tests import forked
from tests.fakes.sky_module import FakeSky
from tests.launchers.conftest import RESULT_LINE

RUNS = 200
RUNS_A_TEST = 20
CAP_USD = 0.2
# The clock of planner and cloud in runs that are to reach the cap: 15 minutes take 4.5 s.
SECONDS_A_SECOND = 200.0
LONGEST_RUN_S = 40.0
SECRET = "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY"
RENTED = f"skypilot:aws/us-east-1,accelerators=L4:1 --yes --max-cost {CAP_USD}USD"
EXIT_CODES = {0, 1, 2, 4, 130}
# A polite kill before the command has looked at its arguments, or after its last word.
EARLY_OR_LATE = {-signal.SIGTERM, -signal.SIGHUP}
GARBAGE = (
    "",
    "@@PLANNER_RESULT \x00\x1b[31m{garb\n",
    RESULT_LINE[:300] + "\n",
    RESULT_LINE.replace("640.0", "NaN", 1) + "\n",
    RESULT_LINE.replace('"MNIST-CNN-pytorch-examples"', '"no-such-network"') + "\n",
    RESULT_LINE.replace('"precision": "fp32"', '"precision": ["?"]') + "\n",
)
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
    """One run of the command, the cloud it meets, and what became of it."""

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

    # What must hold ------------------------------------------------------------------------------

    def check_output(self) -> None:
        """One clear last line with a remedy, and nothing that is nobody's business."""
        assert self.code is not None, "it hangs"
        assert self.was_killed or self.code in EXIT_CODES | EARLY_OR_LATE, self.output
        assert "Traceback" not in self.output
        assert "unexpected" not in self.output
        assert SECRET not in self.output
        if self.was_killed or self.code in {0, 130} | EARLY_OR_LATE or self.leaves.is_set():
            return
        last = self.output.strip().splitlines()[-1]
        assert last.startswith("error: "), self.output
        assert "; " in last, f"no remedy: {last}"

    def check_left_alone(self) -> None:
        """When the command ends by itself nothing is left, or it says what and how to end it."""
        if self.was_killed:
            return
        if "may still run and cost money" in self.output:
            assert "planner calibrate stop --all" in self.output
            assert any(record.may_cost_money for record in self.records)
            return
        assert not self.cloud.standing, self.output
        assert not self.cloud.is_pending(), self.output
        assert not self.marked()

    def marked(self) -> list[int]:
        """Programs of our runs on this machine."""
        return [
            pid
            for record in self.records
            for pid in processes.marked(RUN_VARIABLE, record.run_id)
            if processes.started(pid)
        ]

    def check_orphans(self) -> None:
        """What stands and nobody looks after is named, with the command that ends it."""
        code, said = self.say("orphans --exit-code")
        standing = self.cloud.standing
        assert code == (5 if standing or any(r.may_cost_money for r in self.records) else 0), said
        for name in standing:
            assert name in said
        assert not standing or "planner calibrate stop" in said or "sky down" in said

    def recover(self) -> None:
        """As users do: look, resume (and be killed again), stop everything."""
        self.cloud.recover()
        spooled = [r for r in self.records if RESULT_LINE in "\n".join(Spool().lines(r.run_id))]
        stood = {r.run_id for r in self.records if r.may_cost_money} & {
            name.removeprefix("planner-") for name in self.cloud.standing
        }
        if not self.is_local:
            self.check_orphans()
        ways = ["resume", "resume, killed", "two resume", "stop"]
        ways = ways if self.was_killed else ["resume", "stop"]
        how = self.rng.choice(ways)
        if how == "resume, killed":
            self.say("resume", after_s=self.rng.uniform(0.0, 0.3))
        if how == "two resume":
            pids = [forked.start(self.command("resume"), self.folder / f"r{n}") for n in (1, 2)]
            assert [forked.end(pid, longest_s=LONGEST_RUN_S) for pid in pids] == [0, 0]
        code, said = self.say("stop --all" if how == "stop" else "resume")
        assert code == 0, said
        assert "Traceback" not in said
        assert SECRET not in said
        stored = {own.id for own in OwnObservations().all()}
        for record in spooled:
            assert f"own-{record.run_id}" in stored, "a result that was seen is lost"
        if how != "stop" and self.lines[-1] == RESULT_LINE + "\n":
            # The job went on without its planner: its log is still there to be read.
            assert {f"own-{run_id}" for run_id in stood} <= stored, said

    def check_end(self) -> None:
        """Nothing runs, nothing was started twice, the books agree with each other."""
        assert not self.cloud.standing
        assert not self.cloud.is_pending()
        assert not self.marked()
        records = self.records
        assert len(records) <= 1
        assert len(self.cloud.calls("launch")) <= 1
        ids = [own.id for own in OwnObservations().all()]
        assert len(ids) == len(set(ids)) <= 1
        for record in records:
            assert record.state.is_end
            assert not record.may_cost_money
            assert record.is_stored == (f"own-{record.run_id}" in ids)
            if record.state is RunState.DONE:
                assert record.is_stored
            else:
                assert record.problem
            assert SECRET not in record.problem
        assert self.cloud.usd_billed <= CAP_USD
        if self.code == 0:
            assert len(ids) == 1
        rescued = [w for w in self.output.split() if w.startswith(str(self.folder / "tmp"))]
        ended_by_itself = not self.was_killed and records
        whole = self.lines[-1] == RESULT_LINE + "\n"
        # Of a program on this machine nobody knows how far it had come.
        came_back = bool(records) and bool(records[0].resource)
        came_back = came_back and self.cloud.delivered(records[0].resource)
        if ended_by_itself and whole and came_back:
            assert ids or rescued, "a result that came back is neither stored nor kept"
        if not ids and rescued:
            code, said = self.say(f"import {rescued[-1]}")
            assert code == (0 if whole else 2), said


def _listen(reading: int, said: list[bytes], leaves: threading.Event) -> None:
    while not leaves.is_set():
        if select.select([reading], [], [], 0.02)[0]:
            read = os.read(reading, 65536)
            if not read:
                break
            said.append(read)
    os.close(reading)


# The faults ------------------------------------------------------------------------------------


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


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Patience in seconds instead of minutes."""
    for name, seconds in {
        "catalog.durable.BUSY_TIMEOUT_S": 0.4,
        "launchers.cost_cap.SETUP_TIMEOUT_S": 0.0,
        "launchers.local.TERMINATE_WAIT_S": 0.3,
        "launchers.sky_client.BILL_TIMEOUT_S": 0.5,
        "launchers.sky_client.CALL_TIMEOUT_S": 2.0,
        "launchers.sky_client.JOB_WAIT_S": 2.0,
        "launchers.sky_client.PROVISION_TIMEOUT_S": 2.0,
        "launchers.skypilot.PROVISION_TIMEOUT_S": 2.0,
        "launchers.skypilot.RETRY_WAIT_S": 0.05,
        "launchers.skypilot.SUBMIT_TIMEOUT_S": 1.0,
        "launchers.skypilot.TEAR_DOWN_TIMEOUT_S": 1.0,
        "launchers.spending.RESERVE_SHARE": 0.5,
        "launchers.spending.RESERVE_S": 1e9,
        "planner.actions.calibration.ready.GRACE_S": 1.0,
    }.items():
        monkeypatch.setattr(name, seconds)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)


Fault = Callable[[int], World]


@pytest.fixture(scope="module")
def usual_s() -> dict[bool, list[float]]:
    """How long runs take in which nothing goes wrong, rented and local."""
    return {False: [], True: []}


@pytest.fixture
def fault(
    quick: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    usual_s: dict[bool, list[float]],
) -> Fault:
    """Makes the run of a seed and looks at everything it left."""

    def run(seed: int, prepare: Callable[[World], None] | None = None) -> World:
        rng = random.Random(seed)
        folder = tmp_path / f"{seed}{'-' if prepare else ''}"
        (folder / "tmp").mkdir(parents=True)
        with monkeypatch.context() as patch:
            patch.setenv("PLANNER_DATA_DIR", str(folder / "data"))
            patch.setenv("SKY_RUNTIME_DIR", str(folder))
            patch.setattr("tempfile.tempdir", str(folder / "tmp"))
            patch.setattr(
                "launchers.benchmarks.bundle.executable", lambda _: folder / "planner_cnn_x.py"
            )
            cloud = FakeSky(folder / "cloud", "").install(patch)
            cloud.delay_s = rng.uniform(0.005, 0.04)
            world = World(cloud, folder, rng, usual_s, patch)
            (prepare or list(KINDS.values())[seed % len(KINDS)])(world)
            if prepare is None and not usual_s[world.is_local]:
                run(seed, local(undisturbed) if world.is_local else undisturbed)
            world.run()
            try:
                world.check_output()
                world.check_left_alone()
                if any(not record.state.is_end for record in world.records):
                    world.recover()
                world.check_end()
            except AssertionError as error:
                error.add_note(f"seed {seed}, ended with {world.code}, said:\n{world.output}")
                print(error, *error.__notes__)
                raise
        return world

    return run


@pytest.mark.parametrize("kind", range(len(KINDS)), ids=list(KINDS))
def test_a_sample_of_faults_leaves_nothing_behind(fault: Fault, kind: int) -> None:
    fault(kind)


@pytest.mark.nightly
@pytest.mark.parametrize("first", range(len(KINDS), len(KINDS) + RUNS, RUNS_A_TEST))
def test_faults_leave_nothing_behind(fault: Fault, first: int) -> None:
    worlds = [fault(seed) for seed in range(first, first + RUNS_A_TEST)]
    killed = sum(world.was_killed for world in worlds)
    stored = sum(world.code == 0 for world in worlds)
    states = Counter(world.killed_in for world in worlds if world.was_killed)
    print(f"{killed} killed, {stored} measured, {len(worlds) - killed - stored} failed")
    print(", ".join(f"{number} in {state}" for state, number in states.items()))
    assert killed
    assert stored
