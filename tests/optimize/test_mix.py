"""Mixes against enumeration, against textbook programs, and at the edges."""

from __future__ import annotations

import statistics
import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.optimize.mix import MixLimits, MixProblem, MixSolution, Spread, solve_mix
from planner.optimize.mix.bounds import lagrangian_bound, separable_bound
from planner.optimize.mix.infeasible import reasons
from planner.optimize.mix.problem import instances_needed
from planner.optimize.solver import Status
from tests.optimize.mixes import cheapest_of_two, near_parity, textbook


def check(problem: MixProblem, limits: MixLimits, found: MixSolution) -> None:
    """The answer holds, exactly, and costs what it says."""
    assert found.objective == pytest.approx(float(problem.usd_per_hour @ found.counts))
    assert found.bound is not None
    assert found.bound <= found.objective * (1 + 1e-9) + 1e-12
    busy = problem.rate > 0
    assert (found.assignment >= 0).all()
    assert found.assignment[:, busy].sum(axis=0) == pytest.approx(np.ones(busy.sum()))
    assert (found.counts <= problem.max_count).all()
    assert (problem.throughput[found.assignment > 0] > 0).all()
    assert (found.counts[found.assignment.sum(axis=1) > 0] >= 1).all()
    with np.errstate(divide="ignore", invalid="ignore"):
        load = np.where(
            found.assignment > 0, found.assignment * problem.rate / problem.throughput, 0
        )
    room = found.counts - np.where(found.counts > 0, limits.spare_instances, 0)
    assert (load.sum(axis=1) <= room * limits.max_utilisation * (1 + 2e-7) + 1e-12).all()
    for name, most in limits.quotas.items():
        drawn = [c == name for c in problem.quota_class]
        assert problem.quota_units[drawn] @ found.counts[drawn] <= most
    served = found.assignment @ problem.rate
    if limits.max_spot_share is not None:
        assert served[problem.spot].sum() <= limits.max_spot_share * served.sum() * (1 + 1e-6)
    if limits.max_types is not None:
        used = {problem.kind[o] for o in np.flatnonzero(found.counts)}
        assert len(used) <= limits.max_types
    for spread in limits.spread:
        place = np.array(problem.place(spread.over))
        assert len(set(place[found.counts > 0].tolist()) - {""}) >= spread.at_least
        for name in set(place.tolist()):
            share = served[place == name].sum() / served.sum()
            assert share <= spread.max_share * (1 + 1e-6)


@st.composite
def two_offers(draw: st.DrawFn) -> MixProblem:
    buckets = draw(st.integers(1, 4))
    digit = st.integers(0, 9)
    speed = np.array(draw(st.lists(digit, min_size=2 * buckets, max_size=2 * buckets)), float)
    rate = np.array(draw(st.lists(digit, min_size=buckets, max_size=buckets)), float)
    scale = draw(st.sampled_from([1e-6, 1.0, 1e6]))
    price = np.array(draw(st.lists(st.integers(1, 9), min_size=2, max_size=2))) * scale
    most = draw(st.sampled_from([3.0, 36.0]))
    return MixProblem.of(price, speed.reshape(2, buckets), rate, max_count=most)


@settings(max_examples=80, deadline=None)
@given(two_offers())
def test_mixes_equal_enumeration(problem: MixProblem) -> None:
    expected = cheapest_of_two(problem)
    found = solve_mix(problem)
    if expected is None:
        assert found.status is Status.INFEASIBLE
        assert found.objective is None
        return
    assert found.status is Status.OPTIMAL
    assert found.objective == pytest.approx(expected, rel=1e-6)
    check(problem, MixLimits(), found)


@st.composite
def limited(draw: st.DrawFn) -> tuple[MixProblem, MixLimits]:
    count, buckets = draw(st.integers(2, 4)), draw(st.integers(1, 3))

    def digits(low: int, high: int, size: int) -> np.ndarray:
        return np.array(draw(st.lists(st.integers(low, high), min_size=size, max_size=size)), float)

    def names(of: str) -> list[str]:
        return draw(st.lists(st.sampled_from(of), min_size=count, max_size=count))

    problem = MixProblem.of(
        digits(1, 9, count),
        digits(0, 9, count * buckets).reshape(count, buckets),
        digits(1, 12, buckets),
        max_count=digits(1, 6, count),
        quota_class=names("pq"),
        quota_units=digits(1, 3, count),
        spot=[flag > 0 for flag in digits(0, 1, count)],
        kind=names("XYZ"),
        zone=names("abc"),
    )
    limits = MixLimits(
        quotas=draw(st.dictionaries(st.sampled_from("pq"), st.integers(2, 12).map(float))),
        max_types=draw(st.none() | st.integers(1, 2)),
        max_spot_share=draw(st.none() | st.sampled_from([0.0, 0.5])),
        spread=draw(st.sampled_from([(), (Spread("zone", 2),), (Spread("zone", 1, 0.6),)])),
    )
    return problem, limits


