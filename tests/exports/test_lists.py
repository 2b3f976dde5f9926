"""Commitments and FOCUS rows: sums, dates, and what reads them back."""

from __future__ import annotations

import csv
import io
import json
from datetime import date
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from catalog import Catalog
from planner.actions.focus import rates_of
from planner.errors import BadInput
from planner.exports import commitments, focus
from planner.results import Mix, Recommendation
from planner.results.capacity import CapacityResult
from planner.results.mix import MixResult
from tests.exports.conftest import HOSTILE, example, named, on, saved, small
from tests.planner.conftest import Planner

START = date(2026, 1, 15)


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def total(found: list[dict[str, str]], column: str = "EffectiveCost") -> float:
    return sum(float(row[column]) for row in found)


@pytest.fixture
def capacity(planner: Planner) -> CapacityResult:
    spec = {
        "name": "year",
        "demand": {"shape": "weekly", "mean": 40, "peak": 60, "peak_hour": 15},
        "periods": 8760,
        "offers": [
            {
                "name": "=cloud",
                "throughput": 10,
                "on_demand_usd_per_hour": 10,
                "reserved_3y": {"usd_per_hour": 1.0, "upfront_usd": 30000},
            }
        ],
    }
    outcome = planner("capacity", "-", "--format", "json", stdin=json.dumps(spec))
    assert outcome.code == 0, outcome.err
    return CapacityResult.model_validate_json(outcome.out)


def test_commitments_of_a_year(capacity: CapacityResult) -> None:
    (row,) = rows(commitments.of_capacity(capacity, "year.json"))
    (counted,) = [one for one in capacity.counts if one.option == "reserved_3y"]
    count = float(row["count"])
    assert count == counted.count > 0
    assert float(row["due_now_usd"]) == 30000 * count
    assert float(row["usd_per_month"]) == pytest.approx(730 * count)
    assert float(row["cost_usd_in_horizon"]) == pytest.approx(counted.cost_usd, rel=1e-5)
    assert float(row["owed_beyond_horizon_usd"]) == pytest.approx(
        counted.residual_liability_usd, rel=1e-5
    )
    assert row["what"] == "'=cloud", "no formula for a spreadsheet"


def test_a_plan_without_commitments_is_no_shopping_list(
    catalog: Catalog, training: Recommendation
) -> None:
    with pytest.raises(BadInput, match="commits to nothing: it pays on_demand"):
        commitments.of_recommendations([training], "r.json")
    (row,) = rows(commitments.of_recommendations([on(training, purchase="reservation")], "r.json"))
    assert float(row["count"]) == 2
    price = training.recommendation.price.usd_per_hour
    assert float(row["usd_per_month"]) == pytest.approx(2 * 730 * price, rel=1e-5)


def test_focus_rows_add_up_and_lie_in_their_months(
    serving: Recommendation, capacity: CapacityResult
) -> None:
    for text, cost in (
        (focus.of_recommendations([serving], START), serving.recommendation.cost_usd),
        (focus.of_capacity(capacity, START), capacity.cost_usd),
    ):
        found = rows(text)
        assert total(found) == pytest.approx(cost, rel=1e-4)
        for row in found:
            assert row["BillingPeriodStart"] <= row["ChargePeriodStart"]
            assert row["ChargePeriodStart"] < row["ChargePeriodEnd"] <= row["BillingPeriodEnd"]
            assert row["BillingCurrency"] == "USD"
    starts = sorted({row["BillingPeriodStart"][:7] for row in found})
    assert (starts[0], starts[-1], len(starts)) == ("2026-01", "2027-01", 13)


def test_focus_is_read_back_by_the_catalogs_import(catalog: Catalog) -> None:
    """Rates of the rows are the prices that the plan was made with."""
    plans = [
        small(catalog, tokens="500M", where={"clouds": [cloud], "purchase": [kind]})
        for cloud, kind in (("aws", "on_demand"), ("azure", "spot"), ("gcp", "spot"))
    ]
    known = {cloud: frozenset[str]() for cloud in ("aws", "azure", "gcp")}
    read = rates_of(rows(focus.of_recommendations(plans, START)), known)
    found = {(rate.cloud, rate.instance_type, rate.kind): rate.usd_per_hour for rate in read.rates}
    for plan in plans:
        item = plan.recommendation
        key = (item.cloud, item.instance_type, item.purchase)
        assert found[key] == pytest.approx(item.price.usd_per_hour, rel=1e-4)
    assert not read.left_out


def test_focus_has_egress_and_storage_apart(catalog: Catalog) -> None:
    plan = small(
        catalog,
        data={"at": "aws/us-east-1", "input": "2TB", "stored": "1TB"},
        where={"clouds": ["gcp"]},
    )
    found = rows(focus.of_recommendations([plan], START))
    by_category = {row["ServiceCategory"]: float(row["EffectiveCost"]) for row in found}
    assert {"Compute", "Networking"} <= set(by_category)
    lines = plan.recommendation.cost_breakdown
    assert by_category["Networking"] == pytest.approx(lines.egress_usd, rel=1e-4)
    assert total(found) == pytest.approx(plan.recommendation.cost_usd, rel=1e-4)


def test_focus_of_a_mix() -> None:
    group = {
        "type": "A10G", "count": 3, "usd_per_hour": 1.0, "cost_usd_per_hour": 3.0,
        "utilisation": 0.8, "requests_per_second": 4.0, "spot": True, "accelerator": "A10G",
        "cloud": "aws", "region": "us-east-1", "zone": "",
    }  # fmt: skip
    mix = MixResult.model_validate(
        {
            "name": "m", "status": "optimal", "groups": [group], "cost_usd_per_hour": 3.0,
            "bound_usd_per_hour": None, "gap": None, "requests_per_second": 4.0,
            "cost_usd_per_million_requests": None,
            "input_len_buckets": [], "output_len_buckets": [], "assignment": {},
            "simulation": None, "solver": "highs", "solve_seconds": 0.0,
        }
    )  # fmt: skip
    found = rows(focus.of_mix(mix, START, 730.0))
    assert total(found) == pytest.approx(730 * 3.0)
    assert {row["PricingCategory"] for row in found} == {"Dynamic"}


