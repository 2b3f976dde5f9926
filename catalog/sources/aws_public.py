"""AWS's public files over plain HTTP: price lists, savings plans, the Spot Instance Advisor.

No credentials. ``PLANNER_ENDPOINT_AWS`` and ``PLANNER_ENDPOINT_AWS_SPOT_ADVISOR`` stand for the
two hosts, in tests and behind proxies.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from catalog.sources.aws_account import Once
from catalog.sources.aws_files import PriceFile, plan_rows, read_price_file
from catalog.sources.aws_plans import plan_file_prices
from catalog.sources.aws_prices import PriceList
from catalog.sources.aws_spot import Advice, advice
from catalog.sources.base import FetchFailed, Reject
from catalog.sources.bodies import mapping, parse_json, sequence
from catalog.sources.http import HttpClient

PRICES_URL = "https://pricing.us-east-1.amazonaws.com"
ADVISOR_URL = "https://spot-bid-advisor.s3.amazonaws.com"
OFFERS = "/offers/v1.0/aws/{service}"
PLANS = "/savingsPlan/v1.0/aws/AWSComputeSavingsPlan"
# A region's EC2 file was about 450 MB of JSON in 2026; one of the plans is smaller.
MAX_FILE_BYTES = 2 << 30
REGIONS = "try again later; a region that AWS does not list has no public prices"


class AwsPublic:
    """Reads and translates; shared by threads, and each file is read once."""

    def __init__(self) -> None:
        self._once = Once()

    def prices(self, region: str, deadline: float) -> PriceFile:
        """A region's EC2 prices and machines. Raises FetchFailed."""

        def make() -> PriceFile:
            client = self._client()
            path = self.file_path("AmazonEC2", region, deadline)
            with client.download(path, deadline, limit_bytes=MAX_FILE_BYTES) as file:
                return read_price_file(file, region)

        return self._once.get(("prices", region), make)

    def plans(self, region: str, deadline: float) -> PriceList:
        """A region's Compute Savings Plans. Raises FetchFailed."""

        def make() -> PriceList:
            client = self._client()
            index = self._index(f"{PLANS}/current/region_index.json", deadline)
            listed = sequence(mapping(index).get("regions"))
            urls = {
                str(mapping(item).get("regionCode")): mapping(item).get("versionUrl")
                for item in listed
            }
            path = _csv_path(urls.get(region), PLANS, region)
            rejects: list[Reject] = []
            with client.download(path, deadline, limit_bytes=MAX_FILE_BYTES) as file:
                found = plan_file_prices(plan_rows(file, region, rejects), region)
            found.reserved_rejects += rejects
            return found

        return self._once.get(("plans", region), make)

    def file_path(self, service: str, region: str, deadline: float) -> str:
        """Path of a service's current CSV for a region. Raises FetchFailed."""
        base = OFFERS.format(service=service)
        index = self._index(f"{base}/current/region_index.json", deadline)
        listed = mapping(mapping(index).get("regions"))
        return _csv_path(mapping(listed.get(region)).get("currentVersionUrl"), base, region)

    def download(self, path: str, deadline: float) -> Any:
        """A file of the price lists, as ``HttpClient.download``."""
        return self._client().download(path, deadline, limit_bytes=MAX_FILE_BYTES)

    def advised(self, region: str, deadline: float) -> tuple[Mapping[str, Advice], list[Reject]]:
        """The advisor's word on a region; nothing, and why, when it cannot be read.

        A spot price is worth having without a band.
        """

        def make() -> Any:
            client = self._once.get(
                ("advisor",), lambda: HttpClient("aws-spot-advisor", ADVISOR_URL)
            )
            answer = client.get("/spot-advisor-data.json", deadline, cached=True)
            return parse_json(answer.body, "AWS Spot Instance Advisor")

        try:
            document = self._once.get(("advice",), make)
        except FetchFailed as error:
            return {}, [Reject("interruptions", f"unknown: {error}")]
        found = advice(document, region)
        if not found:
            reason = "unknown: the Spot Instance Advisor has no such region, or another form"
            return {}, [Reject("interruptions", reason)]
        return found, []

    def _index(self, path: str, deadline: float) -> Any:
        def make() -> Any:
            answer = self._client().get(path, deadline, cached=True)
            return parse_json(answer.body, "AWS list of price files")

        return self._once.get(("index", path), make)

    def _client(self) -> HttpClient:
        return self._once.get(("client",), lambda: HttpClient("aws", PRICES_URL))


def _csv_path(url: object, base: str, region: str) -> str:
    """The CSV beside the JSON that the list names, only if it is where such files are."""
    form = re.escape(base) + r"/(?:current|\d{8,20})/" + re.escape(region) + r"/index\.(json|csv)"
    if not isinstance(url, str) or re.fullmatch(form, url) is None:
        raise FetchFailed(f"AWS lists no price file for {region}", REGIONS)
    return url.rpartition(".")[0] + ".csv"
