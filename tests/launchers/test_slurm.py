"""The real SkyPilot on a real Slurm: launched, interrupted, killed and adopted.

Everything else about SkyPilot is tested against stand-ins; this is what they stand in for.
"""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Iterator
from subprocess import Popen
from typing import Any

import pytest

from tests.launchers.slurm_lab import HOME, SlurmLab, why_not

UNFIT = why_not()
pytestmark = pytest.mark.skipif(bool(UNFIT), reason=UNFIT)

ON = "skypilot:slurm/lab/debug,cpus=1"
SMALL = ("--samples", "640", "--epochs", "1", "--batch-size", "16", "--threads", "1")
STAGES = ("estimate", "confirm", "provision", "set up", "run", "collect", "tear down", "done")
# Some machines are ten times slower than others; none hangs for ever.
LIMIT_S = 1800.0


@pytest.fixture(scope="module")
def lab() -> Iterator[SlurmLab]:
    with SlurmLab() as up:
        watchdog = threading.Timer(LIMIT_S, up.close)
        watchdog.start()
        yield up
        watchdog.cancel()


def calibrate(lab: SlurmLab, *words: str, code: int = 0) -> str:
    """The command's stdout."""
    done = lab.run("planner", "calibrate", *words, timeout_s=LIMIT_S)
    assert done.returncode == code, f"{words}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def started(lab: SlurmLab, stage: str) -> Popen[str]:
    """A run on the cluster that has come to this stage."""
    run = lab.start("planner", "calibrate", "run", "cnn", "--on", ON, "--yes", *SMALL)
    said = []
    assert run.stderr is not None
    for line in run.stderr:
        said.append(line)
        if f"] {stage}" in line:
            return run
    raise AssertionError("".join(said))


def runs(lab: SlurmLab) -> list[dict[str, Any]]:
    found = json.loads(calibrate(lab, "status", "--format", "json"))["runs"]
    assert isinstance(found, list)
    return found


def launches(lab: SlurmLab) -> int:
    """How often SkyPilot's server was asked to launch."""
    log = lab.path(HOME / ".sky" / "api_server" / "server.log")
    return log.read_text().count('"POST /launch HTTP')


def jobs(lab: SlurmLab) -> str:
    """What Slurm still has in its queue."""
    return lab.run("squeue", "--noheader").stdout


def shape(value: Any) -> Any:
    """Names and kinds of what is in a document."""
    if isinstance(value, dict):
        return {name: shape(inner) for name, inner in value.items()}
    return "number" if isinstance(value, (int, float)) else type(value).__name__


def test_the_same_result_as_here(lab: SlurmLab) -> None:
    """Done-when 2 of calibration: the same benchmark through SkyPilot, the same schema."""
    words = ("planner", "calibrate", "run", "cnn", "--yes", "--format", "json", *SMALL)
    far = lab.run(*words, "--on", ON, timeout_s=LIMIT_S)
    assert far.returncode == 0, far.stdout + far.stderr
    said = [line.split("] ", 1)[1] for line in far.stderr.splitlines() if line.startswith("[")]
    assert [line.split(":")[0] for line in said if "still at it" not in line] == list(STAGES)
    near = json.loads(calibrate(lab, *words[2:], "--on", "local"))
    answer = json.loads(far.stdout)
    assert shape(answer["result"]) == shape(near["result"])
    assert answer["result"]["data"] == near["result"]["data"]
    assert answer["observation"].keys() == near["observation"].keys()
    stored = json.loads(calibrate(lab, "results", "--no-effect", "--format", "json"))
    assert {answer["id"], near["id"]} <= {own["id"] for own in stored["results"]}
    assert {run["state"] for run in runs(lab)} == {"done"}
    assert (launches(lab), jobs(lab)) == (1, "")


@pytest.mark.nightly
def test_ctrl_c_gives_the_node_back(lab: SlurmLab) -> None:
    run = started(lab, "set up")
    assert "planner-" in jobs(lab)
    lab.signal(run, signal.SIGINT)
    _, said = run.communicate()
    assert run.returncode == 130, said
    assert "] tear down" in said
    assert jobs(lab) == ""
    last = runs(lab)[-1]
    assert (last["state"], last["problem"]) == ("failed", "interrupted")
    calibrate(lab, "orphans", "--exit-code")


@pytest.mark.nightly
def test_a_killed_planners_cluster_is_adopted(lab: SlurmLab) -> None:
    before = launches(lab) if runs(lab) else 0
    run = started(lab, "run")
    lab.signal(run, signal.SIGKILL)
    run.communicate()
    killed = runs(lab)[-1]
    assert killed["state"] == "running"
    assert killed["run_id"] in calibrate(lab, "orphans", "--exit-code", code=5)
    (resumed,) = json.loads(calibrate(lab, "resume", "--format", "json"))["runs"]
    assert (resumed["run_id"], resumed["state"], resumed["problem"]) == (
        killed["run_id"],
        "done",
        "",
    )
    assert (launches(lab) - before, jobs(lab)) == (1, "")
    calibrate(lab, "orphans", "--exit-code")
