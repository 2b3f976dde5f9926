"""``planner capacity`` end to end: figures by hand, the dispatch table, exit codes, the example."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from catalog import Catalog
from tests.capacity.oracle import least_cost
from tests.planner.conftest import ROOT, Outcome, Planner

EXAMPLE = ROOT / "examples" / "hybrid-year.yaml"


def ask(planner: Planner, spec: dict[str, Any], *flags: str) -> Outcome:
    return planner("capacity", "-", *flags, stdin=json.dumps(spec))


def answer(planner: Planner, spec: dict[str, Any], *flags: str) -> dict[str, Any]:
    outcome = ask(planner, spec, "--format", "json", *flags)
    assert outcome.code == 0, outcome.err
    result: dict[str, Any] = json.loads(outcome.out)
    return result


def table(planner: Planner, spec: dict[str, Any]) -> dict[str, np.ndarray]:
    outcome = ask(planner, spec, "--format", "csv")
    assert outcome.code == 0, outcome.err
    rows = list(csv.DictReader(io.StringIO(outcome.out)))
    return {name: np.array([float(row[name]) for row in rows]) for name in rows[0]}


def count(result: dict[str, Any], offer: str, option: str) -> dict[str, Any]:
    found = [c for c in result["counts"] if (c["offer"], c["option"]) == (offer, option)]
    assert len(found) == 1
    picked: dict[str, Any] = found[0]
    return picked


# Half the year 10 machines are needed, half 30: worked out by hand below.
HALVES: dict[str, Any] = {
    "name": "halves",
    "demand": [100.0] * 4380 + [300.0] * 4380,
    "offers": [
        {
            "name": "a",
            "throughput": 10,
            "on_demand_usd_per_hour": 3,
            "reserved_1y": {"usd_per_hour": 1.5, "upfront_usd": 876},
            "reserved_3y": {"usd_per_hour": 1.0, "upfront_usd": 5256},
        }
    ],
}


def test_figures_by_hand(planner: Planner) -> None:
    """Always-on machines cost 1 + 5256/26280 = 1.2 an hour for three years, half of what half-used
    on-demand costs (1.5): all thirty are reserved for three years."""
    result = answer(planner, HALVES)
    assert result["schema"] == "planner.capacity/1"
    assert (result["status"], result["unmet_demand"][0]["unit_hours"]) == ("optimal", 0)
    reserved = count(result, "a", "reserved_3y")
    assert reserved["count"] == 30
    assert result["cost_usd"] == pytest.approx(30 * 1.2 * 8760)
    assert result["cost_breakdown"]["reserved_usd"] == pytest.approx(30 * 8760)
    assert result["cost_breakdown"]["upfront_usd"] == pytest.approx(30 * 5256 / 3)
    # Two of three years are owed or paid for beyond the horizon.
    assert result["residual_liability_usd"] == pytest.approx(30 * 1.2 * 2 * 8760)
    assert reserved["utilisation"] == pytest.approx((10 + 30) / 2 / 30)
    savings = result["savings"]
    assert savings["all_on_demand"]["cost_usd"] == pytest.approx(3 * 20 * 8760)
    assert savings["all_reserved_at_peak"]["cost_usd"] == pytest.approx(result["cost_usd"])
    assert savings["all_reserved_at_peak"]["saving_usd"] == pytest.approx(0, abs=1e-6)
    assert savings["all_on_prem"]["cost_usd"] is None
    assert result["method"]["distinct_periods"] == 2


def test_dearer_commitments_cover_the_base_only(planner: Planner) -> None:
    """At 1.6 an hour reserved beats 3 on demand at full use, loses at half use (1.5)."""
    offers = [{**HALVES["offers"][0], "reserved_3y": None}]
    spec = {**HALVES, "offers": [{k: v for k, v in offers[0].items() if v is not None}]}
    result = answer(planner, spec)
    assert count(result, "a", "reserved_1y")["count"] == 10
    assert count(result, "a", "on_demand")["machine_hours"] == pytest.approx(20 * 4380)
    assert result["cost_usd"] == pytest.approx(10 * 1.6 * 8760 + 20 * 4380 * 3)
    assert result["residual_liability_usd"] == pytest.approx(0)


def test_a_leap_year_is_one_year_of_commitment(planner: Planner) -> None:
    offer = {"name": "a", "throughput": 1, "reserved_1y": {"usd_per_hour": 1, "upfront_usd": 100}}
    spec = {"demand": [1.0] * 8784, "offers": [offer]}
    result = answer(planner, spec)
    assert result["residual_liability_usd"] == 0
    assert result["cost_usd"] == pytest.approx(8784 + 100)
    longer = answer(planner, {**spec, "demand": [1.0] * 13140})
    assert longer["cost_usd"] == pytest.approx(13140 + 150)
    assert longer["residual_liability_usd"] == pytest.approx(4380 + 50)


HYBRID: dict[str, Any] = {
    "name": "hybrid",
    "demand": [40.0, 90.0, 200.0, 60.0],
    "offers": [
        {"name": "own", "throughput": 10, "owned_count": 4, "running_usd_per_hour": 0.5},
        {
            "name": "cloud",
            "throughput": 10,
            "on_demand_usd_per_hour": 3,
            "spot_usd_per_hour": 1,
            "spot_capacity_factor": 0.5,
            "max_count": 40,
            "held": [{"count": 2, "remaining_hours": 2, "usd_per_hour": 1.5}],
        },
    ],
    "limits": {"max_spot_share": 0.25},
    "migration": {"home": "on-prem", "egress_gb_per_unit_hour": 1, "egress_usd_per_gb": 0.05},
}


def test_hybrid_burst_by_hand(planner: Planner) -> None:
    """Own machines serve 40 at 0.5 each; elsewhere every unit pays 0.05 of egress. What is held
    costs its egress only (0.05 a unit), as much as owned (0.05): either may serve the first."""
    result = answer(planner, HYBRID)
    # Period 1: 90 = 40 own + 20 held + 22.5 spot (a quarter) + 7.5 on demand.
    period_1 = 4 * 0.5 + 50 * 0.05 + 22.5 / 5 * 1 + 0.75 * 3
    # Period 2, nothing held: 200 = 40 own + 50 spot + 110 on demand; 3: 60 = 40 + 15 + 5.
    period_2 = 4 * 0.5 + 160 * 0.05 + 10 * 1 + 11 * 3
    period_3 = 4 * 0.5 + 20 * 0.05 + 3 * 1 + 0.5 * 3
    assert result["cost_usd"] == pytest.approx(40 * 0.05 + period_1 + period_2 + period_3)
    assert result["sunk_usd"] == pytest.approx(2 * 2 * 1.5)
    egress = result["cost_breakdown"]["egress_usd"] + result["cost_breakdown"]["running_usd"]
    assert egress == pytest.approx((40 + 50 + 160 + 20) * 0.05 + 3 * 2)
    assert result["cost_usd"] == pytest.approx(least_cost(HYBRID)[0])


def test_dispatch_serves_demand_within_every_limit(planner: Planner) -> None:
    columns = table(planner, HYBRID)
    assert columns["period"].tolist() == [0, 1, 2, 3]
    spot, on_demand = columns["cloud spot"], columns["cloud on_demand"]
    held, owned = columns["cloud held"], columns["own owned"]
    served = 10 * (owned + held + on_demand) + 5 * spot
    assert served == pytest.approx(columns["demand hybrid"], abs=1e-6)
    assert (5 * spot <= 0.25 * columns["demand hybrid"] + 1e-6).all()
    assert (held <= np.array([2, 2, 0, 0]) + 1e-6).all()
    assert (owned <= 4 + 1e-6).all()
    assert (spot + on_demand + np.array([2, 2, 0, 0]) <= 40 + 1e-6).all()


def test_lines_add_up_and_dispatch_is_written(planner: Planner, tmp_path: Path) -> None:
    target = tmp_path / "dispatch.csv"
    result = answer(planner, HYBRID, "--dispatch", str(target))
    assert sum(result["cost_breakdown"].values()) == pytest.approx(result["cost_usd"])
    assert target.read_text().startswith("period,demand hybrid,")
    assert len(target.read_text().splitlines()) == 5
    missing = ask(planner, HYBRID, "--dispatch", str(tmp_path / "no" / "dispatch.csv"))
    assert (missing.code, missing.out) == (2, "")


def test_program_is_written_with_names(planner: Planner, tmp_path: Path) -> None:
    target = tmp_path / "plan.lp"
    assert ask(planner, HYBRID, "--write-lp", str(target)).code == 0
    text = target.read_text()
    assert "period_0_demand_0" in text and "use_0_u_0_0" in text and "max_spot_share" in text


def test_json_with_tabs_and_mistakes(planner: Planner, tmp_path: Path) -> None:
    spec = tmp_path / "spec.json"
    spec.write_text(json.dumps(HYBRID, indent="\t"))
    assert planner("capacity", spec).code == 0
    for text, problem in (
        ('{"demand": [1,]}', "spec.json: line 1, column 1"),
        ('{"demand": [1], "demand": [2], "offers": []}', "demand: is given twice"),
        ('{"demand": [NaN], "offers": []}', "demand.0: nan is not finite"),
        ('{"demand": [1e999], "offers": []}', "demand.0: inf is not finite"),
    ):
        spec.write_text(text)
        outcome = planner("capacity", spec)
        assert outcome.code == 2 and problem in outcome.err, outcome.err
    assert "no such file" in planner("capacity", tmp_path / "no.json").err


def test_unmet_demand_at_a_price_is_reported(planner: Planner) -> None:
    spec = {
        "demand": [10.0, 100.0],
        "unmet_usd_per_unit_hour": 0.4,
        "offers": [
            {"name": "a", "throughput": 10, "on_demand_usd_per_hour": 3, "max_on_demand": 4}
        ],
    }
    result = answer(planner, spec)
    unmet = result["unmet_demand"][0]
    assert (unmet["periods"], unmet["worst_period"], unmet["worst"]) == (1, 1, pytest.approx(60))
    assert unmet["share"] == pytest.approx(60 / 110)
    assert result["cost_breakdown"]["unmet_usd"] == pytest.approx(24)
    assert result["cost_usd"] == pytest.approx(3 + 12 + 24)
    assert result["savings"]["all_on_demand"]["cost_usd"] is None


def test_infeasible_names_period_lack_and_remedy(planner: Planner) -> None:
    spec = {
        "unit": "requests/s",
        "demand": [10, 50, 90, 85],
        "offers": [
            {"name": "a", "throughput": 10, "on_demand_usd_per_hour": 2, "max_count": 4},
            {"name": "b", "throughput": 5, "spot_usd_per_hour": 1, "max_spot": 3},
        ],
    }
    outcome = ask(planner, spec)
    assert (outcome.code, outcome.out) == (3, "")
    assert "period 2 lacks 35 of 90 requests/s" in outcome.err
    assert "1 other period lack" in outcome.err
    assert "max_count of a of 8 alone would help (now 4)" in outcome.err
    assert "max_spot of b of 10 alone would help (now 3)" in outcome.err
    spec["offers"][0]["max_count"] = 8  # type: ignore[index]
    assert ask(planner, spec).code == 0, "the advice holds"


def test_spot_share_is_named_when_it_alone_would_help(planner: Planner) -> None:
    spec = {
        "demand": [10],
        "offers": [{"name": "a", "throughput": 1, "spot_usd_per_hour": 1}],
        "limits": {"max_spot_share": 0.3},
    }
    outcome = ask(planner, spec)
    assert outcome.code == 3
    assert "period 0 lacks 7 of 10" in outcome.err
    assert "limits.max_spot_share" in outcome.err


def test_over_budget_prints_the_plan_and_ends_with_4(planner: Planner) -> None:
    spec = {**HYBRID, "limits": {"max_spot_share": 0.25, "budget_usd": 10}}
    outcome = ask(planner, spec, "--format", "json")
    assert outcome.code == 4
    assert json.loads(outcome.out)["status"] == "over_budget"
    assert "over budget" in outcome.err
    assert ask(planner, {**spec, "limits": {"budget_usd": 1e4}}).code == 0


def test_files_are_found_beside_the_spec(planner: Planner, tmp_path: Path) -> None:
    """Two workloads from one file, spot prices from another: a Prometheus export, in cents."""
    (tmp_path / "demand.csv").write_text("period,chat,batch\n0,10,5\n1,20,5\n")
    (tmp_path / "spot.csv").write_text("Time,price\n1767571200,100\n1767574800,300\n")
    (tmp_path / "spec.yaml").write_text(
        """
