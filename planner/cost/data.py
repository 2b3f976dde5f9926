"""What moving and keeping data costs: egress to where the machines are and back, and storage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from catalog.sites import Egress

Floats = NDArray[np.float64]

GB_PER_GIB = 2**30 / 1e9
HOURS_PER_MONTH = 730.0


def transfer_usd(
    source: tuple[str, str],
    targets: Sequence[tuple[str, str]],
    gib: float,
    rates: Mapping[str, Egress],
) -> Floats:
    """Cost of moving ``gib`` from one (cloud, region) to each target. NaN = unknown.

    Within a region it is free; between regions of a cloud and out of a cloud its rates apply; out
    of an own site nothing is charged. Incoming data is free everywhere.
    """
    cloud, region = source
    if cloud in ("on-prem", "edge") or gib <= 0:
        return np.zeros(len(targets))
    gigabytes = gib * GB_PER_GIB
    own = rates.get(cloud)
    outside = None if own is None else own.internet_usd(gigabytes)
    between = None
    if own is not None and own.usd_per_gb_interregion is not None:
        between = own.usd_per_gb_interregion * gigabytes

    def cost(target: tuple[str, str]) -> float:
        if target[0] != cloud:
            found = outside
        elif "" in (region, target[1]) or "all" in (region, target[1]) or target[1] == region:
            found = 0.0
        else:
            found = between
        return np.nan if found is None else found

    known: dict[tuple[str, str], float] = {}
    return np.array([known.setdefault(target, cost(target)) for target in targets])


def storage_usd_per_hour(gib: float, rates: Egress | None) -> float | None:
    """Object storage of ``gib`` in a cloud for an hour; None = unknown."""
    if rates is None or rates.object_storage_usd_per_gb_month is None:
        return None
    return gib * GB_PER_GIB * rates.object_storage_usd_per_gb_month / HOURS_PER_MONTH
