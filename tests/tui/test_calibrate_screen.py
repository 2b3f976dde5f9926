"""The Calibrate screen: every key, runs made, followed, stopped and left, figures of the CLI."""

from __future__ import annotations

import json
import os
import signal
import time
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from textual.widgets import Button

from catalog import Catalog
from catalog.observations import OwnObservations
from launchers.ledger import RunLedger, RunState
from planner.actions.calibration.panel import PANEL
from planner.actions.calibration.run import CalibrationOptions, estimate_run
from planner.actions.calibration.runs import resume
from planner.actions.calibration.typed import TypedPlan
from planner.actions.explore.plan import open_subject
from planner.actions.session import Session
from planner.cli.main import run as planner
from planner.report import calibration, calibration_basis, calibration_plan
from planner.results.calibration import CalibrationResults
from planner.results.calibration_basis import CalibrationBasis
from planner.results.calibration_plan import CalibrationPlan
from tests.fakes.sky_module import FakeSky
from tests.launchers.conftest import RESULT_LINE
from tests.launchers.programs import quick
from tests.tui.paned import Paned, opened
from tui.app import DEFAULT_WORKLOAD
from tui.screens import base, launch_dialog
from tui.screens.calibrate import ANSWERS, Asked, CalibrateScreen
from tui.screens.help import HelpScreen
from tui.screens.launch_dialog import LaunchDialog
from tui.screens.leave_dialog import LeaveDialog
from tui.widgets.charts.utilisation import bars, lines

AWS = "skypilot:aws/us-east-1,accelerators=L4:1"
Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def quick_typing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "DEBOUNCE_S", 0.02)
    monkeypatch.setattr(launch_dialog, "DEBOUNCE_S", 0.02)


# Quick to plan: one cloud, one machine.
WORK = """
kind: vision-training
name: digits
model: MNIST-CNN-pytorch-examples
samples: 60000
epochs: 14
decode_images: false
where: {clouds: [aws], max_nodes: 1, purchase: [on_demand]}
"""


@pytest.fixture
def work(tmp_path: Path) -> Path:
    path = tmp_path / "work.yaml"
    path.write_text(WORK)
    return path


@pytest.fixture
def cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeSky:
    sample = '@@PLANNER_SAMPLE {"second": 1.0, "gpu_percent": 97.0, "gpu_watts": 70.0}'
    log = f"(x, pid=7) @@PLANNER_STAGE run\n(x, pid=7) {sample}\n(x, pid=7) {RESULT_LINE}\n"
    return FakeSky(tmp_path / "cloud", log).install(monkeypatch)


@pytest.fixture
def hanging(cloud: FakeSky, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeSky]:
    """A job that prints a line and then nothing until its cluster is gone."""

    def tail_logs(cluster: str, job: int, *, follow: bool, output_stream: Any) -> int:
        output_stream.write("epoch 1\n")
        while cluster in cloud.standing:
            time.sleep(0.02)
        return 0

    monkeypatch.setattr(cloud, "tail_logs", tail_logs)
    yield cloud


def answered(*arguments: str, capsys: Capture) -> Any:
    """What the command says. Before the application runs: then what is printed is its own."""
    assert planner([*arguments, "--format", "json"]) == 0
    return json.loads(capsys.readouterr().out)


def said(it: Paned) -> str:
    return it.text("#said", it.app.screen)


async def start(it: Paned, **fields: str) -> None:
    """Through the dialog, as a person does: look at the cost, then agree."""
    await it.press("g")
    assert isinstance(it.app.screen, LaunchDialog)
    for name, value in fields.items():
        it.set(f"#{name}", value)
    await it.pilot.pause()
    await it.until(lambda: not it.app.screen.query_one("#start", Button).disabled, "the price")
    assert said(it).startswith("COST ")
    await it.pilot.click("#start")
    await it.until(lambda: it.screen.live is not None, "the start")


