"""Where candidates are: the region they share in a mix, and the places a mix is spread over."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from planner.candidates import Candidates
from planner.optimize.options import EVERYWHERE
from planner.results import Item
from planner.workload import Spread

Rows = NDArray[np.intp]

# Clouds whose regions have several zones (assumption: as many as a spread over zones may ask for);
# what is listed for a region of them can be had in any. Elsewhere a region is one zone.
ZONED = ("aws", "gcp", "azure")


def regions(candidates: Candidates, index: Rows) -> Rows:
    """A number for cloud and region of each candidate (n,), EVERYWHERE for own machines."""
    offers, row = candidates.offers, candidates.row[index]
    found = offers.codes["cloud"][row].astype(np.int64) * len(offers.vocabularies["region"])
    found = np.unique(found + offers.codes["region"][row], return_inverse=True)[1].reshape(-1)
    return np.where(offers.is_in("cloud", ["on-prem"])[row], EVERYWHERE, found)


def spread_places(candidates: Candidates, index: Rows, spread: Spread) -> tuple[Rows, list[str]]:
    """Candidates by the places of a spread: positions in ``index`` (m,), and each one's place.

    Spread over zones, machines that are listed for a whole region stand once in each of as many
    zones as the spread needs.
    """
    offers = candidates.offers
    at: list[int] = []
    places: list[str] = []
    for position, row in enumerate(candidates.row[index].tolist()):
        cloud, region, zone = (offers.text(name, row) for name in ("cloud", "region", "zone"))
        names = [cloud]
        if spread.over == "region":
            names = [f"{cloud} {region}"]
        elif spread.over == "zone" and (zone or cloud not in ZONED):
            names = [f"{cloud} {zone or region}"]
        elif spread.over == "zone":
            names = [f"{cloud} {region} zone {number + 1}" for number in range(spread.places)]
        at += [position] * len(names)
        places += names
    return np.array(at, np.intp), places


def assumed_zone(place: str) -> int | None:
    """The number of the zone that a place of a spread stands for where the catalog names none."""
    _, mark, number = place.rpartition(" zone ")
    return int(number) if mark else None


def spread_line(spread: Spread, groups: Sequence[Item]) -> str:
    """What was asked for, and what part of the work each place got."""
    by_place: dict[str, float] = {}
    for item in groups:
        parts = {"cloud": (item.cloud,), "region": (item.cloud, item.region)}
        zone = f"zone {item.zone_number}" if item.zone_number else item.zone
        parts["zone"] = (item.cloud, item.region, *([zone] if zone else []))
        name = " ".join(parts[spread.over])
        by_place[name] = by_place.get(name, 0.0) + item.share_of_work
    asked = [f"{spread.at_least} {spread.over}s"] if spread.at_least > 1 else []
    if spread.max_share < 1:
        asked.append(f"at most {spread.max_share:.0%} of the work in one {spread.over}")
    met = ", ".join(f"{share:.0%} in {name}" for name, share in by_place.items())
    text = f"Spread as asked ({', '.join(asked)}): {met}."
    if any(item.zone_number for item in groups):
        text += " Listed for the whole region; that each zone has these machines is assumed."
    return text
