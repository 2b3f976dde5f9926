"""What the account says of a region: machines, prices, zones, blocks and quotas.

Answers that several purchase kinds need are asked for once a region.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from catalog.quotas import Quota
from catalog.sources.aws_api import AwsApi
from catalog.sources.aws_blocks import BLOCK_HOURS
from catalog.sources.aws_devices import Unusable
from catalog.sources.aws_errors import Denied
from catalog.sources.aws_plans import plan_prices, request_filters
from catalog.sources.aws_prices import PRICE_FILTERS, PriceList, price_list
from catalog.sources.aws_quotas import Classify, quotas, vcpus_in_use
from catalog.sources.aws_rows import offer_row, usage_classes, zones_sold
from catalog.sources.aws_spot import spot_prices
from catalog.sources.base import Reject

# The price list and the plans are served from few regions; they cover all of them.
PRICING_REGION = "us-east-1"
# Blocks are sold up to eight weeks ahead.
BLOCK_DAYS_AHEAD = 56
Made = TypeVar("Made")


@dataclass(frozen=True, slots=True)
class Machines:
    """Instance types of a region: rows of ``offers``, how each may be used, what is left out."""

    offers: dict[str, Any]
    usage: dict[str, frozenset[str] | None]
    rejects: tuple[Reject, ...]


class Once:
    """Makes a thing once a key; threads that want the same one wait. Failures are tried again."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._locks: dict[tuple[str, ...], threading.Lock] = {}
        self._made: dict[tuple[str, ...], Any] = {}

    def get(self, key: tuple[str, ...], make: Callable[[], Made]) -> Made:
        with self._lock:
            lock = self._locks.setdefault(key, threading.Lock())
        with lock:
            if key not in self._made:
                self._made[key] = make()
            made: Made = self._made[key]
            return made


class AwsAccount:
    """Reads and translates; shared by threads."""

    def __init__(self, api: AwsApi) -> None:
        self._api = api
        self._once = Once()

    def machines(self, region: str, deadline: float) -> Machines:
        return self._once.get(("machines", region), lambda: self._machines(region, deadline))

    def _machines(self, region: str, deadline: float) -> Machines:
        offers, usage, rejects = {}, {}, []
        pages = self._api.pages(
            region, "ec2", "describe_instance_types", deadline, PaginationConfig={"PageSize": 100}
        )
        for page in pages:
            for raw in page.get("InstanceTypes") or ():
                name = str(raw.get("InstanceType", "?"))
                try:
                    offers[name] = offer_row(raw, region)
                except Unusable as error:
                    rejects.append(Reject(name, error.reason))
                else:
                    usage[name] = usage_classes(raw)
        return Machines(offers, usage, tuple(rejects))

    def prices(self, region: str, deadline: float) -> PriceList:
        def make() -> PriceList:
            return price_list(
                self.products("AmazonEC2", {"regionCode": region, **PRICE_FILTERS}, deadline)
            )

        return self._once.get(("prices", region), make)

    def products(self, service: str, wanted: dict[str, str], deadline: float) -> Iterator[str]:
        """Items of the price list, JSON in strings."""
        pages = self._api.pages(
            PRICING_REGION,
            "pricing",
            "get_products",
            deadline,
            ServiceCode=service,
            FormatVersion="aws_v1",
            Filters=[
                {"Type": "TERM_MATCH", "Field": field, "Value": value}
                for field, value in wanted.items()
            ],
        )
        for page in pages:
            yield from page.get("PriceList") or ()

    def zones(self, region: str, deadline: float) -> tuple[dict[str, int], int, list[Reject]]:
        """Zones that offer each type, zones of the region (0 = unknown), and why unknown."""
        request = {"LocationType": "availability-zone", "PaginationConfig": {"PageSize": 1000}}
        pages = self._api.pages(
            region, "ec2", "describe_instance_type_offerings", deadline, **request
        )
        try:
            offered = [item for page in pages for item in page.get("InstanceTypeOfferings") or ()]
        except Denied as error:
            return {}, 0, [Reject("zones", f"unknown: {error}")]
        return *zones_sold(offered, region), []

    def spot(self, region: str, deadline: float) -> tuple[dict[str, float], list[Reject]]:
        pages = self._api.pages(
            region,
            "ec2",
            "describe_spot_price_history",
            deadline,
            ProductDescriptions=["Linux/UNIX"],
            StartTime=datetime.now(UTC),  # the price in force, not the history before it
        )
        return spot_prices(
            (item for page in pages for item in page.get("SpotPriceHistory") or ()), region
        )

    def plans(self, region: str, deadline: float) -> PriceList:
        pages = self._api.pages(
            PRICING_REGION,
            "savingsplans",
            "describe_savings_plans_offering_rates",
            deadline,
            savingsPlanTypes=["Compute"],
            savingsPlanPaymentOptions=["No Upfront", "Partial Upfront", "All Upfront"],
            products=["EC2"],
            serviceCodes=["AmazonEC2"],
            filters=request_filters(region),
            maxResults=1000,
        )
        return plan_prices(
            (rate for page in pages for rate in page.get("searchResults") or ()), region
        )

    def blocks(self, name: str, region: str, deadline: float) -> Iterator[dict[str, Any]]:
        now = datetime.now(UTC)
        pages = self._api.pages(
            region,
            "ec2",
            "describe_capacity_block_offerings",
            deadline,
            InstanceType=name,
            InstanceCount=1,
            CapacityDurationHours=BLOCK_HOURS,
            StartDateRange=now,
            EndDateRange=now + timedelta(days=BLOCK_DAYS_AHEAD),
        )
        for page in pages:
            yield from page.get("CapacityBlockOfferings") or ()

    def quotas(
        self, region: str, service: str, classify: Classify, unit: str, deadline: float
    ) -> tuple[tuple[Quota, ...], list[Reject]]:
        """The account's quotas, defaults where none is applied; with use, for EC2."""

        def listed(operation: str) -> list[dict[str, Any]]:
            pages = self._api.pages(
                region, "service-quotas", operation, deadline, ServiceCode=service
            )
            return [quota for page in pages for quota in page.get("Quotas") or ()]

        notes: list[Reject] = []
        applied = listed("list_service_quotas")
        try:
            defaults = listed("list_aws_default_service_quotas")
        except Denied as error:
            defaults = []
            notes.append(Reject("default quotas", f"unknown: {error}"))
        used = None
        if service == "ec2":
            try:
                used = self._in_use(region, deadline)
            except Denied as error:
                notes.append(Reject("instances in use", f"unknown: {error}"))
        found, rejects = quotas(applied, defaults, classify, unit, used)
        return found, rejects + notes

    def _in_use(self, region: str, deadline: float) -> dict[str, float | None]:
        states = {"Name": "instance-state-name", "Values": ["pending", "running"]}
        pages = self._api.pages(
            region,
            "ec2",
            "describe_instances",
            deadline,
            Filters=[states],
            PaginationConfig={"PageSize": 1000},
        )
        return vcpus_in_use(item for page in pages for item in page.get("Reservations") or ())
