"""Fronts against brute force, closed forms and fresh models."""

from __future__ import annotations

import statistics
import time
from pathlib import Path

import numpy as np
import pulp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.optimize.capacity.fleet import Fleet, Periods
from planner.optimize.capacity.from_spec import arrays_from
from planner.optimize.capacity.front import carbon_front, unmet_front
from planner.optimize.capacity.read_spec import parse_spec
from planner.optimize.fronts import epsilon_front
from planner.optimize.mix import MixLimits, MixProblem, solve_mix
from planner.optimize.mix.front import headroom_front, types_front, types_in
from planner.optimize.pareto import nondominated, spread_out
from planner.optimize.solver import LinearModel, ModelBuilder, Status
from planner.optimize.solver.external import to_pulp
from tests.capacity.instances import random_spec
from tests.optimize.mixes import near_parity
from tests.optimize.test_solver import front_model

VALUES = st.sampled_from([0.0, 1.0, 2.0, 3.0, 2.5, np.inf])


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(VALUES, VALUES, VALUES), max_size=12), st.randoms())
def test_three_measures_equal_brute_force(rows: list[tuple[float, ...]], random: object) -> None:
    points = np.array(rows, float).reshape(-1, 3)
    order = np.random.default_rng(len(rows)).permutation(len(rows))
    expected = {
        i
        for i in range(len(rows))
        if not any(
            (points[j] <= points[i]).all()
            and ((points[j] < points[i]).any() or order[j] < order[i])
            for j in range(len(rows))
            if j != i
        )
    }
    found = nondominated(points, order)
    assert set(found.tolist()) == expected
    assert len(found) == len(expected)
    assert list(map(tuple, points[found])) == sorted(map(tuple, points[found]))


def test_many_points_equal_brute_force_and_take_no_time() -> None:
    points = np.random.default_rng(0).uniform(size=(1500, 3)).round(2)
    order = np.arange(len(points))
    below = (points[None] <= points[:, None]).all(axis=2)
    less = (points[None] < points[:, None]).any(axis=2) | (order[None] < order[:, None])
    expected = np.flatnonzero(~(below & less).any(axis=1))
    assert np.array_equal(np.sort(nondominated(points, order)), expected)
    many = np.random.default_rng(1).uniform(size=(60_000, 3))
    start = time.process_time()
    front = nondominated(many, np.arange(len(many)))
    seconds = time.process_time() - start
    print({"points": len(many), "front": len(front), "seconds": round(seconds, 2)})
    assert seconds < 5


def test_thinning_keeps_the_best_of_each_and_spreads() -> None:
    x = np.linspace(0, 1, 500)
    points = np.stack([x, 1 - x, (x - 0.5) ** 2], axis=1)
    kept = spread_out(points, 20)
    assert len(kept) == len(set(kept.tolist())) == 20
    assert {0, 499} <= set(kept.tolist())
    assert int(points[:, 2].argmin()) in kept
    assert np.diff(kept).max() < 100
    assert np.array_equal(spread_out(points[:7], 20), np.arange(7))


def two_fuels() -> tuple[LinearModel, np.ndarray]:
    """10 units from a cheap dirty way (1 USD, 3 kg), a dear clean one (4, 0); 8 of the first."""
    build = ModelBuilder("fuels")
    x = build.add_columns("use", 2, cost=[1, 4], upper=[8, np.inf])
    build.add_rows("meet", 1, [(0, x, 1)], lower=10)
    return build.build(), np.array([3.0, 0.0])


def test_a_front_by_hand() -> None:
    model, kg = two_fuels()
    front = epsilon_front(model, kg, points=5)
    assert front.status is Status.OPTIMAL
    assert [p.second for p in front.points] == pytest.approx([24, 18, 12, 6, 0], abs=1e-6)
    assert [p.cost for p in front.points] == pytest.approx([16, 22, 28, 34, 40])
    asked = epsilon_front(model, kg, limits=[9, -1])
    assert [p.second for p in asked.points] == pytest.approx([9])
    assert epsilon_front(model, kg, limits=[-1]).status is Status.INFEASIBLE


