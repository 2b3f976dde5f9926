"""The programs against plain enumeration, on small random instances."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np
import pulp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.optimize.choice import Options, Shared, choose
from planner.optimize.options import prune
from planner.optimize.pareto import pareto_front
from planner.optimize.solver import Status

QUOTAS = ("a", "b", "free")
# Prices with few digits make ties, which is where pruning goes wrong.
MONEY = st.integers(1, 40).map(lambda n: n / 4)


@st.composite
def options(draw: st.DrawFn, most: int = 7) -> Options:
    count = draw(st.integers(1, most))
    cost = np.array(draw(st.lists(MONEY, min_size=count, max_size=count)))
    extra = np.array(draw(st.lists(st.integers(0, 8), min_size=count, max_size=count))) / 4
    quota = draw(st.lists(st.sampled_from(QUOTAS), min_size=count, max_size=count))
    use = np.array(draw(st.lists(st.integers(0, 10), min_size=count, max_size=count)), float)
    return Options(cost, cost + extra, quota, use, np.arange(count))


LIMITS = st.dictionaries(st.sampled_from(QUOTAS[:2]), st.integers(0, 15).map(float))
BUDGET = st.none() | st.integers(1, 120).map(lambda n: n / 4)


def enumerate_all(
    workloads: Sequence[Options], limits: Mapping[str, float], budget: float | None
) -> float | None:
    """Least total cost over every combination, None when none is allowed: the oracle."""
    best = None
    for picks in itertools.product(*(range(len(o.cost)) for o in workloads)):
        pairs = list(zip(workloads, picks, strict=True))
        for name, limit in limits.items():
            if sum(o.quota_use[i] for o, i in pairs if o.quota[i] == name) > limit:
                break
        else:
            if budget is not None and sum(o.cost_at_risk[i] for o, i in pairs) > budget:
                continue
            total = float(sum(o.cost[i] for o, i in pairs))
            best = total if best is None else min(best, total)
    return best


@settings(max_examples=60, deadline=None)
@given(st.lists(options(), min_size=1, max_size=3), LIMITS, BUDGET)
def test_program_equals_enumeration(
    workloads: list[Options], limits: dict[str, float], budget: float | None
) -> None:
    expected = enumerate_all(workloads, limits, budget)
    choice = choose(workloads, limits, budget)
    if expected is None:
        assert choice.picks == ()
        assert choice.solve.status is Status.INFEASIBLE
        return
    assert choice.solve.status is Status.OPTIMAL
    pairs = list(zip(workloads, choice.picks, strict=True))
    assert sum(o.cost[i] for o, i in pairs) == pytest.approx(expected)
    for name, limit in limits.items():
        assert sum(o.quota_use[i] for o, i in pairs if o.quota[i] == name) <= limit
    if budget is not None:
        assert sum(o.cost_at_risk[i] for o, i in pairs) <= budget + 1e-9


@settings(max_examples=300, deadline=None)
@given(st.lists(options(most=9), min_size=1, max_size=3), LIMITS, BUDGET)
def test_pruning_never_changes_the_optimum(
    workloads: list[Options], limits: dict[str, float], budget: float | None
) -> None:
    kept = [prune(o, Shared(limits, budget)) for o in workloads]
    less = [
        Options(
            o.cost[rows],
            o.cost_at_risk[rows],
            [o.quota[i] for i in rows],
            o.quota_use[rows],
            o.order[rows],
        )
        for o, rows in zip(workloads, kept, strict=True)
    ]
    assert enumerate_all(less, limits, budget) == enumerate_all(workloads, limits, budget)


@settings(max_examples=12, deadline=None)
@given(st.lists(options(), min_size=2, max_size=3), LIMITS, BUDGET)
def test_both_solvers_agree(
    workloads: list[Options], limits: dict[str, float], budget: float | None
) -> None:
    """HiGHS decides by default, CBC stands in when it fails: the answer must not depend on it."""
    by_highs = choose(workloads, limits, budget)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pulp.HiGHS, "available", lambda self: False)
        by_cbc = choose(workloads, limits, budget)
    if by_highs.solve.solver in ("presolve", "pruning"):  # nothing was left to decide
        assert by_cbc.solve.solver == by_highs.solve.solver
        assert by_cbc.picks == by_highs.picks
        return
    assert (by_highs.solve.solver, by_cbc.solve.solver) == ("HiGHS", "CBC")
    assert by_cbc.solve.status is by_highs.solve.status
    if by_highs.solve.objective is None:
        assert by_cbc.solve.objective is None
    else:
        assert by_cbc.solve.objective == pytest.approx(by_highs.solve.objective)


def test_ties_are_broken_by_order_whatever_the_solver_does() -> None:
    same = Options(np.ones(5), np.ones(5), ["free"] * 5, np.zeros(5), np.array([3, 1, 0, 2, 4]))
    assert choose([same], {}, None).picks == (2,)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), max_size=25))
def test_front_equals_brute_force(points: list[tuple[int, int]]) -> None:
    cost = np.array([c for c, _ in points], float)
    hours = np.array([t for _, t in points], float)
    front = pareto_front(cost, hours, np.arange(len(points)))
    beaten = {
        i
        for i, (c, t) in enumerate(points)
        for d, u in points
        if (d <= c and u <= t and (d < c or u < t))
    }
    assert {points[i] for i in front} == {p for i, p in enumerate(points) if i not in beaten}
    assert len({points[i] for i in front}) == len(front), "exact ties appear once"
    assert list(hours[front]) == sorted(hours[front]), "fastest first"
    for index in front:
        assert index == min(i for i, p in enumerate(points) if p == points[index])


def test_front_of_nothing_is_empty() -> None:
    nothing = np.array([], float)
    assert len(pareto_front(nothing, nothing, np.array([], np.intp))) == 0
