"""Azure: VM sizes, prices, reservations, savings plans, eviction rates and quotas.

Prices come from the public Retail Prices feed, which needs no account. With the ``azure`` extra, a
login that DefaultAzureCredential finds (``az login``, AZURE_CLIENT_ID and its kin, a managed
identity) and a subscription, sizes are asked of Azure Compute, eviction rates of Resource Graph and
quotas of the subscription. Without, sizes are those that the embedded catalog knows.
``PLANNER_ENDPOINT_AZURE`` moves all of it to another host.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from catalog.sources.azure_arm import missing_login
from catalog.sources.azure_errors import NoLogin
from catalog.sources.azure_quotas import quotas_of
from catalog.sources.azure_regions import AzureRegions, Machines, checked_region, sold
from catalog.sources.azure_rows import commitment_rows, on_demand_row, spot_row
from catalog.sources.base import (
    Fetched,
    FetchedQuotas,
    FetchFailed,
    Missing,
    Reject,
    Source,
    check_deadline,
    utc_now,
)
from catalog.sources.once import Once

FEED = "Azure Retail Prices (prices.azure.com, public)"
GRAPH = "eviction rates of Azure Resource Graph"


class AzureSource(Source):
    name: ClassVar[str] = "azure"
    cloud: ClassVar[str] = "azure"
    kinds: tuple[str, ...] = ("on_demand", "spot", "reservation", "savings_plan")
    needs: str = (
        "nothing for prices; for all sizes, eviction rates and quotas the extra azure, a login "
        "(`az login`) and a subscription (AZURE_SUBSCRIPTION_ID)"
    )

    def __init__(self) -> None:
        self._regions = AzureRegions(self.name)
        self._evictions = Once[str, dict[str, str]]()
        # Asked for where there is a subscription: a refresh of public prices needs none.
        self.has_quotas = missing_login() is None

    def missing(self) -> Missing | None:
        """Nothing: prices are public."""
        return None

    def fetch(self, region: str, kind: str, deadline: float) -> Fetched:
        place = checked_region(region)
        if kind not in self.kinds:
            raise FetchFailed(f"Azure has no {kind}", f"name some of {', '.join(self.kinds)}")
        check_deadline(deadline, f"starting {kind} of {place}")
        machines = self._regions.machines(place, deadline)
        price_type = "Reservation" if kind == "reservation" else "Consumption"
        prices = self._regions.prices(place, price_type, deadline)
        rejects = [*prices.rejects, *machines.rejects]
        if prices.low_priority:
            left = f"{len(prices.low_priority)} meters of {place}"
            rejects.append(Reject(left, "Low Priority: of Batch and Azure Machine Learning only"))
        source = f"{FEED} and {machines.source}, {place}"
        if kind == "on_demand":
            found = sold(prices.on_demand, machines, rejects)
            rows = [on_demand_row(_name(o), place, usd, remark) for o, usd, remark in found]
            return _fetched(machines, rows, rejects, source)
        if kind == "spot":
            evictions, told = self._eviction_rates(place, machines, deadline, rejects)
            spot = [
                spot_row(_name(o), place, usd, prices.on_demand.get(size), evictions, remark)
                for size, price in sorted(prices.spot.items())
                if not _never_spot(size, machines, rejects)
                for o, usd, remark in sold({size: price}, machines, rejects)
            ]
            return _fetched(machines, spot, rejects, f"{source}{told}")
        terms = prices.reservation if kind == "reservation" else prices.savings_plan
        committed = [
            row
            for o, usd_by_years, remark in sold(terms, machines, rejects)
            for row in commitment_rows(_name(o), place, kind, usd_by_years, remark)
        ]
        return _fetched(machines, committed, rejects, source)

    def _eviction_rates(
        self, region: str, machines: Machines, deadline: float, rejects: list[Reject]
    ) -> tuple[dict[str, str], str]:
        """Buckets by size and how to cite them; none where the login does not reach them."""
        if not machines.asked:
            return {}, ""
        try:
            arm = self._regions.arm
            found = self._evictions.get(region, lambda: arm.evictions(region, deadline))
        except NoLogin as error:
            rejects.append(Reject("eviction rates", f"{error.problem}; {error.remedy}"))
            return {}, ""
        return found, f"; {GRAPH}"

    def fetch_quotas(self, region: str, deadline: float) -> FetchedQuotas:
        place = checked_region(region)
        arm = self._regions.arm
        machines = self._regions.machines(place, deadline)
        quotas, rejects = quotas_of(arm.usages(place, deadline), machines.families)
        return FetchedQuotas(
            tuple(quotas), tuple(rejects), f"Azure Compute usage.list, {place}", utc_now()
        )


def _never_spot(size: str, machines: Machines, rejects: list[Reject]) -> bool:
    if size.lower() not in machines.no_spot:
        return False
    rejects.append(Reject(f"{size} spot", "priced, but the size cannot be spot"))
    return True


def _name(offer: Mapping[str, Any]) -> str:
    return str(offer["instance_type"])


def _fetched(
    machines: Machines, rows: list[dict[str, Any]], rejects: list[Reject], source: str
) -> Fetched:
    names = sorted({str(row["instance_type"]).lower() for row in rows})
    return Fetched(
        offers=tuple(machines.offers[name] for name in names),
        options=tuple(rows),
        rejects=tuple(rejects),
        source=source,
        fetched_at=utc_now(),
    )
