"""What a calibration run on rented machines may cost, from the catalog's prices."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

import numpy as np
from numpy.typing import NDArray

from catalog import Catalog
from catalog.offers import PurchaseKind
from launchers.base import CostEstimate
from launchers.cost_cap import held_hours
from launchers.errors import LaunchRefused
from launchers.targets import SkyTarget
from planner.actions.device_names import accelerator_name

# SkyPilot's short names of clouds, where the catalog says more.
CLOUDS = {"do": "digitalocean"}
# How like a known name another has to be to be taken for a slip; SkyPilot's other clouds are less.
MISSPELT = 0.85
# What SkyPilot asks for where the user asks for nothing.
DEFAULT_VCPUS = 8.0


def quote(
    catalog: Catalog, target: SkyTarget, timeout_s: float, max_hours: float | None = None
) -> CostEstimate:
    """The cheapest matching offer, on all nodes, for as long as the machine may be held.

    ``usd`` is None where the catalog has no price for the target. Raises LaunchRefused for a
    ``max_hours`` in which nothing can be measured, and for a cloud that is one misspelt.
    """
    hours = held_hours(timeout_s, max_hours)
    if not target.is_billed:
        return CostEstimate(None, None, hours, "your own cluster: no price per hour is known")
    offers = catalog.offers
    kind = PurchaseKind.SPOT if target.spot else PurchaseKind.ON_DEMAND
    mask = offers.is_in("kind", [kind]) & ~np.isnan(offers.numbers["usd_per_hour"])
    mask &= offers.is_in("platform", [""])
    if target.cloud != "*":
        mask &= offers.is_in("cloud", [_cloud(target, offers.vocabularies["cloud"])])
    if target.region:
        mask &= offers.is_in("region", [target.region])
    if target.instance_type:
        mask &= offers.is_in("instance_type", [target.instance_type])
    name, count = target.accelerator
    if name:
        known = accelerator_name(catalog, name)
        mask &= offers.is_in("accelerator", [known] if known else [])
        mask &= offers.numbers["accelerator_count"] == count
    elif not target.instance_type:
        mask &= offers.is_in("accelerator", [""])
        vcpus = DEFAULT_VCPUS if not (target.cpus or target.memory) else 0.0
        mask &= _enough(offers.numbers["vcpus"], target.cpus, vcpus)
    mask &= _enough(offers.numbers["memory_gib"], target.memory, 0.0)
    found = np.flatnonzero(mask)
    if not len(found):
        return CostEstimate(None, None, hours, f"the catalog has no {kind} price for this target")
    best = int(found[np.argmin(offers.numbers["usd_per_hour"][found])])
    rate = float(offers.numbers["usd_per_hour"][best]) * target.nodes
    nodes = f"{target.nodes} x " if target.nodes > 1 else ""
    source = catalog.sources.get(offers.text("price_source", best))
    as_of = source.as_of.isoformat() if source and source.as_of else "of unknown date"
    return CostEstimate(
        rate * hours,
        rate,
        hours,
        f"{nodes}{offers.text('instance_type', best)} in {offers.text('region', best)}, {kind} "
        f"price {as_of}, held {hours:.2f} h at most",
    )


def _cloud(target: SkyTarget, known: Sequence[str]) -> str:
    """The catalog's name of it. One that the catalog lacks may be one that SkyPilot has."""
    name = CLOUDS.get(target.cloud, target.cloud)
    close = [] if name in known else get_close_matches(name, known, n=1, cutoff=MISSPELT)
    if close:
        raise LaunchRefused(
            f"no cloud {name!r} is known", where="--on", remedy=f"did you mean {close[0]}?"
        )
    return name


def _enough(column: NDArray[np.float64], text: str, least: float) -> NDArray[np.bool_]:
    """Rows with as much as ``4`` (exactly) or ``4+`` (at least) says."""
    enough: NDArray[np.bool_]
    if text:
        wanted = float(text.rstrip("+"))
        enough = column >= wanted if text.endswith("+") else column == wanted
    else:
        enough = column >= least if least else np.ones(len(column), bool)
    return enough
