"""The choice program with mixes, credits and places against plain enumeration."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.optimize.choice import Choice, Cover, Options, choose, shares
from planner.optimize.options import EVERYWHERE, Apart, Shared, prune, prune_cover

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


SPREADS = st.sampled_from([(2, 1.0), (3, 1.0), (1, 0.5), (2, 0.6), (1, 0.7)])


@st.composite
def covers(draw: st.DrawFn, most: int = 4) -> Cover:
    count = draw(st.integers(1, most))

    def column(low: int, high: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        values = draw(st.lists(st.integers(low, high), min_size=count, max_size=count))
        return np.array(values, float)

    places = draw(st.lists(st.integers(EVERYWHERE, 1), min_size=count, max_size=count))
    apart = draw(st.none() | st.just(Apart(column(0, 2).astype(np.intp), *draw(SPREADS))))
    # Who handles which unit is enumerated for one limit on shares only.
    shared = apart is not None and apart.max_share < 1
    return Cover(
        need=float(draw(st.integers(1, 12))),
        capacity=column(1, 6),
        usd_per_group=column(1, 20),
        usd_per_unit=np.zeros(count) if shared else column(0, 3),
        nodes=column(1, 2),
        quota=draw(st.lists(st.sampled_from(QUOTAS), min_size=count, max_size=count)),
        quota_use=column(1, 4),
        spot=np.zeros(count, bool) if shared else column(0, 1).astype(bool),
        max_nodes=4.0,
        cloud=draw(st.lists(st.sampled_from(CLOUDS), min_size=count, max_size=count)),
        max_spot_share=draw(st.sampled_from([1.0, 0.5])),
        place=draw(st.sampled_from([None, np.array(places, np.intp)])),
        apart=apart,
        kind=column(0, 2).astype(np.intp),
        max_types=draw(st.sampled_from([None, 1, 2])),
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
        kinds = 0 if cover.kind is None else len(set(cover.kind[used].tolist()))
        if kinds > (cover.max_types or kinds):
            continue
        if cover.apart is not None and not _is_spread(cover, cover.apart, n):
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


def _is_spread(cover: Cover, apart: Apart, counts: np.ndarray) -> bool:
    """Whether these counts use enough places, and could carry all within the shares."""
    used = set(apart.place[counts > 0].tolist())
    most = apart.max_share * cover.need
    carried = sum(
        min(most, float((counts * cover.capacity)[apart.place == p].sum())) for p in sorted(used)
    )
    return len(used) >= apart.at_least and carried >= cover.need - 1e-9


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


@settings(max_examples=60, deadline=None)
@given(covers(most=5), LIMITS)
def test_a_chosen_mix_keeps_its_limits(cover: Cover, limits: dict[str, float]) -> None:
    """Places, shares, kinds and spot, in the load that each group is said to get."""
    nothing = Options(np.empty(0), np.empty(0), [], np.empty(0), np.empty(0, np.intp))
    choice = choose([nothing], limits, None, covers={0: cover})
    if not choice.picks:
        return
    groups = choice.mixes[0]
    parts = shares(cover, groups, service=True)
    assert sum(parts) == pytest.approx(1)
    for group, part in zip(groups, parts, strict=True):
        assert part * cover.need <= group.count * cover.capacity[group.index] * (1 + 1e-6)
    spot = sum(part for g, part in zip(groups, parts, strict=True) if cover.spot[g.index])
    assert spot <= cover.max_spot_share + 1e-6
    assert cover.kind is not None
    kinds = {int(cover.kind[group.index]) for group in groups}
    assert cover.max_types is None or len(kinds) <= cover.max_types
    if cover.apart is not None:
        places = [int(cover.apart.place[group.index]) for group in groups]
        assert len(set(places)) >= cover.apart.at_least
        for p in set(places):
            inside = sum(part for at, part in zip(places, parts, strict=True) if at == p)
            assert inside <= cover.apart.max_share + 1e-6


@pytest.mark.parametrize("seed", range(12))
def test_places_left_out_are_in_no_cheaper_spread(seed: int) -> None:
    """Many places of like offers: what is pruned makes no mix cheaper, of one place or another."""
    rng = np.random.default_rng(seed)
    count = 12
    cover = Cover(
        need=float(rng.integers(3, 8)),
        capacity=rng.integers(1, 4, count).astype(float),
        usd_per_group=rng.integers(1, 9, count).astype(float),
        usd_per_unit=np.zeros(count),
        nodes=np.ones(count),
        quota=[""] * count,
        quota_use=np.ones(count),
        spot=np.zeros(count, bool),
        max_nodes=float(rng.integers(3, 6)),
        apart=Apart(rng.integers(0, 8, count), *[(2, 1.0), (1, 0.4), (3, 0.5)][seed % 3]),
        kind=rng.integers(0, 2, count),
        max_types=None if seed % 2 else 1,
    )
    kept = prune_cover(cover, Shared())
    assert len(kept) < count
    nothing = Options(np.empty(0), np.empty(0), [], np.empty(0), np.empty(0, np.intp))
    chosen = choose([nothing], {}, None, covers={0: cover})
    wide = _least(cover)
    if wide is None:
        assert not chosen.picks
    else:
        assert cash(chosen, [nothing], {0: cover}) == pytest.approx(wide, rel=1e-6)


def _least(cover: Cover) -> float | None:
    """The cheapest counts that are spread as asked, by enumerating multisets of groups."""
    best = None
    assert cover.apart is not None and cover.kind is not None
    for size in range(1, int(cover.max_nodes) + 1):
        for chosen in itertools.combinations_with_replacement(range(len(cover.capacity)), size):
            counts = np.bincount(chosen, minlength=len(cover.capacity)).astype(float)
            cost = float(counts @ cover.usd_per_group)
            kinds = len(set(cover.kind[counts > 0].tolist()))
            if best is not None and cost >= best:
                continue
            if kinds <= (cover.max_types or kinds) and _is_spread(cover, cover.apart, counts):
                best = cost
    return best
