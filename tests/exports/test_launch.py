"""``planner launch`` against a cloud in a folder: consent, limits, tear-down, what stays up."""

from __future__ import annotations

import json
import os
import signal
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from catalog import Catalog
from launchers.ledger import RunLedger, RunState
from planner.actions.launch import LaunchOptions, LaunchOutcome, launch
from planner.actions.price_now import price_now
from planner.errors import BadInput, OverBudget
from planner.results import Recommendation
from tests import forked
from tests.exports.conftest import on, saved, small
from tests.fakes.sky_module import FakeSky
from tests.planner.conftest import Planner

LOG = "(job, pid=7) @@PLANNER_STAGE run\n(job, pid=7) epoch 1\n"
TODAY = date(2027, 1, 1)


@pytest.fixture
def cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeSky:
    return FakeSky(tmp_path / "cloud", LOG).install(monkeypatch)


@pytest.fixture
def job(catalog: Catalog, tmp_path: Path) -> Path:
    """A saved plan of a job on AWS, on demand."""
    where = {"clouds": ["aws"], "purchase": ["on_demand"]}
    return saved(small(catalog, name="my job", where=where), tmp_path)


def start(path: Path, catalog: Catalog, **options: Any) -> tuple[LaunchOutcome, list[str]]:
    said: list[str] = []
    given = LaunchOptions(**({"command": "python train.py"} | options))
    outcome = launch(str(path), given, lambda _: True, said.append, catalog=catalog, today=TODAY)
    return outcome, said


def test_a_job_runs_on_the_plans_machine_and_gives_it_back(
    planner: Planner, job: Path, cloud: FakeSky
) -> None:
    cloud.least_billed_s = 900.0
    outcome = planner("launch", job, "--command", "python train.py", "--yes", "--json")
    assert outcome.code == 0, outcome.err
    result = json.loads(outcome.out)
    assert result["schema"] == "planner.launch/1" and not result["kept_up"]
    assert result["bill"]["usd"] == pytest.approx(cloud.usd_per_hour / 4)
    assert cloud.calls("launch") == cloud.calls("down") == [result["cluster"]]
    assert not cloud.standing
    ((config, secrets),) = cloud.Task.configs
    plan = json.loads(job.read_text())["recommendation"]
    assert config["resources"]["instance_type"] == plan["instance_type"]
    assert config["resources"]["infra"] == f"aws/{plan['region']}"
    assert config["resources"]["max_hourly_cost"] >= plan["price"]["usd_per_hour"]
    assert "python train.py" in config["run"] and "timeout -k 10" in config["run"]
    assert secrets == {}
    (record,) = RunLedger().runs()
    assert (record.state, record.benchmark) == (RunState.DONE, "launch")
    assert "epoch 1" in outcome.err and "USD at most" in outcome.err


def test_nothing_starts_without_consent(planner: Planner, job: Path, cloud: FakeSky) -> None:
    outcome = planner("launch", job, "--command", "python train.py")
    assert outcome.code == 2 and "add --yes" in outcome.err
    assert not cloud.calls("launch") and not RunLedger().runs()


def test_a_failed_job_is_given_back_and_said(planner: Planner, job: Path, cloud: FakeSky) -> None:
    cloud.exit_code = 3
    outcome = planner("launch", job, "--command", "false", "--yes")
    assert outcome.code == 1 and "exit status 3" in outcome.err
    assert not cloud.standing
    assert RunLedger().runs()[0].state is RunState.FAILED


@pytest.mark.parametrize(
    ("verb", "keep_up"),
    [
        ("launch", False),
        ("stream_and_get", False),
        ("tail_logs", False),
        ("launch", True),
        ("stream_and_get", True),
    ],
)
def test_ctrl_c_gives_back_what_was_begun(
    serving: Recommendation, job: Path, catalog: Catalog, cloud: FakeSky, tmp_path: Path,
    verb: str, keep_up: bool,
) -> None:  # fmt: skip
    cloud.faults[verb] = [KeyboardInterrupt()]
    path = saved(serving, tmp_path, "serving.json") if keep_up else job
    with pytest.raises(KeyboardInterrupt):
        start(path, catalog, keep_up=keep_up)
    assert not cloud.standing
    (record,) = RunLedger().runs()
    assert record.state is RunState.FAILED and not record.may_cost_money


def test_a_plan_above_the_cap_is_not_started(job: Path, catalog: Catalog, cloud: FakeSky) -> None:
    with pytest.raises(OverBudget, match="is expected to cost"):
        start(job, catalog, max_cost_usd=0.01)
    assert not cloud.calls("launch")


