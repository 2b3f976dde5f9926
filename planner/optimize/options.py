"""What the choice program decides over: single configurations, and groups that may be mixed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field, replace

import numpy as np
from numpy.typing import NDArray

from catalog.records import dataclass

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Options:
    """Feasible candidates of one workload, shape (n,). ``quota`` names the class each draws on.

    ``order`` breaks ties: of equal cost the lowest order is kept, then the first. ``cloud`` matters
    where credits are held.
    """

    cost: Floats
    cost_at_risk: Floats
    quota: Sequence[str]
    quota_use: Floats
    order: Floats | Rows
    cloud: Sequence[str] = ()


EVERYWHERE = -1


@dataclass(frozen=True)
class Apart:
    """A mix must use ``at_least`` places, none of which handles more than ``max_share``.

    ``place`` (m,) is that of each group.
    """

    place: Rows
    at_least: int = 1
    max_share: float = 1.0


@dataclass(frozen=True)
class Cover:
    """Groups of machines that carry one workload together, shape (m,): any number of each.

    A group handles up to ``capacity`` units (per second, or until the deadline) of the ``need``;
    it costs ``usd_per_group`` and ``usd_per_unit`` of what it handles. ``nodes`` machines each,
    ``max_nodes`` in all; at most ``max_spot_share`` of the need on spot groups.
    """

    need: float
    capacity: Floats
    usd_per_group: Floats
    usd_per_unit: Floats
    nodes: Floats
    quota: Sequence[str]
    quota_use: Floats
    spot: Mask
    max_nodes: float
    cloud: Sequence[str] = ()
    max_spot_share: float = 1.0
    # Groups of one mix share a place, those at EVERYWHERE (own machines) join any; None: no place
    # binds. Shape (m,).
    place: Rows | None = None
    # Places that a mix must be spread over; None: not asked for.
    apart: Apart | None = None
    # Of the kinds (m,) of accelerator, at most ``max_types`` in one mix; None: any number.
    kind: Rows | None = None
    max_types: int | None = None

    def take(self, rows: Rows) -> Cover:
        """The chosen groups."""
        index = rows.tolist()
        return replace(
            self,
            capacity=self.capacity[rows],
            usd_per_group=self.usd_per_group[rows],
            usd_per_unit=self.usd_per_unit[rows],
            nodes=self.nodes[rows],
            quota=[self.quota[i] for i in index],
            quota_use=self.quota_use[rows],
            spot=self.spot[rows],
            cloud=[self.cloud[i] for i in index] if self.cloud else (),
            place=None if self.place is None else self.place[rows],
            apart=self.apart and replace(self.apart, place=self.apart.place[rows]),
            kind=None if self.kind is None else self.kind[rows],
        )


@dataclass(frozen=True)
class Shared:
    """Limits that all workloads of a program share."""

    quotas: Mapping[str, float] = field(default_factory=dict)
    budget: float | None = None
    credits: Mapping[str, float] = field(default_factory=dict)


def credit_keys(clouds: Sequence[str], count: int, shared: Shared) -> list[str]:
    """The credited cloud each candidate draws on, or nothing."""
    if not shared.credits or not clouds:
        return [""] * count
    return [cloud if cloud in shared.credits else "" for cloud in clouds]


def prune(options: Options, shared: Shared) -> Rows:
    """Candidates that can be in a cheapest plan, cheapest first.

    One candidate makes another redundant when it is not worse in cost, in cost at risk (only
    under a budget) and in use of the same quota; without a limit on its quota, use is free. A
    candidate in a cloud with credits is only made redundant by one in the same cloud. Every plan
    with the redundant one stays feasible and gets no dearer by exchanging it.
    """
    count = len(options.cost)
    limited = np.zeros(count, bool)
    use = np.zeros(count)
    allowed = np.ones(count, bool)
    if shared.quotas:
        limit = np.array([shared.quotas.get(name, np.inf) for name in options.quota])
        limited = np.isfinite(limit)
        use = np.where(limited, options.quota_use, 0.0)
        allowed = use <= limit
    risk = options.cost_at_risk if shared.budget is not None else np.zeros(count)
    left = np.flatnonzero(allowed)
    if not shared.credits:
        left = left[~_worse(options.cost[left], risk[left], limited[left])]
    order = left[np.lexsort((options.order[left], use[left], risk[left], options.cost[left]))]
    credit = credit_keys(options.cloud, count, shared)
    kept: list[int] = []
    for key in sorted(set(credit)):
        mine = order if len(set(credit)) == 1 else _of(order, credit, key)
        # Least risk among the cheaper candidates that draw on no limit: they beat any rival.
        free_risk = np.where(limited[mine], np.inf, risk[mine])
        beaten_at = np.concatenate([[np.inf], np.minimum.accumulate(free_risk)[:-1]])
        fronts: dict[str, list[tuple[float, float]]] = {}
        for index in mine[risk[mine] < beaten_at].tolist():
            if limited[index]:
                rivals = fronts.setdefault(options.quota[index], [])
                if any(r <= risk[index] and u <= use[index] for r, u in rivals):
                    continue
                rivals.append((float(risk[index]), float(use[index])))
            kept.append(index)
    rank = np.empty(count, np.intp)
    rank[order] = np.arange(len(order))
    found = np.array(kept, np.intp)
    return found[np.argsort(rank[found])]


def _worse(cost: Floats, risk: Floats, limited: Mask) -> Mask:
    """Options dearer than the cheapest one of least risk that draws on no limit, and no safer."""
    free = np.flatnonzero(~limited)
    if not len(free):
        return np.zeros(len(cost), bool)
    safest = free[risk[free] == risk[free].min()]
    cheapest = safest[np.argmin(cost[safest])]
    worse: Mask = (cost > cost[cheapest]) & (risk >= risk[cheapest])
    return worse


def _of(order: Rows, keys: Sequence[str], key: str) -> Rows:
    mine: Rows = order[np.array([keys[index] == key for index in order.tolist()], bool)]
    return mine


def prune_cover(cover: Cover, shared: Shared, to_beat: float = np.inf) -> Rows:
    """Groups that can be in a cheapest mix that costs less than ``to_beat``.

    A place whose cheapest USD per unit cannot beat that is dropped whole: no mix within it costs
    less than the need at that price, whatever the limits are.
    """
    place = np.zeros(len(cover.capacity), np.intp) if cover.place is None else cover.place
    with np.errstate(divide="ignore", invalid="ignore"):
        least = cover.need * (cover.usd_per_unit + cover.usd_per_group / cover.capacity)
    least = np.nan_to_num(least, nan=np.inf)
    to_beat = min(to_beat, _evenly_spread(cover, shared, place) * (1 + 1e-6))
    anywhere = place == EVERYWHERE
    bound = np.full(int(place.max(initial=0)) + 1, np.min(least[anywhere], initial=np.inf))
    np.minimum.at(bound, place[~anywhere], least[~anywhere])
    promising = np.flatnonzero(anywhere | (bound[place] < to_beat))
    return promising[_undominated(cover.take(promising), place[promising], shared)]


def _evenly_spread(cover: Cover, shared: Shared, place: Rows) -> float:
    """What a mix costs that is one cheapest group in each of enough places, with equal parts of the
    work; infinite where none is known. It draws on no limit, so that it can always be had.
    """
    apart = cover.apart
    if apart is None or shared.budget is not None:
        return np.inf
    parts = max(apart.at_least, int(np.ceil(1 / apart.max_share - 1e-9)))
    use = np.array([name in shared.quotas for name in cover.quota], bool)
    spot = cover.spot & (cover.max_spot_share < 1)
    free = np.flatnonzero((cover.capacity > 0) & ~use & ~spot & (place != EVERYWHERE))
    if cover.kind is not None and cover.max_types is not None:
        kind = cover.kind
    else:
        kind = np.zeros(len(cover.capacity), np.intp)
    count = np.ceil(cover.need / parts / cover.capacity[free] - 1e-9)
    usd = count * cover.usd_per_group[free] + cover.need / parts * cover.usd_per_unit[free]
    few = count * cover.nodes[free] * parts <= cover.max_nodes
    free, usd = free[few], usd[few]
    cheapest: dict[tuple[int, int], dict[int, float]] = {}
    for row, cost in zip(free.tolist(), usd.tolist(), strict=True):
        by_place = cheapest.setdefault((int(place[row]), int(kind[row])), {})
        at = int(apart.place[row])
        by_place[at] = min(cost, by_place.get(at, np.inf))
    found = [sum(sorted(each.values())[:parts]) for each in cheapest.values() if len(each) >= parts]
    return min(found, default=np.inf)


class Elsewhere:
    """Which groups are redundant although a mix must be spread over places.

    Moving a group to a better one in its own place changes no place. To a better one elsewhere: a
    mix in one of k places too few to leave all others in use moves to a free one, or, where no
    share is limited, has more than k places and may lose one. A mix of N machines has at most N
    places, so that k = N is enough where shares are limited.
    """

    def __init__(self, apart: Apart | None, count: int, max_nodes: float) -> None:
        self.place = np.zeros(count, np.intp) if apart is None else apart.place
        self.needed = 0.0
        if apart is not None:
            self.needed = apart.at_least if apart.max_share >= 1 else max_nodes
        self.beaten = np.zeros(count)
        self.seen = np.zeros((count, int(self.place.max(initial=0)) + 1), bool)

    def redundant(self, worse: Mask, better: int) -> Mask:
        """Those of the ``worse`` groups (m,) that ``better`` and the ones before make redundant."""
        here = self.place[better]
        new = worse & ~self.seen[:, here]
        self.seen[new, here] = True
        self.beaten[new] += 1
        result: Mask = worse & ((self.place == here) | (self.beaten >= self.needed))
        return result


def _undominated(cover: Cover, place: Rows, shared: Shared) -> Rows:
    """One group makes another in the same place redundant when it handles as much, costs no more
    for the group and for a unit, needs no more machines, draws on no limit or on less of the same
    one, is not the one on spot where spot is capped, is of the same kind where kinds are limited,
    and (with credits) lies in the same cloud. Where mixes must be spread, one in the same place
    does, or one each in so many others that a mix leaves one of them free, or has places to spare.
    """
    count = len(cover.capacity)
    limit = np.array([shared.quotas.get(name, np.inf) for name in cover.quota])
    limited = np.isfinite(limit)
    use = np.where(limited, cover.quota_use, 0.0)
    names = {name: code for code, name in enumerate(dict.fromkeys(cover.quota))}
    quota = np.array([names[name] for name in cover.quota])
    spot = cover.spot & (cover.max_spot_share < 1)
    clouds: dict[str, int] = {}
    credit = np.array(
        [clouds.setdefault(key, len(clouds)) for key in credit_keys(cover.cloud, count, shared)]
    )
    alive = (cover.capacity > 0) & (use <= limit) & (cover.nodes <= cover.max_nodes)
    with np.errstate(divide="ignore"):
        order = np.lexsort((-cover.capacity, cover.usd_per_group / cover.capacity))
    kind = np.zeros(count, np.intp)
    if cover.max_types is not None and cover.kind is not None:
        kind = cover.kind
    elsewhere = Elsewhere(cover.apart, count, cover.max_nodes)
    kept: list[int] = []
    for index in order.tolist():
        if not alive[index]:
            continue
        kept.append(index)
        worse = (
            (cover.capacity <= cover.capacity[index])
            & (cover.usd_per_group >= cover.usd_per_group[index])
            & (cover.usd_per_unit >= cover.usd_per_unit[index])
            & (cover.nodes >= cover.nodes[index])
            & (spot >= spot[index])
            & (credit == credit[index])
            & (place == place[index])
            & (kind == kind[index])
        )
        if limited[index]:
            worse &= limited & (quota == quota[index]) & (use >= use[index])
        alive &= ~elsewhere.redundant(worse, index)
    # A later group may still beat an earlier one that is a little better by ratio only.
    return np.array(kept, np.intp)
