"""The mix program: fractions of buckets over offers, whole instances, least cost per hour.

    minimise    sum_o price[o] n[o]
    subject to  serve, capacity, and what the limits add; 0 <= x <= 1, n whole

One ``define_...`` function a family of constraints. In integer programs a solver takes 1e-6 of an
instance for none, which carries a whole bucket of tiny load: ``define_presence`` closes that hole.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from planner.optimize.mix.problem import Flags, Floats, Ids, MixLimits, MixProblem
from planner.optimize.solver import LinearModel, ModelBuilder

Entries = list[tuple[ArrayLike, ArrayLike, ArrayLike]]
# Below this load (in instances), a fraction is tied to an instance by a row of its own.
_TINY_LOAD = 1e-3


@dataclass
class MixProgram:
    """The model under construction, its columns, and the slack columns by what they relax."""

    problem: MixProblem
    limits: MixLimits
    load: Floats  # (o, b) instances for a whole bucket, inf where impossible
    elastic: frozenset[str]
    build: ModelBuilder
    count: Ids
    pair_offer: Ids
    pair_bucket: Ids
    share: Ids
    most: Floats  # (o,) largest count that can be of use
    slack: dict[str, Ids] = field(default_factory=dict)
    rows: dict[str, Ids] = field(default_factory=dict)  # of the families that bounds price

    def relax(self, family: str, name: str, size: int) -> Ids | None:
        """Slack columns of a family that may give way, else None."""
        if family not in self.elastic:
            return None
        columns = self.build.add_columns(f"short_{name}", size, cost=1.0)
        self.slack[name] = columns
        return columns


def mix_program(
    problem: MixProblem,
    limits: MixLimits,
    load: Floats,
    usable: Flags,
    *,
    links: bool = False,
    integer: bool = True,
    usd_of_share: Floats | None = None,
    elastic: frozenset[str] = frozenset(),
) -> tuple[LinearModel, MixProgram]:
    """The whole program over the (offer, bucket) pairs that are ``usable``.

    ``usd_of_share`` (o, b) is what a whole bucket costs on an offer beside its instances.
    With ``elastic`` families (demand, quota, max_nodes, max_count, max_types, spot, spread) the
    objective is how far these have to give way instead of the cost.
    """
    offer, bucket = np.nonzero(usable & np.isfinite(load))
    wanted = np.bincount(offer, weights=load[offer, bucket], minlength=problem.offers)
    largest = np.ceil(wanted * (1 + 1e-9) + 1e-9) + limits.spare_instances
    places = sum(spread.at_least > 1 for spread in limits.spread)
    largest = np.maximum(largest, 1.0 if places else 0.0)
    most = largest if "max_count" in elastic else np.minimum(problem.max_count, largest)
    build = ModelBuilder("mix")
    cost = 0.0 if elastic else problem.usd_per_hour
    program = MixProgram(
        problem=problem,
        limits=limits,
        load=load,
        elastic=elastic,
        build=build,
        count=build.add_columns(
            "instances", problem.offers, cost=cost, upper=most, integer=integer
        ),
        pair_offer=offer,
        pair_bucket=bucket,
        share=build.add_columns(
            "share",
            len(offer),
            cost=0.0 if elastic or usd_of_share is None else usd_of_share[offer, bucket],
            upper=1.0,
        ),
        most=most,
    )
    define_serve(program)
    define_capacity(program)
    define_presence(program, everywhere=links)
    define_quotas(program)
    define_nodes(program)
    define_counts(program)
    define_types(program)
    define_spot(program)
    define_spread(program)
    return build.build(), program


def define_serve(p: MixProgram) -> None:
    """sum_o share[o,b] = 1 for each bucket b; with slack u[b] requests/s may stay unserved."""
    entries: Entries = [(p.pair_bucket, p.share, 1.0)]
    slack = p.relax("demand", "demand", p.problem.buckets)
    if slack is not None:
        entries.append((np.arange(p.problem.buckets), slack, 1.0 / p.problem.rate))
    p.rows["serve"] = p.build.add_rows("serve", p.problem.buckets, entries, lower=1.0, upper=1.0)


def define_capacity(p: MixProgram) -> None:
    """sum_b load[o,b] share[o,b] <= instances[o] - k used[o], instances[o] <= most[o] used[o]."""
    count = p.problem.offers
    each = np.arange(count)
    entries: Entries = [
        (p.pair_offer, p.share, p.load[p.pair_offer, p.pair_bucket]),
        (each, p.count, -1.0),
    ]
    spare = p.limits.spare_instances
    if spare:
        used = p.build.add_columns("used", count, upper=1.0, integer=True)
        entries.append((each, used, float(spare)))
        p.build.add_rows(
            "use", count, [(each, p.count, 1.0), (each, used, -np.maximum(p.most, 1.0))], upper=0.0
        )
    p.build.add_rows("capacity", count, entries, upper=0.0)


def define_presence(p: MixProgram, *, everywhere: bool) -> None:
    """share[o,b] <= instances[o] where the load is tiny (or everywhere)."""
    tiny = p.load[p.pair_offer, p.pair_bucket] < (1.0 if everywhere else _TINY_LOAD)
    offer, share = p.pair_offer[tiny], p.share[tiny]
    each = np.arange(len(offer))
    p.build.add_rows(
        "present", len(offer), [(each, share, 1.0), (each, p.count[offer], -1.0)], upper=0.0
    )


def define_quotas(p: MixProgram) -> None:
    """sum_{o in class q} units[o] instances[o] <= quota[q]."""
    names = sorted(set(p.limits.quotas) & set(p.problem.quota_class))
    if not names:
        return
    at = {name: row for row, name in enumerate(names)}
    offers = [o for o, name in enumerate(p.problem.quota_class) if name in at]
    rows = [at[p.problem.quota_class[o]] for o in offers]
    entries: Entries = [(np.array(rows), p.count[offers], p.problem.quota_units[offers])]
    slack = p.relax("quota", "quota", len(names))
    if slack is not None:
        entries.append((np.arange(len(names)), slack, -1.0))
    limit = np.array([p.limits.quotas[name] for name in names], float)
    p.rows["quota"] = p.build.add_rows("quota", len(names), entries, upper=limit, labels=(names,))


def define_nodes(p: MixProgram) -> None:
    """sum_o nodes[o] instances[o] <= max_nodes."""
    if p.limits.max_nodes is None:
        return
    entries: Entries = [(0, p.count, p.problem.nodes)]
    slack = p.relax("max_nodes", "max_nodes", 1)
    if slack is not None:
        entries.append((0, slack, -1.0))
    p.build.add_rows("nodes", 1, entries, upper=p.limits.max_nodes)


def define_counts(p: MixProgram) -> None:
    """instances[o] <= max_count[o] + slack[o]; without slack the column's bound says it."""
    limited = np.flatnonzero(np.isfinite(p.problem.max_count))
    slack = p.relax("max_count", "max_count", len(limited))
    if slack is not None:
        each = np.arange(len(limited))
        p.build.add_rows(
            "max_count",
            len(limited),
            [(each, p.count[limited], 1.0), (each, slack, -1.0)],
            upper=p.problem.max_count[limited],
        )


