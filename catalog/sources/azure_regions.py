"""What the Azure sources share of a region: its sizes and its price list, each asked for once."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from catalog.sources.azure_arm import Arm, missing_login, subscription_id
from catalog.sources.azure_errors import NoLogin
from catalog.sources.azure_machines import (
    Unusable,
    is_here,
    is_spot_capable,
    known_machines,
    offer_row,
    restriction,
)
from catalog.sources.azure_retail import URL, VIRTUAL_MACHINES, PriceList, price_list, walk
from catalog.sources.base import FetchFailed, Reject
from catalog.sources.endpoints import endpoint
from catalog.sources.http import HttpClient
from catalog.sources.once import Once

REGION = re.compile(r"[a-z][a-z0-9]{2,40}")
NO_FACTS = "priced, but the catalog has no facts about it (with an Azure login its size is asked)"
NOT_HERE = "priced, but not among the region's sizes"
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Machines:
    """Sizes of a region by lower-case name, with where their facts are from.

    ``remarks`` are restrictions of the asking subscription; ``no_spot`` the sizes that cannot be
    spot; ``families`` the quota family that Azure gives each size (by its own name). With a
    subscription the sizes are all there are; without (``asked`` False) what the catalog knew.
    """

    offers: Mapping[str, Mapping[str, Any]]
    remarks: Mapping[str, str]
    no_spot: frozenset[str]
    families: Mapping[str, str]
    rejects: tuple[Reject, ...]
    source: str
    asked: bool


class AzureRegions:
    """Asks Azure for one source, named ``name``: ``PLANNER_ENDPOINT_<NAME>`` moves it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._lock = threading.Lock()
        self._http: HttpClient | None = None
        self._arm: Arm | None = None
        self._machines = Once[str, Machines]()
        self._prices = Once[str, PriceList]()

    @property
    def http(self) -> HttpClient:
        with self._lock:
            if self._http is None:
                self._http = HttpClient(self.name, URL)
            return self._http

    @property
    def arm(self) -> Arm:
        """The client libraries. Raises NoLogin where they or a subscription are missing."""
        missing = missing_login()
        if missing is not None:
            raise NoLogin(missing.what, missing.remedy)
        with self._lock:
            if self._arm is None:
                moved = endpoint(self.name, URL)
                self._arm = Arm(subscription_id(), "" if moved == URL else moved)
            return self._arm

    def machines(self, region: str, deadline: float) -> Machines:
        """Sizes of a region. Raises FetchFailed; a missing login is no failure, but a remark."""
        return self._machines.get(region, lambda: self._ask_machines(region, deadline))

    def _ask_machines(self, region: str, deadline: float) -> Machines:
        try:
            skus = self.arm.skus(region, deadline)
        except NoLogin as error:
            return Machines(
                offers={
                    name: {**facts, "region": region} for name, facts in known_machines().items()
                },
                remarks={},
                no_spot=frozenset(),
                families={},
                rejects=(Reject("VM sizes", f"not asked: {error.problem}; {error.remedy}"),),
                source="machine facts of the embedded catalog (no Azure login)",
                asked=False,
            )
        offers: dict[str, Mapping[str, Any]] = {}
        remarks, families, rejects = dict[str, str](), dict[str, str](), list[Reject]()
        no_spot: set[str] = set()
        for sku in skus:
            if not is_here(sku, region):
                continue
            name = str(sku.get("name") or "?")
            families[name] = str(sku.get("family") or "")
            try:
                offers[name.lower()] = offer_row(sku, region)
            except Unusable as error:
                rejects.append(Reject(name, error.reason))
                continue
            if remark := restriction(sku, region):
                remarks[name.lower()] = remark
            if not is_spot_capable(sku):
                no_spot.add(name.lower())
        if not offers:
            raise FetchFailed(
                f"Azure lists no usable VM size in {region}",
                "check the region's name; if it is right, please report it",
            )
        source = "resource_skus.list of Azure Compute"
        return Machines(offers, remarks, frozenset(no_spot), families, tuple(rejects), source, True)

    def prices(self, region: str, price_type: str, deadline: float) -> PriceList:
        """Prices of a region's VMs: ``Consumption`` or ``Reservation``. Raises FetchFailed."""

        def ask() -> PriceList:
            items = walk(self.http, region, VIRTUAL_MACHINES, price_type, deadline)
            return price_list(items, region, datetime.now(UTC))

        return self._prices.get(f"{region} {price_type}", ask)


def checked_region(region: str) -> str:
    """A region as Azure's APIs write it. Raises FetchFailed for what is no region's name."""
    lowered = region.strip().lower()
    if not REGION.fullmatch(lowered):
        raise FetchFailed(
            f"{region[:40]!r} is not the name of an Azure region", "write it as in westus3"
        )
    return lowered


def sold(
    prices: Mapping[str, T], machines: Machines, rejects: list[Reject]
) -> list[tuple[Mapping[str, Any], T, str]]:
    """Machines that have a price, with it and with what restricts them, in order of names.

    The feed and the sizes do not always agree on upper and lower case; the sizes' names count.
    """
    named = {reject.what.lower() for reject in machines.rejects}
    found = []
    for size, price in sorted(prices.items()):
        offer = machines.offers.get(size.lower())
        if offer is not None:
            found.append((offer, price, machines.remarks.get(size.lower(), "")))
        elif size.lower() not in named:
            rejects.append(Reject(size, NOT_HERE if machines.asked else NO_FACTS))
    return found
