"""Savings plans and commitments of resources: against scipy, closed forms, and on the way out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.actions.capacity.plan import capacity
from planner.actions.capacity.question import Question
from planner.errors import BadInput
from planner.optimize.capacity.from_spec import arrays_from
from planner.optimize.capacity.program import Settings
from planner.optimize.capacity.read_spec import parse_spec
from planner.results.capacity import CapacityAnswer
from tests.capacity.instances import random_spec, with_plans
from tests.capacity.oracle import least_cost
from tests.capacity.solving import TIGHT, solved
from tests.capacity.test_oracles import assert_equals_oracle
from tests.planner.conftest import ROOT, Planner


def planned(spec: dict[str, Any], gap: float = 1e-6) -> CapacityAnswer:
    return capacity(Question(parse_spec(spec, where="spec")), Settings(gap=gap))


@settings(max_examples=14, deadline=None)
@given(st.integers(0, 10**6))
def test_plans_equal_the_oracle(seed: int) -> None:
    assert_equals_oracle(with_plans(random_spec(seed, size=36), seed))


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 10**6))
def test_workloads_share_plans(seed: int) -> None:
    assert_equals_oracle(with_plans(random_spec(seed, size=20, offers=3, workloads=2), seed))


@pytest.mark.nightly
def test_many_instances() -> None:
    for seed in range(250):
        workloads = 1 + seed % 3
        assert_equals_oracle(with_plans(random_spec(seed, workloads=workloads), seed))


@settings(max_examples=4, deadline=None)
@given(st.integers(0, 10**6))
def test_the_ledger_adds_up_and_every_amount_covers_what_it_says(seed: int) -> None:
    """``capacity`` itself refuses a ledger that is not the solver's cost."""
    spec = with_plans(random_spec(seed, size=30), seed)
    for offer in spec["offers"]:
        offer.pop("max_count", None), offer.pop("max_on_demand", None)
    answer = planned(spec)
    result = answer.result
    for plan in result.plans:
        assert 0 <= plan.mean_used <= plan.committed * (1 + 1e-6)
        used = answer.dispatch.columns[f"{plan.name} used"]
        assert used.max() <= plan.committed * (1 + 1e-6) + 1e-9
        assert plan.mean_used == pytest.approx(used.mean(), abs=1e-9)
    lines = result.cost_breakdown
    amounts = lines.savings_plan_usd + lines.resource_commitment_usd
    assert amounts == pytest.approx(sum(plan.cost_usd for plan in result.plans), abs=1e-9)
    by_offer = sum(c.cost_usd for c in result.counts if c.option == "on_demand")
    assert by_offer == pytest.approx(lines.on_demand_usd, rel=1e-9, abs=1e-9)
    without = planned({k: v for k, v in spec.items() if k not in PLANS})
    assert result.cost_usd <= without.result.cost_usd * (1 + 1e-6)
    # one way alone is without plans, whatever plans there are
    for way in ("all_on_demand", "all_reserved_at_peak", "all_on_prem"):
        ours, theirs = (getattr(a.result.savings, way).cost_usd for a in (answer, without))
        held = any(p.get("held_usd_per_hour") or p.get("held_units") for p in _plans(spec))
        if not held and theirs is not None:
            assert ours == pytest.approx(theirs, rel=1e-5)


PLANS = ("savings_plans", "resource_commitments")


def _plans(spec: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan for name in PLANS for plan in spec[name]]


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 10**6), st.floats(0.05, 0.9), st.floats(0.1, 20))
def test_a_savings_plan_is_a_newsvendor(seed: int, discount: float, price: float) -> None:
    """One offer: commit while an hour of it is used more often than the discounted price asks."""
    demand = np.random.default_rng(seed).gamma(3, 100, 400)
    offer = {"name": "a", "throughput": 10.0, "on_demand_usd_per_hour": price}
    plans = [{"name": "p", "discount": discount}]
    machines = demand / 10
    critical = float(np.quantile(machines, discount, method="inverted_cdf"))
    committed = critical * price * (1 - discount)
    expected = committed * len(demand) + price * np.maximum(machines - critical, 0).sum()
    plan = solved({"demand": demand.tolist(), "offers": [offer], "savings_plans": plans})
    assert plan.cost_usd == pytest.approx(float(expected), rel=1e-6)


