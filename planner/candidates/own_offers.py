"""What the user already has, as offers beside those of the clouds: sites, commitments, devices.

Each is a row of the offer table with the cost of using it, and a limit on how many there are.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import field

import numpy as np

from catalog import Catalog, OfferTable, UnknownName
from catalog.offers import NUMBER_COLUMNS, TEXT_COLUMNS
from catalog.records import dataclass
from catalog.sites import EdgeDevice
from planner.cost.ownership import HOURS_PER_YEAR, Machine, Power
from planner.errors import BadInput
from planner.field_errors import shown, some
from planner.workload import Edge, HeldCommitment, Site, Workload

ON_PREM, EDGE = "on-prem", "edge"
# A pool's facility when the user does not say: the survey mean of all sites.
_PUE_ITEM = "PUE, survey mean of all sites"
# Life of an edge unit, over which its price is spread. Assumption: three years.
EDGE_LIFE_HOURS = 3 * HOURS_PER_YEAR


@dataclass(frozen=True)
class OwnOffers:
    """Rows to lay beside the catalog's, the limits they bring, and what buying them costs.

    ``capital`` gives USD paid once for each machine used, by cloud, region and instance type;
    ``availability`` the share of its time that a machine has, by quota class.
    """

    rows: list[dict[str, object]] = field(default_factory=list)
    limits: dict[str, float] = field(default_factory=dict)
    capital: dict[tuple[str, str, str], float] = field(default_factory=dict)
    availability: dict[str, float] = field(default_factory=dict)

    def add(self, other: OwnOffers) -> None:
        self.rows.extend(other.rows)
        self.limits.update(other.limits)
        self.capital.update(other.capital)
        self.availability.update(other.availability)


def own_offers(workload: Workload, catalog: Catalog, where: str) -> OwnOffers:
    """Everything the workload's ``where`` brings along. Raises BadInput for unknown names."""
    found = OwnOffers()
    for number, site in enumerate(workload.where.on_prem):
        found.add(_site(site, catalog, f"{where}: where.on_prem[{number}]"))
    for number, held in enumerate(workload.where.commitments):
        found.add(_held(held, catalog, f"{where}: where.commitments[{number}]"))
    if isinstance(workload, Edge):
        found.add(_edge(workload, catalog))
    return found


def with_own(offers: OfferTable, own: OwnOffers) -> OfferTable:
    """The offer table with own rows behind the catalog's."""
    if not own.rows:
        return offers
    vocabularies: dict[str, Sequence[str]] = dict(offers.vocabularies)
    codes = dict(offers.codes)
    for name in TEXT_COLUMNS:
        words = list(vocabularies[name])
        index = {word: code for code, word in enumerate(words)}
        added = []
        for row in own.rows:
            word = str(row.get(name, ""))
            if word not in index:
                index[word] = len(words)
                words.append(word)
            added.append(index[word])
        vocabularies[name] = words
        codes[name] = np.concatenate([codes[name], np.array(added, np.int32)])
    numbers = {
        name: np.concatenate(
            [offers.numbers[name], np.array([_number(row.get(name)) for row in own.rows])]
        )
        for name in NUMBER_COLUMNS
    }
    return OfferTable(codes, vocabularies, numbers)


def _number(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) else math.nan


