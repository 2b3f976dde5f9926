"""The calls to Nebius through its SDK (gRPC): projects, platforms, estimates.

Imported only where the ``nebius`` extra is installed. One SDK object lives for one fetch, in the
event loop of that fetch: its channels belong to the loop.
"""

from __future__ import annotations

import asyncio
import time
import urllib.parse
from typing import Any

from nebius.aio.cli_config import Config
from nebius.aio.service_error import RequestError
from nebius.api.google.protobuf import Any as PackedMessage
from nebius.api.nebius.billing.v1 import (
    CalculatorServiceClient,
    EstimateBatchRequest,
    FilterAggregationUnit,
    ResourceSpec,
)
from nebius.api.nebius.common.v1 import ResourceMetadata
from nebius.api.nebius.compute.v1 import (
    CreateInstanceRequest,
    FollowsSpotPriceSpec,
    InstanceSpec,
    ListPlatformsRequest,
    PlatformServiceClient,
    PreemptibleSpec,
    ResourcesSpec,
)
from nebius.api.nebius.iam.v2 import (
    ListProjectsRequest,
    ListTenantsRequest,
    ProjectServiceClient,
    TenantServiceClient,
)
from nebius.base.options import INSECURE
from nebius.base.resolver import Constant
from nebius.sdk import SDK

from catalog.sources.base import FetchFailed, check_deadline
from catalog.sources.nebius_rows import Access, Estimate, Preset
from catalog.sources.scrub import scrub

CALL_TIMEOUT_S = 20.0
ATTEMPTS = 3
# Estimates asked for at a time.
TOGETHER = 8
PAGE_SIZE = 200
MOST_PAGES = 50
AGAIN = "try again later"
CREDENTIALS = "run `nebius profile create`, or set NEBIUS_IAM_TOKEN to a fresh token"
# Codes that are of one preset: there is no SKU for it (yet).
OF_ONE_PRESET = frozenset({"INVALID_ARGUMENT", "NOT_FOUND", "FAILED_PRECONDITION", "OUT_OF_RANGE"})
REFUSED = frozenset({"UNAUTHENTICATED", "PERMISSION_DENIED"})


def estimates(access: Access, region: str, spot: bool, deadline: float) -> list[Estimate]:
    """A price for every preset of a region. Raises FetchFailed."""
    return asyncio.run(_estimates(access, region, spot, deadline))


async def _estimates(access: Access, region: str, spot: bool, deadline: float) -> list[Estimate]:
    calls = _Calls(access, deadline)
    try:
        project = await calls.project_in(region)
        presets = [one for one in await calls.presets(project) if one.preemptible or not spot]
        gate = asyncio.Semaphore(TOGETHER)
        return await asyncio.gather(
            *(calls.estimate(project, preset, spot, gate) for preset in presets)
        )
    finally:
        await calls.close()


