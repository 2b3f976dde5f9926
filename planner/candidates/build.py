"""All candidates of one workload: filter, configure, time, repeat, price."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist

import numpy as np

from catalog import Catalog
from catalog.model_shapes import ModelShape
from planner.candidates.amount import amount_of, staged_bytes
from planner.candidates.columns import Candidates
from planner.candidates.configurations import configurations
from planner.candidates.counts import repeat
from planner.candidates.eligible import eligible
from planner.candidates.own_offers import own_offers, with_own
from planner.candidates.priced import priced, spot_facts
from planner.cost.billing import set_up_hours
from planner.performance.efficiency import Measured
from planner.performance.throughput import throughput_of
from planner.workload import Workload


def build(
    workload: Workload,
    shape: ModelShape,
    catalog: Catalog,
    measured: Sequence[Measured] = (),
    *,
    where: str = "workload",
    reclaim: float = 1.0,
) -> Candidates:
    """All candidates of a workload. Spot machines are taken back ``reclaim`` times as often as
    published or assumed.

    Raises BadInput when the filters leave nothing, Infeasible when nothing they leave can do it.
    """
    own = own_offers(workload, catalog, where)
    own.limits.update(catalog.account_limits)
    offers, excluded = eligible(workload, shape, catalog, with_own(catalog.offers, own), where)
    found = configurations(workload, offers, catalog)
    throughput = throughput_of(workload, shape, found.machines, measured, catalog=catalog)
    amount = amount_of(workload)
    spot = spot_facts(workload, offers, own, reclaim)
    z = NormalDist().inv_cdf(workload.risk)
    boot, staging = set_up_hours(found.machines.is_cpu, staged_bytes(workload, shape))
    counted = repeat(workload, amount, found, throughput, spot.availability, z, boot + staging)
    candidates = priced(
        workload, shape, catalog, offers, found, throughput, amount, counted, spot, own, z, excluded
    )
    return _without_excluded(workload, candidates)


def _without_excluded(workload: Workload, candidates: Candidates) -> Candidates:
    """Drop candidates named whole (``cloud/region/type/purchase/x2``) in ``where.exclude``."""
    names = [name.split("/") for name in workload.where.exclude if name.count("/") > 3]
    if not names:
        return candidates
    keep = np.ones(len(candidates), bool)
    for *parts, count in names:
        hit = candidates.nodes == float(count.removeprefix("x"))
        for column, part in zip(("cloud", "region", "instance_type", "kind"), parts, strict=False):
            hit &= candidates.offers.is_in(column, [part])[candidates.row]
        keep &= ~hit
    candidates.excluded["excluded by where.exclude"] += int((~keep).sum())
    return candidates.take(np.flatnonzero(keep))
