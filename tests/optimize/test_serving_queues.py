"""The simulated service against closed forms."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from planner.simulate.serving import Pool, simulate_service


def pool(rate: float, replicas: int = 1, places: int = 10_000, **more: object) -> Pool:
    one = Pool(
        replicas=replicas,
        places=places,
        rate=np.array([rate]),
        prompt_s=np.array([1.0]),
        first_token_s=np.array([1.0]),
        decode_s=np.array([10.0]),
    )
    return replace(one, **more)  # type: ignore[arg-type]


def test_prompts_queue_as_in_an_exponential_server() -> None:
    """M/M/1: P(wait > t) = rho exp(-(1 - rho) t) for a mean service of 1."""
    [found] = simulate_service([pool(0.7, size_scv=1.0)], requests=200_000)
    assert found is not None
    assert found.wait_p95_s == pytest.approx(math.log(0.7 / 0.05) / 0.3, rel=0.1)
    assert found.prompt_utilisation == pytest.approx(0.7, rel=0.03)
    assert found.ttft_s[1] == pytest.approx(found.wait_p95_s + 1.0, rel=1e-9)


def test_prompts_all_alike_wait_less() -> None:
    alike, varied = (
        simulate_service([pool(0.7, size_scv=scv)], requests=60_000)[0] for scv in (0.0, 1.0)
    )
    assert alike is not None and varied is not None
    assert alike.wait_p95_s < 0.7 * varied.wait_p95_s


def test_the_batch_is_that_of_an_infinite_server() -> None:
    """M/G/inf: the number decoding is Poisson with mean rate x time (Little)."""
    quick = pool(20.0, prompt_s=np.array([0.0]), first_token_s=np.array([0.0]))
    # time per token equal to the number beside oneself
    found = simulate_service([replace(quick, others=(0.0, 1.0), tpot_s=(0.0, 1.0))])[0]
    assert found is not None and found.tpot_s is not None
    assert found.tpot_s[0] == pytest.approx(200, rel=0.02)
    assert found.tpot_s[1] == pytest.approx(200 + 1.645 * math.sqrt(200), rel=0.03)


def test_a_full_cache_makes_requests_wait() -> None:
    roomy, tight = (
        simulate_service([pool(0.5, places=places)], requests=30_000)[0] for places in (20, 6)
    )
    assert roomy is not None and tight is not None
    assert tight.wait_p95_s > 2 * roomy.wait_p95_s


def test_bursts_wait_longer_and_a_seed_repeats() -> None:
    calm = simulate_service([pool(0.6)], requests=30_000, seed=4)
    again = simulate_service([pool(0.6)], requests=30_000, seed=4)
    bursts = simulate_service([pool(0.6)], requests=30_000, seed=4, burstiness=5.0)
    assert calm == again
    assert calm[0] is not None and bursts[0] is not None
    assert bursts[0].wait_p95_s > 1.5 * calm[0].wait_p95_s


def test_pools_get_their_share_and_long_prompts_wait_apart() -> None:
    short = pool(3.0, prompt_s=np.array([0.01]), first_token_s=np.array([0.01]))
    long = pool(0.6)
    apart = simulate_service([short, long], requests=60_000)
    mixed = simulate_service(
        [
            Pool(
                replicas=2,
                places=10_000,
                rate=np.array([3.0, 0.6]),
                prompt_s=np.array([0.01, 1.0]),
                first_token_s=np.array([0.01, 1.0]),
                decode_s=np.array([10.0, 10.0]),
            )
        ],
        requests=60_000,
    )
    assert apart[0] is not None and apart[1] is not None and mixed[0] is not None
    assert apart[0].requests / apart[1].requests == pytest.approx(5, rel=0.05)
    assert apart[0].wait_p95_s < 0.02 < mixed[0].wait_p95_s


def test_no_requests_is_no_figure() -> None:
    assert simulate_service([pool(0.0)]) == [None]
    assert simulate_service([pool(1.0), pool(0.0)], requests=1000)[1] is None
