"""A small Azure on loopback: login, Compute, Resource Graph, Machine Learning and Retail Prices.

The real client libraries talk to it through ``PLANNER_ENDPOINT_AZURE``: they keep their https
addresses, the planner's transport brings their connections here. A token is needed where Azure
needs one. Shapes are those of the services' REST references; ``meter`` and ``size`` make items.
"""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Sequence
from typing import Any

from tests.fakes.azure_world import Region, world
from tests.fakes.server import Call, FakeServer, Reply, json_reply

SUBSCRIPTION = "11111111-2222-3333-4444-555555555555"
TENANT = "99999999-8888-7777-6666-555555555555"
CLIENT_SECRET = "Qx8~fake-client-secret-of-the-tests-0123456789"
TOKEN = "eyJ0eXAiOiJKV1QifQ.fake-access-token-of-the-tests.c2lnbmF0dXJl"
LOGIN = "https://login.microsoftonline.com"
ARM = "https://management.azure.com"
FILTER = re.compile(r"(\w+) eq '([^']*)'")
PRICE_FIELDS = {"serviceName": "serviceName", "armRegionName": "armRegionName", "priceType": "type"}


def arm_error(code: str, status: int, message: str = "said the fake", **headers: str) -> Reply:
    return json_reply({"error": {"code": code, "message": message}}, status, **headers)


