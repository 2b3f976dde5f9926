"""AWS through boto3: instance types, on-demand prices and spot prices.

Needs the ``aws`` extra and credentials that may call ec2:DescribeInstanceTypes,
ec2:DescribeSpotPriceHistory and pricing:GetProducts. ``AWS_ENDPOINT_URL`` and the other boto3
settings work as usual.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from importlib.util import find_spec
from typing import Any, ClassVar

from catalog.sources.aws_errors import CREDENTIALS, explained, session_problem
from catalog.sources.aws_rows import (
    PRICE_FILTERS,
    Unusable,
    offer_row,
    on_demand_prices,
    option_row,
    spot_prices,
)
from catalog.sources.base import Fetched, FetchFailed, Missing, Reject, Source, check_deadline

# The price list is served from few regions; it covers all of them.
PRICING_REGION = "us-east-1"
CONNECT_TIMEOUT_S = 5
READ_TIMEOUT_S = 20
ATTEMPTS = 6
# Government and Chinese regions need accounts of their own.
OTHER_PARTITIONS = ("us-gov-", "cn-", "us-iso")


class AwsSource(Source):
    name: ClassVar[str] = "aws"
    cloud: ClassVar[str] = "aws"
    kinds: ClassVar[tuple[str, ...]] = ("on_demand", "spot")
    needs: ClassVar[str] = "the aws extra (boto3) and AWS credentials"

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._session: Any = None
        self._clients: dict[tuple[str, str], Any] = {}
        # Instance types by region: both kinds need them, one thread asks.
        self._types: dict[str, tuple[list[dict[str, Any]], list[Reject]]] = {}
        self._type_locks: dict[str, threading.Lock] = {}

    def missing(self) -> Missing | None:
        if find_spec("boto3") is None:
            return Missing("boto3 is not installed", "pip install 'ai-capacity-planner[aws]'")
        try:
            credentials = self._open_session().get_credentials()
        except Exception as error:  # noqa: BLE001  (profile files fail in many ways; all are told)
            return Missing(session_problem(error), CREDENTIALS)
        if credentials is None:
            return Missing("no AWS credentials found", CREDENTIALS)
        return None

    def regions(self, known: Sequence[str]) -> list[str]:
        return [region for region in known if not region.startswith(OTHER_PARTITIONS)]

    def fetch(self, region: str, kind: str, deadline: float) -> Fetched:
        try:
            return self._fetch(region, kind, deadline)
        except (FetchFailed, KeyboardInterrupt):
            raise
        except ImportError as error:
            raise FetchFailed(
                f"boto3 cannot be imported ({error.name})",
                "pip install 'ai-capacity-planner[aws]'",
            ) from error
        except Exception as error:
            known = explained(error, region)
            if known is None:  # not AWS's doing: a bug of ours must show as one
                raise
            raise known from None  # the chain may hold signed requests

    def _fetch(self, region: str, kind: str, deadline: float) -> Fetched:
        offers, type_rejects = self._offers(region, deadline)
        if kind == "on_demand":
            prices, rejects = on_demand_prices(self._price_list(region, deadline))
            source = f"AWS pricing:GetProducts and ec2:DescribeInstanceTypes, {region}"
        else:
            prices, rejects = spot_prices(self._spot_history(region, deadline))
            source = (
                "AWS ec2:DescribeSpotPriceHistory (median over zones) and "
                f"ec2:DescribeInstanceTypes, {region}"
            )
        described = {offer["instance_type"]: offer for offer in offers}
        already = {reject.what for reject in type_rejects}
        rejects += type_rejects
        rejects += [
            Reject(name, "priced, but not among the region's instance types")
            for name in prices
            if name not in described and name not in already
        ]
        sold = sorted(name for name in prices if name in described)
        return Fetched(
            offers=tuple(described[name] for name in sold),
            options=tuple(option_row(name, region, kind, prices[name]) for name in sold),
            rejects=tuple(rejects),
            source=source,
            fetched_at=datetime.now(UTC).replace(microsecond=0),
        )

    def _offers(self, region: str, deadline: float) -> tuple[list[dict[str, Any]], list[Reject]]:
        with self._lock:
            lock = self._type_locks.setdefault(region, threading.Lock())
        with lock:
            if region not in self._types:
                self._types[region] = self._describe(region, deadline)
            offers, rejects = self._types[region]
            return offers, list(rejects)

    def _describe(self, region: str, deadline: float) -> tuple[list[dict[str, Any]], list[Reject]]:
        offers: list[dict[str, Any]] = []
        rejects: list[Reject] = []
        pages = self._pages(
            region, "ec2", "describe_instance_types", deadline, PaginationConfig={"PageSize": 100}
        )
        for page in pages:
            for raw in page.get("InstanceTypes", ()):
                try:
                    offers.append(offer_row(raw, region))
                except Unusable as error:
                    rejects.append(Reject(str(raw.get("InstanceType", "?")), error.reason))
        return offers, rejects

    def _price_list(self, region: str, deadline: float) -> Iterator[str]:
        wanted = {"regionCode": region, **PRICE_FILTERS}
        pages = self._pages(
            PRICING_REGION,
            "pricing",
            "get_products",
            deadline,
            ServiceCode="AmazonEC2",
            FormatVersion="aws_v1",
            Filters=[
                {"Type": "TERM_MATCH", "Field": field, "Value": value}
                for field, value in wanted.items()
            ],
        )
        for page in pages:
            yield from page.get("PriceList", ())

    def _spot_history(self, region: str, deadline: float) -> Iterator[dict[str, Any]]:
        pages = self._pages(
            region,
            "ec2",
            "describe_spot_price_history",
            deadline,
            ProductDescriptions=["Linux/UNIX"],
            StartTime=datetime.now(UTC),  # the price in force, not the history before it
        )
        for page in pages:
            yield from page.get("SpotPriceHistory", ())

    def _pages(
        self, region: str, service: str, operation: str, deadline: float, **request: Any
    ) -> Iterator[dict[str, Any]]:
        check_deadline(deadline, f"starting {operation}")
        client = self._client(region, service)
        for page in client.get_paginator(operation).paginate(**request):
            yield page
            check_deadline(deadline, f"reading {operation}")

    def _client(self, region: str, service: str) -> Any:
        from botocore.config import Config

        with self._lock:  # sessions are not thread-safe, clients are
            if (region, service) not in self._clients:
                self._clients[region, service] = self._open_session().client(
                    service,
                    region_name=region,
                    config=Config(
                        connect_timeout=CONNECT_TIMEOUT_S,
                        read_timeout=READ_TIMEOUT_S,
                        retries={"mode": "adaptive", "total_max_attempts": ATTEMPTS},
                    ),
                )
            return self._clients[region, service]

    def _open_session(self) -> Any:
        import boto3

        if self._session is None:
            self._session = boto3.session.Session()
        return self._session
