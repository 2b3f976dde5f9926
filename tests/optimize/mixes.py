"""Random mixes, and textbook programs and enumeration to compare with."""

from __future__ import annotations

import itertools

import numpy as np
import pulp

from planner.optimize.mix import MixLimits, MixProblem


def near_parity(
    seed: int, offers: int, buckets: int, requests_per_second: float, noise: float = 0.05
) -> MixProblem:
    """Offers whose price per work nearly agrees; small ones cannot serve the heaviest buckets."""
    rng = np.random.default_rng(seed)
    size = np.exp(rng.uniform(0, 3, offers))
    work = np.exp(rng.uniform(-1, 2.5, buckets))
    speed = size[:, None] / work[None, :] * np.exp(rng.normal(0, noise, (offers, buckets)))
    speed[(size[:, None] < np.exp(0.6)) & (work[None, :] > np.exp(1.8))] = 0
    price = size * np.exp(rng.normal(0, noise, offers))
    rate = requests_per_second * rng.dirichlet(np.ones(buckets))
    return MixProblem.of(price, speed, rate)


def cheapest_of_two(problem: MixProblem) -> float | None:
    """Enumeration over counts of two offers: the fractions are a knapsack, filled by ratio."""
    busy = np.flatnonzero(problem.rate > 0)
    with np.errstate(divide="ignore"):
        load = problem.rate[busy] / problem.throughput[:, busy]
    if not np.isfinite(load).any(axis=0).all():
        return None
    best = None
    most = [int(min(m, 40)) for m in problem.max_count]
    for first, second in itertools.product(*(range(m + 1) for m in most)):
        cost = float(problem.usd_per_hour @ [first, second])
        if best is not None and cost >= best:
            continue
        if _fits(load, first, second):
            best = cost
    return best


def _fits(load: np.ndarray, first: int, second: int) -> bool:
    """Whether both carry everything: what spares the second most per load goes to the first."""
    on_first, on_second = load
    a, b = np.isfinite(on_first) & (first > 0), np.isfinite(on_second) & (second > 0)
    if (~a & ~b).any():
        return False
    room = first - on_first[a & ~b].sum()
    rest = on_second[b].sum()
    both = np.flatnonzero(a & b)
    if room < -1e-9:
        return False
    for bucket in both[np.argsort(-(on_second[both] / on_first[both]))]:
        share = min(1.0, max(room, 0.0) / on_first[bucket])
        room -= share * on_first[bucket]
        rest -= share * on_second[bucket]
    return bool(rest <= second + 1e-9)


def textbook(
    problem: MixProblem,
    limits: MixLimits | None = None,
    slices: int | None = None,
    limit_s: int = 60,
) -> tuple[str, float | None]:
    """The program as a textbook writes it, in PuLP with CBC; whole slices of buckets if asked.

    Returns CBC's status and the cost of its counts.
    """
    limits = limits or MixLimits()
    lp = pulp.LpProblem("textbook", pulp.LpMinimize)
    offers, buckets = range(problem.offers), np.flatnonzero(problem.rate > 0).tolist()
    n = [
        pulp.LpVariable(
            f"n{o}",
            0,
            None if np.isinf(problem.max_count[o]) else int(problem.max_count[o]),
            pulp.LpInteger,
        )
        for o in offers
    ]
    parts = range(slices or 1)
    kind = pulp.LpBinary if slices else pulp.LpContinuous
    x = {
        (o, b, k): pulp.LpVariable(f"x{o}_{b}_{k}", 0, 1, kind)
        for o in offers
        for b in buckets
        for k in parts
        if problem.throughput[o, b] > 0
    }
    lp += pulp.lpSum(problem.usd_per_hour[o] * n[o] for o in offers)
    for b in buckets:
        for k in parts:
            lp += pulp.lpSum(x[o, b, k] for o in offers if (o, b, k) in x) == 1
    for o in offers:
        lp += (
            pulp.lpSum(
                problem.rate[b] / problem.throughput[o, b] / len(parts) * x[o, b, k]
                for b in buckets
                for k in parts
                if (o, b, k) in x
            )
            <= n[o]
        )
        for b in buckets:
            if (o, b, 0) in x and not slices:
                lp += x[o, b, 0] <= n[o]
    for name, most in limits.quotas.items():
        lp += (
            pulp.lpSum(
                problem.quota_units[o] * n[o] for o in offers if problem.quota_class[o] == name
            )
            <= most
        )
    if limits.max_spot_share is not None:
        lp += pulp.lpSum(
            problem.rate[b] * x[o, b, k] for o, b, k in x if problem.spot[o]
        ) <= limits.max_spot_share * problem.rate.sum() * len(parts)
    if limits.max_types is not None:
        y = {
            name: pulp.LpVariable(f"y{i}", cat=pulp.LpBinary)
            for i, name in enumerate(sorted(set(problem.kind)))
        }
        for o in offers:
            lp += n[o] <= 1000 * y[problem.kind[o]]
        lp += pulp.lpSum(y.values()) <= limits.max_types
    for spread in limits.spread:
        place = problem.place(spread.over)
        names = sorted(set(place))
        used = {
            name: pulp.LpVariable(f"u{spread.over}{i}", cat=pulp.LpBinary)
            for i, name in enumerate(names)
        }
        for name in names:
            lp += used[name] <= pulp.lpSum(n[o] for o in offers if place[o] == name)
            lp += pulp.lpSum(
                problem.rate[b] * x[o, b, k] for o, b, k in x if place[o] == name
            ) <= spread.max_share * problem.rate.sum() * len(parts)
        lp += pulp.lpSum(used.values()) >= spread.at_least
    lp.solve(pulp.PULP_CBC_CMD(msg=False, timeLimit=limit_s))
    if lp.status != pulp.LpStatusOptimal:
        return pulp.LpStatus[lp.status], None
    return "Optimal", float(sum(problem.usd_per_hour[o] * round(n[o].value()) for o in offers))
