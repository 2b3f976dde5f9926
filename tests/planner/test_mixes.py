"""The choice program with mixes, credits and places against plain enumeration."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.optimize.choice import Choice, Cover, Options, choose
from planner.optimize.options import EVERYWHERE, Shared, prune, prune_cover

QUOTAS = ("a", "b", "")
CLOUDS = ("x", "y")


@st.composite
def options(draw: st.DrawFn, most: int = 5) -> Options:
    count = draw(st.integers(1, most))
    cost = np.array(draw(st.lists(st.integers(1, 40), min_size=count, max_size=count)), float)
    return Options(
        cost=cost,
        cost_at_risk=cost * 1.25,
        quota=draw(st.lists(st.sampled_from(QUOTAS), min_size=count, max_size=count)),
        quota_use=np.array(
            draw(st.lists(st.integers(1, 6), min_size=count, max_size=count)), float
        ),
        order=np.arange(count),
        cloud=draw(st.lists(st.sampled_from(CLOUDS), min_size=count, max_size=count)),
    )


@st.composite
def covers(draw: st.DrawFn, most: int = 4) -> Cover:
    count = draw(st.integers(1, most))

    def column(low: int, high: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        values = draw(st.lists(st.integers(low, high), min_size=count, max_size=count))
        return np.array(values, float)

    places = draw(st.lists(st.integers(EVERYWHERE, 1), min_size=count, max_size=count))
    return Cover(
        need=float(draw(st.integers(1, 12))),
        capacity=column(1, 6),
        usd_per_group=column(1, 20),
        usd_per_unit=column(0, 3),
        nodes=column(1, 2),
        quota=draw(st.lists(st.sampled_from(QUOTAS), min_size=count, max_size=count)),
        quota_use=column(1, 4),
        spot=column(0, 1).astype(bool),
        max_nodes=4.0,
        cloud=draw(st.lists(st.sampled_from(CLOUDS), min_size=count, max_size=count)),
        max_spot_share=draw(st.sampled_from([1.0, 0.5])),
        place=draw(st.sampled_from([None, np.array(places, np.intp)])),
    )


LIMITS = st.dictionaries(st.sampled_from(["a", "b"]), st.integers(0, 8).map(float), max_size=2)
CREDITS = st.dictionaries(st.sampled_from(CLOUDS), st.integers(1, 30).map(float), max_size=2)


@dataclass(frozen=True)
class _Plan:
    cost: float
    at_risk: float
    quota: dict[str, float]
    by_cloud: dict[str, float]


def single_plans(options: Options) -> list[_Plan]:
    return [
        _Plan(
            float(options.cost[i]),
            float(options.cost_at_risk[i]),
            {options.quota[i]: float(options.quota_use[i])},
            {options.cloud[i]: float(options.cost[i])},
        )
        for i in range(len(options.cost))
    ]


def mix_plans(cover: Cover) -> list[_Plan]:
    """Every count of every group; units go to the cheapest first, which is optimal by exchange."""
    most = [int(cover.max_nodes // n) for n in cover.nodes]
    found = []
    for counts in itertools.product(*(range(m + 1) for m in most)):
        n = np.array(counts, float)
        if not n.any() or float((n * cover.nodes).sum()) > cover.max_nodes:
            continue
        used = np.flatnonzero(n)
        if cover.place is not None and len(set(cover.place[used].tolist()) - {EVERYWHERE}) > 1:
            continue
        left, spot_left = cover.need, cover.max_spot_share * cover.need
        units = np.zeros(len(n))
        for g in sorted(used.tolist(), key=lambda g: (cover.usd_per_unit[g], cover.spot[g])):
            room = min(left, n[g] * cover.capacity[g], spot_left if cover.spot[g] else math.inf)
            units[g] = room
            left -= room
            spot_left -= room if cover.spot[g] else 0.0
        if left > 1e-9:
            continue
        quota: dict[str, float] = {}
        by_cloud: dict[str, float] = {}
        usd = n * cover.usd_per_group + units * cover.usd_per_unit
        for g in used.tolist():
            name, cloud = cover.quota[g], cover.cloud[g]
            quota[name] = quota.get(name, 0.0) + float(n[g] * cover.quota_use[g])
            by_cloud[cloud] = by_cloud.get(cloud, 0.0) + float(usd[g])
        found.append(_Plan(float(usd.sum()), float(usd.sum()), quota, by_cloud))
    return found


def without_unit_prices(cover: Cover, credits: dict[str, float]) -> Cover:
    """With credits it matters who handles which unit, which the enumeration does not try."""
    return replace(cover, usd_per_unit=np.zeros(len(cover.capacity))) if credits else cover


def least_cost(
    plans: list[list[_Plan]],
    limits: dict[str, float],
    budget: float | None,
    credits: dict[str, float],
) -> float | None:
    best = None
    for chosen in itertools.product(*plans):
        for name, limit in limits.items():
            if sum(plan.quota.get(name, 0.0) for plan in chosen) > limit:
                break
        else:
            paid = sum(
                min(usd, sum(plan.by_cloud.get(cloud, 0.0) for plan in chosen))
                for cloud, usd in credits.items()
            )
            if budget is not None and sum(plan.at_risk for plan in chosen) - paid > budget:
                continue
            cost = sum(plan.cost for plan in chosen) - paid
            best = cost if best is None else min(best, cost)
    return best


def cash(choice: Choice, workloads: list[Options], covers: dict[int, Cover]) -> float:
    """What the choice pays, from its picks alone."""
    total = -sum(choice.credit_usd.values())
    for w, pick in enumerate(choice.picks):
        if pick >= 0:
            total += float(workloads[w].cost[pick])
        else:
            cover = covers[w]
            for group in choice.mixes[w]:
                total += group.count * float(cover.usd_per_group[group.index])
                total += group.units * cover.need * float(cover.usd_per_unit[group.index])
    return total


@settings(max_examples=60, deadline=None)
@given(
    st.lists(options(most=4), min_size=1, max_size=2),
    covers(),
    LIMITS,
    st.sampled_from([None, 25.0, 60.0]),
    CREDITS,
)
def test_choice_with_a_mix_equals_enumeration(
    workloads: list[Options],
    cover: Cover,
    limits: dict[str, float],
    budget: float | None,
    credits: dict[str, float],
) -> None:
    cover = without_unit_prices(cover, credits)
    plans = [single_plans(o) for o in workloads]
    plans[0] = plans[0] + mix_plans(cover)
    expected = least_cost(plans, limits, budget, credits)
    choice = choose(workloads, limits, budget, covers={0: cover}, credits=credits)
    if expected is None:
        assert choice.picks == ()
        return
    assert choice.picks
    # the preference for one configuration is worth at most 1e-5 of the single one's cost
    slack = 1e-5 * float(workloads[0].cost.min()) + 1e-6
    assert cash(choice, workloads, {0: cover}) == pytest.approx(expected, abs=slack)


@settings(max_examples=150, deadline=None)
@given(covers(most=5), LIMITS, CREDITS)
def test_pruned_groups_are_in_no_cheaper_mix(
    cover: Cover, limits: dict[str, float], credits: dict[str, float]
) -> None:
    cover = without_unit_prices(cover, credits)
    shared = Shared(limits, None, credits)
    kept = prune_cover(cover, shared)
    before = least_cost([mix_plans(cover)], limits, None, credits)
    after = least_cost([mix_plans(cover.take(kept))], limits, None, credits)
    assert before == pytest.approx(after) if before is not None else after is None


@settings(max_examples=150, deadline=None)
@given(options(most=8), LIMITS, st.sampled_from([None, 20.0, 50.0]), CREDITS)
def test_pruning_with_credits_never_changes_the_optimum(
    one: Options, limits: dict[str, float], budget: float | None, credits: dict[str, float]
) -> None:
    kept = prune(one, Shared(limits, budget, credits)).tolist()
    plans = single_plans(one)
    before = least_cost([plans], limits, budget, credits)
    after = least_cost([[plans[i] for i in kept]], limits, budget, credits)
    assert before == after


def test_credits_make_the_dearer_cloud_the_choice() -> None:
    """Spending a grant first is why one has it: 30 in cloud x beats 20 in y with 25 granted."""
    offers = Options(
        cost=np.array([20.0, 30.0]),
        cost_at_risk=np.array([20.0, 30.0]),
        quota=["", ""],
        quota_use=np.array([0.0, 0.0]),
        order=np.arange(2),
        cloud=["y", "x"],
    )
    assert choose([offers], {}, None).picks == (0,)
    granted = choose([offers], {}, None, credits={"x": 25.0})
    assert granted.picks == (1,)
    assert granted.credit_usd == {"x": 25.0}
