"""Candidates in scenarios: cost and time where speed, interruptions and spot prices are drawn.

Speed: log(true / estimated) of a configuration is its own standard deviation times a normal factor
that is mostly its accelerator's, so that what the model gets wrong about an accelerator it gets
wrong for every machine with it. Draws are named, not numbered: a candidate meets the same
scenarios whatever it is compared with.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from catalog import OfferTable
from planner.candidates.columns import Candidates
from planner.cost.billing import bill
from planner.cost.spot import RESTART_H, interruptions_per_hour
from planner.cost.spot_scenarios import draw_lost_hours, draw_price_factors
from planner.workload import Edge, Workload

Floats = NDArray[np.float64]

# Share of the variance of a speed's error that all configurations of an accelerator have in
# common. Assumption: all but what `performance.efficiency` gives to one exact configuration.
# Accelerators are drawn apart from each other, which overstates what a better choice could save.
ACCELERATOR_SHARE = 0.9


@dataclass(frozen=True)
class Part:
    """``count`` groups of the configuration behind a candidate, which do ``share`` of a job."""

    index: int
    count: float
    share: float = 1.0


Way = tuple[Part, ...]  # one candidate, or the groups of a mix


def single(candidates: Candidates, index: int) -> Way:
    """A candidate by itself."""
    return (Part(index, float(candidates.count[index])),)


@dataclass(frozen=True)
class Outcomes:
    """Of w ways in s scenarios, shape (w, s): USD to pay after credits, and of a job its hours.

    Of a service ``capacity`` is units per second with the machines that are there at one moment,
    ``carried`` whether that is enough. ``interruptions`` counts machines taken back.
    """

    usd: Floats
    hours: Floats | None
    capacity: Floats | None
    carried: NDArray[np.bool_] | None
    interruptions: Floats


def simulate(
    workload: Workload,
    candidates: Candidates,
    ways: Sequence[Way],
    market: OfferTable,
    *,
    scenarios: int,
    seed: int,
) -> Outcomes:
    """Run every way in the same scenarios. ``market`` has the on-demand prices that cap spot."""
    draws = _Draws(workload, candidates, market, scenarios, seed)
    results = [[draws.part(part) for part in way] for way in ways]
    usd = np.array([draws.to_pay(way, parts) for way, parts in zip(ways, results, strict=True)])
    hits = np.array([np.sum([part.hits for part in way], axis=0) for way in results])
    if not candidates.amount.is_service:
        hours = np.array([np.max([part.hours for part in way], axis=0) for way in results])
        return Outcomes(usd, hours, None, None, hits)
    capacity = np.array([np.sum([part.capacity for part in way], axis=0) for way in results])
    need = np.array([_need(workload, candidates, way) for way in ways])
    # The tolerance is that of the machine counts: a rate met exactly is met.
    return Outcomes(usd, None, capacity, capacity >= need[:, None] * (1 - 1e-9), hits)


def _need(workload: Workload, candidates: Candidates, way: Way) -> float:
    """Units per second that must be there; on the edge, what the fullest device needs on each."""
    if isinstance(workload, Edge):
        devices = sum(part.count for part in way)
        return float(np.ceil(workload.streams / devices)) * workload.frames_per_second * devices
    return candidates.amount.per_second or 0.0


@dataclass(frozen=True)
class _Drawn:
    """One part in every scenario, shape (s,)."""

    usd: Floats
    hours: Floats
    capacity: Floats
    hits: Floats


class _Draws:
    """The scenarios of one question; what is drawn depends on the seed and a name only."""

    def __init__(
        self,
        workload: Workload,
        candidates: Candidates,
        market: OfferTable,
        scenarios: int,
        seed: int,
    ) -> None:
        self.c, self.market, self.scenarios, self.seed = candidates, market, scenarios, seed
        offers, estimate = candidates.offers, candidates.throughput
        self.is_spot = offers.is_in("kind", ["spot"])
        numbers = offers.numbers
        hazard, _ = interruptions_per_hour(
            numbers["interruption_per_month_low"], numbers["interruption_per_month_high"]
        )
        interrupted = self.is_spot & workload.where.spot_interruptions
        self.hazard = np.where(interrupted, hazard, 0.0)
        self.credits = workload.where.credits
        with np.errstate(invalid="ignore", divide="ignore"):
            self.sd_below = -np.log(estimate.quantile(-1.0) / estimate.median)
            self.sd_above = np.log(estimate.quantile(1.0) / estimate.median)
            at_risk = estimate.quantile(-NormalDist().inv_cdf(workload.risk))[candidates.config]
            there = 1.0 / (1.0 + self.hazard[candidates.row] * RESTART_H)
            # Of a shared own machine, the part that is free.
            self.free_share = candidates.group_rate / at_risk / there

    def _rng(self, *words: str) -> np.random.Generator:
        return np.random.default_rng([self.seed, zlib.crc32("\0".join(words).encode())])

    def speed(self, index: int) -> Floats:
        """True over estimated throughput of a candidate's configuration."""
        c = self.c
        config, row = int(c.config[index]), int(c.row[index])
        device = c.machines.devices[config].name
        hardware = c.offers.text("hardware", row)
        common = self._rng("speed", device).standard_normal(self.scenarios)
        machines = f"{c.machines.nodes[config]:g}"
        own = self._rng("speed", device, hardware, machines).standard_normal(self.scenarios)
        z = np.sqrt(ACCELERATOR_SHARE) * common + np.sqrt(1 - ACCELERATOR_SHARE) * own
        sd = np.where(z < 0, self.sd_below[config], self.sd_above[config])
        return np.asarray(np.exp(z * sd))

    def price(self, row: int) -> Floats:
        """Price paid over the price listed."""
        if not self.is_spot[row]:
            return np.ones(self.scenarios)
        names = ("cloud", "region", "instance_type", "platform")
        words = [self.c.offers.text(name, row) for name in names]
        same = self.market.is_in("kind", ["on_demand"])
        for name, word in zip(names, words, strict=True):
            same &= self.market.is_in(name, [word])
        on_demand = self.market.numbers["usd_per_hour"][same]
        most = np.inf
        if len(on_demand):
            most = float(on_demand.min() / self.c.offers.numbers["usd_per_hour"][row])
        return draw_price_factors(self._rng("price", *words), self.scenarios, most)

    def part(self, part: Part) -> _Drawn:
        return self._service(part) if self.c.amount.is_service else self._job(part)

    def to_pay(self, way: Way, drawn: Sequence[_Drawn]) -> Floats:
        """USD of all parts, less the credits held in each cloud."""
        by_cloud: dict[str, Floats] = {}
        for part, found in zip(way, drawn, strict=True):
            cloud = self.c.offers.text("cloud", int(self.c.row[part.index]))
            by_cloud[cloud] = by_cloud.get(cloud, np.zeros(self.scenarios)) + found.usd
        net = [
            np.maximum(usd - self.credits.get(cloud, 0.0), 0.0) for cloud, usd in by_cloud.items()
        ]
        return np.asarray(np.sum(net, axis=0))

    def _hits_rng(self, index: int) -> np.random.Generator:
        offers, row = self.c.offers, int(self.c.row[index])
        names = ("cloud", "region", "instance_type", "platform")
        words = [offers.text(name, row) for name in names]
        return self._rng("hits", *words, f"{self.c.nodes[index]:g}")

    def _job(self, part: Part) -> _Drawn:
        c, i = self.c, part.index
        row, gang = int(c.row[i]), float(c.machines.nodes[c.config[i]])
        scale = part.count / float(c.count[i])
        work = float(c.work_hours[i]) * part.share / scale / self.speed(i)
        lost, hits = draw_lost_hours(
            self._hits_rng(i), work, float(self.hazard[row]), gang, part.count
        )
        hours = work + lost + float(c.set_up_hours[i])
        lines = {name: float(column[i]) for name, column in c.lines.items()}
        machines = float(c.nodes[i]) * scale
        hourly = lines["work_usd"] / float(c.work_hours[i]) / float(c.nodes[i])
        numbers = c.offers.numbers
        billed = bill(
            hours,
            hourly * self.price(row),
            np.asarray(machines),
            numbers["billing_increment_s"][row],
            numbers["minimum_s"][row],
        )
        kept = lines["storage_usd"] / float(c.hours[i]) * hours
        once = lines["capital_usd"] * scale + lines["egress_usd"] * part.share
        return _Drawn(billed.usd + kept + once, hours, np.zeros(0), hits)

    def _service(self, part: Part) -> _Drawn:
        c, i = self.c, part.index
        row, config = int(c.row[i]), int(c.config[i])
        scale = part.count / float(c.count[i])
        groups = np.full(self.scenarios, part.count)
        hazard = float(self.hazard[row]) * float(c.machines.nodes[config])
        if hazard > 0:
            there = 1.0 / (1.0 + hazard * RESTART_H)
            groups = (
                self._hits_rng(i).binomial(int(part.count), there, self.scenarios).astype(float)
            )
        rate = float(c.throughput.median[config] * self.free_share[i])
        lines = {name: float(column[i]) * scale for name, column in c.lines.items()}
        rent = lines.pop("work_usd") + lines.pop("headroom_usd", 0.0)
        usd = rent * self.price(row) + sum(lines.values())
        hours = np.full(self.scenarios, float(c.hours[i]))
        return _Drawn(usd, hours, groups * rate * self.speed(i), part.count - groups)
