"""The SkyPilot launcher against a recorded cloud: real Task and Resources, no sockets.

Whatever happens, the cluster is taken down.
"""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from launchers.background import POLL_S
from launchers.base import BenchmarkRun, CostEstimate
from launchers.cost_cap import held_hours
from launchers.errors import (
    BenchmarkFailed,
    BenchmarkUnusable,
    CostCapExceeded,
    LaunchRefused,
    LimitReached,
    TearDownFailed,
)
from launchers.ledger import RunLedger, RunState
from launchers.runs import OnResult, execute
from launchers.skypilot import SkyPilotLauncher
from launchers.targets import SkyTarget, parse_target
from tests.launchers.conftest import RESULT, RESULT_LINE

os.environ["SKYPILOT_DISABLE_USAGE_COLLECTION"] = "1"
sky = pytest.importorskip("sky")

MakeRun = Callable[..., BenchmarkRun]
ESTIMATE = CostEstimate(0.44, 0.8, 0.55, "test")
TARGET = "skypilot:aws/us-east-1,accelerators=L4:1"


@dataclass
class Cloud:
    """What was asked of it, and what it does when asked."""

    calls: list[tuple[str, Any]] = field(default_factory=list)
    log: str = f"(planner-test-1, pid=7) hello\n(planner-test-1, pid=7) {RESULT_LINE}\x1b[0m\n"
    cut_logs: list[str] = field(default_factory=list)
    exit_code: int = 0
    raises: dict[str, list[BaseException]] = field(default_factory=dict)
    blocks: dict[str, threading.Event] = field(default_factory=dict)
    clusters: set[str] = field(default_factory=set)

    def called(self, name: str, detail: Any = None) -> None:
        self.calls.append((name, detail))
        if self.raises.get(name):
            raise self.raises[name].pop(0)
        if name in self.blocks:
            self.blocks[name].wait(30)

    def names(self) -> list[str]:
        return [name for name, _ in self.calls]


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Cloud:
    made = Cloud()
    monkeypatch.setattr("launchers.skypilot.RETRY_WAIT_S", 0.0)
    monkeypatch.setattr("launchers.skypilot.LOG_END_S", 1.0)

    def launch(task: Any, cluster_name: str, **options: Any) -> str:
        made.called("launch", (task, options))
        made.clusters.add(cluster_name)
        return "request-launch"

    def stream_and_get(request: str, **options: Any) -> Any:
        options["output_stream"].write("provisioning\n")
        print("SkyPilot prints on stdout")
        made.called("stream_and_get", request)
        return 7, None

    def tail_logs(cluster: str, job: int, *, follow: bool, output_stream: Any) -> int:
        output_stream.write(made.cut_logs.pop(0) if made.cut_logs else made.log)
        made.called("tail_logs", (cluster, job))
        return made.exit_code

    def down(cluster: str) -> str:
        made.called("down", cluster)
        if cluster not in made.clusters:
            raise sky.exceptions.ClusterDoesNotExist(cluster)
        made.clusters.discard(cluster)
        return "request-down"

    def api_cancel(request: str) -> str:
        made.called("api_cancel", request)
        return "request-cancel"

    def api_status(**options: Any) -> list[Any]:
        made.called("api_status", options)
        return []

    def get(request: str) -> None:
        made.called("get", request)

    for function in (launch, stream_and_get, tail_logs, down, api_cancel, api_status, get):
        monkeypatch.setattr(sky, function.__name__, function)

    def no_network(*arguments: Any, **options: Any) -> Any:
        raise AssertionError("network")

    monkeypatch.setattr(socket.socket, "connect", no_network)
    monkeypatch.setattr(socket, "getaddrinfo", no_network)
    return made


def target_of(text: str) -> SkyTarget:
    target = parse_target(text)
    assert target is not None
    return target


def launcher_for(text: str = TARGET, **more: Any) -> SkyPilotLauncher:
    options = {"estimate": ESTIMATE} | more
    return SkyPilotLauncher(target_of(text), "test-1", **options)


