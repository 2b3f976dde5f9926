"""Candidates: every offer, way to pay and number of machines, timed and priced, as columns."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from catalog import Catalog, OfferTable, UnknownName
from catalog.accelerators import AcceleratorKind
from catalog.model_shapes import ModelShape
from planner.cost.billing import bill, set_up_hours
from planner.cost.spot import interruptions_per_hour, run_on_spot
from planner.errors import BadInput, Infeasible
from planner.field_errors import shown, some
from planner.performance.devices import Device, Machines, from_accelerator
from planner.performance.efficiency import Measured
from planner.performance.throughput import Throughput, training_throughput
from planner.workload import LanguageTraining, Training

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]

# Inter-node bandwidth where the catalog has none: a common floor of GPU machines. Assumption.
ASSUMED_NETWORK_GBPS = 10.0


@dataclass(frozen=True)
class Candidates:
    """Feasible or not, each way to run the workload; arrays have shape (n,).

    ``row`` indexes ``offers``, ``config`` the columns of ``machines`` and ``throughput``. Hours
    are wall time from asking for the machines to the end, including waiting and restarts;
    ``hours_at_risk`` and ``usd_at_risk`` hold with the probability the user asked for. NaN marks
    what cannot run. ``excluded`` counts offers left out before timing, by reason.
    """

    offers: OfferTable
    machines: Machines
    throughput: Throughput
    row: Rows
    config: Rows
    work_hours: Floats
    set_up_hours: Floats
    lost_hours: Floats
    interruptions: Floats
    hours: Floats
    hours_p10: Floats
    hours_p90: Floats
    hours_at_risk: Floats
    usd: Floats
    usd_p10: Floats
    usd_p90: Floats
    usd_at_risk: Floats
    quota_use: Floats
    hazard_assumed: NDArray[np.bool_]
    excluded: Counter[str] = field(default_factory=Counter)

    def __len__(self) -> int:
        return len(self.row)

    @property
    def nodes(self) -> Floats:
        return self.machines.nodes[self.config]


def build(
    workload: Training,
    shape: ModelShape,
    catalog: Catalog,
    measured: Sequence[Measured] = (),
    *,
    where: str = "workload",
) -> Candidates:
    """All candidates of a finite training job.

    Raises BadInput when the filters leave nothing, Infeasible when nothing they leave can train.
    """
    offers, excluded = _eligible(workload, catalog, where)
    devices, config_of_offer = _configurations(offers, catalog)
    nodes = _node_counts(workload.where.max_nodes)
    machines, config_table = _machines(offers, devices, config_of_offer, nodes)
    throughput = training_throughput(workload, shape, machines, measured)

    row, step = np.nonzero(config_table[config_of_offer] >= 0)
    config = config_table[config_of_offer[row], step]
    total = (
        workload.tokens
        if isinstance(workload, LanguageTraining)
        else (workload.samples * workload.epochs)
    )
    return _timed_and_priced(
        workload, offers, machines, throughput, row, config, total, shape, excluded
    )


def _eligible(workload: Training, catalog: Catalog, where: str) -> tuple[OfferTable, Counter[str]]:
    """Offers that pass the user's filters and are known well enough to be timed."""
    offers = catalog.offers
    wanted = workload.where
    keep = offers.is_in("kind", [kind.value for kind in wanted.purchase])
    excluded: Counter[str] = Counter()
    for name, column in (
        ("clouds", "cloud"),
        ("regions", "region"),
        ("instance_types", "instance_type"),
    ):
        values: tuple[str, ...] = getattr(wanted, name)
        if values:
            known = set(offers.vocabularies[column])
            for value in values:
                if value not in known:
                    raise _unknown_filter(where, name, value, known)
            accepted = [*values, "all"] if column == "region" else list(values)
            keep &= offers.is_in(column, accepted)
    quota_classes = set(offers.vocabularies["quota_class"])
    for value in wanted.quotas:
        if value not in quota_classes:
            raise _unknown_filter(where, "quotas", value, quota_classes)
    keep &= _accelerator_mask(wanted.accelerators, offers, catalog, where)
    if not keep.any():
        raise BadInput(
            "no offer in the catalog passes these filters together",
            where=f"{where}: where",
            remedy="widen clouds, regions, accelerators or purchase",
        )
    able = [
        name
        for name, accelerator in catalog.accelerators.items()
        if "training" in accelerator.can_run
    ]
    has_accelerator = offers.codes["accelerator"] != _code(offers, "accelerator", "")
    sockets = offers.numbers["cpu_sockets"]
    count = offers.numbers["accelerator_count"]
    for reason, bad in (
        ("device cannot train", has_accelerator & ~offers.is_in("accelerator", able)),
        ("CPU type unknown", ~has_accelerator & np.isnan(sockets)),
        ("number of accelerators unknown", has_accelerator & np.isnan(count)),
        (
            "listed, but sold only as spot or flex-start",
            offers.is_in("obtainability", ["spot-or-flex-start-only"])
            & offers.is_in("kind", ["on_demand"]),
        ),
        (
            "price of low confidence",
            offers.is_in("confidence", ["low"])
            if wanted.price_confidence == "documented"
            else np.zeros(len(offers), bool),
        ),
    ):
        hit = keep & bad
        if hit.any():
            excluded[reason] += int(hit.sum())
            keep &= ~bad
    if not keep.any():
        reasons = [f"{count} offers: {reason}" for reason, count in excluded.most_common()]
        raise Infeasible("no offer that passes the filters can do this work", reasons)
    return offers.take(np.flatnonzero(keep)), excluded


