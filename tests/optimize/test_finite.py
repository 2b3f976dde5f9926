"""Mixes of work that ends, against enumeration of counts with the sharing out as an LP."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.optimize import linprog

from planner.optimize.mix import MixLimits, MixProblem, Spread
from planner.optimize.mix.finite import cheapest_finite
from planner.optimize.options import EVERYWHERE

MOST = 3


def drawn(seed: int) -> tuple[MixProblem, np.ndarray, MixLimits, np.ndarray]:
    """Two places with two offers each, and one that joins both; every limit by chance."""
    rng = np.random.default_rng(seed)
    buckets = int(rng.integers(2, 4))
    capacity = rng.integers(0, 6, (5, buckets)).astype(float)
    problem = MixProblem.of(
        rng.uniform(0, 1, 5),
        capacity,
        rng.uniform(0.5, 4.0, buckets),
        max_count=[MOST, MOST, MOST, MOST, 1],
        quota_class=rng.choice(["a", "b", ""], 5).tolist(),
        quota_units=rng.integers(1, 4, 5),
        spot=rng.random(5) < 0.4,
        nodes=rng.integers(1, 3, 5),
        kind=rng.choice(["k", "l"], 5).tolist(),
        zone=["x", "y", "x", "y", "own"],
    )
    usd = np.where(capacity > 0, rng.uniform(0.5, 9, capacity.shape), np.inf)
    limits = MixLimits(
        quotas={"a": float(rng.integers(1, 8))} if rng.random() < 0.5 else {},
        max_spot_share=0.5 if rng.random() < 0.4 else None,
        max_nodes=float(rng.integers(3, 9)),
        max_types=1 if rng.random() < 0.3 else None,
        spread=(Spread("zone", 2, 0.8),) if rng.random() < 0.3 else (),
    )
    return problem, usd, limits, np.array([0, 0, 1, 1, EVERYWHERE])


def shared_out(
    problem: MixProblem, usd: np.ndarray, limits: MixLimits, counts: np.ndarray
) -> float:
    """The least USD of the work itself with these counts, inf where they do not carry it."""
    offer, bucket = np.nonzero((problem.throughput > 0) & (counts > 0)[:, None])
    equal = np.zeros((problem.buckets, len(offer)))
    equal[bucket, np.arange(len(offer))] = 1
    if not equal.any(axis=1).all():
        return np.inf
    part = problem.rate[bucket]
    rows = [np.zeros(len(offer)) for _ in range(problem.offers)]
    for o in range(problem.offers):
        rows[o] = np.where(offer == o, part / problem.throughput[offer, bucket], 0)
    most = list(counts.astype(float))
    total = problem.rate.sum()
    if limits.max_spot_share is not None:
        rows.append(np.where(problem.spot[offer], part, 0))
        most.append(limits.max_spot_share * total)
    for spread in limits.spread:
        for zone in set(problem.zone):
            inside = np.array([problem.zone[o] == zone for o in offer.tolist()])
            rows.append(np.where(inside, part, 0))
            most.append(spread.max_share * total)
    found = linprog(
        usd[offer, bucket], np.array(rows), most, equal, np.ones(problem.buckets), method="highs"
    )
    return float(found.fun) if found.status == 0 else np.inf


def enumerated(problem: MixProblem, usd: np.ndarray, limits: MixLimits, place: np.ndarray) -> float:
    best = np.inf
    for chosen in itertools.product(*(range(int(most) + 1) for most in problem.max_count)):
        counts = np.array(chosen)
        used = np.flatnonzero(counts)
        fixed = float(problem.usd_per_hour @ counts)
        if fixed >= best or problem.nodes @ counts > (limits.max_nodes or np.inf):
            continue
        if len(set(place[used].tolist()) - {EVERYWHERE}) > 1:
            continue
        if any(
            sum(problem.quota_units[o] * counts[o] for o in used if problem.quota_class[o] == name)
            > limit
            for name, limit in limits.quotas.items()
        ):
            continue
        if limits.max_types is not None and len({problem.kind[o] for o in used}) > limits.max_types:
            continue
        if any(len({problem.zone[o] for o in used}) < s.at_least for s in limits.spread):
            continue
        best = min(best, fixed + shared_out(problem, usd, limits, counts))
    return best


@pytest.mark.parametrize(
    "seeds", [range(10), pytest.param(range(10, 150), marks=pytest.mark.nightly)]
)
def test_the_cheapest_mix_equals_enumeration(seeds: range) -> None:
    solved = 0
    for seed in seeds:
        problem, usd, limits, place = drawn(seed)
        expected = enumerated(problem, usd, limits, place)
        found = cheapest_finite(problem, usd, limits, place, gap=1e-9)
        if not np.isfinite(expected):
            assert not len(found.offers)
            continue
        solved += 1
        assert found.usd == pytest.approx(expected, rel=1e-6)
        assert found.bound == pytest.approx(expected, rel=1e-6)
        assert found.shares.sum(axis=0) == pytest.approx(np.ones(problem.buckets))
        load = found.shares * problem.rate
        speed = problem.throughput[found.offers]
        busy = np.divide(load, speed, out=np.zeros_like(load), where=load > 0).sum(axis=1)
        assert (busy <= found.counts * (1 + 1e-6) + 1e-9).all()
        beaten = cheapest_finite(problem, usd, limits, place, gap=1e-9, to_beat=expected * 0.999)
        assert not len(beaten.offers) and beaten.bound == pytest.approx(expected * 0.999)
    assert solved >= len(seeds) // 3