def test_limits_bound_what_the_machine_does_by_itself(
    job: Path, catalog: Catalog, cloud: FakeSky
) -> None:
    """The most that it can cost, held to the end, is within the cap."""
    outcome, _ = start(job, catalog, max_cost_usd=10.0)
    assert outcome.estimate.usd is not None and outcome.estimate.usd <= 10.0
    (record,) = RunLedger().runs()
    assert record.terms.max_cost_usd == 10.0
    rate, hours = record.terms.usd_per_hour, record.terms.max_hours
    assert rate is not None and hours is not None and rate * hours <= 10.0
    config, _ = cloud.Task.configs[0]
    assert config["resources"]["max_hourly_cost"] * outcome.estimate.hours <= 10.001


def test_too_few_hours_are_said(job: Path, catalog: Catalog, cloud: FakeSky) -> None:
    _, said = start(job, catalog, max_hours=0.06)
    assert any("before its expected end" in line for line in said)


def test_a_watchdog_ends_what_takes_too_long(
    job: Path, catalog: Catalog, cloud: FakeSky, monkeypatch: pytest.MonkeyPatch
) -> None:
    from launchers.spending import Spending

    monkeypatch.setattr(Spending, "seconds", property(lambda _: 3600.0))
    with pytest.raises(OverBudget, match=r"the limit is 0\.5 h"):
        start(job, catalog, max_hours=0.5)
    assert not cloud.standing


