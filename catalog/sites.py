"""Owned machines, edge devices and what surrounds them: facilities, traffic and storage."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from catalog.records import dataclass

# Upper ends of the paid tiers of internet egress in GB a month, as the table's columns name them.
_TIERS = (
    (10_000.0, "usd_per_gb_internet"),
    (50_000.0, "usd_per_gb_10_50tb"),
    (150_000.0, "usd_per_gb_50_150tb"),
    (math.inf, "usd_per_gb_over_150tb"),
)


@dataclass(frozen=True, slots=True)
class OnPremSystem:
    """A machine that can be bought. USD for one, kW for one at full load and without work.

    ``capex_usd_low`` and ``capex_usd_high`` bound what is known of its price.
    """

    name: str
    accelerator: str
    accelerator_count: int
    capex_usd: float | None
    capex_usd_low: float | None
    capex_usd_high: float | None
    power_kw: float | None
    idle_power_kw: float | None
    source: str

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> OnPremSystem:
        """Build from one row of the ``onprem_systems`` table."""
        values = dict(row)
        return cls(name=values.pop("system"), **values)


@dataclass(frozen=True, slots=True)
class EdgeDevice:
    """A small device that can be bought. USD and W for one piece.

    ``host`` says what it needs to run; power is without a host that is not included.
    ``power_source`` is the source of the power, ``source`` that of the price.
    """

    name: str
    accelerator: str
    host: str
    unit_price_usd: float | None
    unit_price_usd_low: float | None
    unit_price_usd_high: float | None
    power_w_busy: float | None
    power_w_idle: float | None
    power_source: str
    note: str
    source: str

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> EdgeDevice:
        """Build from one row of the ``edge_devices`` table."""
        return cls(**{**row, "power_source": row["power_source"] or row["source"]})


@dataclass(frozen=True, slots=True)
class FacilityItem:
    """A figure about data centres in the unit it names: a PUE (``ratio``) or a colocation price."""

    item: str
    value: float
    unit: str
    low: float | None
    high: float | None
    confidence: str
    source: str


@dataclass(frozen=True, slots=True)
class EgressTier:
    """USD/GB for the traffic of a month up to ``up_to_gb`` GB, free traffic apart."""

    up_to_gb: float
    usd_per_gb: float


@dataclass(frozen=True, slots=True)
class Egress:
    """What leaving and storing data costs at one cloud; None where unknown.

    ``tiers`` is empty where egress is unknown. Storage is USD per GB and month.
    """

    cloud: str
    tiers: tuple[EgressTier, ...]
    free_gb_month: float | None
    usd_per_gb_interregion: float | None
    object_storage_usd_per_gb_month: float | None
    block_storage_usd_per_gb_month: float | None
    source: str

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Egress:
        """Build from one row of the ``egress`` table."""
        known = [(end, row[name]) for end, name in _TIERS if row[name] is not None]
        if len(known) == 1:  # one price for every amount
            known = [(math.inf, known[0][1])]
        return cls(
            cloud=row["cloud"],
            tiers=tuple(EgressTier(end, usd) for end, usd in known),
            free_gb_month=row["free_gb_month"],
            usd_per_gb_interregion=row["usd_per_gb_interregion"],
            object_storage_usd_per_gb_month=row["object_storage_usd_gb_month"],
            block_storage_usd_per_gb_month=row["block_storage_usd_gb_month"],
            source=row["source"],
        )

    def internet_usd(self, gb: float) -> float | None:
        """USD for ``gb`` GB sent to the internet in one month; None where it is unknown.

        The free traffic of the month comes first; an unknown free amount counts as none.
        """
        if not self.tiers:
            return None
        left, start, usd = max(0.0, gb - (self.free_gb_month or 0.0)), 0.0, 0.0
        for tier in self.tiers:
            part = min(left, tier.up_to_gb - start)
            usd, left, start = usd + part * tier.usd_per_gb, left - part, tier.up_to_gb
        return usd if left <= 0 else None