async def test_plan_basis_and_own_runs_are_those_of_the_command(
    capsys: Capture, work: Path
) -> None:
    file = str(work)
    plan = CalibrationPlan(**answered("calibrate", "plan", file, capsys=capsys))
    basis = CalibrationBasis(**answered("calibrate", "basis", file, capsys=capsys))
    async with opened("calibrate", (80, 24), work) as it:
        assert it.cells("#plan-rows") == [
            calibration_plan.cells(run, number) for number, run in enumerate(plan.runs, 1)
        ]
        assert it.status == plan.headline and it.screen.status.size.height <= 2
        # Of a low screen, too, the table says whole why a run is not worth its price.
        table, last = it.rows("#plan-rows"), len(it.rows("#plan-rows").columns) - 1
        why = [str(table.get_row_at(row)[last]).strip() for row in range(table.row_count)]
        assert why == [run.why_not for run in plan.runs] and any(why)
        assert sum(one.get_render_width(table) for one in table.ordered_columns) <= 80
        await it.press("down")
        about = it.text("#about-run")
        assert plan.lesson in about
        assert plan.runs[1].offer in about and plan.choice in about and plan.assumptions[0] in about
        await it.press("m")
        assert it.app.focused is it.screen.query_one("#budget")
        it.set("#budget", "lots")
        await it.until(lambda: "say 20USD" in it.status, "the refusal")
        assert it.screen.has_class("-old") and it.screen.query_one("#budget").has_class("wrong")
        it.set("#budget", "0.01USD")
        it.set("#repeats", "1000")
        await it.until(lambda: not it.screen.has_class("-old"), "the plan")
        assert "does not fit into the budget" in str(it.cells("#plan-rows"))
        await it.press("escape", "y")
        assert it.app.clipboard.endswith("--budget 0.01USD --repeats 1000")
        await it.press("u")
        await it.until(lambda: it.screen.query_one("#budget").value == "20USD", "undo")
        await it.until(lambda: it.status.startswith(plan.headline), "the first plan")
        await it.press("b")
        await it.until(lambda: it.status == basis.headline, "the basis")
        assert it.cells("#basis-rows") == [
            calibration_basis.cells(one) for one in basis.accelerators
        ]
        await it.press("y")
        assert it.app.clipboard.startswith("planner calibrate basis ")
        await it.press("o")
        await it.until(lambda: "nothing was measured yet" in it.status, "the own runs")
        await it.press("k", "d", "p")  # there is none to judge
        await it.press("e")
        await it.until(lambda: "no run was left behind" in it.status, "the rescue")
        await it.press("question_mark")
        assert isinstance(it.app.screen, HelpScreen)
        text = " ".join(it.text("#help Static", it.app.screen).split())
        for words in ("Closing the planner asks", "the cost first", "Analytic: neither"):
            assert words in text
        await it.press("escape")
        whole = it.screen.region
        for pane, parts in {
            "n": ("#budget", "#repeats", "#late", "#plan-rows", "#about"),
            "b": ("#basis-rows",),
            "o": ("#own-rows",),
            "r": ("#stages", "#utilisation", "#log"),
        }.items():
            await it.press(pane)
            for part in (*parts, "#status", "#panes"):
                region = it.screen.query_one(part).region
                assert whole.contains_region(region) and region.width >= 6, part
            for table in it.screen.query("Rows"):
                assert table.max_scroll_x == 0 or not table.region.width
        for size in ((30, 10), (1, 1), (200, 60)):
            await it.pilot.resize_terminal(*size)
            await it.pilot.pause()


