"""The simulated queues against closed forms."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest

from planner.simulate.queues import arrivals, simulate, waits


def erlang_c_wait_s(rate: float, service_s: float, servers: int) -> float:
    """Mean wait in M/M/c (Erlang 1917)."""
    load = rate * service_s
    blocked = load**servers / math.factorial(servers) * servers / (servers - load)
    waiting = blocked / (sum(load**k / math.factorial(k) for k in range(servers)) + blocked)
    return waiting * service_s / (servers - load)


@pytest.mark.parametrize(("servers", "utilisation"), [(1, 0.5), (1, 0.8), (4, 0.8), (20, 0.9)])
def test_exponential_service_waits_as_erlang_says(servers: int, utilisation: float) -> None:
    rng = np.random.default_rng(7)
    rate, count = utilisation * servers, 400_000
    waited = waits(arrivals(rng, rate, count, 1.0), rng.exponential(1.0, count), servers)
    assert waited.mean() == pytest.approx(erlang_c_wait_s(rate, 1.0, servers), rel=0.07)


def test_equal_service_waits_half_as_long() -> None:
    """M/D/1: rho / (2 mu (1 - rho)) (Pollaczek 1930)."""
    run = simulate(
        np.array([0.7]), np.array([[1.0]]), np.array([[1.0]]), np.array([1]), requests=400_000
    )
    assert run.pools[0].mean_s == pytest.approx(0.7 / (2 * 0.3), rel=0.05)
    assert run.pools[0].utilisation == pytest.approx(0.7, rel=0.02)


def test_bursts_wait_longer() -> None:
    def delay(burstiness: float) -> float:
        return simulate(
            np.array([8.0]),
            np.array([[1.0]]),
            np.array([[1.0]]),
            np.array([10]),
            burstiness=burstiness,
            requests=60_000,
        ).percentile_s

    assert delay(0.2) < delay(1.0) < delay(6.0)


def test_gaps_have_the_burstiness_asked_for() -> None:
    gaps = np.diff(arrivals(np.random.default_rng(1), 4.0, 200_000, 3.0))
    assert gaps.mean() == pytest.approx(0.25, rel=0.03)
    assert gaps.var() / gaps.mean() ** 2 == pytest.approx(3.0, rel=0.06)


def test_routing_sends_each_offer_its_share() -> None:
    rate = np.array([30.0, 10.0])
    share = np.array([[0.5, 0.0], [0.5, 1.0]])
    speed = np.array([[1.0, 0.0], [2.0, 1.0]])
    run = simulate(rate, speed, share, np.array([20, 25]), requests=100_000, seed=3)
    assert run.pools[0].requests / run.requests == pytest.approx(15 / 40, rel=0.02)
    assert run.pools[0].utilisation == pytest.approx(15 / 20, rel=0.02)
    assert run.pools[1].utilisation == pytest.approx((15 / 2 + 10) / 25, rel=0.02)


@pytest.mark.benchmark
def test_the_same_seed_is_the_same_run_and_fast() -> None:
    arguments = (np.array([300.0]), np.array([[1.0]]), np.array([[1.0]]), np.array([320]))
    start = time.perf_counter()
    first = simulate(*arguments, requests=100_000, seed=5)
    assert time.perf_counter() - start < 3
    assert first == simulate(*arguments, requests=100_000, seed=5)
    assert first != simulate(*arguments, requests=100_000, seed=6)


def test_nothing_to_do() -> None:
    none = simulate(np.array([0.0]), np.ones((1, 1)), np.zeros((1, 1)), np.array([0]))
    assert (none.requests, none.worst_s, none.pools) == (0, 0.0, {})
