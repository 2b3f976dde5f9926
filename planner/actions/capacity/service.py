"""A year of one service as a capacity spec: its rate as a demand that repeats, machines as offers.

What a workload file does not say is an assumption and listed among the notes: how demand moves
through the week, what electricity, space and capital cost.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from catalog import Catalog, OfferTable
from planner.actions.capacity.question import Question
from planner.actions.planning import prepare
from planner.actions.private_layers import for_workload
from planner.candidates import Candidates
from planner.candidates.own_offers import ON_PREM
from planner.errors import BadInput, Infeasible
from planner.optimize.capacity.catalog_prices import fill_prices
from planner.optimize.capacity.fleet import Option
from planner.optimize.capacity.spec import (
    CapacitySpec,
    FromCatalog,
    OfferSpec,
    PowerSpec,
    Purchase,
    Reserved,
    Weekly,
)
from planner.performance.efficiency import Measured
from planner.workload import Edge, Site, Workload
from planner.workload import Purchase as Way
from planner.workload.inference import is_service

# Assumptions: a day's mean over its peak, a weekend over a weekday, the busiest hour.
MEAN_OVER_PEAK, WEEKEND, PEAK_HOUR = 0.6, 0.7, 15.0
# Assumptions about own machines: USD/kWh, share of full draw without work, life, cost of capital.
USD_PER_KWH, IDLE_SHARE, LIFE_YEARS, COST_OF_CAPITAL = 0.10, 0.3, 4.0, 0.08
PUE_ITEM, COLO_ITEM = "PUE, survey mean of all sites", "wholesale colocation, global mean"
# Offers that a plan is made of: the cheapest on demand, under commitment, on spot, to buy.
# Looked at are so many of the cheapest on demand, and as many that can be committed to.
LOOKED_AT = 25
COMMITMENTS = (Way.RESERVATION.value, Way.RESOURCE_COMMITMENT.value)
CHEAPEST = {"on_demand": 3, "reserved": 2, "spot": 1, "own": 2}


_PLACE = ("cloud", "region", "instance_type")


@dataclass(frozen=True)
class _Machine:
    """One replica's machines at one place, and the units a second they serve at the risk asked."""

    place: FromCatalog
    accelerator: str
    nodes: int
    rate: float


def question_of_service(
    workload: Workload,
    catalog: Catalog,
    measured: Sequence[Measured] = (),
    *,
    where: str = "workload",
    folder: Path = Path(),
) -> Question:
    """The spec of a service. Raises BadInput for work that ends, Infeasible without any machine."""
    if isinstance(workload, Edge) or not is_service(workload):
        what = "runs beside its sensors" if isinstance(workload, Edge) else "is work that ends"
        raise BadInput(
            f"{what}, and capacity is planned for demand over time",
            where=f"{where}: kind",
            remedy="name a service, or a capacity spec (planner schema capacity)",
        )
    workload, catalog, notes = for_workload(workload, catalog)
    systems = {} if workload.where.on_prem else _systems(catalog)
    own = workload.where.on_prem or tuple(systems.values())
    place = workload.where.model_copy(update={"on_prem": own})
    prepared = prepare(workload.model_copy(update={"where": place}), catalog, measured, where=where)
    c = prepared.candidates
    assert c.amount.per_second is not None
    rows = prepared.feasible[c.group_rate[prepared.feasible] > 0]
    rented = _rented(c, rows, catalog)
    offers = _cheapest(rented, list(_priced(rented, catalog, where, workload)))
    owned = list(_owned(c, rows, workload, catalog))
    if not offers and not owned:
        raise Infeasible(f"no machine can serve {workload.subject} within the limits", [])
    peak = float(c.amount.per_second)
    mean = c.amount.mean_per_second or peak
    mean = min(max(mean, peak / 2), peak) if mean < peak else MEAN_OVER_PEAK * peak
    notes += [
        f"assumed demand: {peak:.4g} a second at the busiest hour of a weekday, "
        f"{mean:.4g} on its average, {WEEKEND:.0%} of that at weekends",
        *_about_prices(offers, catalog),
    ]
    if any(offer.purchase for offer in owned):
        notes.append(
            f"assumed of own machines: {USD_PER_KWH:g} USD/kWh, {LIFE_YEARS:g} years of life, "
            f"{COST_OF_CAPITAL:.0%} cost of capital, colocated; where.on_prem says otherwise"
        )
    spec = CapacitySpec(
        name=workload.name or "service",
        unit="requests/s",
        demand=Weekly(
            shape="weekly", mean=mean, peak=peak, peak_hour=PEAK_HOUR, weekend_factor=WEEKEND
        ),
        offers=(*offers, *owned),
    )
    return Question(spec, where, folder, tuple(notes))