def _site(site: Site, catalog: Catalog, where: str) -> OwnOffers:
    spec = _system(site, catalog, where)
    idle = site.machines * (1 - site.utilisation)
    free = max(math.floor(idle + 1e-9), 1)
    price = site.usd_per_kwh
    if price is None and site.region is not None:
        price = _electricity(site.region, catalog, where)
    power_kw = None if site.power is None else float(site.power)
    if power_kw is None:
        power_kw = spec.power_kw
    pue = site.pue if site.pue is not None else catalog.facility[_PUE_ITEM].value
    if power_kw is None or price is None:
        missing = "power" if power_kw is None else "usd_per_kwh"
        raise BadInput(
            "is unknown, so the energy of this site cannot be priced",
            where=f"{where}.{missing}",
            remedy="give power: 10kW" if missing == "power" else "give usd_per_kwh: 0.12",
        )
    name = site.system or f"{spec.count:g}x {spec.accelerator}"
    power = Power(power_kw, 0.0, pue, price)
    hourly = power.running_usd_per_hour
    capital: dict[tuple[str, str, str], float] = {}
    if site.purchase or site.charge == "full":
        capex = site.capex_usd or spec.capex_usd
        if capex is None:
            raise BadInput(
                "is missing", where=f"{where}.capex_usd", remedy="give capex_usd: 300000"
            )
        machine = Machine(
            capex,
            site.life / HOURS_PER_YEAR,
            site.cost_of_capital,
            site.residual_usd or 0.0,
            power,
            (site.staff_usd_per_year or 0.0) / site.machines
            + 12 * (site.colo_usd_per_kw_month or 0.0) * power_kw,
        )
        if site.purchase:  # for one job the whole machine, not a share of its life
            capital[(ON_PREM, site.name, name)] = machine.capex_usd
            hourly += machine.yearly_usd / HOURS_PER_YEAR
        else:
            hourly = machine.shared_usd_per_busy_hour(site.expected_utilisation)
    quota = f"{ON_PREM}/{site.name} instances"
    is_cpu = spec.is_cpu
    row: dict[str, object] = {
        "cloud": ON_PREM,
        "region": site.name,
        "instance_type": name,
        "accelerator": "" if is_cpu else spec.accelerator,
        "cpu": spec.accelerator if is_cpu else "",
        "hardware": f"own {where}",
        "kind": "owned",
        "quota_class": quota,
        "confidence": "stated",
        "vcpus": site.vcpus,
        "memory_gib": site.memory,
        "accelerator_count": None if is_cpu else spec.count,
        "cpu_sockets": spec.count if is_cpu else None,
        "hosts": 1,
        "network_gbps": site.network_gbps,
        # In the time that others use the machine they pay for it.
        "usd_per_hour": hourly * min(idle, 1.0),
    }
    # Less than one machine is free: one gives the part of its time that is.
    return OwnOffers([row], {quota: float(free)}, capital, {quota: min(idle, 1.0)})


@dataclass(frozen=True)
class _Spec:
    accelerator: str
    is_cpu: bool
    count: float
    power_kw: float | None
    capex_usd: float | None


def _system(site: Site, catalog: Catalog, where: str) -> _Spec:
    """Accelerator, count, power and price of one machine: what is given, else the catalog's."""
    known = None
    if site.system is not None:
        try:
            known = catalog.onprem_system(site.system)
        except UnknownName as error:
            close = ", ".join(error.suggestions)
            raise BadInput(
                f"{shown(site.system)} is not in the catalog",
                where=f"{where}.system",
                remedy=f"did you mean {close}?"
                if close
                else f"the catalog has {some(catalog.onprem_systems)}",
            ) from None
    name = site.accelerator or (known.accelerator if known else "")
    try:
        accelerator = catalog.accelerator(name)
    except UnknownName as error:
        close = ", ".join(error.suggestions)
        raise BadInput(
            f"unknown accelerator {shown(name)}",
            where=f"{where}.accelerator",
            remedy=f"did you mean {close}?" if close else "say one such as H100-80GB",
        ) from None
    count = site.accelerators_per_machine or (known.accelerator_count if known else 1)
    if known and count != known.accelerator_count:
        known = None  # another machine than the catalog's: its power and price are not known
    power = known.power_kw if known else None
    if power is None and accelerator.tdp_w is not None:
        # Host, fans and losses beside the devices: a DGX H100 draws 10.2 kW with 5.6 kW of GPUs.
        power = 1.6 * accelerator.tdp_w * count / 1e3
    return _Spec(
        accelerator.name,
        accelerator.kind.value == "CPU",
        float(count),
        power,
        known.capex_usd if known else None,
    )


