"""A batch's requests by size: what each configuration handles of each size, and at what price.

Sizes are worked off one after the other, so that times add up: a group that takes 3 h for its short
requests and 2 h for its long ones takes 5 h.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np

from catalog import Catalog
from catalog.model_shapes import ModelShape
from planner.candidates.by_size import Floats, Rows, SizeClass
from planner.candidates.columns import Candidates
from planner.candidates.own_offers import own_offers
from planner.candidates.priced import capital_usd, hourly_usd, quota_units, spot_facts
from planner.cost.spot import run_on_spot
from planner.performance.efficiency import Measured
from planner.performance.throughput import Throughput, throughput_of
from planner.workload import BatchInference


@dataclass(frozen=True)
class BatchBySize:
    """Groups of ``nodes`` machines that handle some class in time, shape (n,).

    ``index`` is the candidate of one group; ``fixed_usd`` are its set-up and what must be bought.
    ``capacity`` (n, classes) requests that it handles of one class alone from its set-up to the
    deadline, at the risk asked for; 0 where it cannot. ``usd_per_request`` (n, classes) in the
    median, machines taken back included; inf where it cannot. ``hours_per_request`` (n, classes)
    in the median; ``longer`` (n,) is wall time over work on machines that are taken back.
    ``estimates`` has one throughput a class over the configurations ``configs``.
    """

    classes: tuple[SizeClass, ...]
    requests: Floats  # (classes,)
    index: Rows
    fixed_usd: Floats
    usd_per_request: Floats
    capacity: Floats
    hours_per_request: Floats
    hourly_usd: Floats
    wall: Floats  # hours from set-up to the deadline
    longer: Floats
    shared: Floats  # share of an own machine's time that is free
    nodes: Floats
    quota_units: Floats
    configs: Rows
    estimates: tuple[Throughput, ...]

    def take(self, rows: Rows) -> BatchBySize:
        """The chosen groups, in that order; one may be chosen more than once."""
        columns = (
            "index", "fixed_usd", "usd_per_request", "capacity", "hours_per_request",
            "hourly_usd", "wall", "longer", "shared", "nodes", "quota_units",
        )  # fmt: skip
        return replace(self, **{name: getattr(self, name)[rows] for name in columns})


def batch_by_size(
    workload: BatchInference,
    shape: ModelShape,
    catalog: Catalog,
    candidates: Candidates,
    classes: Sequence[SizeClass],
    measured: Sequence[Measured],
    where: str,
) -> BatchBySize:
    """What every group handles of each class until the deadline."""
    c = candidates
    deadline = workload.deadline or 0.0
    requests = np.array([one.share for one in classes]) * workload.request_count
    estimates = [
        throughput_of(one.of_batch(workload, count), shape, c.machines, measured, catalog=catalog)
        for one, count in zip(classes, requests.tolist(), strict=True)
    ]
    own = own_offers(workload, catalog, where)
    spot = spot_facts(workload, c.offers, own)
    rows = np.flatnonzero((c.count == 1) & (c.set_up_hours < deadline))
    row, config = c.row[rows], c.config[rows]
    group = c.machines.nodes[config]
    wall = deadline - c.set_up_hours[rows]
    # Machines that are taken back lose the share of their time that a whole run until the deadline
    # would lose.
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        lost = run_on_spot(wall, spot.hazard_per_hour[row], group).lost_hours
        longer = np.where(spot.is_spot[row], (wall + lost) / wall, 1.0)
    z = NormalDist().inv_cdf(workload.risk)
    shared = spot.shared[row][:, None]
    median = np.stack([estimate.median[config] for estimate in estimates], axis=1) * shared
    slow = np.stack([estimate.quantile(-z)[config] for estimate in estimates], axis=1) * shared
    hourly = hourly_usd(c.offers)[row] * group
    capital = capital_usd(own, c.offers, row) * group
    with np.errstate(invalid="ignore", divide="ignore"):
        hours = 1 / median / 3600
        capacity = np.nan_to_num(slow * (wall / longer)[:, None] * 3600)
        usd = hours * (longer * hourly)[:, None]
    usd = np.where((capacity > 0) & np.isfinite(usd), usd, np.inf)
    capacity = np.where(np.isfinite(usd), capacity, 0.0)
    fixed = c.set_up_hours[rows] * hourly + capital
    good = np.isfinite(fixed) & (fixed >= 0) & (capacity > 0).any(axis=1) & np.isfinite(longer)
    return BatchBySize(
        classes=tuple(classes),
        requests=requests,
        index=rows[good],
        fixed_usd=fixed[good],
        usd_per_request=usd[good],
        capacity=capacity[good],
        hours_per_request=hours[good],
        hourly_usd=hourly[good],
        wall=wall[good],
        longer=longer[good],
        shared=spot.shared[row][good],
        nodes=group[good],
        quota_units=(quota_units(c.offers)[row] * group)[good],
        configs=np.arange(len(c.machines)),
        estimates=tuple(estimates),
    )
