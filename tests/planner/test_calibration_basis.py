"""``planner calibrate basis``: what the estimates of a workload stand on."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import jsonschema
import pytest

from catalog import Catalog
from planner.actions.calibration.bases import calibration_basis
from planner.actions.planning import prepare
from planner.actions.recommend.plan import recommend
from planner.actions.schemas import json_schema
from planner.errors import BadInput
from planner.performance.efficiency import Measured
from planner.performance.tasks import setups_of
from planner.workload import Workload, parse
from tests.planner.conftest import ROOT, Planner

FILE = ROOT / "examples" / "train-resnet50-imagenet.yaml"


def workload() -> Workload:
    return parse(
        {
            "kind": "vision-training", "model": "resnet50", "samples": 1281167, "epochs": 90,
            "batch_size": 1024, "precision": "bf16", "where": {"max_nodes": 1, "clouds": ["aws"]},
        },
        where="test",
    )  # fmt: skip


def test_figures_are_those_of_recommend(catalog: Catalog) -> None:
    found = calibration_basis(workload(), catalog)
    best = recommend(workload(), catalog, top=0).recommendation.recommendation
    first = found.accelerators[0]
    assert (first.cheapest, first.cost_usd, first.accelerator) == (
        best.id, best.cost_usd, best.accelerator,
    )  # fmt: skip
    assert (first.cost_usd_p10, first.cost_usd_p90) == (best.cost_usd_p10, best.cost_usd_p90)
    costs = [one.cost_usd for one in found.accelerators]
    assert costs == sorted(costs) and len({one.accelerator for one in found.accelerators}) > 3
    assert all(one.measured == one.own_runs == 0 for one in found.accelerators)


def test_a_run_moves_its_accelerator_to_measured(catalog: Catalog) -> None:
    prepared = prepare(workload(), catalog)
    c = prepared.candidates
    setups = setups_of(workload(), prepared.shape, c.machines, c.throughput)
    before = calibration_basis(workload(), catalog)
    name = before.accelerators[-1].accelerator
    of = next(i for i, device in enumerate(c.machines.devices) if device.name == name)
    run = Measured(replace(setups[of]), 0.0, "own-1", 0.3)
    after = {a.accelerator: a for a in calibration_basis(workload(), catalog, [run]).accelerators}
    assert after[name].own_runs == 1 and after[name].measured > 0
    others = [one for one in after.values() if one.accelerator != name]
    assert not any(one.measured for one in others)
    assert sum(one.options for one in after.values()) == sum(
        one.options for one in before.accelerators
    )


def test_forms_agree(planner: Planner) -> None:
    asked = ("calibrate", "basis", FILE, "--quiet")
    answer = planner(*asked, "--format", "json")
    assert answer.code == 0, answer.err
    document = json.loads(answer.out)
    jsonschema.validate(document, json_schema("calibration-basis"))
    rows = list(csv.DictReader(io.StringIO(planner(*asked, "--format", "csv").out)))
    assert [row["cheapest"] for row in rows] == [r["cheapest"] for r in document["accelerators"]]
    table, first = planner(*asked).out, document["accelerators"][0]
    assert first["accelerator"] in table and "analytic" in table.splitlines()[0]
    assert first["cheapest"] in planner(*asked, "--format", "markdown").out


def test_nothing_that_can_run_it_is_said(catalog: Catalog) -> None:
    huge = parse(
        {"kind": "pretrain", "model": "70B", "tokens": "1B", "where": {"accelerators": ["T4"],
         "max_nodes": 1}}, where="test",
    )  # fmt: skip
    with pytest.raises(BadInput, match="nothing can run this workload"):
        calibration_basis(huge, catalog)
