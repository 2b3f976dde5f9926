"""What an hour of work on an own site costs when the purchase is spread over the hours it works."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from catalog import Catalog
from planner.actions.planning import Prepared
from planner.candidates.own_offers import ON_PREM, own_offers
from planner.cost.ownership import HOURS_PER_YEAR, Machine, Power
from planner.errors import BadInput
from planner.workload import Site, Workload

Floats = NDArray[np.float64]


class NoOwnedPrice(Exception):
    """What is missing to know the whole cost of an own machine."""


def owned_factors(prepared: Prepared, catalog: Catalog, where: str) -> Callable[[float], Floats]:
    """A function of the share of time the sites work: whole cost of an hour over today's price of
    it, shape (candidates,), NaN for machines that are not own.

    The whole cost is annuity, staff and space over the hours worked, plus the energy of the hour;
    the draw of idle hours is not counted. Raises NoOwnedPrice where the purchase price or the
    energy is unknown.
    """
    workload = prepared.workload
    c = prepared.candidates
    machines = [_machine(site, workload, catalog, where) for site in workload.where.on_prem]
    names = [site.name for site in workload.where.on_prem]
    is_own = c.offers.is_in("cloud", [ON_PREM])
    now = c.offers.numbers["usd_per_hour"]
    if (now[is_own] <= 0).any():
        raise NoOwnedPrice("the energy of the own site costs nothing")

    def at(share: float) -> Floats:
        factor = np.full(len(c.offers), np.nan)
        for name, machine in zip(names, machines, strict=True):
            rows = is_own & c.offers.is_in("region", [name])
            factor[rows] = machine.shared_usd_per_busy_hour(share) / now[rows]
        result: Floats = factor[c.row]
        return result

    return at


def _machine(site: Site, workload: Workload, catalog: Catalog, where: str) -> Machine:
    try:
        bought, energy_only = (_own(site, workload, catalog, where, buy) for buy in (True, False))
    except BadInput as error:
        raise NoOwnedPrice(f"{error.where}: {error.problem}") from None
    (net_capex, hourly), (_, energy) = bought, energy_only
    return Machine(
        capex_usd=net_capex,
        life_years=site.life / HOURS_PER_YEAR,
        cost_of_capital=site.cost_of_capital,
        power=Power(busy_kw=1.0, usd_per_kwh=energy),  # energy is already USD an hour
        yearly_usd=(hourly - energy) * HOURS_PER_YEAR,
    )


def _own(
    site: Site, workload: Workload, catalog: Catalog, where: str, buy: bool
) -> tuple[float, float]:
    """Price of one machine net of its resale, and USD an hour of using it."""
    place = workload.where.model_copy(
        update={"on_prem": (site.model_copy(update={"purchase": buy}),), "commitments": ()}
    )
    alone: Workload = workload.model_copy(update={"where": place})
    found = own_offers(alone, catalog, where)
    row = next(row for row in found.rows if row["cloud"] == ON_PREM)
    hourly = row["usd_per_hour"]
    assert isinstance(hourly, float)
    return sum(found.capital.values()), hourly
