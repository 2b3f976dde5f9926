"""A run followed, and ended, from another thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from catalog import Catalog
from catalog.observations import OwnObservations
from launchers import output
from launchers.benchmarks.programs import meters
from launchers.ledger import RunLedger, RunState
from launchers.output import sample_of
from planner.actions.calibration.ready import made_ready
from planner.actions.calibration.run import CalibrationOptions, estimate_run, run_calibration
from planner.actions.calibration.watch import Watch
from planner.errors import BadInput, OverBudget, PlannerError
from tests.fakes.sky_module import FakeSky
from tests.launchers.conftest import RESULT_LINE
from tests.launchers.programs import quick

AWS = "skypilot:aws/us-east-1,accelerators=L4:1"
OPTIONS = CalibrationOptions(max_seconds=5.0)


def until(condition: Callable[[], bool]) -> None:
    end_s = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end_s
        time.sleep(0.01)


def test_what_the_machine_does_is_told_while_it_runs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, catalog: Catalog
) -> None:
    quick(monkeypatch, tmp_path)
    watch, lines = Watch(), list[str]()
    done = run_calibration(
        "cnn", "local", OPTIONS, lambda _: True, lines.append, catalog=catalog, watch=watch
    )
    assert [sample["cpu_percent"] for sample in watch.samples] == [50.0, 51.0, 52.0]
    assert not any("SAMPLE" in line for line in lines) and "step 3/3" in lines
    assert (watch.run_id, watch.stage, watch.usd) == (done.run_id, "done", 0.0)
    assert watch.seconds > 0


def test_programs_tell_samples_only_to_those_who_watch(catalog: Catalog) -> None:
    for watch in (None, Watch()):
        ready = made_ready("cnn", "local", OPTIONS, catalog, lambda _: None, watch)
        assert bool(ready.run.environment) is (watch is not None)


def test_a_stopped_run_has_ended_and_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, catalog: Catalog
) -> None:
    quick(monkeypatch, tmp_path, steps=1000, pause_s=0.1)
    watch, problems = Watch(), list[str]()

    def work() -> None:
        try:
            run_calibration("cnn", "local", OPTIONS, lambda _: True, lambda _: None, watch=watch)
        except PlannerError as error:
            problems.append(str(error))

    thread = threading.Thread(target=work)
    thread.start()
    until(lambda: len(watch.samples) > 1)
    watch.stop()
    thread.join(20)
    assert not thread.is_alive() and watch.is_stopping
    assert "stopped by the user" in problems[0] and watch.run_id in problems[0]
    (record,) = RunLedger().runs()
    assert record.state is RunState.FAILED and "stopped by the user" in record.problem
    assert OwnObservations().all() == []


def test_a_stop_before_the_start_starts_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, catalog: Catalog
) -> None:
    quick(monkeypatch, tmp_path)
    watch = Watch()
    watch.stop()
    with pytest.raises(PlannerError, match="stopped by the user"):
        run_calibration(
            "cnn", "local", OPTIONS, lambda _: True, lambda _: None, catalog=catalog, watch=watch
        )
    assert RunLedger().runs() == []


def test_a_rented_run_is_followed_and_stopped_too(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, catalog: Catalog
) -> None:
    sample = '(x, pid=7) @@PLANNER_SAMPLE {"second": 1.0, "gpu_percent": 97.0}\x1b[0m'
    log = f"(x, pid=7) @@PLANNER_STAGE run\n{sample}\n(x, pid=7) {RESULT_LINE}\n"
    cloud = FakeSky(tmp_path / "cloud", log).install(monkeypatch)
    watch = Watch()
    run_calibration(
        "cnn", AWS, OPTIONS, lambda _: True, lambda _: None, catalog=catalog, watch=watch
    )
    assert watch.samples == [{"second": 1.0, "gpu_percent": 97.0}]
    assert watch.usd_per_hour and watch.usd is not None and not cloud.standing
    cloud.log = "working\n"
    second = Watch()
    followed = cloud.tail_logs

    def stopped(*words: object, **options: object) -> int:
        second.stop()
        time.sleep(0.5)
        return followed(*words, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(cloud, "tail_logs", stopped)
    with pytest.raises(PlannerError, match="stopped by the user"):
        run_calibration(
            "cnn", AWS, OPTIONS, lambda _: True, lambda _: None, catalog=catalog, watch=second
        )
    assert not cloud.standing
    assert RunLedger().runs()[-1].state is RunState.FAILED


def test_an_estimate_starts_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, catalog: Catalog
) -> None:
    quick(monkeypatch, tmp_path)
    assert estimate_run("cnn", "local", OPTIONS, catalog=catalog).is_free
    agreed: list[float | None] = []
    with pytest.raises(BadInput, match="not confirmed"):
        run_calibration(
            "cnn",
            AWS,
            OPTIONS,
            lambda estimate: bool(agreed.append(estimate.usd)),
            lambda _: None,
            catalog=catalog,
        )
    assert [estimate_run("cnn", AWS, OPTIONS, catalog=catalog).usd] == agreed
    capped = CalibrationOptions(max_seconds=5.0, max_cost_usd=0.01)
    with pytest.raises(OverBudget, match="more than the cap"):
        estimate_run("cnn", AWS, capped, catalog=catalog)
    with pytest.raises(BadInput, match="did you mean cnn"):
        estimate_run("cn", "local", OPTIONS, catalog=catalog)
    assert RunLedger().runs() == []


def test_programs_and_launchers_agree_on_the_words() -> None:
    assert meters.SAMPLE_MARKER == output.SAMPLE_MARKER
    assert meters.SAMPLES_WANTED == output.SAMPLES_WANTED


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("epoch 1", None),
        ('@@PLANNER_SAMPLE {"second": 1, "gpu": "x"}', {"second": 1.0}),
        ("@@PLANNER_SAMPLE {broken", {}),
        ("@@PLANNER_SAMPLE [1]", {}),
    ],
)
def test_a_sample_in_a_line(line: str, found: dict[str, float] | None) -> None:
    assert sample_of(line) == found


def test_a_meter_tells_its_samples_where_they_are_wanted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(meters.SAMPLES_WANTED, "1")
    meter = meters.Meter("cpu")
    meter.sample()
    assert sample_of(capsys.readouterr().out) == meter.samples[0]
    monkeypatch.setenv("RANK", "1")
    meters.Meter("cpu").sample()
    assert capsys.readouterr().out == ""