class _Calls:
    def __init__(self, access: Access, deadline: float) -> None:
        self.access, self.deadline = access, deadline
        options: dict[str, Any] = {}
        if access.base_url:
            parts = urllib.parse.urlsplit(access.base_url)
            options["resolver"] = Constant(parts.netloc)
            plain = parts.scheme == "http"  # allowed for loopback only, where no proxy reaches
            options["options"] = [(INSECURE, plain), ("grpc.enable_http_proxy", int(not plain))]
        try:
            if access.token:
                options["credentials"] = access.token
            elif access.credentials_file:
                options["credentials_file_name"] = access.credentials_file
            else:
                options["config_reader"] = Config(no_parent_id=True)
            self.sdk = SDK(user_agent_prefix="ai-capacity-planner", **options)
        # Files of the user fail in many ways, and their texts may hold keys.
        except Exception as error:  # noqa: BLE001
            kind = type(error).__name__
            raise FetchFailed(f"Nebius credentials cannot be used ({kind})", CREDENTIALS) from None

    async def close(self) -> None:
        await self.sdk.close()

    async def project_in(self, region: str) -> str:
        """Id of one of the account's projects in a region: platforms are listed for a project."""
        seen = set()
        for tenant in await self._pages(TenantServiceClient, ListTenantsRequest):
            projects = await self._pages(
                ProjectServiceClient, ListProjectsRequest, parent_id=tenant.metadata.id
            )
            for project in projects:
                if project.spec.region == region:
                    return str(project.metadata.id)
                seen.add(str(project.spec.region))
        known = f"; there are some in {', '.join(sorted(seen))}" if seen else ""
        raise FetchFailed(
            f"the account has no project in {region}{known}", f"make a project in {region}"
        )

    async def presets(self, project: str) -> list[Preset]:
        platforms = await self._pages(
            PlatformServiceClient, ListPlatformsRequest, parent_id=project
        )
        return [
            Preset(
                platform=str(platform.metadata.name),
                name=str(preset.name),
                vcpus=preset.resources.vcpu_count,
                memory_gib=preset.resources.memory_gibibytes,
                gpus=preset.resources.gpu_count,
                gpu_memory_gib=platform.spec.gpu_memory_gigabytes or None,
                preemptible=bool(platform.status.allowed_for_preemptibles),
            )
            for platform in platforms
            for preset in platform.spec.presets
        ]

    async def estimate(
        self, project: str, preset: Preset, spot: bool, gate: asyncio.Semaphore
    ) -> Estimate:
        """The calculator's answer for one preset; a missing price is part of the answer."""
        async with gate:
            try:
                client = CalculatorServiceClient(self.sdk)
                answer = await self._call(client.estimate_batch, _request(project, preset, spot))
            except RequestError as error:
                code = error.status.code.name
                if code not in OF_ONE_PRESET:
                    raise _failure(error, "estimating prices", self.access) from None
                said = scrub(error.status.message or "", [self.access.token])
                return Estimate(preset, None, f"no price ({code}: {said})")
        return _hourly(preset, answer)

    async def _pages(self, client_class: Any, request_class: Any, **fields: str) -> list[Any]:
        items: list[Any] = []
        token = ""
        try:
            for _ in range(MOST_PAGES):
                request = request_class(page_size=PAGE_SIZE, page_token=token, **fields)
                answer = await self._call(client_class(self.sdk).list, request)
                items += answer.items
                token = answer.next_page_token
                if not token:
                    return items
        except RequestError as error:
            what = f"listing {client_class.__name__.removesuffix('ServiceClient').lower()}s"
            raise _failure(error, what, self.access) from None
        raise FetchFailed(f"Nebius lists more than {MOST_PAGES} pages", AGAIN)

    async def _call(self, method: Any, request: Any) -> Any:
        check_deadline(self.deadline, "asking Nebius")
        left = max(0.1, min(CALL_TIMEOUT_S, self.deadline - time.monotonic()))
        return await method(
            request, timeout=left, per_retry_timeout=left, auth_timeout=left, retries=ATTEMPTS
        )


def _request(project: str, preset: Preset, spot: bool) -> EstimateBatchRequest:
    """An estimate is asked for with the request that would make the machine."""
    terms: dict[str, Any] = {}
    if spot:
        stop = PreemptibleSpec.PreemptionPolicy.STOP
        terms["preemptible"] = PreemptibleSpec(on_preemption=stop)
        terms["follows_spot_price"] = FollowsSpotPriceSpec()
    spec = InstanceSpec(
        resources=ResourcesSpec(platform=preset.platform, preset=preset.name), **terms
    )
    machine = CreateInstanceRequest(metadata=ResourceMetadata(parent_id=project), spec=spec)
    hour = FilterAggregationUnit.FilterAggregationUnitValue.FILTER_AGGREGATION_UNIT_HOUR
    packed = PackedMessage(
        type_url="type.googleapis.com/nebius.compute.v1.CreateInstanceRequest",
        value=machine.SerializeToString(),
    )
    return EstimateBatchRequest(
        resource_specs=[ResourceSpec(spec=packed)],
        currency="usd",
        filter_aggregation_unit=FilterAggregationUnit(filter_aggregation_unit_values=[hour]),
    )


def _hourly(preset: Preset, answer: Any) -> Estimate:
    if answer.currency and str(answer.currency).lower() != "usd":
        return Estimate(preset, None, f"priced in {scrub(str(answer.currency), limit=10)}")
    hourly = [cost for cost in answer.total_costs if cost.aggregation_unit.unit == "hour"]
    if len(hourly) != 1 or hourly[0].general is None:
        return Estimate(preset, None, "no single price per hour in the estimate")
    return Estimate(preset, str(hourly[0].general.total.cost))


def _failure(error: RequestError, doing: str, access: Access) -> FetchFailed:
    code = error.status.code.name
    said = scrub(error.status.message or "", [access.token])
    remedy = CREDENTIALS if code in REFUSED else AGAIN
    return FetchFailed(f"{doing}: {code}: {said}", remedy)