def _rented(c: Candidates, rows: NDArray[np.intp], catalog: Catalog) -> list[_Machine]:
    """The cheapest machines a unit on demand, one configuration a place and type."""
    kind = c.offers.is_in("kind", [Way.ON_DEMAND.value]) & ~c.offers.is_in("cloud", [ON_PREM])
    rows = rows[kind[c.row[rows]]]
    hourly = c.offers.numbers["usd_per_hour"][c.row[rows]] * c.machines.nodes[c.config[rows]]
    order = rows[np.argsort(hourly / c.group_rate[rows], kind="stable")]
    committed = _committed(catalog.offers)
    found: dict[_Key, int] = {}
    sure: dict[_Key, int] = {}
    for index in order[c.offers.is_in("platform", [""])[c.row[order]]].tolist():
        key = _key(c.offers, int(c.row[index]))
        if len(found) < LOOKED_AT:
            found.setdefault(key, index)
        if key in committed:
            sure.setdefault(key, index)
            if len(sure) == LOOKED_AT:
                break
    chosen = {**found, **sure}.values()
    return [
        _Machine(
            FromCatalog(**dict(zip(_PLACE, _key(c.offers, int(c.row[i])), strict=True))),
            c.offers.text("accelerator", int(c.row[i])),
            int(c.machines.nodes[c.config[i]]),
            float(c.group_rate[i]),
        )
        for i in chosen
    ]


_Key = tuple[str, str, str]


def _key(table: OfferTable, row: int) -> _Key:
    return (
        table.text("cloud", row),
        table.text("region", row),
        table.text("instance_type", row),
    )


def _committed(table: OfferTable) -> set[_Key]:
    """Machines that can be committed to, whether the workload's way to pay allows it or not."""
    rows = np.flatnonzero(table.is_in("kind", list(COMMITMENTS)))
    return {_key(table, row) for row in rows.tolist()}


def _priced(
    machines: Sequence[_Machine], catalog: Catalog, where: str, workload: Workload
) -> Iterator[OfferSpec]:
    """With every price that the catalog knows; spot where the workload allows it."""
    bare = CapacitySpec(
        offers=tuple(OfferSpec(name=_name(m), throughput=m.rate, catalog=m.place) for m in machines)
    )
    filled, _ = fill_prices(bare, catalog, where)
    spot = Way.SPOT in workload.where.purchase
    for machine, offer in zip(machines, filled.offers, strict=True):
        n = machine.nodes
        yield offer.model_copy(
            update={
                "catalog": None,
                "on_demand_usd_per_hour": _times(offer.on_demand_usd_per_hour, n),
                "spot_usd_per_hour": _times(offer.spot_usd_per_hour, n) if spot else None,
                **{
                    name: part and _reserved(part, n)
                    for name in (Option.RESERVED_1Y, Option.RESERVED_3Y)
                    for part in (getattr(offer, name),)
                },
            }
        )


def _name(machine: _Machine) -> str:
    many = "" if machine.nodes == 1 else f"{machine.nodes} x "
    return f"{many}{machine.place.instance_type} {machine.place.cloud} {machine.place.region}"


def _times(price: object, n: int) -> float | None:
    return price * n if isinstance(price, float) else None


def _reserved(part: Reserved, n: int) -> Reserved:
    return Reserved(usd_per_hour=part.usd_per_hour * n, upfront_usd=part.upfront_usd * n)


