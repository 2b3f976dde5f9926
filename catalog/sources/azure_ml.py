"""Azure Machine Learning: what its compute clusters and instances cost.

A cluster's node is a virtual machine at the machine's price plus the surcharge that the public
retail feed lists under ``Azure Machine Learning`` (0 for training so far); low-priority nodes cost
what the feed calls Low Priority and are taken back as spot is. Which VM sizes clusters take is
asked of the service where there is a login, else read off Microsoft's page.
``PLANNER_ENDPOINT_AZURE_ML`` moves all of it to another host.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, ClassVar

from catalog.sources.azure_errors import NoLogin
from catalog.sources.azure_ml_rows import (
    SERVICE,
    Supported,
    Surcharge,
    documented,
    platform_row,
    supported_of,
    surcharge_of,
)
from catalog.sources.azure_regions import AzureRegions, Machines, checked_region, sold
from catalog.sources.azure_retail import walk
from catalog.sources.base import (
    Fetched,
    FetchFailed,
    Missing,
    Reject,
    Source,
    check_deadline,
    utc_now,
)
from catalog.sources.once import Once

FEED = "Azure Retail Prices (prices.azure.com, public)"
PAGE = "sizes documented for Azure Machine Learning (no Azure login)"

# Sizes that clusters take, who says so, and why the service itself did not.
Sizes = tuple[Supported, str, tuple[Reject, ...]]


class AzureMlSource(Source):
    name: ClassVar[str] = "azure-ml"
    cloud: ClassVar[str] = "azure"
    platform: ClassVar[str] = "azure-ml"
    kinds: tuple[str, ...] = ("on_demand", "spot")
    needs: str = (
        "nothing for prices of the documented sizes; for the service's own list of sizes the extra "
        "azure, a login (`az login`) and a subscription (AZURE_SUBSCRIPTION_ID)"
    )

    def __init__(self) -> None:
        self._regions = AzureRegions(self.name)
        self._surcharges = Once[str, tuple[Surcharge, list[Reject]]]()
        self._supported = Once[str, Sizes]()

    def missing(self) -> Missing | None:
        """Nothing: prices are public."""
        return None

    def fetch(self, region: str, kind: str, deadline: float) -> Fetched:
        place = checked_region(region)
        if kind not in self.kinds:
            raise FetchFailed(f"Azure ML has no {kind}", f"name some of {', '.join(self.kinds)}")
        check_deadline(deadline, f"starting {kind} of {place}")
        machines = self._regions.machines(place, deadline)
        prices = self._regions.prices(place, "Consumption", deadline)
        surcharge, surcharge_rejects = self._surcharge(place, deadline)
        rejects = [*surcharge_rejects, *machines.rejects]
        supported, listed_by, refused = self._sizes(place, machines, deadline)
        rejects += refused
        taken = supported.sizes - (supported.no_low_priority if kind == "spot" else frozenset())
        wanted = prices.on_demand if kind == "on_demand" else prices.low_priority
        on_platform = {size: usd for size, usd in wanted.items() if size.lower() in taken}
        if left := len(wanted) - len(on_platform):
            rejects.append(Reject(f"{left} VM sizes of {place}", "not for Azure ML clusters"))
        rows: list[dict[str, Any]] = [
            platform_row(offer, place, kind, usd, surcharge, remark)
            for offer, usd, remark in sold(on_platform, machines, rejects)
        ]
        names = sorted({str(row["instance_type"]).lower() for row in rows})
        return Fetched(
            offers=tuple(machines.offers[name] for name in names),
            options=tuple(rows),
            rejects=tuple(rejects),
            source=f"{FEED} of Virtual Machines and {SERVICE}, {listed_by}, {place}",
            fetched_at=utc_now(),
        )

    def _surcharge(self, region: str, deadline: float) -> tuple[Surcharge, list[Reject]]:
        def ask() -> tuple[Surcharge, list[Reject]]:
            items = walk(self._regions.http, region, SERVICE, "Consumption", deadline)
            return surcharge_of(items, region, datetime.now(UTC))

        return self._surcharges.get(region, ask)

    def _sizes(self, region: str, machines: Machines, deadline: float) -> Sizes:
        def ask() -> Sizes:
            refused: tuple[Reject, ...] = ()
            if machines.asked:
                try:
                    listed = self._regions.arm.supported_by_machine_learning(region, deadline)
                except NoLogin as error:
                    refused = (Reject("Azure ML sizes", f"{error.problem}; {error.remedy}"),)
                else:
                    return supported_of(listed, region), "the service's list of VM sizes", ()
            names = (str(offer["instance_type"]) for offer in machines.offers.values())
            return documented(names), PAGE, refused

        return self._supported.get(region, ask)
