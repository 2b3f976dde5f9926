"""``planner calibrate plan``: which runs would pay for themselves."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from typing import Any

import jsonschema
import pytest

from catalog import Catalog
from planner.actions.calibration.plan import calibration_plan
from planner.actions.recommend.plan import recommend
from planner.actions.schemas import json_schema
from planner.errors import BadInput
from planner.performance.efficiency import Measured
from planner.performance.tasks import setups_of
from planner.results.calibration_plan import CalibrationPlan
from planner.workload import Workload, parse
from tests.planner.conftest import ROOT, Planner

FILE = ROOT / "examples" / "train-resnet50-imagenet.yaml"
BASE: dict[str, Any] = {
    "kind": "vision-training", "model": "resnet50", "samples": 1281167, "epochs": 90,
    "batch_size": 1024, "image_size": 224, "precision": "bf16",
    "where": {"max_nodes": 1},
}  # fmt: skip


def workload(where: dict[str, Any] | None = None, **changes: Any) -> Workload:
    return parse({**BASE, **changes, "where": {**BASE["where"], **(where or {})}}, where="test")


@pytest.fixture(scope="module")
def often(catalog: Catalog) -> CalibrationPlan:
    return calibration_plan(workload(), catalog, budget_usd=20, repeats=50)


def test_starts_from_what_recommend_says(catalog: Catalog, often: CalibrationPlan) -> None:
    best = recommend(workload(), catalog).recommendation.recommendation
    assert often.choice == best.id
    assert often.choice_cost_usd == pytest.approx(best.cost_usd, rel=1e-5)
    assert often.choice_usd > often.choice_cost_usd  # slow ends cost more than fast ones save


def test_a_run_teaches(often: CalibrationPlan) -> None:
    assert all(run.error_after < run.error_now for run in often.runs)
    assert often.lesson == ""


def test_worth_making_means_saving_more_than_its_price(often: CalibrationPlan) -> None:
    good = [run for run in often.runs if run.worth_it]
    assert good
    assert all(run.value_usd > run.price_usd for run in good)
    assert often.spent_usd == pytest.approx(sum(run.price_usd for run in good), rel=1e-3)
    assert often.spent_usd <= often.budget_usd
    assert often.saved_usd <= often.perfect_usd * 1.02
    assert all(run.why_not for run in often.runs if not run.worth_it)
    assert len({run.accelerator for run in often.runs}) == len(often.runs)


def test_a_cheap_job_is_not_worth_a_run(catalog: Catalog) -> None:
    plan = calibration_plan(workload(epochs=1), catalog, budget_usd=20)
    assert not any(run.worth_it for run in plan.runs)
    assert "no run is worth its price" in plan.headline
    cheapest = min(plan.runs, key=lambda run: run.price_usd)
    assert f"on {cheapest.accelerator}, is ${cheapest.price_usd:.2f} at most" in plan.lesson


def test_what_is_known_is_not_worth_asking_again(catalog: Catalog, often: CalibrationPlan) -> None:
    first = next(run for run in often.runs if run.worth_it)
    from planner.actions.planning import prepare

    prepared = prepare(workload(), catalog)
    machines = prepared.candidates.machines
    setups = setups_of(workload(), prepared.shape, machines, prepared.candidates.throughput)
    known = next(s for s in setups if s.accelerator == first.accelerator)
    runs = [Measured(replace(known, batch=32.0, devices=1.0), 0.0, "own-1", 0.4)]
    after = calibration_plan(workload(), catalog, runs, budget_usd=20, repeats=50)
    again = next(run for run in after.runs if run.accelerator == first.accelerator)
    assert again.value_usd < first.value_usd * 0.6


def test_own_machines_are_free_to_measure(catalog: Catalog) -> None:
    site = {
        "name": "hall", "system": "8xA100-80GB SXM server (OEM)", "machines": 1,
        "usd_per_kwh": 0.14, "pue": 1.4, "life": "4y", "capex_usd": 150000, "charge": "full",
    }  # fmt: skip
    plan = calibration_plan(workload({"on_prem": [site]}), catalog, budget_usd=0, repeats=50)
    run = next(run for run in plan.runs if run.accelerator == "A100-80GB")
    assert run.price_usd == 0
    assert run.value_per_usd is None
    assert run.on == ""
    assert not any(r.worth_it for r in plan.runs if r.price_usd > 0)


def test_a_deadline_is_priced(catalog: Catalog) -> None:
    plan = calibration_plan(
        workload(deadline="2d"), catalog, budget_usd=20, repeats=10, late_usd=500.0
    )
    assert plan.late_usd == 500
    assert any("500.00" in line for line in plan.assumptions)


def test_forms_agree(planner: Planner) -> None:
    asked = ("calibrate", "plan", FILE, "--budget", "5USD", "--repeats", "20", "--quiet")
    answer = planner(*asked, "--format", "json")
    assert answer.code == 0, answer.err
    document = json.loads(answer.out)
    jsonschema.validate(document, json_schema("calibration-plan"))
    rows = list(csv.DictReader(io.StringIO(planner(*asked, "--format", "csv").out)))
    assert [row["accelerator"] for row in rows] == [r["accelerator"] for r in document["runs"]]
    table = planner(*asked).out
    first = document["runs"][0]
    if first["worth_it"]:
        assert f"planner calibrate run {first['benchmark']} --on {first['on']}" in table
    assert first["accelerator"] in planner(*asked, "--format", "markdown").out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--budget", "much"), "--budget"),
        (("--budget", "-3USD"), "--budget"),
        (("--repeats", "0"), "--repeats"),
        (("--late-cost", "soon"), "--late-cost"),
    ],
)
def test_bad_input(planner: Planner, arguments: tuple[str, ...], said: str) -> None:
    answer = planner("calibrate", "plan", FILE, *arguments)
    assert (answer.code, answer.out) == (2, "")
    assert said in answer.err
    assert len(answer.err.strip().splitlines()) == 1


def test_work_without_a_benchmark_is_refused(catalog: Catalog) -> None:
    generic = parse(
        {"kind": "generic", "name": "cfd", "flops": "1e20", "bytes": "1e18", "precision": "fp64"},
        where="test",
    )
    with pytest.raises(BadInput, match="no benchmark measures generic"):
        calibration_plan(generic, catalog, budget_usd=20)