def test_equal_costs_leave_the_better_one_only() -> None:
    build = ModelBuilder("tie")
    x = build.add_columns("use", 2, cost=[2, 2])
    build.add_rows("meet", 1, [(0, x, 1)], lower=10)
    front = epsilon_front(build.build(), np.array([3.0, 1.0]), points=4)
    assert len(front.points) == 1
    assert front.points[0].second == pytest.approx(10)


def test_fronts_of_nothing_say_why() -> None:
    build = ModelBuilder("nothing fits")
    x = build.add_columns("use", 1, cost=1, upper=1)
    build.add_rows("meet", 1, [(0, x, 1)], lower=2)
    assert epsilon_front(build.build(), np.ones(1)).status is Status.INFEASIBLE
    model, _ = two_fuels()
    with pytest.raises(ValueError, match="one finite number a column"):
        epsilon_front(model, np.array([1.0, np.nan]))
    with pytest.raises(ValueError, match="two points"):
        epsilon_front(model, np.ones(2), points=1)


def test_whole_programs_equal_enumeration() -> None:
    """Least cost for each number of machines: three kinds, one covering row."""
    capacity, price = np.array([3, 5, 9]), np.array([2.0, 3.6, 7.3])
    build = ModelBuilder("whole")
    x = build.add_columns("machines", 3, cost=price, upper=12, integer=True)
    build.add_rows("cover", 1, [(0, x, capacity)], lower=31)
    front = epsilon_front(build.build(), np.ones(3), limits=range(1, 13))
    counts = np.stack(np.meshgrid(*[np.arange(13)] * 3, indexing="ij"), -1).reshape(-1, 3)
    counts = counts[counts @ capacity >= 31]
    measures = np.stack([counts @ price, counts.sum(axis=1)], axis=1)
    expected = measures[nondominated(measures, np.arange(len(measures)))]
    found = [(p.cost, p.second) for p in front.points]
    assert found == [pytest.approx(tuple(e)) for e in expected]


def plan(**offer: object) -> tuple[Fleet, Periods]:
    """Demand of 10, then 20 units for 50 hours each; a dirty and a clean machine of 1 unit."""
    spec = {
        "demand": [10.0] * 50 + [20.0] * 50,
        "offers": [
            {"name": "dirty", "throughput": 1, "on_demand_usd_per_hour": 1.0, **offer},
            {"name": "clean", "throughput": 1, "on_demand_usd_per_hour": 3.0},
        ],
    }
    return arrays_from(parse_spec(spec, where="spec"), "spec", Path())


def test_a_capacity_plan_against_its_carbon_by_hand() -> None:
    """1,500 machine-hours: all dirty $1,500 and 3,000 kg, all clean $4,500 and none."""
    fleet, periods = plan()
    found = carbon_front(fleet, periods, np.array([2.0, 0.0]), points=4).front
    assert [p.cost for p in found.points] == pytest.approx([1500, 2500, 3500, 4500])
    assert [p.second for p in found.points] == pytest.approx([3000, 2000, 1000, 0], abs=1e-5)
    # Committed machines emit all of the time, so that a full commitment is worse than its use.
    fleet, periods = plan(reserved_1y=0.4)
    held = carbon_front(fleet, periods, np.array([2.0, 0.0]), points=3)
    first = held.front.points[0]
    assert held.committed(0) == pytest.approx([20])
    assert (first.cost, first.second) == pytest.approx((0.4 * 20 * 100, 2 * 20 * 100))
    with pytest.raises(ValueError, match="one finite number an offer"):
        carbon_front(fleet, periods, np.array([1.0, np.nan]))


