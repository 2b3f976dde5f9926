"""A service of language models, simulated: requests arrive, wait for a place, then for prompts.

A request goes to a pool of like replicas by its size. There it waits, first come first served, for
one of the places that caches and engines have, then for the prompts before its own; after its
first token it decodes beside the others on its replica. Requests spread evenly over the replicas
of a pool, as a router that picks the least busy does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from planner.simulate.queues import arrivals, waits

Floats = NDArray[np.float64]
PERCENTILES = (50.0, 95.0, 99.0)


@dataclass(frozen=True)
class Pool:
    """``replicas`` alike with ``places`` each; arrays have one value a class of requests.

    ``rate`` requests/s sent here. A prompt keeps a replica busy for ``prompt_s``; whoever waits for
    nobody has the first token after ``first_token_s``, and decodes for ``decode_s`` from then on.
    Time per output token is linear in the others on the replica, through ``tpot_s`` at
    ``others``; None where nothing is decoded. ``size_scv`` spreads sizes within a class: 0 all
    alike, 1 as an exponential.
    """

    replicas: int
    places: int
    rate: Floats
    prompt_s: Floats
    first_token_s: Floats
    decode_s: Floats
    others: tuple[float, float] = (0.0, 0.0)
    tpot_s: tuple[float, float] | None = None
    size_scv: float = 0.0


@dataclass(frozen=True)
class PoolTimes:
    """Of the requests to one pool, warm-up left out: percentiles 50, 95 and 99 in seconds.

    ``wait_p95_s`` is the wait for a place and for the prompts before; ``prompt_utilisation`` the
    share of time that replicas are busy with prompts.
    """

    requests: int
    ttft_s: tuple[float, ...]
    tpot_s: tuple[float, ...] | None
    wait_p95_s: float
    prompt_utilisation: float


def simulate_service(
    pools: Sequence[Pool],
    *,
    burstiness: float = 1.0,
    requests: int = 40_000,
    warm_up: float = 0.2,
    seed: int = 0,
) -> list[PoolTimes | None]:
    """Run ``requests`` arrivals; None for a pool that none of the counted ones was sent to.

    ``burstiness`` is the squared coefficient of variation of the gaps between arrivals. The same
    seed gives the same run.
    """
    rng = np.random.default_rng(seed)
    weight = np.concatenate([pool.rate for pool in pools])
    owner = np.repeat(np.arange(len(pools)), [len(pool.rate) for pool in pools])
    member = np.concatenate([np.arange(len(pool.rate)) for pool in pools])
    total = float(weight.sum())
    if total <= 0:
        return [None] * len(pools)
    at = arrivals(rng, total, requests, burstiness)
    cumulative = np.cumsum(weight)
    drawn = np.searchsorted(cumulative, rng.random(requests) * cumulative[-1], side="right")
    drawn = np.minimum(drawn, len(weight) - 1)
    begun = at >= warm_up * at[-1]
    found: list[PoolTimes | None] = []
    for number, pool in enumerate(pools):
        mine = owner[drawn] == number
        found.append(_run(pool, at[mine], member[drawn[mine]], begun[mine], rng))
    return found


def _run(
    pool: Pool,
    at: Floats,
    size: NDArray[np.intp],
    counted: NDArray[np.bool_],
    rng: np.random.Generator,
) -> PoolTimes | None:
    if not counted.any():
        return None
    prompt, decode = pool.prompt_s[size], pool.decode_s[size]
    if pool.size_scv > 0:
        shape = 1.0 / pool.size_scv
        prompt = prompt * rng.gamma(shape, pool.size_scv, len(at))
        decode = decode * rng.gamma(shape, pool.size_scv, len(at))
    own = pool.first_token_s[size]
    for_place = waits(at, own + decode, pool.replicas * pool.places)
    start = at + for_place
    waited = for_place + waits(start, prompt, pool.replicas)
    ttft = waited + own
    tpot = None
    if pool.tpot_s is not None:
        begin = at + ttft
        ended = np.sort(begin + decode)
        others = np.searchsorted(np.sort(begin), begin, side="right") - 1
        others = others - np.searchsorted(ended, begin, side="right")
        beside = others / pool.replicas
        (few, many), (quick, slow) = pool.others, pool.tpot_s
        steep = (slow - quick) / (many - few) if many > few else 0.0
        tpot = np.maximum(quick + (beside - few) * steep, 0.0)
    busy = float(prompt.sum()) / (float(at[-1]) * pool.replicas)
    return PoolTimes(
        requests=int(counted.sum()),
        ttft_s=_percentiles(ttft[counted]),
        tpot_s=None if tpot is None else _percentiles(tpot[counted]),
        wait_p95_s=float(np.percentile(waited[counted], 95.0)),
        prompt_utilisation=busy,
    )


def _percentiles(values: Floats) -> tuple[float, ...]:
    return tuple(float(value) for value in np.percentile(values, PERCENTILES))
