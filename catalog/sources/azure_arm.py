"""Azure through its client libraries: VM sizes, quotas and eviction rates of a subscription."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

from catalog.sources.azure_errors import INSTALL, LATER, SUBSCRIPTION, NoLogin, explained
from catalog.sources.base import FetchFailed, Missing
from catalog.sources.bodies import mapping, sequence

HOST = "management.azure.com"
SCOPE = f"https://{HOST}/.default"
MODULES = ("azure.mgmt.compute", "azure.identity", "azure.mgmt.resourcegraph")
MAX_GRAPH_PAGES = 50
EVICTIONS = (
    "SpotResources | where type =~ 'microsoft.compute/skuspotevictionrate/location'"
    " and location =~ '{region}' | project skuName = tostring(sku.name), location,"
    " evictionRate = tostring(properties.evictionRate)"
)
T = TypeVar("T")


def subscription_id() -> str:
    """The subscription to ask: AZURE_SUBSCRIPTION_ID, else the one ``az`` has as its default."""
    named = os.environ.get("AZURE_SUBSCRIPTION_ID", "").strip()
    if named:
        return named
    folder = os.environ.get("AZURE_CONFIG_DIR") or str(Path.home() / ".azure")
    try:
        profile = json.loads((Path(folder) / "azureProfile.json").read_text("utf-8-sig"))
    except (OSError, ValueError):
        return ""
    for subscription in sequence(mapping(profile).get("subscriptions")):
        if mapping(subscription).get("isDefault") is True:
            return str(mapping(subscription).get("id") or "")
    return ""


def missing_login() -> Missing | None:
    """What is missing before a subscription can be asked. No network: a login may yet fail."""
    try:
        absent = [name for name in MODULES if find_spec(name) is None]
    except ImportError:  # not even a parent package
        absent = list(MODULES)
    if absent:
        return Missing(f"{absent[0].replace('.', '-')} is not installed", INSTALL)
    if not subscription_id():
        return Missing("no Azure subscription is chosen", f"run `az login`, or {SUBSCRIPTION}")
    return None


class Arm:
    """The client libraries with one credential. ``endpoint`` is where connections go, if set."""

    def __init__(self, subscription: str, endpoint: str = "") -> None:
        self.subscription, self._endpoint = subscription, endpoint
        self._lock = threading.Lock()
        self._credential: Any = None

    def skus(self, region: str, deadline: float) -> list[dict[str, Any]]:
        """SKUs of a region as the service wrote them. Raises FetchFailed, NoLogin."""

        def ask() -> list[dict[str, Any]]:
            # Location is the only filter there is; without it the answer has 20 MB.
            return [_wire(sku) for sku in self._compute().resource_skus.list(filter=wanted)]

        wanted = f"location eq '{region}'"
        return self._ask(ask, f"VM sizes of {region}", deadline)

    def usages(self, region: str, deadline: float) -> list[dict[str, Any]]:
        """Quotas of a region with their use. Raises FetchFailed, NoLogin."""
        return self._ask(
            lambda: [_wire(usage) for usage in self._compute().usage.list(region)],
            f"quotas of {region}",
            deadline,
        )

    def evictions(self, region: str, deadline: float) -> dict[str, str]:
        """Buckets such as ``5-10`` by lower-case size. Raises FetchFailed, NoLogin."""
        return self._ask(lambda: self._graph(region), f"eviction rates of {region}", deadline)

    def supported_by_machine_learning(self, region: str, deadline: float) -> list[dict[str, Any]]:
        """VM sizes that Azure Machine Learning takes in a region. Raises FetchFailed, NoLogin."""

        def ask() -> list[dict[str, Any]]:
            from azure.core.exceptions import HttpResponseError
            from azure.core.rest import HttpRequest

            client = self._pipeline()
            response = client.send_request(HttpRequest("GET", url))
            if response.status_code != 200:
                raise HttpResponseError(response=response)
            document = mapping(response.json())
            listed = document.get("value", document.get("amlCompute"))  # its older name
            if not isinstance(listed, list):
                raise FetchFailed(f"Azure ML sizes of {region}: no list in the answer", LATER)
            return [mapping(size) for size in listed]

        url = (
            f"https://{HOST}/subscriptions/{self.subscription}/providers/"
            f"Microsoft.MachineLearningServices/locations/{region}/vmSizes?api-version=2024-04-01"
        )
        return self._ask(ask, f"Azure ML sizes of {region}", deadline)

    def _ask(self, call: Callable[[], T], doing: str, deadline: float) -> T:
        try:
            from catalog.sources.azure_transport import budget
        except ImportError as error:
            raise NoLogin(f"{doing}: {error.name} cannot be imported", INSTALL) from None
        with budget(deadline) as spent:
            try:
                return call()
            except FetchFailed:
                raise
            except ImportError as error:
                raise NoLogin(f"{doing}: {error.name} cannot be imported", INSTALL) from None
            except Exception as error:
                if spent.refused is not None:
                    raise spent.refused from None
                known = explained(error, doing)
                if known is None:  # not Azure's doing: a bug of ours must show as one
                    raise
                raise known from None  # the chain may hold tokens

    def _graph(self, region: str) -> dict[str, str]:
        from azure.mgmt.resourcegraph import ResourceGraphClient
        from azure.mgmt.resourcegraph.models import QueryRequest, QueryRequestOptions

        client = ResourceGraphClient(self._login(), **self._options())
        found: dict[str, str] = {}
        token: str | None = None
        for _ in range(MAX_GRAPH_PAGES):
            options = QueryRequestOptions(skip_token=token, result_format="objectArray")
            request = QueryRequest(query=EVICTIONS.format(region=region), options=options)
            answer = client.resources(request)
            for row in (mapping(item) for item in sequence(answer.data)):
                if row.get("skuName") and str(row.get("location", region)).lower() == region:
                    found[str(row["skuName"]).lower()] = str(row.get("evictionRate") or "")
            token = answer.skip_token
            if not token:
                return found
        raise FetchFailed(f"eviction rates of {region}: pages without end", "please report it")

    def _compute(self) -> Any:
        from azure.mgmt.compute import ComputeManagementClient

        return ComputeManagementClient(self._login(), self.subscription, **self._options())

    def _pipeline(self) -> Any:
        from azure.core import PipelineClient
        from azure.core.pipeline.policies import BearerTokenCredentialPolicy, RetryPolicy

        options = self._options()
        return PipelineClient(
            f"https://{HOST}",
            policies=[
                RetryPolicy(**options),
                BearerTokenCredentialPolicy(self._login(), SCOPE),
            ],
            transport=options["transport"],
        )

    def _options(self) -> dict[str, Any]:
        from catalog.sources.azure_transport import AzureTransport

        return {
            "transport": AzureTransport(frozenset({HOST}), self._endpoint),
            "permit_redirects": False,
            "retry_total": 4,
            "retry_status": 3,
            "retry_connect": 1,
            "retry_read": 2,
            "retry_backoff_factor": 0.5,
            "retry_backoff_max": 8,
            "logging_enable": False,
        }

    def _login(self) -> Any:
        from azure.identity import DefaultAzureCredential

        from catalog.sources.azure_transport import AzureTransport

        with self._lock:
            if self._credential is None:
                # Managed identities and logins have hosts of their own: any host, no more.
                transport = AzureTransport(frozenset(), self._endpoint)
                self._credential = DefaultAzureCredential(transport=transport, retry_total=2)
            return self._credential


def _wire(model: Any) -> dict[str, Any]:
    """A model with the names of the wire, as both generations of the libraries have them."""
    if hasattr(model, "serialize"):
        return dict(model.serialize(keep_readonly=True))
    return dict(model.as_dict()) if hasattr(model, "as_dict") else dict(mapping(model))