async def test_a_run_from_its_price_to_what_it_changes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Capture, work: Path
) -> None:
    quick(monkeypatch, tmp_path, steps=3, pause_s=0.05)
    few = {name: PANEL[name] for name in ("MNIST CNN, 14 epochs", "LoRA of Llama-3.1-8B")}
    monkeypatch.setattr("planner.actions.calibration.panel.PANEL", few)
    async with opened("calibrate", file=work) as it:
        await it.press("r")
        await start(it, benchmark="cnn", on="local", max_cost="", settings="epochs=1")
        live = it.screen.live
        await it.until(lambda: live.is_over, "the run")
        await it.until(lambda: "over;" in it.status, "the last word")
        assert " done " in it.text("#stages") and "cnn on local" in it.text("#stages")
        assert "step 3/3" in it.screen.query_one("#log").lines
        assert "CPU 52%, most 52%" in it.text("#utilisation")
        assert "MEASURED MNIST-CNN-pytorch-examples on this-machine: 640" in it.text("#changes")
        assert live.standard.effect.sentence in it.text("#changes")
        assert "0 of 1 recommendations" not in it.text("#changes")
        assert it.app.catalog_version == 1  # the other screens plan anew
        assert "x Stop" not in str(it.screen.active_bindings)
        await it.press("y")
        assert it.app.clipboard == "planner calibrate run cnn --on local --set epochs=1"
        await it.press("o")
        await it.until(lambda: bool(it.cells("#own-rows")), "the run among the own ones")
        uses = []
        for key, use in (("d", "undone"), ("p", "used"), ("k", "used")):
            await it.press(key)
            await it.until(lambda u=use: it.cells("#own-rows")[0][-1] == u, f"{key}: {use}")
            uses.append(it.cells("#own-rows")[0][-1])
        shown = it.cells("#own-rows")
        assert live.outcome.own.id in it.text("#about-own")
        sentence = live.standard.effect.sentence
    found = CalibrationResults(**answered("calibrate", "results", capsys=capsys))
    (run,) = found.results
    assert shown == [calibration.cells(run, calibration.shortened([run.id])[run.id])]
    assert found.effect is not None and found.effect.sentence == sentence


async def test_nothing_is_rented_before_its_cost_was_seen(
    hanging: FakeSky, catalog: Catalog, work: Path
) -> None:
    async with opened("calibrate", (80, 24), work) as it:
        await it.press("g")
        it.set("#benchmark", "cnn")
        it.set("#on", "azur:x")
        await it.until(lambda: "is not a target" in said(it), "the refusal")
        it.set("#on", "skypilot:azur")
        await it.until(lambda: "did you mean azure?" in said(it), "the refusal")
        it.set("#on", AWS)
        it.set("#max_cost", "0.01USD")
        await it.until(lambda: "more than the cap of 0.01 USD" in said(it), "the refusal")
        assert it.app.screen.query_one("#start", Button).disabled
        it.set("#max_cost", "cheap")
        await it.until(lambda: "say 20USD" in said(it), "the refusal")
        assert it.app.screen.query_one("#max_cost").has_class("wrong")
        it.set("#max_cost", "2USD")
        estimate = estimate_run("cnn", AWS, CalibrationOptions(max_cost_usd=2.0), catalog=catalog)
        await it.until(lambda: str(estimate) in said(it), "the price")
        assert "refused above 2USD" in said(it)
        await it.press("escape")
        assert it.screen.live is None and hanging.calls("launch") == []
        await start(it, benchmark="cnn", on=AWS, max_cost="2USD")
        live = it.screen.live
        await it.until(lambda: "epoch 1" in it.screen.query_one("#log").lines, "its output")
        assert hanging.standing
        assert "agreed" in it.text("#spent") and "cap 2USD" in it.text("#spent")
        assert "USD/h" in it.text("#spent")
        await it.press("g")  # one at a time
        assert not isinstance(it.app.screen, LaunchDialog)
        await it.press("x")
        await it.until(lambda: live.is_over, "the end")
        await it.until(lambda: "stopped by the user" in it.status, "the last word")
        assert not hanging.standing
        # Closing asks; stopping gives the machine back before the planner is gone.
        await start(it, benchmark="cnn", on=AWS, max_cost="2USD")
        await it.until(lambda: bool(hanging.standing), "the machine")
        await it.press("q")
        dialog = it.app.screen
        assert isinstance(dialog, LeaveDialog)
        assert "takes a result along that nobody has fetched" in " ".join(said(it).split())
        await it.press("n")
        assert it.app.is_running and not it.screen.live.is_over
        await it.press("q", "s")
        for _ in range(500):
            if not it.app.is_running:
                break
            await it.pilot.pause(0.02)
        assert not it.app.is_running
    assert not hanging.standing
    assert [record.state for record in RunLedger().runs()] == [RunState.FAILED] * 2
    assert OwnObservations().all() == []


async def closes(it: Paned) -> None:
    for _ in range(500):
        if not it.app.is_running:
            return
        await it.pilot.pause(0.02)
    raise AssertionError("the application is still open")