def test_what_a_plan_pays_counts_against_quotas() -> None:
    """A discount is no capacity: covered machines are on demand."""
    offers = [
        {"name": "a", "throughput": 10, "on_demand_usd_per_hour": 1, "max_on_demand": 3},
        {"name": "b", "throughput": 10, "on_demand_usd_per_hour": 5},
    ]
    spec = {"demand": [50.0] * 24, "offers": offers}
    plans = [{"name": "p", "discount": 0.5, "offers": ["a"]}]
    result = planned({**spec, "savings_plans": plans}).result
    assert result.cost_usd == pytest.approx(24 * (3 * 0.5 + 2 * 5))
    assert {c.offer: c.option for c in result.counts} == {"a": "savings_plan", "b": "on_demand"}
    (plan,) = result.plans
    assert plan.committed == pytest.approx(1.5) and plan.utilisation == pytest.approx(1)


def test_units_are_committed_apart_from_machines() -> None:
    """Two GPUs are committed to for the base load of both machines, vCPUs not at their price."""
    offers = [
        {"name": "small", "throughput": 1, "on_demand_usd_per_hour": 3,
         "resources": {"gpu": 1, "vcpu": 10}},
        {"name": "large", "throughput": 2, "on_demand_usd_per_hour": 6.5, "max_on_demand": 1,
         "resources": {"gpu": 2, "vcpu": 20}},
    ]  # fmt: skip
    spec = {
        "demand": [2.0] * 20 + [4.0] * 4,
        "offers": offers,
        "resource_commitments": [
            {"name": "gpus", "resource": "gpu", "term": "1y", "usd_per_unit_hour": 1.0,
             "on_demand_usd_per_unit_hour": 2.0},
            {"name": "cpus", "resource": "vcpu", "term": "3y", "usd_per_unit_hour": 0.099,
             "on_demand_usd_per_unit_hour": 0.1},
        ],
    }  # fmt: skip
    result = planned(spec).result
    assert result.cost_usd == pytest.approx(24 * (2 + 20 * 0.099) + 4 * (2 * 3))
    assert {p.name: p.committed for p in result.plans} == {"gpus": 2, "cpus": 20}
    gpus = next(p for p in result.plans if p.name == "gpus")
    assert gpus.residual_liability_usd == pytest.approx(2 * (8760 - 24))


def test_a_year_of_hours_in_bins() -> None:
    """Both bounds, over thousands of distinct periods, with machines reserved beside a plan."""
    rng = np.random.default_rng(5)
    hours = np.arange(2000)
    demand = (300 + 120 * np.sin(hours / 24 * 2 * np.pi)) * rng.lognormal(0, 0.1, len(hours))
    offers = [
        {"name": f"o{n}", "throughput": 5.0 + 3 * n, "on_demand_usd_per_hour": 1.0 + 0.55 * n,
         "spot_usd_per_hour": 0.5 + 0.3 * n, "max_spot": 5, "resources": {"gpu": n + 1},
         "reserved_1y": 0.7 + 0.4 * n}
        for n in range(4)
    ]  # fmt: skip
    spec = {
        "demand": demand.tolist(),
        "offers": offers,
        "savings_plans": [{"name": "sp", "discount": 0.28}],
        "resource_commitments": [
            {"name": "gpus", "resource": "gpu", "usd_per_unit_hour": 0.1,
             "on_demand_usd_per_unit_hour": 0.2}
        ],
    }  # fmt: skip
    coarse = solved(spec, Settings(gap=1e-4))
    fine = solved(spec, TIGHT)
    assert coarse.groups < len(coarse.classes) == 2000
    assert coarse.bound_usd <= fine.cost_usd * (1 + 1e-9) and coarse.gap <= 1e-4
    assert fine.bound_usd <= coarse.cost_usd


def test_plans_with_machines_that_start() -> None:
    """Periods that depend on each other: covered machines start as others do."""
    offer = {"name": "a", "throughput": 1, "on_demand_usd_per_hour": 1, "start_usd": 0.5}
    spec = {"demand": [1.0, 0, 1, 1], "offers": [offer]}
    plans = [{"name": "p", "discount": 0.5, "max_usd_per_hour": 0.25}]
    result = planned({**spec, "savings_plans": plans}).result
    # Half a machine by the plan, the rest on demand. It starts once, and then its other half
    # again: what the plan pays for may as well stay up while there is nothing to do.
    assert result.cost_usd == pytest.approx(4 * 0.25 + 3 * 0.5 + 0.5 + 0.25)