def _electricity(region: str, catalog: Catalog, where: str) -> float | None:
    try:
        found = catalog.electricity(region)
    except UnknownName as error:
        close = ", ".join(error.suggestions)
        raise BadInput(
            f"{shown(region)} is not in the electricity table",
            where=f"{where}.region",
            remedy=f"did you mean {close}?" if close else "give usd_per_kwh: 0.12",
        ) from None
    return None if found is None else found.usd_per_kwh


def _held(held: HeldCommitment, catalog: Catalog, where: str) -> OwnOffers:
    """Rows of the machines committed to, at what is still paid for an hour of use."""
    offers = catalog.offers
    match = offers.is_in("cloud", [held.cloud]) & offers.is_in(
        "instance_type", [held.instance_type]
    )
    if held.region is not None:
        match &= offers.is_in("region", [held.region])
    match &= offers.is_in("kind", ["on_demand", "spot"]) & offers.is_in("platform", [""])
    found = np.flatnonzero(match)
    if not len(found):
        known = {
            offers.text("instance_type", int(row))
            for row in np.flatnonzero(offers.is_in("cloud", [held.cloud]))
        }
        from catalog.errors import nearest

        close = nearest(held.instance_type, known)
        raise BadInput(
            f"{held.cloud} {held.region or ''} {held.instance_type} is not in the catalog".replace(
                "  ", " "
            ),
            where=f"{where}.instance_type",
            remedy=f"did you mean {', '.join(close)}?" if close else "check cloud and region",
        )
    quota = f"held/{held.cloud} {held.region or 'any'} {held.instance_type} instances"
    rows: list[dict[str, object]] = []
    seen: set[str] = set()
    for row in found.tolist():
        region = offers.text("region", row)
        if region in seen:
            continue
        seen.add(region)
        copied: dict[str, object] = {n: offers.text(n, row) for n in TEXT_COLUMNS}
        copied |= {n: offers.number(n, row) for n in NUMBER_COLUMNS}
        for interruption in ("interruption_per_month_low", "interruption_per_month_high"):
            copied[interruption] = None
        rows.append(
            copied
            | {
                "kind": "reservation",
                "payment": "held",
                "quota_class": quota,
                "confidence": "stated",
                "obtainability": "",
                "price_source": "",
                "usd_per_hour": held.usd_per_hour,
                "upfront_usd": None,
            }
        )
    return OwnOffers(rows, {quota: float(held.count)})


def _edge(workload: Edge, catalog: Catalog) -> OwnOffers:
    """Devices of the catalog as machines: price over their life, plus energy."""
    rows: list[dict[str, object]] = []
    for device in _within_power(workload, catalog):
        spec = catalog.accelerator(device.accelerator)
        is_cpu = spec.kind.value == "CPU"
        if device.unit_price_usd is None or device.power_w_busy is None:
            continue  # its cost is unknown
        power = Power(device.power_w_busy / 1e3, 0.0, 1.0, workload.usd_per_kwh)
        energy = power.running_usd_per_hour
        rows.append(
            {
                "cloud": EDGE,
                "region": "own",
                "instance_type": device.name,
                "accelerator": "" if is_cpu else spec.name,
                "cpu": spec.name if is_cpu else "",
                "hardware": f"edge {device.name}",
                "kind": "owned",
                "quota_class": f"{EDGE}/{device.name} instances",
                "confidence": "secondary",
                "price_source": device.source,
                "offer_source": device.source,
                "accelerator_count": None if is_cpu else 1.0,
                "cpu_sockets": 1.0 if is_cpu else None,
                "hosts": 1,
                "usd_per_hour": device.unit_price_usd / EDGE_LIFE_HOURS + energy,
            }
        )
    return OwnOffers(rows)


def _within_power(workload: Edge, catalog: Catalog) -> Iterator[EdgeDevice]:
    for device in catalog.edge_devices.values():
        if workload.power is None or (
            device.power_w_busy is not None and device.power_w_busy <= workload.power
        ):
            yield device