workloads:
  - {name: chat, demand: {file: demand.csv, column: chat}}
  - {name: batch, demand: {file: demand.csv, column: batch, scale: 2}}
offers:
  - name: a
    throughput: {chat: 5, batch: 10}
    spot_usd_per_hour: {file: spot.csv, format: prometheus, scale: 0.01}
  - {name: b, throughput: {chat: 5, batch: 5}, on_demand_usd_per_hour: 2}
"""
    )
    outcome = planner("capacity", tmp_path / "spec.yaml", "--format", "json")
    assert outcome.code == 0, outcome.err
    # Hour 0: 3 spot machines at 1. Hour 1: spot at 3; chat is cheaper on b (4 x 2), batch is
    # 10 units: one spot machine at 3 against two of b at 2 each.
    assert json.loads(outcome.out)["cost_usd"] == pytest.approx(3 + 8 + 3)


def test_several_workloads_share_what_neither_fills(planner: Planner) -> None:
    """Peaks at different times: one reserved pool carries both."""
    spec = {
        "workloads": [
            {"name": "day", "demand": [30, 10]},
            {"name": "night", "demand": [20, 60]},
        ],
        "offers": [{"name": "a", "throughput": {"day": 10, "night": 20}, "reserved_1y": 1}],
    }
    result = answer(planner, spec)
    assert count(result, "a", "reserved_1y")["count"] == 4
    assert result["cost_usd"] == pytest.approx(8)
    assert result["utilisation"] == pytest.approx(1)


def test_whole_machines(planner: Planner) -> None:
    spec = {
        "integer": "all",
        "demand": [11, 29],
        "offers": [{"name": "a", "throughput": 10, "on_demand_usd_per_hour": 2}],
    }
    assert answer(planner, spec)["cost_usd"] == pytest.approx(2 * (2 + 3))
    assert answer(planner, {**spec, "integer": "commitments"})["cost_usd"] == pytest.approx(8)


def test_prices_of_the_catalog_fill_what_is_left_out(planner: Planner, catalog: Catalog) -> None:
    rows = catalog.offers
    chosen = [
        (rows.text("kind", row), rows.number("usd_per_hour", row))
        for row in range(len(rows))
        if (rows.text("cloud", row), rows.text("region", row), rows.text("instance_type", row))
        == ("aws", "us-east-1", "g6.xlarge")
    ]
    on_demand = min(usd for kind, usd in chosen if kind == "on_demand" and usd is not None)
    known = {"cloud": "aws", "region": "us-east-1", "instance_type": "g6.xlarge"}
    spec = {
        "demand": [1.0],
        "offers": [{"name": "g6", "throughput": 1, "catalog": known, "spot_usd_per_hour": 99}],
    }
    result = answer(planner, spec)
    offer = result["spec"]["offers"][0]
    assert offer["on_demand_usd_per_hour"] == pytest.approx(on_demand)
    assert offer["spot_usd_per_hour"] == 99, "what the user wrote goes before"
    assert any("no price for reserved 3y: unknown" in note for note in result["notes"])


def test_example_is_as_documented(planner: Planner) -> None:
    """The figures in docs/capacity.md are this output."""
    outcome = planner("capacity", EXAMPLE, "--format", "json")
    assert outcome.code == 0, outcome.err
    result = json.loads(outcome.out)
    page = (ROOT / "docs" / "capacity.md").read_text(encoding="utf-8")
    assert f"{result['cost_usd']:,.0f}" in page
    assert f"{result['bound_usd']:,.0f}" in page
    assert f"{result['savings']['all_on_demand']['saving_fraction']:.0%}" in page
    for counted in result["counts"]:
        assert f"{counted['count']:.3g}" in page
    lines = result["cost_breakdown"]
    assert lines["upfront_usd"] == pytest.approx(
        320_000 / 3 * count(result, "cloud 8xH100", "reserved_3y")["count"]
    )
    # An annuity of 270,000 USD at 8% over 4 years, staff, and 2.5 kW idle at PUE 1.4.
    annuity = 270_000 * 0.08 / (1 - 1.08**-4)
    machine = annuity + 45_000 + 2.5 * 1.4 * 0.11 * 8760
    assert lines["purchase_usd"] == pytest.approx(
        machine * count(result, "own 8xH100", "purchased")["count"]
    )
    shown = planner("capacity", EXAMPLE).out
    assert "all on demand" in shown and max(map(len, shown.splitlines())) <= 100
    assert "| cloud 8xH100 |" in planner("capacity", EXAMPLE, "--format", "markdown").out
