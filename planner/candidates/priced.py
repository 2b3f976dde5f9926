"""Hours and dollars of every candidate, line by line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from catalog import Catalog, OfferTable, UnknownName
from catalog.model_shapes import ModelShape
from catalog.records import dataclass
from catalog.sites import Egress
from planner.candidates.amount import staged_bytes
from planner.candidates.columns import Amount, Candidates, Floats, Mask
from planner.candidates.configurations import Configurations
from planner.candidates.counts import Counted
from planner.candidates.own_offers import OwnOffers
from planner.cost.billing import bill, set_up_hours
from planner.cost.data import storage_usd_per_hour, transfer_usd
from planner.cost.spot import RESTART_H, interruptions_per_hour, run_on_spot
from planner.performance.efficiency import Z90
from planner.performance.throughput import Throughput
from planner.workload import Edge, Workload


@dataclass(frozen=True)
class SpotFacts:
    """Columns over offers, shape (offers,). ``availability`` is the share of time that a machine
    is there for a service; ``shared`` the share of an own machine's time that is free.
    """

    is_spot: Mask
    hazard_per_hour: Floats
    assumed: Mask
    availability: Floats
    shared: Floats


def spot_facts(
    workload: Workload, offers: OfferTable, own: OwnOffers, reclaim: float = 1.0
) -> SpotFacts:
    """How often machines are taken back (``reclaim`` times what is published or assumed), and what
    share of the time a replaced one is there.
    """
    is_spot = offers.is_in("kind", ["spot"])
    hazard, assumed = interruptions_per_hour(
        offers.numbers["interruption_per_month_low"], offers.numbers["interruption_per_month_high"]
    )
    if not workload.where.spot_interruptions:
        hazard, assumed = np.zeros(len(offers)), np.zeros(len(offers), bool)
    hazard = np.where(is_spot, hazard * reclaim, 0.0)
    availability = 1.0 / (1.0 + hazard * RESTART_H)
    shared = np.ones(len(offers))
    for quota, share in own.availability.items():
        shared[offers.is_in("quota_class", [quota])] = share
    return SpotFacts(is_spot, hazard, assumed & is_spot, availability * shared, shared)


@dataclass(frozen=True)
class _Run:
    """One pass of pricing at one throughput, shape (n,)."""

    work: Floats
    lost: Floats
    hits: Floats
    hours: Floats
    usd: Floats
    lines: dict[str, Floats]


def priced(
    workload: Workload,
    shape: ModelShape,
    catalog: Catalog,
    offers: OfferTable,
    found: Configurations,
    throughput: Throughput,
    amount: Amount,
    counted: Counted,
    spot: SpotFacts,
    own: OwnOffers,
    z: float,
    excluded: Counter[str],
) -> Candidates:
    """Time and cost in the median, at the ends of the 80% interval and at the risk asked for."""
    row, config = counted.row, counted.config
    boot, staging = set_up_hours(found.machines.is_cpu[config], staged_bytes(workload, shape))
    owned = offers.is_in("cloud", ["on-prem", "edge"])[row]
    set_up = np.where(owned, 0.0, boot) + staging
    once = capital_usd(own, offers, row) * found.machines.nodes[config] * counted.count
    rates = _rates(workload, catalog, offers)
    moved = _moved(workload, offers, rates)[row]
    kept = _kept(workload, offers, rates)[row]

    def run(rate: Floats) -> _Run:
        if amount.is_service:
            return _service(amount, offers, found, counted, rate, once, moved, kept)
        return _job(amount, offers, found, counted, spot, rate, set_up, once, moved, kept)

    median = run(throughput.median)
    slow, fast = run(throughput.p10), run(throughput.p90)
    # The usual risk is the end of the interval: one pass serves both.
    risk = slow if abs(z - Z90) < 1e-9 else run(throughput.quantile(-z))
    too_many = "needs more machines than max_nodes"
    if isinstance(workload, Edge):
        too_many = f"too slow for one stream of {workload.frames_per_second:g} frames/s"
    why_not = {}
    if amount.is_service:
        runs = np.isfinite(throughput.median[config]) & np.isnan(counted.count)
        why_not = dict.fromkeys(np.flatnonzero(runs).tolist(), too_many)
    unpriced = np.isnan(moved) | np.isnan(kept)
    if unpriced.any():
        reason = "price of moving or storing data unknown"
        why_not |= dict.fromkeys(np.flatnonzero(unpriced).tolist(), reason)
    return Candidates(
        offers=offers,
        machines=found.machines,
        throughput=throughput,
        amount=amount,
        row=row,
        config=config,
        count=counted.count,
        work_hours=median.work,
        set_up_hours=set_up,
        lost_hours=median.lost,
        interruptions=median.hits,
        hours=median.hours,
        hours_p10=fast.hours,
        hours_p90=slow.hours,
        hours_at_risk=risk.hours,
        usd=median.usd,
        usd_p10=fast.usd,
        usd_p90=slow.usd,
        usd_at_risk=risk.usd,
        lines=median.lines,
        quota_use=quota_units(offers)[row] * found.machines.nodes[config] * counted.count,
        group_rate=throughput.quantile(-z)[config] * spot.availability[row],
        hazard_assumed=spot.assumed[row],
        why_not=why_not,
        excluded=excluded,
        limits=own.limits,
    )


def hourly_usd(offers: OfferTable) -> Floats:
    """USD an hour of one machine, an upfront part spread over the term it is paid for."""
    numbers = offers.numbers
    upfront = np.nan_to_num(numbers["upfront_usd"])
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = np.where(upfront > 0, upfront / (numbers["term_months"] * 730.0), 0.0)
    return np.asarray(numbers["usd_per_hour"] + spread)


def _job(
    amount: Amount,
    offers: OfferTable,
    found: Configurations,
    counted: Counted,
    spot: SpotFacts,
    rate: Floats,
    set_up: Floats,
    once: Floats,
    moved: Floats,
    kept: Floats,
) -> _Run:
    """A job that ends: wall time, billing by increment, work lost on spot."""
    row, config = counted.row, counted.config
    group = found.machines.nodes[config]
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        work = (amount.total or 0.0) / (rate[config] * counted.count * spot.shared[row]) / 3600
        on_spot = run_on_spot(work, spot.hazard_per_hour[row], group)
    is_spot = spot.is_spot[row]
    lost = np.where(is_spot, on_spot.lost_hours, 0.0)
    hits = np.where(is_spot, on_spot.interruptions * counted.count, 0.0)
    wall = work + lost + set_up
    machines = group * counted.count
    price = hourly_usd(offers)[row]
    billed = bill(
        wall,
        price,
        machines,
        offers.numbers["billing_increment_s"][row],
        offers.numbers["minimum_s"][row],
    )
    hourly = price * machines
    lines = {
        "work_usd": work * hourly,
        "set_up_usd": set_up * hourly,
        "interruption_usd": lost * hourly,
        "rounding_usd": np.maximum(0.0, billed.usd - (work + lost + set_up) * hourly),
        "capital_usd": once,
        "egress_usd": moved,
        "storage_usd": kept * wall,
    }
    # Not the sum of the lines, whose last bits would break ties between equal bills.
    usd = billed.usd + once + moved + kept * wall
    return _Run(work, lost, hits, wall, usd, lines)


def _service(
    amount: Amount,
    offers: OfferTable,
    found: Configurations,
    counted: Counted,
    rate: Floats,
    once: Floats,
    moved: Floats,
    kept: Floats,
) -> _Run:
    """A service: machines paid for its horizon; what exceeds the mean load is head-room.

    The number of machines is the one that holds at the risk asked for, so the cost has no spread.
    """
    row, config = counted.row, counted.config
    horizon = amount.horizon_hours or 0.0
    hourly = hourly_usd(offers)[row] * found.machines.nodes[config]
    with np.errstate(divide="ignore", invalid="ignore"):
        used = np.minimum((amount.mean_per_second or 0.0) / rate[config], counted.billed)
    lines = {
        "work_usd": used * hourly * horizon,
        "headroom_usd": (counted.billed - used) * hourly * horizon,
        "capital_usd": once,
        "egress_usd": moved,
        "storage_usd": kept * horizon,
    }
    whole = np.where(np.isnan(used), np.nan, horizon)
    zero = np.zeros(len(row))
    return _Run(used * horizon, zero, zero, whole, _total(lines), lines)


def _total(lines: Mapping[str, Floats]) -> Floats:
    return np.asarray(np.sum(list(lines.values()), axis=0))


def capital_usd(own: OwnOffers, offers: OfferTable, row: NDArray[np.intp]) -> Floats:
    """USD paid once for each machine of a candidate that must be bought."""
    per_offer = np.zeros(len(offers))
    for (cloud, region, instance_type), usd in own.capital.items():
        hit = offers.is_in("cloud", [cloud]) & offers.is_in("region", [region])
        per_offer[hit & offers.is_in("instance_type", [instance_type])] = usd
    return np.asarray(per_offer[row])


def _rates(workload: Workload, catalog: Catalog, offers: OfferTable) -> dict[str, Egress]:
    """Traffic and storage prices of the clouds at hand, where any data are moved or kept."""
    data = workload.data
    if data.at is None and data.stored is None:
        return {}
    found = {}
    for cloud in {*offers.vocabularies["cloud"], (data.at or "").partition("/")[0]}:
        try:
            found[cloud] = catalog.egress(cloud)
        except UnknownName:
            continue  # unknown stays unknown: its candidates are left out and say why
    return found


def _moved(workload: Workload, offers: OfferTable, rates: Mapping[str, Egress]) -> Floats:
    """USD of bringing the input to each offer and the output back, shape (offers,)."""
    data = workload.data
    if data.at is None or (data.input is None and data.output is None):
        return np.zeros(len(offers))
    cloud, _, region = data.at.partition("/")
    places = list(zip(offers.texts("cloud"), offers.texts("region"), strict=True))
    there = transfer_usd((cloud, region), places, data.input or 0.0, rates)
    back_from = sorted(set(places))
    back = {
        place: float(transfer_usd(place, [(cloud, region)], data.output or 0.0, rates)[0])
        for place in back_from
    }
    return np.asarray(there + np.array([back[place] for place in places]))


def _kept(workload: Workload, offers: OfferTable, rates: Mapping[str, Egress]) -> Floats:
    """USD an hour of object storage beside each offer, shape (offers,)."""
    if workload.data.stored is None:
        return np.zeros(len(offers))
    by_cloud = np.array(
        [
            0.0
            if cloud in ("on-prem", "edge")
            else _nan(storage_usd_per_hour(workload.data.stored, rates.get(cloud)))
            for cloud in offers.vocabularies["cloud"]
        ]
    )
    return np.asarray(by_cloud[offers.codes["cloud"]])


def _nan(value: float | None) -> float:
    return np.nan if value is None else value


def quota_units(offers: OfferTable) -> Floats:
    """What one machine of each offer draws from its quota class, in the unit the class names."""
    words = offers.vocabularies["quota_class"]
    codes = offers.codes["quota_class"]
    by_instance = np.array([word.endswith("instances") for word in words], bool)[codes]
    by_accelerator = np.array([word.endswith(("GPUs", "chips")) for word in words], bool)[codes]
    accelerators = np.nan_to_num(offers.numbers["accelerator_count"], nan=1.0)
    # AWS, Azure and the CPU quotas of GCP count vCPUs
    others = np.where(by_accelerator, accelerators, offers.numbers["vcpus"])
    return np.where(by_instance, 1.0, others)