@settings(max_examples=40, deadline=None)
@given(limited())
def test_limits_equal_the_textbook_program_in_cbc(case: tuple[MixProblem, MixLimits]) -> None:
    problem, limits = case
    status, expected = textbook(problem, limits)
    found = solve_mix(problem, limits)
    if expected is None:
        assert status == "Infeasible"
        assert found.status is Status.INFEASIBLE
        lines = reasons(problem, limits, lambda b: f"bucket {b}", lambda o: f"offer {o}")
        assert lines
        return
    assert found.status is Status.OPTIMAL
    assert found.objective == pytest.approx(expected, rel=1e-6)
    check(problem, limits, found)


@settings(max_examples=10, deadline=None)
@given(limited())
def test_both_solvers_find_the_same_cost(case: tuple[MixProblem, MixLimits]) -> None:
    first, second = (solve_mix(*case, solver=name) for name in ("HiGHS", "CBC"))
    assert first.status is second.status
    if first.objective is not None:
        assert second.objective == pytest.approx(first.objective, rel=1e-6)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 2))
def test_spare_instances_are_spare(seed: int, spare: int) -> None:
    problem = near_parity(seed, 6, 4, 20)
    limits = MixLimits(spare_instances=spare, max_utilisation=0.8)
    found = solve_mix(problem, limits)
    check(problem, limits, found)
    assert found.objective is not None
    without = solve_mix(problem).objective
    assert without is not None
    assert found.objective >= without


@settings(max_examples=25, deadline=None)
@given(limited())
def test_bounds_never_exceed_the_optimum(case: tuple[MixProblem, MixLimits]) -> None:
    """Neither the bound, nor that of mixes with one offer, which is what rules offers out."""
    problem, limits = case
    load = instances_needed(problem, limits)
    best = solve_mix(problem, limits)
    if best.objective is None:
        return
    bound = lagrangian_bound(problem, limits, load, rounds=60)
    assert separable_bound(problem, load) <= best.objective + 1e-9
    assert bound.usd_per_hour <= best.objective * (1 + 1e-9)
    for offer in range(problem.offers):
        forced = _with_one(problem, limits, offer)
        if forced is not None:
            assert bound.with_offer[offer] <= forced * (1 + 1e-6) + 1e-9


def _with_one(problem: MixProblem, limits: MixLimits, offer: int) -> float | None:
    """Least cost with at least one of an offer: its first instance bought, then the program."""
    from planner.optimize.mix.program import mix_program
    from planner.optimize.solver import solve

    load = instances_needed(problem, limits)
    model, program = mix_program(problem, limits, load, np.isfinite(load))
    lower = model.lower.copy()
    lower[program.count[offer]] = 1
    found = solve(replace(model, lower=lower))
    return found.objective if found.status is Status.OPTIMAL else None


def test_zones_merge_and_split_again() -> None:
    one = near_parity(5, 4, 3, 60)
    three = one.take(np.repeat(np.arange(4), 3))
    three = MixProblem(
        **{
            **three.__dict__,
            "zone": ("a", "b", "c") * 4,
            "max_count": np.full(12, 40.0),
        }
    )
    merged, single = solve_mix(three), solve_mix(one)
    assert merged.objective == pytest.approx(single.objective)
    check(three, MixLimits(), merged)
    used = merged.counts.reshape(4, 3)
    assert (used.max(axis=1) - used.min(axis=1) <= 1).all()


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_tiny_loads_still_need_a_machine(scale: float) -> None:
    """A bucket of 1e-9 machines is below any solver's tolerance, but somebody must serve it."""
    problem = MixProblem.of(
        np.array([1.0, 1.5, 1.9]) * scale, [[1, 0], [0, 1], [1, 1]], [1e-9, 1e-9]
    )
    found = solve_mix(problem)
    assert found.status is Status.OPTIMAL
    assert found.objective == pytest.approx(1.9 * scale)
    assert found.counts.tolist() == [0, 0, 1]
    check(problem, MixLimits(), found)


def test_prices_a_million_million_apart() -> None:
    problem = MixProblem.of([1e-6, 1e6, 1.0], [[1, 0], [1, 1], [0, 0.5]], [3, 2])
    found = solve_mix(problem)
    assert found.status is Status.OPTIMAL
    assert found.objective == pytest.approx(3e-6 + 4, rel=1e-9)


def test_free_machines_cost_nothing() -> None:
    problem = MixProblem.of([0.0, 3.0], [[1.0], [1.0]], [2.5], max_count=[2, np.inf])
    found = solve_mix(problem)
    assert (found.status, found.objective, found.counts.tolist()) == (Status.OPTIMAL, 3.0, [2, 1])


def test_loads_that_fill_machines_exactly() -> None:
    problem = MixProblem.of([1.0], [[0.1]], [0.1 * 7])
    found = solve_mix(problem)
    assert found.counts.tolist() == [7]


