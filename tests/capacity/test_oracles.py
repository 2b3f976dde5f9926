"""Plans against independent oracles: scipy's HiGHS on every period written out, closed forms."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.optimize.capacity.program import Settings
from planner.optimize.solver import Status
from tests.capacity.instances import random_spec
from tests.capacity.oracle import least_cost
from tests.capacity.solving import TIGHT, solved


def assert_equals_oracle(spec: dict[str, Any]) -> None:
    expected, _ = least_cost(spec)
    plan = solved(spec)
    if expected is None:
        assert plan.status is Status.INFEASIBLE
        assert plan.plan is None
        return
    assert plan.status is Status.OPTIMAL
    assert plan.cost_usd == pytest.approx(expected, rel=1e-6, abs=1e-9)
    assert plan.bound_usd <= expected * (1 + 1e-6) + 1e-9


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6))
def test_one_workload(seed: int) -> None:
    assert_equals_oracle(random_spec(seed))


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 3))
def test_several_workloads_share_a_fleet(seed: int, workloads: int) -> None:
    assert_equals_oracle(random_spec(seed, size=30, offers=3, workloads=workloads))


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10**6))
def test_spot_prices_that_move(seed: int) -> None:
    assert_equals_oracle(random_spec(seed, size=40, moving=True))


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 10**6))
def test_whole_machines_in_use(seed: int) -> None:
    assert_equals_oracle(random_spec(seed, size=9, offers=3, whole_use=True))


def test_a_long_horizon_of_whole_machines_is_planned_within_its_time() -> None:
    """Too many periods to solve each: a valid plan all the same, and how good it is at least."""
    spec = random_spec(21, size=2000, offers=6, whole_use=True)
    plan = solved(spec, Settings(gap=1e-6, time_limit_s=8))
    relaxed = solved({**spec, "integer": "commitments"}, Settings(gap=1e-5))
    assert plan.status in (Status.FEASIBLE, Status.OPTIMAL)
    assert plan.plan is not None and plan.priced is not None and plan.priced.is_feasible
    assert plan.cost_usd >= relaxed.bound_usd * (1 - 1e-9)
    assert plan.bound_usd <= plan.cost_usd
    assert plan.gap < 0.1
    counted = np.array([use.offer >= 0 for use in plan.program.uses])
    use = plan.priced.use
    assert np.abs(use - np.round(use))[:, counted].max() < 1e-5
    served = use @ plan.program.g.T + plan.program.t @ plan.plan
    needed = plan.program.rhs(plan.classes.demand, plan.classes.held)
    assert (served >= needed - 1e-6 * (1 + np.abs(needed))).all()


def test_whole_machines_over_more_periods_than_groups() -> None:
    """Groups by least demand, split until both bounds meet."""
    spec = random_spec(4, size=80, offers=2, whole_use=True)
    assert_equals_oracle(spec)


@pytest.mark.nightly
@pytest.mark.parametrize("workloads", [1, 2, 3])
def test_many_instances(workloads: int) -> None:
    for seed in range(300 // workloads):
        assert_equals_oracle(random_spec(seed, workloads=workloads, moving=seed % 3 == 0))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6))
def test_merging_identical_periods_is_exact(seed: int) -> None:
    """Every period four times over, in any order: four times the cost of each commitment-free
    period, and the same plan when commitments cost the same per period."""
    spec = random_spec(seed, size=12, offers=3)
    spec = {**spec, "offers": [{k: v for k, v in o.items() if k != "held"} for o in spec["offers"]]}
    rng = np.random.default_rng(seed)
    long = {**spec, "demand": rng.permutation(np.repeat(spec["demand"], 4)).tolist()}
    short_plan, long_plan = solved(spec), solved(long)
    assert short_plan.status is long_plan.status
    if long_plan.plan is not None:
        assert long_plan.cost_usd == pytest.approx(4 * short_plan.cost_usd, rel=1e-6)
        assert len(long_plan.classes) == len(short_plan.classes)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 10**6),
    st.floats(0.01, 100),
    st.floats(0.05, 1.2),
    st.floats(0.1, 50),
)
def test_newsvendor_closed_form(seed: int, price: float, share: float, speed: float) -> None:
    """One offer, reserved against on-demand: commit while the machine works more than the ratio
    of the prices. Convex in the count, so the optimum is one of the two whole neighbours."""
    rng = np.random.default_rng(seed)
    demand = rng.gamma(3, 100, 500)
    spec = {
        "demand": demand.tolist(),
        "offers": [
            {
                "name": "a",
                "throughput": speed,
                "on_demand_usd_per_hour": price,
                "reserved_1y": price * share,
            }
        ],
    }
    machines = demand / speed
    critical = float(np.quantile(machines, max(1 - share, 0), method="inverted_cdf"))

    def total(count: float) -> float:
        over = np.maximum(machines - count, 0).sum()
        return float(count * price * share * len(demand) + price * over)

    around = [np.floor(critical), np.ceil(critical)] if share < 1 else [0.0]
    expected = min(total(count) for count in around)
    assert solved(spec).cost_usd == pytest.approx(expected, rel=1e-6)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6))
def test_small_plans_by_brute_force(seed: int) -> None:
    """Two offers to commit to, on demand at a price: every pair of counts, tried."""
    rng = np.random.default_rng(seed)
    demand = rng.integers(0, 30, 20).astype(float)
    speeds, prices = rng.integers(2, 9, 2), rng.integers(1, 9, 2) / 4
    on_demand = 2.0
    spec = {
        "demand": demand.tolist(),
        "offers": [
            {"name": f"o{n}", "throughput": int(speeds[n]), "reserved_3y": float(prices[n])}
            for n in range(2)
        ]
        + [{"name": "od", "throughput": 1, "on_demand_usd_per_hour": on_demand}],
    }
    best = min(
        float(
            (np.array(counts) @ prices) * len(demand)
            + on_demand * np.maximum(demand - np.array(counts) @ speeds, 0).sum()
        )
        for counts in itertools.product(range(16), repeat=2)
    )
    assert solved(spec).cost_usd == pytest.approx(best, rel=1e-6)


def test_every_solver_gives_the_same_cost() -> None:
    from dataclasses import replace

    for seed in (3, 5, 11):
        spec = random_spec(seed, size=24, offers=3)
        by_highs, by_cbc = solved(spec), solved(spec, replace(TIGHT, solver="CBC"))
        assert by_cbc.status in (by_highs.status, Status.FEASIBLE)
        assert by_cbc.cost_usd == pytest.approx(by_highs.cost_usd, rel=1e-6, nan_ok=True)