def _accelerator_mask(
    names: tuple[str, ...], offers: OfferTable, catalog: Catalog, where: str
) -> NDArray[np.bool_]:
    if not names:
        return np.ones(len(offers), bool)
    canonical = []
    for name in names:
        if name.lower() == "cpu":
            canonical.append("")
            continue
        try:
            canonical.append(catalog.accelerator(name).name)
        except UnknownName:
            raise _unknown_filter(where, "accelerators", name, set(catalog.accelerators)) from None
    return offers.is_in("accelerator", canonical) | offers.is_in("cpu", [c for c in canonical if c])


def _unknown_filter(where: str, name: str, value: str, known: set[str]) -> BadInput:
    from catalog.errors import nearest

    close = nearest(value, known)
    hint = f"did you mean {', '.join(close)}?" if close else f"the catalog has {some(known)}"
    return BadInput(
        f"{shown(value)} is not in the catalog", where=f"{where}: where.{name}", remedy=hint
    )


def _code(offers: OfferTable, column: str, word: str) -> int:
    words = offers.vocabularies[column]
    return words.index(word) if word in words else -1


def _configurations(offers: OfferTable, catalog: Catalog) -> tuple[list[Device], Rows]:
    """Distinct machines among the offers: the device of each, and each offer's index."""
    _, first, config_of_offer = np.unique(
        offers.codes["hardware"], return_index=True, return_inverse=True
    )
    devices = []
    for index in first:
        name = offers.text("accelerator", int(index))
        if name:
            count = offers.number("accelerator_count", int(index)) or 1.0
            share = count if count < 1 else 1.0
            devices.append(from_accelerator(catalog.accelerators[name], share))
        else:
            cpu = catalog.accelerators[offers.text("cpu", int(index))]
            sockets = offers.number("cpu_sockets", int(index)) or 1.0
            memory = offers.number("memory_gib", int(index))
            devices.append(from_accelerator(cpu, sockets, memory))
    return devices, np.asarray(config_of_offer, np.intp).reshape(-1)


def _node_counts(most: int) -> list[int]:
    counts = [2**k for k in range(most.bit_length()) if 2**k <= most]
    return counts if counts[-1] == most else [*counts, most]


def _machines(
    offers: OfferTable, devices: list[Device], config_of_offer: Rows, nodes: list[int]
) -> tuple[Machines, Rows]:
    """Configurations times node counts; the table gives the column of each pair, -1 = not tried.

    CPU machines and TPU slices (several hosts behind one offer) are used singly: a slice is itself
    a cluster, and data-parallel training over CPU machines never beats one larger machine here.
    """
    first = np.zeros(len(devices), np.intp)
    first[config_of_offer[::-1]] = np.arange(len(offers))[::-1]
    table = np.full((len(devices), len(nodes)), -1, np.intp)
    columns: list[tuple[int, int]] = []
    hosts = offers.numbers["hosts"][first]
    for index, device in enumerate(devices):
        alone = device.kind is AcceleratorKind.CPU or device.share < 1 or hosts[index] > 1
        for step, n in enumerate(nodes):
            if n == 1 or not alone:
                table[index, step] = len(columns)
                columns.append((index, n))
    which = np.array([index for index, _ in columns], np.intp)
    count = np.array([float(n) for _, n in columns])
    source = first[which]
    numbers = offers.numbers
    per_node = np.maximum(np.nan_to_num(numbers["accelerator_count"][source], nan=1.0), 1.0)
    network = numbers["network_gbps"][source]
    rdma = numbers["rdma_gbps"][source]
    gbps = np.where(
        np.isnan(rdma), np.where(np.isnan(network), ASSUMED_NETWORK_GBPS, network), rdma
    )
    return (
        Machines(
            devices=tuple(devices[i] for i in which),
            per_node=per_node,
            nodes=count,
            network=gbps * 1e9 / 8,
            vcpus=numbers["vcpus"][source],
            host_memory=numbers["memory_gib"][source] * 2**30,
        ),
        table,
    )