def run_it(
    make_run: MakeRun,
    folder: Path,
    launcher: SkyPilotLauncher | None = None,
    said: list[str] | None = None,
    on_result: OnResult = lambda _: None,
    **more: Any,
) -> tuple[Any, list[str]]:
    lines = [] if said is None else said
    result = execute(
        launcher or launcher_for(),
        make_run("print('x')", **more),
        RunLedger(folder),
        confirmed=True,
        on_line=lines.append,
        on_result=on_result,
    )
    return result, lines


@pytest.mark.parametrize(
    "text",
    [
        TARGET,
        TARGET + ",spot",
        "skypilot:k8s,accelerators=L4:1",
        "skypilot:slurm/lab/debug,cpus=2",
        "skypilot:gcp/us-central1,cpus=4+,memory=16+",
    ],
)
def test_success(
    cloud: Cloud,
    make_run: MakeRun,
    tmp_path: Path,
    text: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    result, lines = run_it(
        make_run, tmp_path, launcher_for(text), threads=2, secrets={"TOKEN": "s3cret"}
    )
    assert result.document == RESULT
    assert cloud.names() == ["launch", "stream_and_get", "tail_logs", "down", "get"]
    assert not cloud.clusters
    assert {"provisioning", "SkyPilot prints on stdout"} <= set(lines)
    assert capsys.readouterr().out == ""  # results only
    task, options = cloud.calls[0][1]
    assert options == {"idle_minutes_to_autostop": 10, "down": True}
    assert task.name == "planner-test-1"
    assert task.envs["OMP_NUM_THREADS"] == "2"
    assert task.secrets["TOKEN"].get_secret_value() == "s3cret"
    assert "timeout -k 10 20" in task.run
    (resources,) = task.resources
    assert resources.use_spot == text.endswith("spot")
    billed = "aws" in text or "gcp" in text
    assert resources.max_hourly_cost == (pytest.approx(1.2) if billed else None)
    assert not Path(task.workdir).exists()  # the upload folder is gone
    (record,) = RunLedger(tmp_path).runs()
    assert (record.state, record.may_cost_money) == (RunState.DONE, False)
    assert b"s3cret" not in RunLedger(tmp_path).path.read_bytes()


def test_the_program_is_what_gets_uploaded(
    cloud: Cloud, make_run: MakeRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    recorded = sky.launch

    def launch(task: Any, **options: Any) -> Any:
        seen.extend(path.read_text() for path in Path(task.workdir).iterdir())
        return recorded(task, **options)

    monkeypatch.setattr(sky, "launch", launch)
    run_it(make_run, tmp_path)
    assert seen == ["print('x')"]


def test_nothing_is_launched_unless_confirmed(
    cloud: Cloud, make_run: MakeRun, tmp_path: Path
) -> None:
    with pytest.raises(LaunchRefused, match="not confirmed"):
        execute(launcher_for(), make_run(""), RunLedger(tmp_path), confirmed=False, on_line=print)
    assert cloud.calls == []
    assert not RunLedger(tmp_path).runs()[0].may_cost_money


@pytest.mark.parametrize("estimate", [ESTIMATE, CostEstimate(None, None, 0.55, "no price")])
def test_cost_cap(cloud: Cloud, make_run: MakeRun, tmp_path: Path, estimate: CostEstimate) -> None:
    launcher = launcher_for(estimate=estimate, max_cost_usd=0.4)
    with pytest.raises(CostCapExceeded):
        run_it(make_run, tmp_path, launcher)
    with pytest.raises(CostCapExceeded):
        launcher.launch(make_run(""), print, confirmed=True)
    assert cloud.calls == []


def test_cap_becomes_the_highest_price_skypilot_may_take(
    cloud: Cloud, make_run: MakeRun, tmp_path: Path
) -> None:
    run_it(make_run, tmp_path, launcher_for(max_cost_usd=1.1))
    task, _ = cloud.calls[0][1]
    (resources,) = task.resources
    assert resources.max_hourly_cost == pytest.approx(2.0)  # 1.1 USD in 0.55 h


@pytest.mark.parametrize(("cap", "each"), [(1.1, 0.5), (None, 0.3)])
def test_the_highest_price_is_that_of_a_node(
    cloud: Cloud, make_run: MakeRun, tmp_path: Path, cap: float | None, each: float
) -> None:
    """SkyPilot compares it with the price of one machine, however many it takes."""
    run_it(make_run, tmp_path, launcher_for(f"{TARGET},nodes=4", max_cost_usd=cap))
    task, _ = cloud.calls[0][1]
    (resources,) = task.resources
    assert resources.max_hourly_cost == pytest.approx(each)


@pytest.mark.parametrize("stage", ["launch", "stream_and_get"])
def test_refused_launch(cloud: Cloud, make_run: MakeRun, tmp_path: Path, stage: str) -> None:
    cloud.raises[stage] = [RuntimeError("quota of s3cret exceeded\nsecond line")]
    with pytest.raises(BenchmarkFailed, match=r"quota of \[secret\] exceeded") as caught:
        run_it(make_run, tmp_path, secrets={"TOKEN": "s3cret"})
    assert "second" not in str(caught.value)
    assert "down" in cloud.names()
    assert not cloud.clusters
    if stage == "stream_and_get":  # it may still be provisioning: cancelled, then taken down
        assert cloud.names().index("api_cancel") < cloud.names().index("down")
    assert RunLedger(tmp_path).runs()[0].state is RunState.FAILED


@pytest.mark.parametrize(
    ("log", "code", "told"),
    [
        ("", 1, "exit status 1"),  # preempted
        ("all is well\n", 0, "without a result"),
        ("@@PLANNER_RESULT {garb\x00ge\n", 0, "not JSON"),
        ('@@PLANNER_RESULT {"schema": "planner.benchmark/2"}\n', 0, "planner.benchmark/2"),
        (RESULT_LINE[:300] + "\n", 0, "not JSON"),
    ],
)
def test_no_result(
    cloud: Cloud, make_run: MakeRun, tmp_path: Path, log: str, code: int, told: str
) -> None:
    cloud.log, cloud.exit_code = log, code
    with pytest.raises(BenchmarkFailed, match=told):
        run_it(make_run, tmp_path)
    assert not cloud.clusters
    assert told in RunLedger(tmp_path).runs()[0].problem


def test_the_benchmarks_own_complaint_is_passed_on(
    cloud: Cloud, make_run: MakeRun, tmp_path: Path
) -> None:
    said = "\x1b[36m(planner-x, pid=1)\x1b[0m error: cnn: device cuda is not available\n"
    cloud.log, cloud.exit_code = f"{said}srun: error: node: task 0: Exited with exit code 2\n", 100
    with pytest.raises(BenchmarkUnusable, match="device cuda is not available"):
        run_it(make_run, tmp_path)
    assert not cloud.clusters


def test_a_node_that_cannot_be_set_up(cloud: Cloud, make_run: MakeRun, tmp_path: Path) -> None:
    """What a Slurm says then; nothing of it is the program's."""
    cloud.log = (
        "(setup pid=1) ERROR: no torch\nsrun: error: node: task 0: Exited with exit code 1\n"
    )
    cloud.exit_code = 100
    with pytest.raises(BenchmarkFailed, match=r"node could not be set up.*--python") as caught:
        run_it(make_run, tmp_path)
    assert not isinstance(caught.value, BenchmarkUnusable)


def test_a_lost_connection_to_the_log_is_tried_again(
    cloud: Cloud, make_run: MakeRun, tmp_path: Path
) -> None:
    cloud.cut_logs = [cloud.log[:80]]  # in the middle of the result
    cloud.raises["tail_logs"] = [ConnectionError("reset")]
    result, _ = run_it(make_run, tmp_path)
    assert result.document == RESULT
    assert cloud.names().count("tail_logs") == 2
    assert not cloud.clusters


@pytest.mark.parametrize("stage", ["launch", "stream_and_get", "tail_logs"])
def test_ctrl_c(cloud: Cloud, make_run: MakeRun, tmp_path: Path, stage: str) -> None:
    """Pressed while SkyPilot blocks; what it was doing goes on in the background."""
    cloud.blocks[stage] = threading.Event()

    def press() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        if stage == "launch":  # the request gets through after all
            threading.Timer(0.3, cloud.blocks[stage].set).start()

    waiting = threading.Timer(0.5, press)
    waiting.start()
    with pytest.raises(KeyboardInterrupt):
        run_it(make_run, tmp_path)
    cloud.blocks[stage].set()
    assert not cloud.clusters
    if stage != "tail_logs":
        assert cloud.names().index("api_cancel") < cloud.names().index("down")
    (record,) = RunLedger(tmp_path).runs()
    assert (record.state, record.problem) == (RunState.FAILED, "interrupted")


def test_a_result_that_comes_while_the_machine_goes_is_stored(
    cloud: Cloud, make_run: MakeRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C came before it, and the log's last lines after the machine was given back."""
    gone, stored = threading.Event(), []
    down = sky.down

    def tail_logs(cluster: str, job: int, *, output_stream: Any, **options: Any) -> int:
        gone.wait(30)
        # Later than the last look at the log of the call that gives the machine back.
        time.sleep(3 * POLL_S)
        output_stream.write(cloud.log)
        return 0

    def goes(cluster: str) -> str:
        threading.Timer(0.0, gone.set).start()
        return down(cluster)

    monkeypatch.setattr(sky, "tail_logs", tail_logs)
    monkeypatch.setattr(sky, "down", goes)
    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        run_it(make_run, tmp_path, on_result=stored.append)
    assert [one.document for one in stored] == [RESULT]
    (record,) = RunLedger(tmp_path).runs()
    assert (record.state, record.is_stored) == (RunState.FAILED, True)


def test_ctrl_c_during_tear_down_waits_for_it(
    cloud: Cloud, make_run: MakeRun, tmp_path: Path
) -> None:
    cloud.blocks["down"] = threading.Event()

    def press() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        threading.Timer(0.3, cloud.blocks["down"].set).start()

    threading.Timer(0.5, press).start()
    said: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        run_it(make_run, tmp_path, said=said)
    assert cloud.names().count("down") == 1
    assert any("once more abandons it" in line for line in said)
    assert not cloud.clusters
    (record,) = RunLedger(tmp_path).runs()
    assert (record.state, record.may_cost_money) == (RunState.DONE, False)


def test_ctrl_c_twice_during_tear_down_abandons_it_and_says_what_is_left(
    cloud: Cloud, make_run: MakeRun, tmp_path: Path
) -> None:
    cloud.blocks["down"] = threading.Event()
    for after_s in (0.5, 0.8):
        threading.Timer(after_s, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(TearDownFailed, match="sky down planner-test-1"):
        run_it(make_run, tmp_path)
    cloud.blocks["down"].set()
    (record,) = RunLedger(tmp_path).runs()
    assert (record.state, record.may_cost_money) == (RunState.TEAR_DOWN_FAILED, True)


def test_a_launch_whose_answer_got_lost_is_cancelled(
    cloud: Cloud, make_run: MakeRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud.raises["launch"] = [ConnectionError("reset by peer")]

    def api_status(**options: Any) -> list[Any]:
        name = options["cluster_name"]
        return [SimpleNamespace(request_id="r", cluster_name=name, name="launch", created_at=1)]

    monkeypatch.setattr(sky, "api_status", api_status)
    with pytest.raises(BenchmarkFailed, match="reset by peer"):
        run_it(make_run, tmp_path)
    assert ("api_cancel", "r") in cloud.calls
    assert cloud.names().index("api_cancel") < cloud.names().index("down")


@pytest.mark.parametrize("named", [{}, {"max_cost_usd": 1.1}])
def test_a_machine_dearer_than_agreed_is_given_back(
    cloud: Cloud,
    make_run: MakeRun,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    named: dict[str, float],
) -> None:
    taken = SimpleNamespace(get_cost=lambda seconds: 2.5 * seconds / 3600)
    handle = SimpleNamespace(launched_resources=taken, launched_nodes=2)
    monkeypatch.setattr(sky, "stream_and_get", lambda *_, **__: (7, handle))
    with pytest.raises(LimitReached, match="costs 5 USD/h"):
        run_it(make_run, tmp_path, launcher_for(f"{TARGET},nodes=2", **named))
    assert not cloud.clusters


def test_nobody_listening_keeps_no_machine(cloud: Cloud, make_run: MakeRun, tmp_path: Path) -> None:
    """A lost terminal: every line is an error from some moment on."""

    def gone(line: str) -> None:
        raise BrokenPipeError

    execute(launcher_for(), make_run(""), RunLedger(tmp_path), confirmed=True, on_line=gone)
    assert not cloud.clusters
    assert RunLedger(tmp_path).runs()[0].state is RunState.DONE


def test_tear_down_is_tried_again(cloud: Cloud, make_run: MakeRun, tmp_path: Path) -> None:
    cloud.raises["down"] = [ConnectionError("server restarts"), ConnectionError("still")]
    result, _ = run_it(make_run, tmp_path)
    assert result.document == RESULT
    assert not cloud.clusters


def test_a_cluster_that_will_not_go_down_is_named(
    cloud: Cloud, make_run: MakeRun, tmp_path: Path
) -> None:
    cloud.raises["down"] = [ConnectionError("gone") for _ in range(3)]
    with pytest.raises(TearDownFailed, match="sky down planner-test-1"):
        run_it(make_run, tmp_path)
    (record,) = RunLedger(tmp_path).runs()
    assert record.state is RunState.TEAR_DOWN_FAILED
    assert record.may_cost_money


@pytest.mark.parametrize("has_printed", [False, True])
def test_a_job_that_hangs_is_given_up(
    cloud: Cloud,
    make_run: MakeRun,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    has_printed: bool,
) -> None:
    monkeypatch.setattr("launchers.cost_cap.SETUP_TIMEOUT_S", 0.0)
    cloud.blocks["tail_logs"] = threading.Event()
    if has_printed:  # it was measured, whatever keeps the job from ending
        assert run_it(make_run, tmp_path, timeout_s=0.5)[0].document == RESULT
    else:
        cloud.log = "at work\n"
        with pytest.raises(BenchmarkFailed, match="did not return within"):
            run_it(make_run, tmp_path, timeout_s=0.5)
    cloud.blocks["tail_logs"].set()
    assert not cloud.clusters


def test_a_request_skypilot_does_not_understand(
    cloud: Cloud, make_run: MakeRun, tmp_path: Path
) -> None:
    with pytest.raises(LaunchRefused, match="SkyPilot refused"):
        run_it(make_run, tmp_path, launcher_for("skypilot:nowhere/x"))
    assert cloud.calls == []


def test_an_abandoned_cluster_can_be_adopted(cloud: Cloud, make_run: MakeRun) -> None:
    cloud.clusters.add("planner-test-1")
    launcher = launcher_for()
    launcher.adopt(make_run(""), "")
    launcher.tear_down()
    assert not cloud.clusters


def test_held_hours_cover_setup_run_and_idle_time() -> None:
    assert held_hours(1800) == pytest.approx(0.25 + 0.5 + 10 / 60)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "lokal",
        "skypilot",
        "skypilot:",
        "skypilot:aws,",
        "skypilot:aws,gpu=1",
        "skypilot:aws,accelerators=",
        "skypilot:aws,accelerators=L4:0",
        "skypilot:aws,accelerators=L4:x",
        "skypilot:aws,cpus=many",
        "skypilot:aws us-east-1",
        "aws:x",
    ],
)
def test_bad_targets_are_refused(text: str) -> None:
    with pytest.raises(LaunchRefused, match="--on"):
        parse_target(text)