OFFER = {"name": "a", "throughput": 1, "on_demand_usd_per_hour": 1, "resources": {"gpu": 2}}
UNITS = {
    "name": "u", "resource": "gpu", "usd_per_unit_hour": 0.1, "on_demand_usd_per_unit_hour": 0.2,
}  # fmt: skip
DEARER = {**UNITS, "name": "v", "on_demand_usd_per_unit_hour": 0.3}


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"savings_plans": [{"name": "p"}]}, "savings_plans.0.discount"),
        ({"savings_plans": [{"name": "p", "discount": 1.5}]}, "savings_plans.0.discount"),
        ({"savings_plans": [{"name": "p", "discount": 0.2, "offers": ["b"]}]}, "unknown offer 'b'"),
        ({"savings_plans": [{"name": "p", "discount": 0.2, "families": ["b"]}]}, "unknown family"),
        ({"savings_plans": [{"name": "p", "discount": 0.2}] * 2}, "'p' is given twice"),
        ({"savings_plans": [{"name": "p", "discount": 0.2}], "integer": "all"}, "integer: all"),
        ({"savings_plans": [{"name": "p", "usd_per_hour": {"a": 0}}]}, "at no price"),
        ({"savings_plans": [{"name": "p", "dicount": 0.2}]}, "did you mean discount"),
        ({"resource_commitments": [{**UNITS, "resource": "gpus"}]}, "did you mean gpu"),
        ({"resource_commitments": [{**UNITS, "on_demand_usd_per_unit_hour": 0.6}]}, "cost 1.2 USD"),
        (
            {"resource_commitments": [UNITS, DEARER]},
            "a unit has one price",
        ),
        ({"resource_commitments": [{**UNITS, "max_units": -1}]}, "max_units"),
    ],
)  # fmt: skip
def test_plans_that_cannot_be(more: dict[str, Any], said: str) -> None:
    with pytest.raises(BadInput) as error:
        planned({"demand": [1.0], "offers": [OFFER], **more})
    assert said in str(error.value)


def test_a_discount_off_a_moving_price_is_refused() -> None:
    offer = {**OFFER, "on_demand_usd_per_hour": [1.0, 2.0]}
    spec = {"demand": [1.0, 1.0], "offers": [offer]}
    with pytest.raises(BadInput, match="moves"):
        planned({**spec, "savings_plans": [{"name": "p", "discount": 0.2}]})
    found = planned({**spec, "savings_plans": [{"name": "p", "usd_per_hour": {"a": 0.7}}]})
    assert found.result.cost_usd == pytest.approx(1.4)


def test_the_example_is_as_documented(planner: Planner) -> None:
    example = ROOT / "examples" / "savings-plans.yaml"
    shown = planner("capacity", example)
    assert shown.code == 0, shown.err
    assert shown.out.rstrip() in (ROOT / "docs" / "capacity.md").read_text(encoding="utf-8")
    expected, _ = least_cost(_written_out(yaml.safe_load(example.read_text())), gap=1e-6)
    result = json.loads(planner("capacity", example, "--format", "json").out)
    assert result["cost_usd"] == pytest.approx(expected, rel=1e-4)
    assert "savings plan compute-1y" in planner("capacity", example, "--format", "markdown").out
    table = planner("capacity", example, "--format", "csv").out.splitlines()
    assert table[0].endswith("compute-1y used,l4-1y used,g2-vcpu-1y used")
    front = planner("capacity", example, "--front", "unmet", "--points", "2", "--format", "json")
    assert any("compute-1y savings-plan" in point["committed"] for point in points(front.out))


def points(text: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(text)["points"]
    return found


def _written_out(spec: dict[str, Any]) -> dict[str, Any]:
    """Demand as figures, which is all the oracle reads."""
    _, periods = arrays_from(parse_spec(spec, where="spec"), "spec", Path())
    return {**spec, "demand": periods.demand[:, 0].tolist()}
