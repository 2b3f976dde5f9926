"""Starts, minimum up-times and work that waits: enumeration, figures by hand, bounds."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.actions.capacity.plan import capacity
from planner.actions.capacity.question import Question
from planner.errors import Infeasible
from planner.optimize.capacity import coupled
from planner.optimize.capacity.program import Settings
from planner.optimize.capacity.read_spec import parse_spec
from planner.results.capacity import CapacityAnswer

TIGHT = Settings(gap=1e-7, time_limit_s=120)


def planned(spec: dict[str, Any], with_settings: Settings = TIGHT) -> CapacityAnswer:
    return capacity(Question(parse_spec(spec, where="spec")), with_settings)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.integers(0, 3), min_size=2, max_size=6),
    st.sampled_from([0.0, 0.5, 3.0, 20.0]),
    st.integers(0, 4),
)
def test_starts_and_up_times_equal_enumeration(
    demand: list[int], start_usd: float, up: int
) -> None:
    """Every sequence of counts of one machine, tried: those that a start keeps up are allowed.

    A machine that stops must have been up for ``up`` periods: of the counts at work, those
    started within the last ``up`` periods may not be missing.
    """
    spec = {
        "demand": demand,
        "integer": "all",
        "offers": [
            {
                "name": "a",
                "throughput": 1,
                "on_demand_usd_per_hour": 1,
                "start_usd": start_usd,
                "min_up_hours": up,
            }
        ],
    }
    best = np.inf
    for counts in itertools.product(range(max(demand) + 1), repeat=len(demand)):
        if any(n < d for n, d in zip(counts, demand, strict=True)):
            continue
        starts = [max(n - before, 0) for before, n in zip((0, *counts), counts, strict=False)]
        if any(sum(starts[max(t - up + 1, 0) : t + 1]) > n for t, n in enumerate(counts) if up):
            continue
        best = min(best, sum(counts) + start_usd * sum(starts))
    if start_usd == 0 and up <= 1:
        assert planned(spec).result.cost_usd == pytest.approx(sum(demand))
    assert planned(spec).result.cost_usd == pytest.approx(best, rel=1e-6, abs=1e-9)


def test_work_that_waits_is_served_by_one_machine_at_full_load() -> None:
    """A burst of 6 units over a wait of 2 periods: three machines for 2 + 2 + 2, not six."""
    offer = {"name": "a", "throughput": 1, "on_demand_usd_per_hour": 1, "max_on_demand": 2}
    spec = {"demand": [6, 0, 0, 0], "offers": [offer], "deferrable_hours": 2}
    answer = planned(spec)
    assert answer.result.cost_usd == pytest.approx(6)
    assert answer.dispatch.columns["a on_demand"][:3] == pytest.approx([2, 2, 2])
    with pytest.raises(Infeasible):
        planned({**spec, "deferrable_hours": 1})


def test_nothing_waits_longer_than_it_may() -> None:
    """Spot is dear in the first periods: work moves to the cheap one only within its wait."""
    spec = {
        "demand": [5, 5, 5, 5, 5, 5],
        "deferrable_hours": 2,
        "offers": [
            {"name": "s", "throughput": 1, "spot_usd_per_hour": [9, 9, 9, 1, 9, 9]},
        ],
    }
    served = planned(spec).dispatch.columns["s spot"]
    came, done = np.cumsum([5.0] * 6), np.cumsum(served)
    assert (done <= came + 1e-6).all(), "nothing is served before it comes"
    assert (done[2:] >= came[:-2] - 1e-6).all(), "nothing waits longer than two periods"
    # What came in period 0 cannot wait for period 3; that of 1, 2 and 3 can.
    assert served == pytest.approx([5, 0, 0, 15, 5, 5], abs=1e-6) or planned(
        spec
    ).result.cost_usd == pytest.approx(5 * 9 * 3 + 15)


YEAR: dict[str, Any] = {
    "periods": 504,
    "demand": {"shape": "weekly", "mean": 100, "peak": 190},
    "deferrable_hours": 6,
    "offers": [
        {
            "name": "a",
            "throughput": 10,
            "on_demand_usd_per_hour": 2,
            "start_usd": 4,
            "min_up_hours": 5,
            "reserved_1y": 1.2,
        },
        {"name": "b", "throughput": 3, "spot_usd_per_hour": 0.5, "max_spot": 8},
    ],
}


@pytest.mark.parametrize("waits", [0, 6])
def test_rolling_horizon_is_valid_and_near_the_whole_model(
    waits: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = {**YEAR, "deferrable_hours": waits}
    whole = planned(spec, Settings(gap=1e-5)).result
    assert whole.method.model == "whole" and whole.status == "optimal"
    monkeypatch.setattr(coupled, "MOST_COLUMNS", 1500)
    answer = planned(spec, Settings(gap=1e-5))
    rolled = answer.result
    assert rolled.method.model == "rolling-horizon"
    assert "windows" in rolled.method.note
    assert rolled.bound_usd <= whole.cost_usd * (1 + 1e-5)
    assert whole.bound_usd <= rolled.cost_usd * (1 + 1e-5)
    assert rolled.cost_usd <= whole.cost_usd * 1.05
    assert rolled.status == ("optimal" if rolled.gap <= 1e-5 else "feasible")
    columns = answer.dispatch.columns
    machines = columns.get("a reserved_1y", 0) + columns.get("a on_demand", 0)
    assert float(np.sum(machines * 10 + columns["b spot"] * 3)) >= (
        float(columns["demand capacity"].sum()) * (1 - 1e-6)
    )


def test_coupled_and_infeasible_says_which_period() -> None:
    spec = {
        "demand": [1, 5, 1],
        "offers": [
            {
                "name": "a",
                "throughput": 1,
                "on_demand_usd_per_hour": 1,
                "min_up_hours": 2,
                "max_on_demand": 3,
            }
        ],
    }
    with pytest.raises(Infeasible, match="period 1 lacks 2 of 5") as caught:
        planned(spec)
    assert any("max_on_demand of a of 5 alone would help" in r for r in caught.value.reasons)
