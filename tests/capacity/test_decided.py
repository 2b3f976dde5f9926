"""Numbers of machines that the user has decided on, and where another way becomes the cheaper."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import numpy as np
import pytest

from planner.actions.capacity.break_even import break_even
from planner.actions.capacity.plan import capacity
from planner.actions.capacity.question import Changes, Question
from planner.errors import Superseded
from planner.optimize.capacity.fleet import Option
from planner.optimize.capacity.program import Settings
from planner.optimize.capacity.read_spec import parse_spec
from planner.report.break_even import sentences, to_csv
from tests.capacity.test_command import HALVES, answer, ask, count
from tests.planner.conftest import Planner

BUY: dict[str, Any] = {
    "name": "buy",
    "unit": "requests/s",
    "demand": [100.0] * 4380 + [300.0] * 4380,
    "offers": [
        {"name": "cloud", "throughput": 10, "on_demand_usd_per_hour": 3, "reserved_1y": 1.8},
        {
            "name": "own",
            "throughput": 20,
            "running_usd_per_hour": 0.2,
            "purchase": {"capex_usd": 35040, "life_years": 4, "max_new": 12},
        },
    ],
}


def asked(spec: dict[str, Any]) -> Question:
    return Question(parse_spec(spec, where="spec"))


def test_fixed_commitments_cost_what_they_do(planner: Planner) -> None:
    """Five three-year commitments at 1.2 an hour, one-year ones at 1.6 beneath 100 units, the rest
    on demand at 3: 10 machines work all of the time, 20 for half of it."""
    result = answer(planner, HALVES, "--count", "a=reserved-3y:5", "--count", "a=reserved-1y:0")
    assert [c["option"] for c in result["counts"]] == ["reserved_3y", "on_demand"]
    assert count(result, "a", "reserved_3y")["count"] == 5
    on_demand = 5 * 4380 + 25 * 4380
    assert result["cost_usd"] == pytest.approx(5 * 1.2 * 8760 + on_demand * 3)
    assert result["bound_usd"] == pytest.approx(result["cost_usd"], rel=1e-4)
    free = answer(planner, HALVES)["savings"]["all_on_demand"]["cost_usd"]
    assert result["savings"]["all_on_demand"]["cost_usd"] == pytest.approx(free)


def test_more_than_the_demand_needs_is_paid_for(planner: Planner) -> None:
    result = answer(planner, HALVES, "--count", "a=reserved-3y:40")
    assert result["cost_usd"] == pytest.approx(40 * 1.2 * 8760)
    assert count(result, "a", "reserved_3y")["count"] == 40


def test_purchases_are_fixed_in_the_spec_as_well(planner: Planner) -> None:
    spec = json.loads(json.dumps(BUY))
    spec["offers"][1]["purchase"]["count"] = 3
    by_spec = answer(planner, spec)
    by_flag = answer(planner, BUY, "--count", "own=purchased:3")
    assert count(by_spec, "own", "purchased")["count"] == 3
    assert by_spec["cost_usd"] == by_flag["cost_usd"]
    assert by_spec["cost_usd"] >= answer(planner, BUY)["cost_usd"]


def test_whole_machines_keep_to_what_is_fixed() -> None:
    spec = {**HALVES, "integer": "all", "demand": [100.0, 295.0]}
    found = capacity(
        asked(spec), Settings(), changes=Changes(counts={("a", Option.RESERVED_1Y): 7})
    )
    assert [c.count for c in found.result.counts if c.option == "reserved_1y"] == [7]


def test_demand_is_scaled(planner: Planner) -> None:
    doubled = answer(planner, HALVES, "--demand-scale", "2")
    assert doubled["cost_usd"] == pytest.approx(2 * answer(planner, HALVES)["cost_usd"])


def test_limits_of_what_can_be_fixed(planner: Planner) -> None:
    for flag, words in (
        ("own=purchased:13", "13 is above the max_new of 12"),
        ("oun=purchased:1", "did you mean own?"),
        ("own=reserved-1y:1", "own is not offered as reserved-1y"),
        ("own=bought:1", "ways are reserved-1y, reserved-3y, purchased"),
        ("own=purchased:some", "is no OFFER=WAY:COUNT"),
    ):
        outcome = ask(planner, BUY, "--count", flag)
        assert outcome.code == 2 and words in outcome.err, outcome.err
    assert ask(planner, BUY, "--demand-scale", "0").code == 2


def test_what_is_fixed_may_be_too_little(planner: Planner) -> None:
    spec = {**BUY, "offers": [BUY["offers"][1]], "demand": [100.0, 200.0]}
    outcome = ask(planner, spec, "--count", "own=purchased:4")
    assert outcome.code == 3
    assert "count purchased of own of 10 alone would help (now 4)" in outcome.err + outcome.out


def test_who_serves_what_adds_up_to_the_demand() -> None:
    found = capacity(asked(BUY), Settings())
    served = found.served
    assert served.demand is not None and set(served.ways) <= {"owned", "reservation", "on_demand"}
    np.testing.assert_allclose(served.amount.sum(axis=0), served.demand)


def test_break_even_utilisation_by_hand(planner: Planner) -> None:
    """Per unit: 0.3 on demand; reserved 0.18/u; bought 1 an hour over 20 units, and 0.01."""
    outcome = ask(planner, BUY, "--break-even", "utilisation", "--format", "json")
    found = json.loads(outcome.out)
    assert found["schema"] == "planner.break-even/1"
    assert found["ways"] == ["on_demand", "reserved_1y", "purchased"]
    flips = {flip["cheaper_above"]: flip["at"] for flip in found["flips"]}
    assert flips["reserved_1y"] == pytest.approx(0.6, rel=1e-3)
    assert flips["purchased"] == pytest.approx(0.05 / 0.29, rel=1e-3)
    assert found["now"] == pytest.approx(2 / 3)


def test_break_even_demand_is_that_of_plans() -> None:
    found = break_even(asked(BUY).ready(), "demand")
    at_one = next(p for p in found.points if p.at == 1).usd_per_unit_hour
    hybrid, cloud = at_one["hybrid"], at_one["cloud"]
    assert hybrid is not None and cloud is not None
    plan = capacity(asked(BUY), Settings()).result
    assert hybrid == pytest.approx(plan.cost_usd / (200 * 8760), rel=2e-3)
    assert hybrid <= cloud * 1.001
    # Twelve machines of 20 units do not carry 300.
    assert at_one["on_prem"] is None
    assert found.flips[-1].cause == "only one way can"
    rows = list(csv.DictReader(io.StringIO(to_csv(found))))
    assert [float(row["at"]) for row in rows] == pytest.approx(
        [p.at for p in found.points], rel=1e-5
    )
    assert any("on-prem is cheaper below" in line for line in sentences(found))


def test_a_superseded_break_even_stops() -> None:
    with pytest.raises(Superseded):
        break_even(asked(BUY).ready(), "demand", stop=lambda: True)
