"""The mix program of a workload planned by request size, service or batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, Self, TypeVar

import numpy as np

from planner.actions.places import regions, spread_places
from planner.actions.planning import Prepared
from planner.candidates.columns import Floats, Rows
from planner.optimize.mix import MixLimits, MixProblem, Spread
from planner.optimize.options import EVERYWHERE


class Groups(Protocol):
    """Candidates to mix, shape (m,): their machines, and units of a quota one of them draws."""

    @property
    def index(self) -> Rows: ...
    @property
    def nodes(self) -> Floats: ...
    @property
    def quota_units(self) -> Floats: ...
    def take(self, rows: Rows) -> Self: ...


Found = TypeVar("Found", bound=Groups)


def spread_out(prepared: Prepared, found: Found) -> tuple[Found, list[str]]:
    """Each group once for every place of the spread, and these; unchanged where none is asked."""
    spread = prepared.workload.where.spread
    if spread is None:
        return found, []
    at, places = spread_places(prepared.candidates, found.index, spread)
    return found.take(at), places


def mix_program(
    prepared: Prepared,
    found: Groups,
    places: Sequence[str],
    *,
    usd: Floats,
    capacity: Floats,
    needs: Sequence[float] | Floats,
    spare_instances: int = 0,
) -> tuple[MixProblem, MixLimits, Rows]:
    """The program over all groups, and the place of each (EVERYWHERE: own machines).

    ``usd`` (m,) of a group, ``capacity`` (m, classes) in the unit of ``needs`` (classes,).
    ``places`` are those of a spread, whatever it is over; the program knows them as zones.
    """
    c, asked = prepared.candidates, prepared.workload.where
    row = c.row[found.index]
    words = c.offers.vocabularies["quota_class"]
    classes = [words[code] for code in c.offers.codes["quota_class"][row].tolist()]
    limited = np.array([name in prepared.limits for name in classes], bool)
    # What draws an unknown amount on a limited quota is not rented.
    unknown = limited & np.isnan(found.quota_units)
    problem = MixProblem.of(
        usd,
        capacity,
        needs,
        max_count=np.where(unknown, 0.0, np.inf),
        quota_class=classes,
        quota_units=np.nan_to_num(found.quota_units),
        spot=c.offers.is_in("kind", ["spot"])[row],
        nodes=found.nodes,
        kind=[c.machines.devices[config].name for config in c.config[found.index].tolist()],
        zone=places or None,
    )
    spread = asked.spread
    limits = MixLimits(
        quotas=prepared.limits,
        max_spot_share=asked.max_spot_share if asked.max_spot_share < 1 else None,
        spare_instances=spare_instances,
        max_nodes=float(asked.max_nodes),
        max_types=asked.max_types,
        spread=() if spread is None else (Spread("zone", spread.at_least, spread.max_share),),
    )
    place = np.full(len(row), EVERYWHERE)
    if asked.mix == "region":
        place = regions(c, found.index)
    return problem, limits, place
