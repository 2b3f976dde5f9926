"""Mixes that stay in one place, against enumeration over counts with routing as an LP."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.optimize import linprog

from planner.optimize.mix import MixLimits, MixProblem
from planner.optimize.mix.places import cheapest_placed, undominated
from planner.optimize.options import EVERYWHERE

MOST = 3


def drawn(seed: int) -> tuple[MixProblem, MixLimits, np.ndarray]:
    """Two places with two offers each, and one that joins both; quotas, machines, spot limited."""
    rng = np.random.default_rng(seed)
    buckets = int(rng.integers(2, 4))
    speed = rng.integers(0, 6, (5, buckets)).astype(float)
    problem = MixProblem.of(
        rng.integers(1, 9, 5),
        speed,
        rng.uniform(0.5, 4.0, buckets),
        max_count=[MOST, MOST, MOST, MOST, 1],
        quota_class=rng.choice(["a", "b", ""], 5).tolist(),
        quota_units=rng.integers(1, 4, 5),
        spot=rng.random(5) < 0.4,
        nodes=rng.integers(1, 3, 5),
    )
    limits = MixLimits(
        quotas={"a": float(rng.integers(1, 8))} if rng.random() < 0.7 else {},
        max_spot_share=0.5 if rng.random() < 0.5 else None,
        spare_instances=int(rng.random() < 0.3),
        max_nodes=float(rng.integers(3, 9)),
    )
    return problem, limits, np.array([0, 0, 1, 1, EVERYWHERE])


def carries(problem: MixProblem, limits: MixLimits, counts: np.ndarray) -> bool:
    """Whether some routing fits these counts."""
    room = np.where(counts > 0, counts - limits.spare_instances, 0)
    offer, bucket = np.nonzero((problem.throughput > 0) & (room > 0)[:, None])
    equal = np.zeros((problem.buckets, len(offer)))
    equal[bucket, np.arange(len(offer))] = 1
    if not equal.any(axis=1).all():
        return False
    part = problem.rate[bucket]
    rows = np.zeros((problem.offers + 1, len(offer)))
    rows[offer, np.arange(len(offer))] = part / problem.throughput[offer, bucket]
    rows[-1] = np.where(problem.spot[offer], part, 0)
    share = 1.0 if limits.max_spot_share is None else limits.max_spot_share
    most = np.append(room, share * problem.rate.sum())
    found = linprog(
        np.zeros(len(offer)), rows, most, equal, np.ones(problem.buckets), method="highs"
    )
    return bool(found.status == 0)


def enumerated(problem: MixProblem, limits: MixLimits, place: np.ndarray) -> float:
    best = np.inf
    ranges = [range(int(most) + 1) for most in problem.max_count]
    for counts in map(np.array, itertools.product(*ranges)):
        cost = float(problem.usd_per_hour @ counts)
        used = set(place[counts > 0].tolist()) - {EVERYWHERE}
        drawn_on = {
            name: sum(
                problem.quota_units[o] * counts[o]
                for o in range(problem.offers)
                if problem.quota_class[o] == name
            )
            for name in limits.quotas
        }
        if cost >= best or len(used) > 1 or problem.nodes @ counts > (limits.max_nodes or np.inf):
            continue
        if any(drawn_on[name] > limit for name, limit in limits.quotas.items()):
            continue
        if carries(problem, limits, counts):
            best = cost
    return best


@pytest.mark.parametrize("seed", range(24))
def test_the_cheapest_place_is_found(seed: int) -> None:
    problem, limits, place = drawn(seed)
    best = enumerated(problem, limits, place)
    found = cheapest_placed(problem, limits, place, gap=1e-9)
    assert found.closed
    if not np.isfinite(best):
        assert found.solution is None
        return
    assert found.solution is not None and found.solution.objective == pytest.approx(best)
    assert found.bound == pytest.approx(best, rel=1e-6)
    counts = np.zeros(5, np.int64)
    counts[found.offers] = found.solution.counts
    assert carries(problem, limits, counts)


def test_the_draws_above_have_both_kinds_of_answers() -> None:
    feasible = [np.isfinite(enumerated(*drawn(seed))) for seed in range(24)]
    assert 4 < sum(feasible) < 24


@pytest.mark.parametrize("seed", range(12))
def test_what_is_not_cheaper_than_asked_is_not_returned(seed: int) -> None:
    problem, limits, place = drawn(seed)
    best = enumerated(problem, limits, place)
    if not np.isfinite(best):
        return
    assert cheapest_placed(problem, limits, place, to_beat=best).solution is None
    below = cheapest_placed(problem, limits, place, to_beat=best * 1.01, gap=1e-9).solution
    assert below is not None and below.objective == pytest.approx(best)


def test_without_places_all_offers_may_mix() -> None:
    everywhere = np.full(5, EVERYWHERE)
    for seed in range(6):
        problem, limits, place = drawn(seed)
        best = enumerated(problem, limits, everywhere)
        anywhere = cheapest_placed(problem, limits, everywhere, gap=1e-9).solution
        if anywhere is None:
            assert not np.isfinite(best)
            continue
        assert anywhere.objective == pytest.approx(best)
        assert best <= enumerated(problem, limits, place)


def test_only_what_another_replaces_at_no_cost_is_dropped() -> None:
    problem = MixProblem.of(
        [2.0, 2.0, 3.0, 1.0, 2.5],
        [[4, 4], [4, 4], [4, 5], [4, 4], [4, 4]],
        [1.0, 1.0],
        quota_class=["", "", "", "a", ""],
        spot=[False, False, False, False, True],
        nodes=[2, 2, 2, 2, 1],
    )
    limits = MixLimits(quotas={"a": 1.0}, max_spot_share=0.5, max_nodes=9.0)
    kept = undominated(problem, limits, np.arange(5)).tolist()
    # of two alike one stays; the faster, the one of another quota and the smaller stay
    assert kept == [0, 2, 3, 4]
    assert undominated(problem, MixLimits(), np.arange(5)).tolist() == [2, 3]