@pytest.mark.parametrize(
    ("problem", "status"),
    [
        (MixProblem.of([], np.empty((0, 1)), [1.0]), Status.INFEASIBLE),
        (MixProblem.of([], np.empty((0, 1)), [0.0]), Status.OPTIMAL),
        (MixProblem.of([1.0], [[0.0]], [1.0]), Status.INFEASIBLE),
        (MixProblem.of([1.0], [[0.0, 2.0]], [0.0, 1.0]), Status.OPTIMAL),
        (MixProblem.of([1.0], [[2.0]], [1.0], max_count=0), Status.INFEASIBLE),
        (MixProblem.of([1.0], [[2.0]], [5.0], max_count=2), Status.INFEASIBLE),
        (MixProblem.of([1.0], [[1e-9]], [1.0]), Status.OPTIMAL),
    ],
)
def test_edges_end_in_a_clear_status(problem: MixProblem, status: Status) -> None:
    found = solve_mix(problem)
    assert found.status is status
    assert (found.objective is None) == (status is Status.INFEASIBLE)


def test_a_mix_of_many_offers_that_cannot_be() -> None:
    """Infeasible by a quota among more offers than are solved at once."""
    many = near_parity(1, 120, 9, 400)
    classed = MixProblem(**{**many.__dict__, "quota_class": ("all",) * 120})
    found = solve_mix(classed, MixLimits(quotas={"all": 2.0}))
    assert found.status is Status.INFEASIBLE
    lines = reasons(
        classed, MixLimits(quotas={"all": 2.0}), lambda b: f"bucket {b}", lambda o: f"offer {o}"
    )
    assert len(lines) == 1
    assert "quota all is short by" in lines[0]
    assert "alone would help" in lines[0]
    enough = float(lines[0].split(": ")[1].split(" ")[0])
    assert solve_mix(classed, MixLimits(quotas={"all": enough})).objective is not None
    assert solve_mix(classed, MixLimits(quotas={"all": enough - 1})).status is Status.INFEASIBLE


def test_hundreds_of_offers_and_buckets_to_a_thousandth() -> None:
    problem = near_parity(0, 200, 100, 400)
    start = time.perf_counter()
    found = solve_mix(problem, time_limit_s=60)
    print({"offers": 200, "buckets": 100, "seconds": round(time.perf_counter() - start, 2)})
    assert found.status is Status.OPTIMAL
    assert found.gap is not None
    assert found.gap <= 1e-3
    assert found.bound is not None
    assert found.bound >= separable_bound(problem, instances_needed(problem, MixLimits()))
    check(problem, MixLimits(), found)


@pytest.mark.nightly
@pytest.mark.parametrize("requests_per_second", [40.0, 400.0, 4000.0])
def test_thousands_of_offers_within_two_thousandths(requests_per_second: float) -> None:
    problem = near_parity(0, 2000, 100, requests_per_second)
    start = time.perf_counter()
    found = solve_mix(problem, gap=2e-3, time_limit_s=30)
    seconds = time.perf_counter() - start
    print({"rate": requests_per_second, "seconds": round(seconds, 2), "gap": found.gap})
    assert found.gap is not None
    assert found.gap <= 2e-3
    assert seconds < 30
    check(problem, MixLimits(), found)


def against_slices(seeds: range, limit_s: int) -> list[float]:
    """Times of the textbook's slices in CBC over ours; ours must cost no more."""
    ratios = []
    for seed in seeds:
        problem = near_parity(seed, 12, 9, 30)
        start = time.perf_counter()
        _, theirs = textbook(problem, slices=8, limit_s=limit_s)
        their_s = time.perf_counter() - start
        start = time.perf_counter()
        ours = solve_mix(problem, gap=1e-4)
        ratios.append(their_s / (time.perf_counter() - start))
        assert ours.objective is not None
        if theirs is not None:
            assert ours.objective <= theirs * (1 + 1e-9)
    print({"times faster": [round(r, 1) for r in ratios]})
    return ratios


@pytest.mark.benchmark
def test_ten_times_faster_than_slices() -> None:
    assert statistics.median(against_slices(range(1), 15)) >= 10


@pytest.mark.nightly
@pytest.mark.benchmark
def test_ten_times_faster_than_slices_on_twelve() -> None:
    assert statistics.median(against_slices(range(12), 20)) >= 10


def test_quotas_and_a_spot_cap_over_many_offers() -> None:
    """Where limits bind, the cheapest offers are not the right ones: their prices must be in."""
    many = near_parity(0, 300, 40, 200)
    problem = MixProblem(
        **{
            **many.__dict__,
            "quota_class": tuple(f"q{o % 3}" for o in range(300)),
            "spot": np.arange(300) % 2 > 0,
        }
    )
    limits = MixLimits(quotas={"q0": 3.0, "q1": 4.0}, max_spot_share=0.25)
    found = solve_mix(problem, limits, gap=2e-3, time_limit_s=30)
    assert found.objective is not None
    assert found.gap is not None
    assert found.gap <= 5e-3
    check(problem, limits, found)
    free = solve_mix(problem, gap=2e-3)
    assert free.bound is not None
    assert found.objective >= free.bound