def _cheapest(machines: Sequence[_Machine], offers: Sequence[OfferSpec]) -> list[OfferSpec]:
    """Those that are the cheapest in one way at least; of one accelerator one a way."""
    accelerator = {o.name: m.accelerator for m, o in zip(machines, offers, strict=True)}

    def a_unit(offer: OfferSpec, way: str) -> float:
        speed = offer.throughput if isinstance(offer.throughput, float) else 1.0
        if way != "reserved":
            price = getattr(offer, f"{way}_usd_per_hour")
            return price / speed if isinstance(price, float) else np.inf
        terms = [(offer.reserved_1y, 8760.0), (offer.reserved_3y, 3 * 8760.0)]
        found = [p.usd_per_hour + p.upfront_usd / hours for p, hours in terms if p is not None]
        return min(found, default=np.inf) / speed

    chosen: dict[str, OfferSpec] = {}
    for way in ("on_demand", "reserved", "spot"):
        taken: set[str] = set()
        for offer in sorted(offers, key=lambda o: a_unit(o, way)):
            if len(taken) == CHEAPEST[way] or not np.isfinite(a_unit(offer, way)):
                break
            if accelerator[offer.name] not in taken:
                taken.add(accelerator[offer.name])
                chosen[offer.name] = offer
    return list(chosen.values())


def _systems(catalog: Catalog) -> dict[str, Site]:
    """Machines that can be bought, of which price and draw are known."""
    return {
        name: Site(name=name, system=name, usd_per_kwh=USD_PER_KWH)
        for name, system in catalog.onprem_systems.items()
        if system.capex_usd is not None and system.power_kw is not None
    }


def _owned(
    c: Candidates,
    rows: NDArray[np.intp],
    workload: Workload,
    catalog: Catalog,
) -> Iterator[OfferSpec]:
    """The user's own machines, else the machines to buy that cost least a unit."""
    own = rows[c.offers.is_in("cloud", [ON_PREM])[c.row[rows]]]
    fastest: dict[str, int] = {}
    for index in own[np.argsort(-c.group_rate[own] / c.machines.nodes[c.config[own]])].tolist():
        fastest.setdefault(c.offers.text("region", int(c.row[index])), index)
    sites = {site.name: site for site in workload.where.on_prem}
    found = []
    for name, index in fastest.items():
        row, nodes = int(c.row[index]), int(c.machines.nodes[c.config[index]])
        speed = float(c.group_rate[index]) / nodes
        if name in sites:
            there = c.limits.get(c.offers.text("quota_class", row), 1.0)
            hourly = c.offers.number("usd_per_hour", row) or 0.0
            yield OfferSpec(
                name=f"own {name}",
                throughput=speed,
                owned_count=int(there),
                running_usd_per_hour=hourly,
            )
            continue
        found.append(_to_buy(name, speed, catalog))
    found.sort(key=lambda pair: pair[0])
    yield from (offer for _, offer in found[: CHEAPEST["own"]])


def _to_buy(name: str, speed: float, catalog: Catalog) -> tuple[float, OfferSpec]:
    """A machine of the catalog, and its purchase price a unit."""
    system = catalog.onprem_system(name)
    capex, kw = system.capex_usd or 0.0, system.power_kw or 0.0
    idle = system.idle_power_kw
    colo = catalog.facility[COLO_ITEM].value * 12 * kw
    return capex / speed, OfferSpec(
        name=f"own {name}",
        throughput=speed,
        purchase=Purchase(
            capex_usd=capex,
            life_years=LIFE_YEARS,
            cost_of_capital=COST_OF_CAPITAL,
            yearly_usd=colo,
        ),
        power=PowerSpec(
            busy_kw=kw,
            idle_kw=IDLE_SHARE * kw if idle is None else idle,
            pue=catalog.facility[PUE_ITEM].value,
            usd_per_kwh=USD_PER_KWH,
        ),
    )


def _about_prices(offers: Sequence[OfferSpec], catalog: Catalog) -> Iterator[str]:
    yield f"prices of the catalog, {catalog.offer_count:,} offers looked at"
    without = [o.name for o in offers if o.reserved_1y is None and o.reserved_3y is None]
    if without:
        yield f"no price of a commitment is known for {', '.join(without)}: not planned with"
