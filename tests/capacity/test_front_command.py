"""``planner capacity --front``: cost against carbon and unmet demand, by hand and end to end."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest

from tests.capacity.test_command import HALVES, ask
from tests.planner.conftest import Planner

STEADY: dict[str, Any] = {
    "name": "steady",
    "unit": "requests/s",
    "demand": [100.0] * 100,
    "offers": [
        {"name": "coal", "throughput": 10, "on_demand_usd_per_hour": 3, "kg_co2e_per_hour": 2},
        {"name": "hydro", "throughput": 10, "on_demand_usd_per_hour": 4, "kg_co2e_per_hour": 0},
    ],
}


def front(planner: Planner, spec: dict[str, Any], *flags: str) -> dict[str, Any]:
    done = ask(planner, spec, "--format", "json", *flags)
    assert done.code == 0, done.err
    found: dict[str, Any] = json.loads(done.out)
    assert found["schema"] == "planner.capacity-front/1"
    return found


def test_carbon_is_bought_off_at_the_difference_of_the_prices(planner: Planner) -> None:
    """Ten machines for 100 h: 3,000 USD and 2,000 kg, or 4,000 USD and none."""
    found = front(planner, STEADY, "--front", "carbon", "--points", "5")
    points = [(p["cost_usd"], p["kg_co2e"]) for p in found["points"]]
    expected = [(3000, 2000), (3250, 1500), (3500, 1000), (3750, 500), (4000, 0)]
    assert points == [pytest.approx(pair, abs=1e-3) for pair in expected]
    assert all(p["unmet_share"] is None for p in found["points"])


def test_what_serving_all_costs(planner: Planner) -> None:
    """A machine reserved for 1.2 USD/h saves 10,512 USD a year, and 43,800 unit-hours unserved:
    of a tenth of the demand, 175,200 unit-hours, four machines of thirty."""
    found = front(planner, HALVES, "--front", "unmet", "--points", "5")
    machines = [p["committed"]["a reserved-3y"] for p in found["points"]]
    assert machines == pytest.approx([26, 27, 28, 29, 30], rel=1e-5)
    for point, count in zip(found["points"], machines, strict=True):
        assert point["cost_usd"] == pytest.approx(count * 10_512, rel=1e-6)
        assert point["unmet_unit_hours"] == pytest.approx((30 - count) * 43_800, abs=1)
    assert found["points"][0]["unmet_share"] == pytest.approx(0.1)
    assert found["points"][-1]["unmet_unit_hours"] == 0


def test_forms_show_the_same_points(planner: Planner) -> None:
    flags = ("--front", "carbon", "--points", "3")
    shown = ask(planner, STEADY, *flags).out
    assert "cost against kg CO2e" in shown and "3,500" in shown
    assert "0.5" in shown.splitlines()[2]  # USD for a kg less
    rows = list(csv.DictReader(io.StringIO(ask(planner, STEADY, *flags, "--format", "csv").out)))
    assert [float(row["kg_co2e"]) for row in rows] == pytest.approx([2000, 1000, 0], abs=1e-6)
    assert "| cost_usd | kg_co2e |" in ask(planner, STEADY, *flags, "--format", "markdown").out
    assert "points" in json.loads(planner("schema", "capacity-front").out)["properties"]


@pytest.mark.parametrize(
    ("change", "flags", "words"),
    [
        ({}, ("--front", "speed"), "--front"),
        ({}, ("--front", "unmet", "--write-lp", "x.lp"), "does not go with --front"),
        ({"offers": HALVES["offers"]}, ("--front", "carbon"), "kg_co2e_per_hour"),
        ({"deferrable_hours": 2}, ("--front", "unmet"), "tie periods together"),
    ],
)
def test_what_has_no_front_says_so(
    planner: Planner, change: dict[str, Any], flags: tuple[str, ...], words: str
) -> None:
    done = ask(planner, {**STEADY, **change}, *flags)
    assert (done.code, done.out) == (2, "")
    assert words in done.err


def test_no_plan_at_all_is_infeasible(planner: Planner) -> None:
    few = [{**offer, "max_count": 1} for offer in STEADY["offers"]]
    done = ask(planner, {**STEADY, "offers": few}, "--front", "carbon")
    assert (done.code, done.out) == (3, "")