def test_a_service_ends_when_it_was_asked_to(
    planner: Planner, serving: Recommendation, cloud: FakeSky, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    from launchers.spending import Spending

    monkeypatch.setattr(Spending, "seconds", property(lambda _: 3600.0))
    path = saved(serving, tmp_path)
    outcome = planner("launch", path, "--model-id", "m", "--max-hours", "1", "--yes")
    assert outcome.code == 0 and "taken down at --max-hours, as asked" in outcome.err
    assert not cloud.standing


def test_a_service_needs_an_end_or_an_explicit_none(
    planner: Planner, serving: Recommendation, cloud: FakeSky, tmp_path: Path
) -> None:
    path = saved(serving, tmp_path)
    outcome = planner("launch", path, "--model-id", "org/m", "--yes")
    assert outcome.code == 2 and "--keep-up" in outcome.err
    no_weights = planner("launch", path, "--max-hours", "1", "--yes")
    assert no_weights.code == 2 and "--model-id" in no_weights.err
    both = planner("launch", path, "--model-id", "m", "--keep-up", "--max-cost", "9USD", "--yes")
    assert both.code == 2 and "nobody watches" in both.err
    assert not cloud.calls("launch")
    bounded = planner("launch", path, "--model-id", "org/m", "--max-hours", "1", "--yes")
    assert bounded.code == 0 and not cloud.standing


def test_a_service_stays_up_only_when_asked_and_can_be_ended(
    planner: Planner, serving: Recommendation, cloud: FakeSky, tmp_path: Path
) -> None:
    path = saved(serving, tmp_path)
    outcome = planner("launch", path, "--model-id", "org/m", "--keep-up", "--yes", "--json")
    assert outcome.code == 0, outcome.err
    assert "nothing takes it down by itself" in outcome.err
    result = json.loads(outcome.out)
    assert result["kept_up"] and cloud.standing == {result["cluster"]}
    config, _ = cloud.Task.configs[0]
    assert config["num_nodes"] == 2 and "timeout -k" not in config["run"]
    assert "idle_minutes_to_autostop" not in cloud.options[-1]
    status = planner("calibrate", "status")
    assert "is up as asked and costs money" in status.err
    run_id = result["run_id"]
    assert planner("calibrate", "resume", run_id).code == 2
    assert planner("calibrate", "resume").code == 0 and cloud.standing
    assert planner("calibrate", "orphans", "--exit-code").code == 0
    assert result["stop"] == f"planner calibrate stop {run_id}"
    assert planner("calibrate", "stop", run_id).code == 0
    assert not cloud.standing


@pytest.mark.parametrize("verb", ["launch", "get-launch", "tail_logs", "down"])
def test_a_planner_that_was_killed_is_followed_by_another(
    job: Path, catalog: Catalog, cloud: FakeSky, planner: Planner, verb: str
) -> None:
    """Nothing stays behind wherever the first one died; what still runs is waited for."""
    called = cloud._called

    def deadly(name: str, detail: str = "") -> None:
        called(name, detail)
        if name == verb:
            os.kill(os.getpid(), signal.SIGKILL)

    cloud._called = deadly  # type: ignore[method-assign]
    assert forked.end(forked.start(lambda: start(job, catalog))) == -signal.SIGKILL
    cloud._called = called  # type: ignore[method-assign]
    (record,) = RunLedger().runs()
    assert record.may_cost_money and record.is_abandoned
    outcome = planner("calibrate", "resume")
    assert outcome.code == 0, outcome.err
    assert not cloud.standing
    (record,) = RunLedger().runs()
    assert record.state.is_end and not record.may_cost_money
    if verb == "tail_logs":
        assert record.state is RunState.DONE


def test_secrets_are_handed_on_unseen(
    planner: Planner, job: Path, cloud: FakeSky, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_very_secret")
    cloud.log = LOG + "(job, pid=7) token hf_very_secret\n"
    outcome = planner("launch", job, "--command", "x", "--secret", "HF_TOKEN", "--yes")
    assert outcome.code == 0, outcome.err
    ((config, secrets),) = cloud.Task.configs
    assert secrets == {"HF_TOKEN": "hf_very_secret"}
    ledger = RunLedger().path.read_bytes()
    for text in (outcome.err, outcome.out, json.dumps(config), ledger.decode("latin-1")):
        assert "hf_very_secret" not in text
    missing = planner("launch", job, "--command", "x", "--secret", "NOT_SET", "--yes")
    assert missing.code == 2 and "NOT_SET is not set" in missing.err


def test_a_task_files_work_runs_on_the_plans_machines(
    planner: Planner, job: Path, cloud: FakeSky, tmp_path: Path
) -> None:
    task = tmp_path / "task.yaml"
    own = {
        "name": "mine", "resources": {"accelerators": "H100:8"}, "num_nodes": 9,
        "setup": "pip install x", "run": "python mine.py", "envs": {"A": "1"}, "workdir": ".",
    }  # fmt: skip
    task.write_text(yaml.safe_dump(own))
    outcome = planner("launch", job, "--task", task, "--yes")
    assert outcome.code == 0, outcome.err
    ((config, _),) = cloud.Task.configs
    assert config["name"] == "my-job" and "num_nodes" not in config
    assert "accelerators" not in config["resources"]
    assert "python mine.py" in config["run"] and "pip install x" in config["setup"]
    assert config["envs"]["A"] == "1" and config["envs"]["PLANNER_PRECISION"] == "bf16"
    assert config["workdir"] == "."
    task.write_text("setup: echo\n")
    assert "has no run" in planner("launch", job, "--task", task, "--yes").err


def test_a_folder_is_carried_along(
    planner: Planner, job: Path, cloud: FakeSky, tmp_path: Path
) -> None:
    (tmp_path / "code").mkdir()
    words = ("launch", job, "--command", "python train.py", "--yes", "--workdir")
    assert planner(*words, tmp_path / "code").code == 0
    ((config, _),) = cloud.Task.configs
    assert config["workdir"] == str(tmp_path / "code")
    missing = planner(*words, tmp_path / "nothing")
    assert missing.code == 2 and "is no folder" in missing.err


def test_old_and_moved_prices_are_told(catalog: Catalog, cloud: FakeSky, tmp_path: Path) -> None:
    plan = small(catalog, where={"clouds": ["aws"], "purchase": ["on_demand"]})
    item = plan.recommendation
    cheaper = item.price.model_copy(update={"usd_per_hour": item.price.usd_per_hour / 2})
    path = saved(on(plan, price=cheaper), tmp_path)
    _, said = start(path, catalog)
    assert any("moved since the result" in line and "+100.0%" in line for line in said)
    with pytest.raises(BadInput, match="days old"):
        start(path, catalog, max_age="1d")
    now = price_now(item, catalog, TODAY)
    assert not now.moved and now.rate == pytest.approx(item.price.usd_per_hour, rel=1e-5)
    gone = price_now(item.model_copy(update={"instance_type": "gone"}), catalog, TODAY)
    assert gone.now is None and "does not list" in gone.moved


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ([], "not what to run there"),
        (["--command", "x", "--task", "y"], "--command"),
        (["--command", "x", "--keep-up"], "a job ends"),
        (["--command", "x", "--max-cost", "lots"], "--max-cost"),
        (["--command", "x", "--max-hours", "0"], "--max-hours"),
        (["--command", "train.py", "--template", "mpi"], "use one of torchrun, deepspeed"),
        (["--task", "nowhere.yaml"], "nowhere.yaml"),
    ],
)
def test_mistakes_are_one_line_before_anything_is_rented(
    planner: Planner, job: Path, cloud: FakeSky, words: list[str], problem: str
) -> None:
    outcome = planner("launch", job, *words, "--yes")
    assert outcome.code == 2, outcome.err
    assert problem in outcome.err.splitlines()[-1]
    assert not cloud.calls("launch")


@pytest.mark.parametrize("name", ["x,nodes=9", "x\n", "x; y"])
def test_a_machine_that_is_no_word_is_refused(
    planner: Planner, catalog: Catalog, cloud: FakeSky, tmp_path: Path, name: str
) -> None:
    where = {"clouds": ["aws"], "purchase": ["on_demand"]}
    path = saved(on(small(catalog, where=where), instance_type=name), tmp_path)
    outcome = planner("launch", path, "--command", "x", "--yes")
    assert outcome.code == 2 and "names no machine" in outcome.err
    assert len(outcome.err.splitlines()) == 1 and not cloud.calls("launch")


def test_ranks_are_started_by_a_template(job: Path, catalog: Catalog, cloud: FakeSky) -> None:
    start(job, catalog, template="torchrun")
    config, _ = cloud.Task.configs[0]
    assert "torch.distributed.run --standalone --nproc-per-node=" in config["run"]
