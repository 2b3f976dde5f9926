"""Lower bounds on a mix's cost that need no solver, and which offers they rule out.

With a value v[b] on serving each bucket (and prices on quotas and the spot share), the program
falls apart into one small problem an offer, and what remains is a bound (Lagrangian relaxation,
Geoffrion 1974):

    L(v) = sum_b v[b] + sum_o min over whole n of (price[o] n - V[o](n))

where V[o](n) is the value of the best fractions that n instances can serve: a fractional knapsack,
filled in order of value per instance. At v[b] = min_o price[o] load[o,b] that is the separable
LP bound; a subgradient ascent then prices in that instances are whole. An offer whose own minimum
over n >= 1 lifts the bound above a known cost is in no better mix.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.optimize.mix.problem import Floats, Ids, MixLimits, MixProblem

_HALVE_AFTER = 8


@dataclass(frozen=True, eq=False)
class Bound:
    """A proven bound in USD/h, and the least cost per hour of any mix with one of an offer (o,).

    ``value`` (o, b) is what serving a bucket on an offer is worth at these multipliers.
    """

    usd_per_hour: float
    with_offer: Floats
    value: Floats


@dataclass(frozen=True, eq=False)
class _Point:
    """L and its subgradients at one set of multipliers."""

    bound: float
    forced: Floats  # (o,) added cost of using at least one
    value: Floats
    counts: Floats
    shares: Floats


def separable_bound(problem: MixProblem, load: Floats) -> float:
    """USD/h if every bucket went to its cheapest offer and parts of instances could be bought."""
    if not problem.buckets:
        return 0.0
    with np.errstate(invalid="ignore"):
        cost = np.where(np.isfinite(load), problem.usd_per_hour[:, None] * load, np.inf)
    return float(cost.min(axis=0).sum())


class Relaxation:
    """L of one problem. Limits it does not price (types, spread) can only raise the cost."""

    def __init__(self, problem: MixProblem, limits: MixLimits, load: Floats) -> None:
        self.price = problem.usd_per_hour
        self.possible = np.isfinite(load)
        self.load = np.where(self.possible, load, 0.0)
        self.most = problem.max_count
        self.spare = float(limits.spare_instances)
        names = sorted(set(limits.quotas) & set(problem.quota_class))
        self.quota = np.array([limits.quotas[name] for name in names], float)
        self.units = (
            np.array([[float(c == name) for c in problem.quota_class] for name in names]).reshape(
                len(names), problem.offers
            )
            * problem.quota_units
        )
        capped = limits.max_spot_share is not None and bool(problem.spot.any())
        self.spot = problem.spot.astype(float) if capped else np.zeros(problem.offers)
        self.part = problem.rate / problem.rate.sum()
        self.spot_share = float(limits.max_spot_share or 0.0) if capped else 1.0
        with np.errstate(invalid="ignore"):
            cost = np.where(self.possible, self.price[:, None] * load, np.inf)
        self.start = cost.min(axis=0)

    def at(self, value: Floats, quota_price: Floats, spot_price: float) -> _Point:
        """L and how each multiplier is missed."""
        price = self.price + quota_price @ self.units
        worth = value[None, :] - (spot_price * self.spot)[:, None] * self.part[None, :]
        worth = np.where(self.possible, np.maximum(worth, 0.0), 0.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            density = np.where(self.load > 0, worth / self.load, np.where(worth > 0, np.inf, 0.0))
        order = np.argsort(-density, axis=1)
        density = np.take_along_axis(density, order, 1)
        load = np.take_along_axis(self.load, order, 1)
        gained = np.take_along_axis(worth, order, 1)
        full_load, full_worth = np.cumsum(load, axis=1), np.cumsum(gained, axis=1)
        rows = np.arange(len(price))

        def cost(count: Floats) -> Floats:
            """price n - V(n - spare)."""
            room = np.maximum(count - self.spare, 0.0)
            whole = (full_load <= room[:, None]).sum(axis=1)
            last = np.maximum(whole - 1, 0)
            filled = np.where(whole > 0, full_load[rows, last], 0.0)
            worth_of = np.where(whole > 0, full_worth[rows, last], 0.0)
            at = np.minimum(whole, load.shape[1] - 1)
            of = load[rows, at]
            part = np.where(of > 0, (room - filled) / np.where(of > 0, of, 1.0), 0.0)
            worth_of += np.where(whole < load.shape[1], np.clip(part, 0, 1) * gained[rows, at], 0.0)
            worth_of = np.where(count > self.spare, worth_of, 0.0)
            return price * count - worth_of

        wanted = np.where(density > price[:, None], load, 0.0).sum(axis=1) + self.spare
        low = np.clip(np.floor(wanted), 1.0, np.maximum(self.most, 1.0))
        high = np.clip(np.ceil(wanted), 1.0, np.maximum(self.most, 1.0))
        at_low, at_high = cost(low), cost(high)
        forced = np.where(self.most >= 1, np.minimum(at_low, at_high), np.inf)
        counts = np.where(forced < 0, np.where(at_low <= at_high, low, high), 0.0)
        room = np.maximum(counts - self.spare, 0.0)[:, None]
        before = full_load - load
        with np.errstate(divide="ignore", invalid="ignore"):
            part = np.where(load > 0, (room - before) / load, (counts > 0)[:, None])
        sorted_shares = np.where(gained > 0, np.clip(part, 0.0, 1.0), 0.0)
        sorted_shares = np.where(room > 0, sorted_shares, 0.0)
        shares = np.empty_like(sorted_shares)
        np.put_along_axis(shares, order, sorted_shares, 1)
        bound = float(
            value.sum()
            + np.minimum(forced, 0.0).sum()
            - quota_price @ self.quota
            - spot_price * self.spot_share
        )
        return _Point(bound, np.maximum(forced, 0.0), worth, counts, shares)


def lagrangian_bound(
    problem: MixProblem,
    limits: MixLimits,
    load: Floats,
    *,
    rounds: int = 150,
    focus: int = 200,
) -> Bound:
    """Ascend over the ``focus`` most promising offers, then state the bound over all of them."""
    whole = Relaxation(problem, limits, load)
    zero = np.zeros(len(whole.quota))
    first = whole.at(whole.start, zero, 0.0)
    chosen: Ids = np.arange(problem.offers)
    if problem.offers > focus:
        order = np.argsort(first.forced, kind="stable")
        # Offers that quotas or a spot cap may force into use are not the cheapest.
        best = np.argsort(problem.usd_per_hour[:, None] * load, axis=0, kind="stable")[:4].ravel()
        chosen = np.unique(np.concatenate([order[:focus], best]))
    part = Relaxation(problem.take(chosen), limits, load[chosen])
    if len(part.quota) != len(whole.quota):
        part = whole
    value, quota_price, spot_price = whole.start.copy(), zero.copy(), 0.0
    best_at = (value, quota_price, spot_price)
    best_bound, step, failures = -np.inf, 1.0, 0
    for _ in range(rounds):
        point = part.at(value, quota_price, spot_price)
        if point.bound > best_bound:
            best_bound, best_at, failures = point.bound, (value, quota_price, spot_price), 0
        else:
            failures += 1
            if failures >= _HALVE_AFTER:
                step, failures = step / 2, 0
                value, quota_price, spot_price = best_at
                point = part.at(value, quota_price, spot_price)
        missing = 1.0 - point.shares.sum(axis=0)
        over = part.units @ point.counts - part.quota
        over = np.where((quota_price <= 0) & (over < 0), 0.0, over)
        spot = float((part.spot @ point.shares) @ part.part) - part.spot_share
        spot = 0.0 if spot_price <= 0 and spot < 0 else spot
        size = float(missing @ missing + over @ over + spot * spot)
        if size < 1e-18 or step < 1e-4:
            break
        target = best_bound + max(abs(best_bound) * 5e-3, 1e-12) - point.bound
        length = step * target / size
        value = np.maximum(value + length * missing, 0.0)
        quota_price = np.maximum(quota_price + length * over, 0.0)
        spot_price = max(0.0, spot_price + length * spot)
    final = whole.at(*best_at)
    if final.bound < first.bound:
        final = first
    return Bound(final.bound, final.bound + final.forced, final.value)


def bound_at(
    problem: MixProblem,
    limits: MixLimits,
    load: Floats,
    value: Floats,
    quota_price: Floats,
    spot_price: float,
) -> Bound:
    """The bound at given multipliers, such as the duals of a program over some of the offers.

    ``value`` (b,) of serving each bucket; ``quota_price`` by quota class in order of name.
    """
    point = Relaxation(problem, limits, load).at(value, quota_price, spot_price)
    return Bound(point.bound, point.bound + point.forced, point.value)


def stronger(first: Bound, second: Bound) -> Bound:
    """Two proofs together: each offer's bound is the better one."""
    best = first if first.usd_per_hour >= second.usd_per_hour else second
    with_offer = np.maximum(first.with_offer, second.with_offer)
    return Bound(best.usd_per_hour, np.maximum(with_offer, best.usd_per_hour), best.value)
