"""A service's requests by size, and what each configuration carries of each size.

Requests of similar size form a class; the performance model is asked for every class as for a
service of its own, so that its latency targets hold in each class.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from catalog import Catalog
from catalog.model_shapes import ModelShape
from planner.candidates.columns import Candidates
from planner.candidates.own_offers import own_offers
from planner.candidates.priced import capital_usd, hourly_usd, quota_units, spot_facts
from planner.performance.efficiency import Measured
from planner.performance.inference.answers import SPREAD_NOT_NEEDED
from planner.performance.throughput import Throughput, throughput_of
from planner.workload import BatchInference, RequestSize, Serving

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]

# Classes of similar sizes that a distribution is planned in; each asks the performance model once.
MOST_CLASSES = 12


@dataclass(frozen=True)
class SizeClass:
    """Requests of similar size: ``share`` of all, ``sizes`` with shares that add up to 1."""

    sizes: tuple[RequestSize, ...]
    share: float

    @property
    def input_length(self) -> float:
        """Prompt tokens, mean."""
        return sum(size.share * size.input_length for size in self.sizes)

    @property
    def output_length(self) -> float:
        """Generated tokens, mean."""
        return sum(size.share * size.output_length for size in self.sizes)

    def of_batch(self, workload: BatchInference, count: float) -> BatchInference:
        """The batch as if these were all its requests, ``count`` of them."""
        return workload.model_copy(
            update={"requests": self.sizes, "samples": count, "tokens": None}
        )

    def of(self, workload: Serving, rate: float) -> Serving:
        """The service as if these were all its requests, ``rate`` a second."""
        return workload.model_copy(
            update={
                "requests": self.sizes,
                "requests_per_second": rate,
                "rate": "peak",
                "autoscaling": None,
                "spare_machines": 0,
            }
        )


def size_classes(sizes: Sequence[RequestSize], most: int = MOST_CLASSES) -> list[SizeClass]:
    """At most so many classes, by splitting the class that differs most in itself, in two.

    What differs is the logarithm of prompt and of output, weighed by the requests.
    """
    merged: dict[tuple[int, int], float] = {}
    for size in sizes:
        key = (size.input_length, size.output_length)
        merged[key] = merged.get(key, 0.0) + size.share
    points = np.array([(math.log(new), math.log(out)) for new, out in merged])
    weight = np.array(list(merged.values()))
    parts = [np.arange(len(weight))]

    def spread(part: Rows) -> tuple[float, int]:
        if len(part) < 2:
            return 0.0, 0  # a mean of one is off by its last bit
        centred = points[part] - np.average(points[part], axis=0, weights=weight[part])
        by_axis = (weight[part, None] * centred**2).sum(axis=0)
        return float(by_axis.max()), int(by_axis.argmax())

    while len(parts) < most:
        spreads = [spread(part) for part in parts]
        worst = max(range(len(parts)), key=lambda k: spreads[k][0])
        if spreads[worst][0] <= 0:
            break
        part, axis = parts.pop(worst), spreads[worst][1]
        middle = float(np.average(points[part, axis], weights=weight[part]))
        parts += [part[points[part, axis] <= middle], part[points[part, axis] > middle]]
    total = float(weight.sum())
    keys = list(merged)
    found = []
    for part in parts:
        share = float(weight[part].sum())
        inside = tuple(
            RequestSize(
                input_length=keys[k][0],
                output_length=keys[k][1],
                share=min(merged[keys[k]] / share, 1.0),
            )
            for k in part.tolist()
        )
        found.append(SizeClass(inside, share / total))
    return sorted(found, key=lambda one: (one.input_length, one.output_length))


@dataclass(frozen=True)
class BySize:
    """Candidates (groups of ``nodes`` machines) that carry some class, shape (n,).

    ``index`` is the candidate, ``usd_per_hour`` of one group, machines bought spread over the
    horizon; ``rate`` (n, classes) requests/s of one group that serves one class alone, at the
    risk asked for, machines taken back included; 0 where it cannot. ``slack`` is how much longer
    everything takes at that risk than in the median; ``availability`` the share of time a group is
    there. ``estimates`` has one throughput a class over the configurations ``configs``.
    """

    classes: tuple[SizeClass, ...]
    index: Rows
    usd_per_hour: Floats
    nodes: Floats
    quota_units: Floats
    rate: Floats
    availability: Floats
    configs: Rows
    estimates: tuple[Throughput, ...]

    def take(self, rows: Rows) -> BySize:
        """The chosen candidates, in that order; one may be chosen more than once."""
        return replace(
            self,
            index=self.index[rows],
            usd_per_hour=self.usd_per_hour[rows],
            nodes=self.nodes[rows],
            quota_units=self.quota_units[rows],
            rate=self.rate[rows],
            availability=self.availability[rows],
        )


def by_size(
    workload: Serving,
    shape: ModelShape,
    catalog: Catalog,
    candidates: Candidates,
    classes: Sequence[SizeClass],
    measured: Sequence[Measured],
    where: str,
) -> BySize:
    """What every candidate carries of each class, and at what price.

    Configurations that cannot serve the smallest request of all, on the shortest prompt and the
    shortest output, serve no other either: they are asked no further.
    """
    c = candidates
    smallest = RequestSize(
        input_length=min(size.input_length for one in classes for size in one.sizes),
        output_length=min(size.output_length for one in classes for size in one.sizes),
        share=1.0,
    )
    easiest = SizeClass((smallest,), 1.0).of(workload, workload.peak_rate)
    found = throughput_of(easiest, shape, c.machines, measured, catalog=catalog)
    spread = np.array([why == SPREAD_NOT_NEEDED for why in found.why_not], bool)
    configs = np.flatnonzero(np.isfinite(found.median) | spread)
    some = c.machines.take(configs)
    estimates = [
        throughput_of(one.of(workload, workload.peak_rate), shape, some, measured, catalog=catalog)
        for one in classes
    ]
    own = own_offers(workload, catalog, where)
    spot = spot_facts(workload, c.offers, own)
    group = c.machines.nodes[c.config]
    horizon = c.amount.horizon_hours or 1.0
    usd = (hourly_usd(c.offers)[c.row] + capital_usd(own, c.offers, c.row) / horizon) * group
    z = NormalDist().inv_cdf(workload.risk)
    by_config = np.zeros((len(c.machines), len(classes)))
    by_config[configs] = np.nan_to_num(
        np.stack([estimate.quantile(-z) for estimate in estimates], axis=1)
    )
    rate = by_config[c.config] * spot.availability[c.row][:, None]
    index = np.flatnonzero(np.isfinite(usd) & (usd >= 0) & (rate > 0).any(axis=1))
    return BySize(
        classes=tuple(classes),
        index=index,
        usd_per_hour=usd[index],
        nodes=group[index],
        quota_units=(quota_units(c.offers)[c.row] * group)[index],
        rate=rate[index],
        availability=spot.availability[c.row[index]],
        configs=configs,
        estimates=tuple(estimates),
    )
