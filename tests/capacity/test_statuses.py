"""Infeasible, empty, out of time and numerically nasty specs: a clear status, never a wrong one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.optimize.capacity.program import Settings
from planner.optimize.solver import Status
from tests.capacity.instances import random_spec
from tests.capacity.solving import TIGHT, solved

NASTY = st.sampled_from([0.0, 1e-6, 1e-3, 1.0, 1e3, 1e6])


def merit_order(demand: list[float], offers: list[tuple[float, float, float]]) -> float:
    """Cheapest dispatch of (price, throughput, most) machines, period by period, by hand."""
    total = 0.0
    for units in demand:
        for price, speed, most in sorted(offers, key=lambda o: o[0] / o[1]):
            used = min(units, most * speed)
            total += used / speed * price
            units -= used
    return total


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from([0.0, 1e-6, 0.5, 7.0, 1e6]), min_size=1, max_size=8),
    st.lists(
        st.tuples(NASTY, st.sampled_from([1e-3, 1.0, 1e4]), st.sampled_from([0, 1, 50])),
        max_size=4,
    ),
    NASTY,
)
def test_prices_from_a_millionth_to_a_million(
    demand: list[float], limited: list[tuple[float, float, float]], last: float
) -> None:
    """On demand only, where sorting is the oracle; the last offer serves whatever is left."""
    offers = [*limited, (last, 1.0, float("inf"))]
    spec = {
        "demand": demand,
        "offers": [
            {
                "name": f"o{n}",
                "throughput": speed,
                "on_demand_usd_per_hour": price,
                **({} if most == float("inf") else {"max_on_demand": most}),
            }
            for n, (price, speed, most) in enumerate(offers)
        ],
    }
    plan = solved(spec)
    expected = merit_order(demand, offers)
    assert plan.cost_usd >= expected * (1 - 1e-6) - 1e-9, "cheaper than possible"
    if plan.status is Status.OPTIMAL:
        assert plan.cost_usd == pytest.approx(expected, rel=2e-6, abs=1e-9)
    else:
        assert plan.status is Status.FEASIBLE
        assert plan.bound_usd <= expected * (1 + 1e-6) + 1e-9


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([1e-6, 1e-3, 1e3, 1e6]), st.sampled_from([1e-3, 1e4]))
def test_cost_scales_with_prices_and_not_with_units(seed: int, money: float, unit: float) -> None:
    """Prices times a factor cost that factor; other units of demand cost the same."""
    spec = random_spec(seed, size=16, offers=3)
    plan = solved(spec)

    def repriced(part: Any, key: str = "") -> Any:
        if isinstance(part, dict):
            return {k: repriced(v, k) for k, v in part.items()}
        if isinstance(part, list):
            return [repriced(v, key) for v in part]
        if "usd" in key or key == "reserved_3y":
            return part * money * (1 / unit if "unit_hour" in key else 1)
        if key in ("throughput", "demand"):
            return part * unit
        return part

    other_spec = repriced(spec)
    if "migration" in spec:
        # Egress is per unit-hour: the data stay the same, money alone moved its price.
        other_spec["migration"]["egress_gb_per_unit_hour"] /= unit
    other = solved(other_spec)
    assert other.status is plan.status
    if plan.plan is not None:
        assert other.cost_usd == pytest.approx(plan.cost_usd * money, rel=1e-5)


def test_no_demand_costs_nothing() -> None:
    spec = {
        "demand": [0, 0, 0],
        "offers": [{"name": "a", "throughput": 1, "reserved_1y": 5, "on_demand_usd_per_hour": 9}],
    }
    plan = solved(spec)
    assert (plan.status, plan.cost_usd, plan.bound_usd) == (Status.OPTIMAL, 0.0, 0.0)


@pytest.mark.parametrize("demand", [[0.0], [0.0, 0.0]])
def test_no_offers_serve_no_demand(demand: list[float]) -> None:
    assert solved({"demand": demand, "offers": []}).status is Status.OPTIMAL


def test_no_offers_and_some_demand_is_infeasible() -> None:
    assert solved({"demand": [0.0, 3.0], "offers": []}).status is Status.INFEASIBLE


def test_no_offers_but_a_price_for_unmet_demand() -> None:
    plan = solved({"demand": [2.0, 3.0], "offers": [], "unmet_usd_per_unit_hour": 0.5})
    assert plan.status is Status.OPTIMAL
    assert plan.cost_usd == pytest.approx(2.5)


def test_free_machines_are_no_reason_for_endless_ones() -> None:
    spec = {
        "demand": [10.0, 30.0],
        "offers": [
            {
                "name": "gift",
                "throughput": 4,
                "reserved_1y": 0,
                "purchase": {"capex_usd": 0, "life_years": 1},
            }
        ],
    }
    plan = solved(spec)
    assert (plan.status, plan.cost_usd) == (Status.OPTIMAL, 0.0)
    assert plan.plan is not None and plan.plan.max() <= 8


def test_limits_of_zero_offer_nothing() -> None:
    offer = {"name": "a", "throughput": 4, "on_demand_usd_per_hour": 1, "reserved_1y": 1}
    for limit in ("max_count", "max_on_demand"):
        spec = {"demand": [4.0], "offers": [{**offer, limit: 0}]}
        if limit == "max_on_demand":
            assert solved(spec).cost_usd == pytest.approx(1.0), "a reservation is not on demand"
        else:
            assert solved(spec).status is Status.INFEASIBLE


def test_out_of_time_is_not_called_optimal() -> None:
    """Too little time: no plan, or one whose bound still encloses the optimum."""
    spec = random_spec(8, size=400, offers=12, workloads=3)
    best = solved(spec, Settings(gap=1e-4, time_limit_s=120))
    assert best.status is Status.OPTIMAL
    ended = []
    for seconds in (1e-4, 0.02, 0.05, 0.1):
        plan = solved(spec, Settings(gap=1e-9, time_limit_s=seconds))
        ended.append(plan.status)
        assert plan.bound_usd <= best.cost_usd * (1 + 1e-9)
        if plan.plan is not None:
            assert plan.cost_usd >= best.bound_usd * (1 - 1e-9)
        if plan.status is Status.OPTIMAL:
            assert plan.gap <= 1e-9
    assert ended[0] is not Status.OPTIMAL
    whole = solved({**spec, "integer": "all"}, Settings(gap=1e-9, time_limit_s=0.02))
    assert whole.status is not Status.OPTIMAL
    if whole.priced is not None:
        counted = np.array([use.offer >= 0 for use in whole.program.uses])
        use = whole.priced.use[:, counted]
        assert np.abs(use - np.round(use)).max() < 1e-5, "asked for whole machines"


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([0.3, 1e-2, 1e-4]))
def test_bounds_enclose_the_optimum_at_any_gap(seed: int, gap: float) -> None:
    spec = random_spec(seed, size=120, offers=4)
    loose, tight = solved(spec, Settings(gap=gap)), solved(spec, TIGHT)
    assert loose.status is tight.status
    if tight.plan is not None:
        assert loose.bound_usd <= tight.cost_usd * (1 + 1e-6)
        assert loose.cost_usd >= tight.bound_usd * (1 - 1e-6)
        assert loose.gap <= gap
        assert np.isfinite(loose.cost_usd)