def test_a_capacity_plan_against_unmet_demand_by_hand() -> None:
    """Each of 1,500 unit-hours costs a dollar; a tenth of them may be left."""
    found = unmet_front(*plan(), points=4).front
    assert [p.second for p in found.points] == pytest.approx([150, 100, 50, 0], abs=1e-5)
    assert [p.cost for p in found.points] == pytest.approx([1350, 1400, 1450, 1500])


@pytest.mark.parametrize("seed", range(6))
def test_a_capacity_front_never_bends_outwards(seed: int) -> None:
    """Convex in both measures, as fronts of continuous programs are, on specs of every feature."""
    fleet, periods = arrays_from(parse_spec(random_spec(seed), where="spec"), "spec", Path())
    kg = np.random.default_rng(seed).uniform(0, 3, len(fleet.offers))
    front = carbon_front(fleet, periods, kg, points=9).front
    if front.status is Status.INFEASIBLE:
        assert not front.points
        return
    cost = np.array([p.cost for p in front.points])
    second = np.array([p.second for p in front.points])
    assert (np.diff(cost) > 0).all()
    assert (np.diff(second) < 0).all()
    slopes = np.diff(cost) / -np.diff(second)
    assert (np.diff(slopes) >= -1e-6 * (1 + slopes[:-1])).all()


@pytest.mark.benchmark
def test_thirty_points_cost_a_tenth_of_fresh_models() -> None:
    """The whole front with its ends, against a fresh PuLP model a point, in the same run.

    Processor time, as both run in this process: what else the machine does weighs on neither.
    """
    model = front_model()
    row = model.height - 1
    kg = np.zeros(model.width)
    inside = slice(model.starts[row], model.starts[row + 1])
    kg[model.columns[inside]] = model.coefficients[inside]
    start = time.process_time()
    front = epsilon_front(model, kg, points=30)
    warm_s = time.process_time() - start
    assert len(front.points) == 30
    fresh_s = []
    for point in front.points[:: len(front.points) // 4]:
        start = time.process_time()
        problem, _, _ = to_pulp(front_model(point.second * (1 + 1e-12)))
        problem.solve(pulp.HiGHS(msg=False))
        fresh_s.append(time.process_time() - start)
        assert point.cost == pytest.approx(pulp.value(problem.objective), rel=1e-6)
    ratio = statistics.median(fresh_s) * 30 / warm_s
    print({"warm_s": round(warm_s, 3), "fresh_s": round(statistics.median(fresh_s) * 30, 2)})
    assert ratio >= 10


def test_fewer_types_cost_more_and_each_is_the_cheapest() -> None:
    problem = near_parity(3, offers=12, buckets=6, requests_per_second=9.0)
    front = types_front(problem, MixLimits())
    assert len(front) > 1
    costs = [point.solution.objective or 0.0 for point in front]
    assert [point.limit for point in front] == sorted({point.limit for point in front})
    assert costs == sorted(costs, reverse=True)
    for point in front:
        assert types_in(problem, point.solution) == point.limit
        alone = solve_mix(problem, MixLimits(max_types=int(point.limit)))
        assert alone.objective == pytest.approx(point.solution.objective, rel=1e-5)
    assert costs[-1] == pytest.approx(solve_mix(problem).objective or 0.0, rel=1e-5)


def test_head_room_costs_and_is_kept() -> None:
    problem = near_parity(5, offers=10, buckets=4, requests_per_second=20.0)
    front = headroom_front(problem, MixLimits(max_utilisation=0.95))
    costs = [point.solution.objective or 0.0 for point in front]
    assert len(front) > 2
    assert costs == sorted(costs)
    for point in front:
        assert point.limit <= 0.95
        assert np.nanmax(point.solution.utilisation) <= point.limit + 1e-6


def test_fronts_of_an_impossible_mix_are_empty() -> None:
    problem = MixProblem.of([1.0], [[0.0]], [1.0])
    assert types_front(problem, MixLimits()) == []
    assert headroom_front(problem, MixLimits()) == []