def test_hostile_names_are_one_cell(training: Recommendation) -> None:
    (row,) = rows(focus.of_recommendations([named(training, name=HOSTILE)], START))
    assert json.loads(row["Tags"])["planner/workload"] == HOSTILE


LISTED: list[tuple[str, dict[str, Any], str]] = [
    ("focus", {"--group": "1"}, "does not go with --to focus"),
    ("commitments", {}, "commits to nothing"),
    ("torchrun", {"--group": "1"}, "the result is no mix"),
    ("torchrun", {"--alternative": "9"}, "the result has 2 alternatives"),
    ("torchrun", {"--workload": "other"}, "the result is of"),
]


@pytest.mark.parametrize(("target", "options", "problem"), LISTED)
def test_what_does_not_go_together_is_one_line(
    planner: Planner, training: Recommendation, tmp_path: Path,
    target: str, options: dict[str, str], problem: str,
) -> None:  # fmt: skip
    words = [word for pair in options.items() for word in pair]
    outcome = planner("export", saved(training, tmp_path), "--to", target, *words)
    assert (outcome.code, outcome.out, len(outcome.err.splitlines())) == (2, "", 1)
    assert problem in outcome.err


def test_a_mix_is_exported_whole(
    planner: Planner, catalog: Catalog, serving: Recommendation, tmp_path: Path
) -> None:
    own = serving.recommendation.model_copy(
        update={"cloud": "on-prem", "region": "basement", "id": "on-prem/basement/x1"}
    )
    neuron = {"instance_type": "inf2.xlarge", "accelerator": "Inferentia2", "accelerators": 2.0}
    other = on(serving, **neuron).recommendation
    mix = Mix(groups=[own, other], cost_usd=1.0, saved_usd=0.0)
    path = saved(serving.model_copy(update={"mix": mix}), tmp_path)
    work = ("--image", "i", "--command", "serve")
    outcome = planner("export", path, "--to", "kubernetes", *work)
    documents = list(yaml.safe_load_all(outcome.out))
    for document in documents:
        kubernetes_validate.validate(document, "1.34", strict=True)
    names = [(one["kind"], one["metadata"]["name"]) for one in documents]
    assert len(set(names)) == 4  # a Deployment and a Service of each group
    selectors = [d["spec"]["selector"]["matchLabels"] for d in documents if "replicas" in d["spec"]]
    assert selectors[0] != selectors[1], "a group's Deployment must not take the other's pods"
    assert "group 2 of a mix of 2" in outcome.out
    refused = planner("launch", path, "--command", "serve", "--yes")
    assert refused.code == 2 and "say --group N (1: on-prem/basement/" in refused.err
    refused = planner("export", path, "--to", "vllm")
    assert (refused.code, refused.out) == (2, "") and "say -o FILE for FILE-1" in refused.err
    out = tmp_path / "serve.sh"
    (tmp_path / "serve-2.sh").write_text("mine")
    refused = planner("export", path, "--to", "vllm", "-o", out)
    assert refused.code == 2 and "serve-2.sh: exists already" in refused.err
    assert not (tmp_path / "serve-1.sh").exists()
    both = planner("export", path, "--to", "vllm", "-o", out, "--force")
    assert both.code == 0, both.err
    assert "vllm serve" in (tmp_path / "serve-1.sh").read_text()
    assert "Inferentia2" in (tmp_path / "serve-2.sh").read_text()
    second = planner(
        "export", path, "--to", "skypilot", "--group", "2", "--command", "python infer.py"
    )
    assert second.code == 0, second.err
    assert "instance_type: inf2.xlarge" in second.out


@pytest.mark.parametrize("target", ["skypilot", "kubernetes", "karpenter", "vllm", "torchrun"])
def test_an_edge_device_is_launched_by_nobody(
    planner: Planner, catalog: Catalog, tmp_path: Path, target: str
) -> None:
    path = saved(example("detect-yolo-edge", catalog), tmp_path)
    outcome = planner("export", path, "--to", target)
    assert outcome.code == 2
    assert "is an edge device" in outcome.err or "it is a service" in outcome.err


def test_a_capacity_plan_is_a_list_only(
    planner: Planner, capacity: CapacityResult, tmp_path: Path
) -> None:
    path = saved(capacity, tmp_path)
    refused = planner("export", path, "--to", "skypilot")
    assert refused.code == 2 and "--to commitments or focus" in refused.err
    assert planner("export", path, "--to", "commitments").out.startswith("what,option,count")


def test_it_is_written_whole_or_not_at_all(
    planner: Planner, training: Recommendation, tmp_path: Path
) -> None:
    path, out = saved(training, tmp_path), tmp_path / "job.sh"
    assert planner("export", path, "--to", "torchrun", "-o", out).code == 0
    assert out.read_text().startswith("#!/usr/bin/env bash\n")
    again = planner("export", path, "--to", "torchrun", "-o", out)
    assert again.code == 2 and "exists already" in again.err
    assert planner("export", path, "--to", "torchrun", "-o", out, "--force").code == 0


def test_the_targets_of_the_command_are_those_of_the_action() -> None:
    from planner.actions.exports import TARGETS
    from planner.cli.export import Target

    assert tuple(target.value for target in Target) == TARGETS
