"""Vast's marketplace as priced machines: pure functions on parsed JSON.

Each offer is a part of somebody's host. What one can count on is not the lowest of many prices
but one that several hosts ask: a low quantile over the offers of a GPU, count and place.
"""

from __future__ import annotations

import re
import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from catalog.sources.accelerator_names import accelerator_named, reason_unknown
from catalog.sources.base import Reject
from catalog.sources.bodies import mapping, positive, sequence
from catalog.sources.cloud_rows import ALL, Machine, Priced, Unusable

Raw = Mapping[str, Any]
# Assumption: a quarter of the hosts ask this or less, so that one is found when it is wanted, and
# a few offers at fancy prices do not move it.
QUANTILE = 0.25
MIB_PER_GIB = 1024
COUNTRY = re.compile(r"(?:^|,\s*)([A-Z]{2})\s*$")


@dataclass(frozen=True, slots=True)
class Offer:
    """One offer. ``country`` is ISO 3166-1 alpha-2, empty where the host does not say."""

    accelerator: str
    count: int
    country: str
    usd_per_hour: float
    spot_usd_per_hour: float | None
    vcpus: float | None
    memory_gib: float | None


def offers_of(raws: object) -> tuple[list[Offer], list[Reject]]:
    """All usable offers, and one reject for each reason and GPU, however many share it."""
    offers: list[Offer] = []
    rejected: dict[Reject, int] = defaultdict(int)
    for raw in sequence(raws):
        try:
            offers.append(_offer(mapping(raw)))
        except Unusable as error:
            rejected[error.reject] += 1
    return offers, [
        Reject(reject.what, f"{reject.reason} ({count} offers)" if count > 1 else reject.reason)
        for reject, count in rejected.items()
    ]


def _offer(raw: Raw) -> Offer:
    gpu = raw.get("gpu_name")
    if not isinstance(gpu, str) or not gpu:
        raise Unusable("?", "an offer without a GPU name")
    count = positive(raw.get("num_gpus"))
    if count is None or count != int(count):
        raise Unusable(gpu, f"{raw.get('num_gpus')!r:.20} GPUs")
    usd = positive(raw.get("dph_base"))
    if usd is None:
        raise Unusable(gpu, "no price")
    memory_mib = positive(raw.get("gpu_ram"))  # of one GPU
    memory_gib = memory_mib / MIB_PER_GIB if memory_mib else None
    accelerator = accelerator_named(gpu, memory_gib)
    if accelerator is None:
        rounded = round(memory_gib) if memory_gib else None
        raise Unusable(gpu, reason_unknown(gpu, rounded))
    place = COUNTRY.search(str(raw.get("geolocation") or ""))
    return Offer(
        accelerator,
        int(count),
        place[1] if place else "",
        usd,
        positive(raw.get("min_bid")),
        positive(raw.get("cpu_cores_effective")),
        _memory_gib(raw),
    )


def _memory_gib(raw: Raw) -> float | None:
    """The offer's share of the host's memory, which is what ``cpu_ram`` states, in MiB."""
    host_mib, cores = positive(raw.get("cpu_ram")), positive(raw.get("cpu_cores"))
    own_cores = positive(raw.get("cpu_cores_effective"))
    if host_mib is None or cores is None or own_cores is None:
        return None
    return host_mib * min(1.0, own_cores / cores) / MIB_PER_GIB


def priced_groups(offers: Iterable[Offer], region: str, kind: str) -> list[Priced]:
    """A price for each GPU and count offered in ``region``: a country or all."""
    groups: dict[tuple[str, int], list[Offer]] = defaultdict(list)
    for offer in offers:
        here = region in (ALL, offer.country)
        if here and (kind == "on_demand" or offer.spot_usd_per_hour is not None):
            groups[offer.accelerator, offer.count].append(offer)
    return [_group(*key, members, kind) for key, members in groups.items()]


def _group(accelerator: str, count: int, offers: list[Offer], kind: str) -> Priced:
    usd = [
        price
        for offer in offers
        if (price := offer.usd_per_hour if kind == "on_demand" else offer.spot_usd_per_hour)
    ]
    machine = Machine(
        f"{count}x_{accelerator}",
        _low([offer.vcpus for offer in offers]),
        _low([offer.memory_gib for offer in offers]),
        accelerator,
        count,
    )
    plural = "offers" if len(offers) > 1 else "offer"
    note = f"other people's machines; {len(offers)} {plural} when asked"
    return Priced(machine, low_quantile(usd), note)


def _low(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return round(low_quantile(known), 3) if known else None


def low_quantile(values: list[float]) -> float:
    """The value that a quarter of ``values`` reach or undercut, interpolated."""
    if len(values) == 1:
        return values[0]
    return statistics.quantiles(values, n=round(1 / QUANTILE), method="inclusive")[0]