@pytest.mark.parametrize("way", ["leave", pytest.param("SIGTERM", marks=pytest.mark.nightly)])
async def test_closing_leaves_a_run_to_resume_and_a_signal_ends_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Capture, work: Path, way: str
) -> None:
    quick(monkeypatch, tmp_path, steps=1000, pause_s=0.05)
    async with opened("calibrate", (80, 24), work) as it:
        await it.press("r")
        await start(it, benchmark="cnn", on="local", max_cost="")
        live = it.screen.live
        await it.until(lambda: bool(live.watch.samples), "its samples")
        if way == "leave":
            await it.press("q", "l")
        else:
            os.kill(os.getpid(), signal.SIGTERM)
        await closes(it)
    (record,) = RunLedger().runs()
    if way == "leave":
        told = " ".join(capsys.readouterr().err.split())  # on the terminal the user gets back
        assert f"planner calibrate resume {record.run_id}" in told
        assert record.state is RunState.RUNNING
        live.stop()  # this process lives on, other than a planner that was left
        while not live.is_over:
            time.sleep(0.02)
    else:
        assert record.state is RunState.FAILED and live.is_over
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


async def test_runs_left_behind_are_said_and_brought_to_their_end(
    cloud: FakeSky, monkeypatch: pytest.MonkeyPatch, catalog: Catalog, work: Path
) -> None:
    from launchers.base import RunTerms

    ledger = RunLedger()
    with monkeypatch.context() as patch:
        patch.setattr("launchers.ledger.os.getpid", lambda: 2**22 + 1)  # no process has this
        ledger.plan(
            "cnn-1", benchmark="cnn", target=AWS, resource="planner-cnn-1", terms=RunTerms(0.4)
        )
        ledger.record("cnn-1", RunState.LAUNCHING)
    cloud.launch(None, cluster_name="planner-cnn-1")
    ledger.record("cnn-1", RunState.RUNNING, job="7")
    async with opened("calibrate", (80, 24), work) as it:
        await it.press("o")
        await it.until(lambda: "LEFT BEHIND cnn-1 and may cost money" in it.status, "the warning")
        await it.press("e")
        await it.until(lambda: "cnn-1: done; stored as own-cnn-1" in it.status, "the rescue")
        assert not cloud.standing
        assert any("taken over" in line for line in it.screen.query_one("#log").lines)
        await it.press("o")
        await it.until(lambda: bool(it.cells("#own-rows")), "the rescued run")
    assert resume(None, lambda _: None, catalog=catalog) == []


@pytest.mark.nightly
async def test_a_real_run_on_this_machine(work: Path) -> None:
    pytest.importorskip("torch")
    async with opened("calibrate", file=work) as it:
        await it.press("r")
        await start(it, benchmark="cnn", on="local", max_cost="", settings="samples=600 epochs=1")
        await it.until(lambda: it.screen.live.is_over, "the run", seconds=300)
        assert it.screen.live.problem is None
        assert "MEASURED" in it.text("#changes") and "CPU" in it.text("#utilisation")
        (own,) = OwnObservations().all()
        assert own.observation.value


def test_answers_to_limits_of_long_ago_are_let_go() -> None:
    made: list[weakref.ref[CalibrationPlan]] = []

    class Planning:
        def calibration_plan(self, *_: object, **__: object) -> CalibrationPlan:
            plan = CalibrationPlan.model_construct()
            made.append(weakref.ref(plan))
            return plan

    screen, session = CalibrateScreen(open_subject(str(DEFAULT_WORKLOAD))), Planning()
    for budget in (*range(1, ANSWERS + 6), 9):  # the last one is known
        asked = Asked(plan=TypedPlan(budget=f"{budget}USD"))
        screen.work(cast("Session", session), asked)
    assert [plan() is not None for plan in made] == [False] * 5 + [True] * ANSWERS


def test_bars_of_what_a_machine_does() -> None:
    assert bars([0, 50, 100], 100) == "▁▅█"
    assert bars([1.0], 0) == " "
    samples = [{"second": float(i), "cpu_percent": 10.0 * i, "gpu_watts": 5.0} for i in range(9)]
    found = lines(samples, 40)
    assert found[0].startswith("CPU 80%, most 80%") and found[1].startswith("GPU power 5 W")
    assert all(len(line) <= 40 for line in found)
    assert "no samples yet" in lines([], 40)[0]