def _timed_and_priced(
    workload: Training,
    offers: OfferTable,
    machines: Machines,
    throughput: Throughput,
    row: Rows,
    config: Rows,
    total: float,
    shape: ModelShape,
    excluded: Counter[str],
) -> Candidates:
    from statistics import NormalDist

    numbers = offers.numbers
    nodes = machines.nodes[config]
    spot = offers.is_in("kind", ["spot"])[row]
    hazard, assumed = interruptions_per_hour(
        numbers["interruption_per_month_low"][row], numbers["interruption_per_month_high"][row]
    )
    staged = _staged_bytes(workload, shape)
    boot, staging = set_up_hours(machines.is_cpu[config], staged)
    set_up = boot + staging
    z = NormalDist().inv_cdf(workload.risk)

    def run(rate: Floats) -> tuple[Floats, Floats, Floats, Floats, Floats]:
        with np.errstate(invalid="ignore", over="ignore"):
            work = total / rate[config] / 3600
            on_spot = run_on_spot(work, hazard, nodes)
        busy = np.where(spot, on_spot.hours, work)
        lost = np.where(spot, on_spot.lost_hours, 0.0)
        hits = np.where(spot, on_spot.interruptions, 0.0)
        wall = busy + set_up
        billed = bill(
            wall,
            numbers["usd_per_hour"][row],
            nodes,
            numbers["billing_increment_s"][row],
            numbers["minimum_s"][row],
        )
        return work, lost, hits, wall, billed.usd

    work, lost, hits, hours, usd = run(throughput.median)
    _, _, _, slow_hours, slow_usd = run(throughput.p10)
    _, _, _, fast_hours, fast_usd = run(throughput.p90)
    _, _, _, risk_hours, risk_usd = run(throughput.quantile(-z))
    return Candidates(
        offers=offers,
        machines=machines,
        throughput=throughput,
        row=row,
        config=config,
        work_hours=work,
        set_up_hours=set_up,
        lost_hours=lost,
        interruptions=hits,
        hours=hours,
        hours_p10=fast_hours,
        hours_p90=slow_hours,
        hours_at_risk=risk_hours,
        usd=usd,
        usd_p10=fast_usd,
        usd_p90=slow_usd,
        usd_at_risk=risk_usd,
        quota_use=_quota_units(offers)[row] * nodes,
        hazard_assumed=assumed & spot,
        excluded=excluded,
    )


def _quota_units(offers: OfferTable) -> Floats:
    """What one machine of each offer draws from its quota class, in the unit the class names."""
    words = offers.vocabularies["quota_class"]
    codes = offers.codes["quota_class"]
    by_instance = np.array([word.endswith("instances") for word in words], bool)[codes]
    by_accelerator = np.array([word.endswith(("GPUs", "chips")) for word in words], bool)[codes]
    accelerators = np.nan_to_num(offers.numbers["accelerator_count"], nan=1.0)
    # AWS, Azure and the CPU quotas of GCP count vCPUs
    others = np.where(by_accelerator, accelerators, offers.numbers["vcpus"])
    return np.where(by_instance, 1.0, others)


def _staged_bytes(workload: Training, shape: ModelShape) -> float:
    """Weights and training data that every machine loads before it starts.

    Text is about 4 bytes a token; an image about 110 kB as JPEG (the ImageNet mean), or its raw
    pixels when it is not decoded.
    """
    if isinstance(workload, LanguageTraining):
        weights = shape.parameters_billion * 2e9 if workload.kind == "finetune" else 0.0
        return weights + 4.0 * workload.tokens
    size = workload.image_size or shape.image_size or 224
    return workload.samples * (110e3 if workload.decode_images else float(size * size))


def is_feasible(candidates: Candidates) -> NDArray[np.bool_]:
    """Those that can run at all, whatever deadline and budget say."""
    feasible: NDArray[np.bool_] = np.isfinite(candidates.hours) & np.isfinite(
        candidates.usd_at_risk
    )
    return feasible


def blocked(candidates: Candidates) -> Counter[str]:
    """Why candidates cannot run, counted; memory shortfalls are one reason."""
    reasons: Counter[str] = Counter()
    for index in np.flatnonzero(~is_feasible(candidates)):
        reason = candidates.throughput.why_not[int(candidates.config[index])]
        reasons[reason.split(":")[0] if reason else "interrupted too often to make headway"] += 1
    return reasons


def smallest_shortfall_gib(candidates: Candidates) -> float | None:
    """By how many GiB a device the closest configuration misses; None when nothing misses."""
    shortfall = candidates.throughput.step.shortfall
    missing = shortfall[np.isfinite(shortfall) & (shortfall > 0)]
    return float(missing.min()) / 2**30 if len(missing) and math.isfinite(missing.min()) else None