class FakeAzure(FakeServer):
    """``regions`` is what is sold; an operation in ``closed`` answers that error instead."""

    endpoint_variable = "PLANNER_ENDPOINT_AZURE"

    def __init__(self) -> None:
        super().__init__()
        self.regions: dict[str, Region] = {}
        self.closed: dict[str, Reply] = {}
        self.page_size, self.sku_page_size, self.graph_page_size = 1000, 400, 100
        self.currency = "USD"

    @property
    def env(self) -> dict[str, str]:
        return {
            self.endpoint_variable: self.url,
            "AZURE_SUBSCRIPTION_ID": SUBSCRIPTION,
            "AZURE_TENANT_ID": TENANT,
            "AZURE_CLIENT_ID": "77777777-0000-0000-0000-000000000000",
            "AZURE_CLIENT_SECRET": CLIENT_SECRET,
            # Only the credential of these variables: no metadata service, no `az`.
            "AZURE_TOKEN_CREDENTIALS": "EnvironmentCredential",
            "AZURE_CONFIG_DIR": "/nonexistent",
            "NO_PROXY": "*",
        }

    def populate(self, regions: list[str], seed: int) -> None:
        self.regions |= world(regions, seed)

    def count(self, word: str) -> int:
        """Calls whose path has the word."""
        return sum(word in call.path for call in self.calls)

    def answer(self, call: Call) -> Reply:
        operation, handler = self._operation(call.path)
        if operation in self.closed:
            return self.closed[operation]
        if handler is None:
            return super().answer(call)
        is_public = operation in ("prices", "login")
        if not is_public and call.headers.get("authorization") != f"Bearer {TOKEN}":
            return arm_error("InvalidAuthenticationToken", 401)
        reply: Reply = handler(call)
        return reply

    def _operation(self, path: str) -> tuple[str, Any]:
        place = re.fullmatch(
            rf"/subscriptions/{SUBSCRIPTION}/providers/Microsoft\.(\w+)/(?:locations/(\w+)/)?(\w+)",
            path,
        )
        if path == "/api/retail/prices":
            return "prices", self._prices
        if path.endswith("/oauth2/v2.0/token"):
            return "login", self._token
        if path.endswith("/.well-known/openid-configuration"):
            return "login", self._openid
        if path == "/common/discovery/instance":
            return "login", self._discovery
        if path == "/providers/Microsoft.ResourceGraph/resources":
            return "evictions", self._evictions
        if place and place.group(3) in ("skus", "usages", "vmSizes"):
            return place.group(3), {
                "skus": self._skus,
                "usages": self._usages,
                "vmSizes": self._ml_sizes,
            }[place.group(3)]
        return "", None

    def _region(self, name: str) -> Region | None:
        return self.regions.get(name.lower())

    def _prices(self, call: Call) -> Reply:
        query = call.query
        wanted = FILTER.findall(query.get("$filter", ""))
        if not wanted or any(name not in PRICE_FIELDS for name, _ in wanted):
            return json_reply({"Error": {"Code": "InvalidFilter"}}, 400)
        preview = query.get("api-version") == "2023-01-01-preview"
        region = self.regions.get(dict(wanted).get("armRegionName", ""))
        found = [
            item if preview else {k: v for k, v in item.items() if k != "savingsPlan"}
            for item in (region.meters if region else ())
            # From the preview version on, values are compared with their case.
            if all(item.get(PRICE_FIELDS[name]) == value for name, value in wanted)
        ]
        start = int(query.get("$skip") or 0)
        page = found[start : start + self.page_size]
        link = None
        if start + self.page_size < len(found):
            more = dict(query) | {"$skip": str(start + self.page_size)}
            text = urllib.parse.urlencode(more, quote_via=urllib.parse.quote, safe="$")
            link = f"{self.url}{call.path}?{text}"
        return json_reply(
            {
                "BillingCurrency": self.currency,
                "CustomerEntityId": "Default",
                "CustomerEntityType": "Retail",
                "Items": page,
                "NextPageLink": link,
                "Count": len(page),
            }
        )

    def _skus(self, call: Call) -> Reply:
        wanted = dict(FILTER.findall(call.query.get("$filter", "")))
        region = self._region(wanted.get("location", ""))
        sizes: Sequence[dict[str, Any]] = region.sizes if region else ()
        start = int(call.query.get("$skiptoken") or 0)
        page: dict[str, Any] = {"value": list(sizes[start : start + self.sku_page_size])}
        if start + self.sku_page_size < len(sizes):
            query = urllib.parse.urlencode(
                dict(call.query) | {"$skiptoken": str(start + self.sku_page_size)}
            )
            page["nextLink"] = f"{ARM}{call.path}?{query}"
        return json_reply(page)

    def _usages(self, call: Call) -> Reply:
        region = self._region(call.path.split("/")[-2])
        if region is None:
            return arm_error("NoRegisteredProviderFound", 400)
        return json_reply({"value": region.usages})

    def _ml_sizes(self, call: Call) -> Reply:
        region = self._region(call.path.split("/")[-2])
        return json_reply({"value": region.ml_sizes if region else []})

    def _evictions(self, call: Call) -> Reply:
        body = call.json()
        found = re.search(r"location =~ '(\w+)'", body["query"])
        region = self._region(found.group(1)) if found else None
        rows = [
            {"skuName": name.lower(), "location": found.group(1), "evictionRate": bucket}
            for name, bucket in (region.evictions.items() if region and found else ())
        ]
        start = int((body.get("options") or {}).get("$skipToken") or 0)
        page = rows[start : start + self.graph_page_size]
        answer = {
            "totalRecords": len(rows),
            "count": len(page),
            "resultTruncated": "false",
            "facets": [],
            "data": page,
        }
        if start + self.graph_page_size < len(rows):
            answer["$skipToken"] = str(start + self.graph_page_size)
        return json_reply(answer)

    def _token(self, call: Call) -> Reply:
        if call.form().get("client_secret") != CLIENT_SECRET:
            return json_reply(
                {
                    "error": "invalid_client",
                    "error_description": "AADSTS7000215: Invalid client secret provided.",
                    "error_codes": [7000215],
                },
                401,
            )
        return json_reply({"token_type": "Bearer", "expires_in": 3599, "access_token": TOKEN})

    def _openid(self, call: Call) -> Reply:
        tenant = call.path.strip("/").split("/")[0]
        return json_reply(
            {
                "token_endpoint": f"{LOGIN}/{tenant}/oauth2/v2.0/token",
                "authorization_endpoint": f"{LOGIN}/{tenant}/oauth2/v2.0/authorize",
                "issuer": f"{LOGIN}/{tenant}/v2.0",
            }
        )

    def _discovery(self, call: Call) -> Reply:
        return json_reply(
            {
                "tenant_discovery_endpoint": (
                    f"{LOGIN}/{TENANT}/v2.0/.well-known/openid-configuration"
                ),
                "api-version": "1.1",
                "metadata": [
                    {
                        "preferred_network": "login.microsoftonline.com",
                        "preferred_cache": "login.windows.net",
                        "aliases": ["login.microsoftonline.com", "login.windows.net"],
                    }
                ],
            }
        )
