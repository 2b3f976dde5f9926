"""Regions: where a cloud's machines stand, and whose law applies there."""

from __future__ import annotations

from collections.abc import Mapping

from catalog.records import dataclass

# Residencies that can be asked for, as the jurisdictions of the table ``regions`` they accept.
# Government regions are apart from their country's others: they are open to few customers.
RESIDENCIES: Mapping[str, frozenset[str]] = {
    "africa": frozenset({"africa"}),
    "apac": frozenset({"apac"}),
    "canada": frozenset({"canada"}),
    "china": frozenset({"china"}),
    "eea": frozenset({"eu", "eea"}),
    "eu": frozenset({"eu"}),
    "europe": frozenset({"eu", "eea", "uk", "switzerland"}),
    "gov": frozenset({"gov-us"}),
    "gov-us": frozenset({"gov-us"}),
    "latam": frozenset({"latam"}),
    "middle-east": frozenset({"middle-east"}),
    "switzerland": frozenset({"switzerland"}),
    "uk": frozenset({"uk"}),
    "us": frozenset({"us"}),
}


@dataclass(frozen=True, slots=True)
class Region:
    """One region of one cloud; ``country`` is ISO 3166-1 alpha-2."""

    cloud: str
    region: str
    location: str
    country: str
    jurisdiction: str
    source: str

    def is_in(self, residency: str) -> bool:
        """Whether data kept here stays in ``residency``: a key of ``RESIDENCIES`` or a country."""
        accepted = RESIDENCIES.get(residency)
        if accepted is not None:
            return self.jurisdiction in accepted
        return self.country.lower() == residency


@dataclass(frozen=True, slots=True)
class GridCarbon:
    """Carbon of a region's grid.

    ``gco2_per_kwh`` is an annual mean, ``carbon_free_fraction`` the share of carbon-free energy
    as the cloud counts it; None where unknown.
    """

    cloud: str
    region: str
    location: str
    gco2_per_kwh: float | None
    carbon_free_fraction: float | None
    method: str
    source: str


@dataclass(frozen=True, slots=True)
class Electricity:
    """Price of electricity in an area, USD/kWh; the bounds are None where unknown.

    ``clouds`` are the cloud regions there, as (cloud, region).
    """

    area: str
    usd_per_kwh: float
    usd_per_kwh_low: float | None
    usd_per_kwh_high: float | None
    clouds: tuple[tuple[str, str], ...]
    basis: str
    confidence: str
    source: str


def hinted_regions(hint: str) -> tuple[tuple[str, str], ...]:
    """``azure eastus, eastus2; gcp us-east4`` as pairs of cloud and region."""
    clouds = (part.strip().partition(" ") for part in hint.split(";"))
    return tuple(
        (cloud, region.strip())
        for cloud, _, regions in clouds
        for region in regions.split(",")
        if region.strip()
    )