def define_types(p: MixProgram) -> None:
    """instances[o] <= most[o] chosen[kind of o], sum_k chosen[k] <= max_types."""
    if p.limits.max_types is None:
        return
    names = sorted(set(p.problem.kind))
    at = {name: index for index, name in enumerate(names)}
    chosen = p.build.add_columns("chosen", len(names), upper=1.0, integer=True, labels=(names,))
    kind = np.array([at[name] for name in p.problem.kind], np.intp)
    each = np.arange(p.problem.offers)
    most = np.maximum(p.most, 1.0)
    p.build.add_rows(
        "type", len(each), [(each, p.count, 1.0), (each, chosen[kind], -most)], upper=0
    )
    entries: Entries = [(np.zeros(len(names), np.intp), chosen, 1.0)]
    slack = p.relax("max_types", "max_types", 1)
    if slack is not None:
        entries.append((np.zeros(1, np.intp), slack, -1.0))
    p.build.add_rows("types", 1, entries, upper=float(p.limits.max_types))


def define_spot(p: MixProgram) -> None:
    """sum_{o spot} sum_b rate[b] share[o,b] <= max_spot_share sum_b rate[b]."""
    if p.limits.max_spot_share is None or not p.problem.spot.any():
        return
    part = p.problem.rate / p.problem.rate.sum()
    on_spot = p.problem.spot[p.pair_offer]
    entries: Entries = [(0, p.share[on_spot], part[p.pair_bucket[on_spot]])]
    slack = p.relax("spot", "max_spot_share", 1)
    if slack is not None:
        entries.append((0, slack, -1.0))
    p.rows["spot"] = p.build.add_rows("spot_share", 1, entries, upper=p.limits.max_spot_share)


def define_spread(p: MixProgram) -> None:
    """used[p] <= sum_{o in p} instances[o] and sum_p used[p] >= at_least, for named places p;
    sum_{o in p} sum_b rate[b] share[o,b] <= max_share sum_b rate[b].
    """
    part = p.problem.rate / p.problem.rate.sum()
    for spread in p.limits.spread:
        place = p.problem.place(spread.over)
        names = sorted(set(place))
        at = {name: index for index, name in enumerate(names)}
        where = np.array([at[name] for name in place], np.intp)
        if spread.max_share < 1:
            shares: Entries = [(where[p.pair_offer], p.share, part[p.pair_bucket])]
            slack = p.relax("spread", f"max_share_per_{spread.over}", 1)
            if slack is not None:
                shares.append((np.arange(len(names)), slack[0], -1.0))
            p.build.add_rows(
                f"{spread.over}_share", len(names), shares, upper=spread.max_share, labels=(names,)
            )
        if spread.at_least > 1:
            known = np.array([bool(name) for name in names], float)
            used = p.build.add_columns(f"in_{spread.over}", len(names), upper=known, integer=True)
            each = np.arange(len(names))
            p.build.add_rows(
                f"in_{spread.over}",
                len(names),
                [(each, used, 1.0), (where, p.count, -1.0)],
                upper=0,
            )
            entries: Entries = [(np.zeros(len(names), np.intp), used, 1.0)]
            slack = p.relax("spread", f"min_{spread.over}s", 1)
            if slack is not None:
                entries.append((np.zeros(1, np.intp), slack, 1.0))
            p.build.add_rows(f"{spread.over}s", 1, entries, lower=float(spread.at_least))
