"""Nebius' gRPC services on loopback, answering with the SDK's own messages.

Needs the ``nebius`` extra: tests start with ``pytest.importorskip("nebius")``. What was not set up
is UNIMPLEMENTED, which is gRPC's own default.
"""

from __future__ import annotations

import random
import threading
from collections import deque
from collections.abc import Callable
from concurrent import futures
from dataclasses import dataclass, field
from typing import Any, Self

from tests.fakes.snapshot_rows import sold_by

TOKEN = "ne1FAKEabcdefghijklmnopqrstuvwxyz0123456789"
GPU_MEMORY_GB = {"H100-80GB": 80, "H200": 141, "B200": 180, "L40S": 48}


@dataclass(frozen=True)
class RpcCall:
    method: str
    request: Any
    metadata: dict[str, str]


@dataclass
class FakePreset:
    """A preset with what its estimates say: a decimal, a gRPC status name, or 'range'."""

    name: str
    vcpus: int
    memory_gib: int
    gpus: int = 0
    usd: str = "1.0"
    spot_usd: str = "INVALID_ARGUMENT"


@dataclass
class FakePlatform:
    name: str
    presets: list[FakePreset]
    gpu_memory_gb: int = 0
    preemptible: bool = True


@dataclass
class Status:
    """A fault of one call: a gRPC status, after a silence if ``hang_s``."""

    code: str
    message: str = "said the fake"
    hang_s: float = 0.0


@dataclass
class FakeNebius:
    """A tenant with projects (id: region) and the platforms of each region."""

    projects: dict[str, str] = field(default_factory=lambda: {"project-e00x": "eu-north1"})
    platforms: dict[str, list[FakePlatform]] = field(default_factory=dict)
    page_size: int = 1000
    currency: str = "usd"
    calls: list[RpcCall] = field(default_factory=list)

    def __post_init__(self) -> None:
        import grpc

        self._grpc = grpc
        self._faults: deque[Status] = deque()
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._server = grpc.server(futures.ThreadPoolExecutor(8))
        for service, method, answer in self._services():
            handler = self._handler(f"{service}/{method}", answer)
            self._server.add_generic_rpc_handlers(
                (grpc.method_handlers_generic_handler(service, {method: handler}),)
            )
        self.port = self._server.add_insecure_port("127.0.0.1:0")

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._closing.set()
        self._server.stop(0).wait()

    @property
    def env(self) -> dict[str, str]:
        return {
            "PLANNER_ENDPOINT_NEBIUS": f"http://127.0.0.1:{self.port}",
            "NEBIUS_IAM_TOKEN": TOKEN,
        }

    def populate(self, regions: list[str], seed: int) -> None:
        """The snapshot's presets in ``regions``, with a project in each."""
        rng = random.Random(seed)
        self.projects = {f"project-e{number:02}x": name for number, name in enumerate(regions)}
        self.platforms = {region: [] for region in regions}
        for sold in sold_by("nebius"):
            if sold.region in self.platforms:
                platform, _, preset = sold.instance_type.partition("_")
                factor = rng.uniform(0.95, 1.05)
                entry = FakePreset(
                    preset,
                    int(sold.vcpus or 0),
                    int(sold.memory_gib or 0),
                    int(sold.count),
                    _usd(sold.on_demand, factor),
                    _usd(sold.spot, factor),
                )
                sold_on = self._platform(sold.region, platform, sold.accelerator)
                sold_on.presets.append(entry)
                sold_on.preemptible = sold_on.preemptible or sold.spot is not None

    def queue(self, *faults: Status) -> None:
        with self._lock:
            self._faults.extend(faults)

    def fault(self, seed: int, count: int = 3) -> None:
        rng = random.Random(seed)
        codes = ("UNAVAILABLE", "INTERNAL", "UNAUTHENTICATED", "RESOURCE_EXHAUSTED",
                 "INVALID_ARGUMENT", "UNIMPLEMENTED", "DEADLINE_EXCEEDED")  # fmt: skip
        self.queue(
            *(Status(rng.choice(codes), hang_s=rng.choice((0.0, 0.0, 0.3))) for _ in range(count))
        )

    def _platform(self, region: str, name: str, accelerator: str) -> FakePlatform:
        for platform in self.platforms[region]:
            if platform.name == name:
                return platform
        made = FakePlatform(name, [], GPU_MEMORY_GB.get(accelerator, 0), preemptible=False)
        self.platforms[region].append(made)
        return made

    def _services(self) -> list[tuple[str, str, Callable[[Any, Any], Any]]]:
        return [
            ("nebius.iam.v2.TenantService", "List", self._tenants),
            ("nebius.iam.v2.ProjectService", "List", self._projects),
            ("nebius.compute.v1.PlatformService", "List", self._list_platforms),
            ("nebius.billing.v1.CalculatorService", "EstimateBatch", self._estimate),
        ]

    def _handler(self, method: str, answer: Callable[[Any, Any], Any]) -> Any:
        requests = _request_classes()[method.rpartition("/")[0].rpartition(".")[2]]

        def serve(body: bytes, context: Any) -> bytes:
            request = requests.FromString(body)
            metadata = {key: str(value) for key, value in context.invocation_metadata()}
            with self._lock:
                self.calls.append(RpcCall(method, request, metadata))
                fault = self._faults.popleft() if self._faults else None
            if metadata.get("authorization") != f"Bearer {TOKEN}":
                context.abort(self._grpc.StatusCode.UNAUTHENTICATED, "token is not valid")
            if fault is not None:
                self._closing.wait(fault.hang_s)
                context.abort(self._grpc.StatusCode[fault.code], fault.message)
            return answer(request, context).SerializeToString()  # type: ignore[no-any-return]

        return self._grpc.unary_unary_rpc_method_handler(serve)

    def _tenants(self, request: Any, context: Any) -> Any:
        from nebius.api.nebius.common.v1 import ResourceMetadata
        from nebius.api.nebius.iam.v2 import ListTenantsResponse, Tenant

        return ListTenantsResponse(items=[Tenant(metadata=ResourceMetadata(id="tenant-1"))])

    def _projects(self, request: Any, context: Any) -> Any:
        from nebius.api.nebius.common.v1 import ResourceMetadata
        from nebius.api.nebius.iam.v2 import ListProjectsResponse, Project, ProjectSpec

        items = [
            Project(metadata=ResourceMetadata(id=name), spec=ProjectSpec(region=region))
            for name, region in self.projects.items()
        ]
        page, token = self._page(items, request)
        return ListProjectsResponse(items=page, next_page_token=token)

    def _list_platforms(self, request: Any, context: Any) -> Any:
        from nebius.api.nebius.common.v1 import ResourceMetadata
        from nebius.api.nebius.compute.v1 import (
            ListPlatformsResponse,
            Platform,
            PlatformSpec,
            PlatformStatus,
            Preset,
            PresetResources,
        )

        items = [
            Platform(
                metadata=ResourceMetadata(name=platform.name),
                spec=PlatformSpec(
                    gpu_memory_gigabytes=platform.gpu_memory_gb,
                    presets=[
                        Preset(
                            name=preset.name,
                            resources=PresetResources(
                                vcpu_count=preset.vcpus,
                                memory_gibibytes=preset.memory_gib,
                                gpu_count=preset.gpus,
                            ),
                        )
                        for preset in platform.presets
                    ],
                ),
                status=PlatformStatus(allowed_for_preemptibles=platform.preemptible),
            )
            for platform in self.platforms.get(self.projects.get(request.parent_id, ""), [])
        ]
        page, token = self._page(items, request)
        return ListPlatformsResponse(items=page, next_page_token=token)

    def _page(self, items: list[Any], request: Any) -> tuple[list[Any], str]:
        start = int(request.page_token or 0)
        end = start + min(self.page_size, request.page_size or 10)
        return items[start:end], str(end) if end < len(items) else ""

    def _estimate(self, request: Any, context: Any) -> Any:
        from nebius.api.nebius.billing.v1 import (
            AggregationUnit,
            CostBreakdown,
            EstimateBatchResponse,
            GeneralResourceCost,
            RangeTotalCost,
            TotalCost,
        )
        from nebius.api.nebius.compute.v1 import CreateInstanceRequest

        wanted = CreateInstanceRequest.FromString(request.resource_specs[0].spec.value)
        preset = self._preset(wanted)
        usd = preset.spot_usd if wanted.spec.HasField("preemptible") else preset.usd
        unit = AggregationUnit(unit="hour")
        if usd == "range":
            cost = TotalCost(aggregation_unit=unit, range=RangeTotalCost())
        elif usd.isupper():
            context.abort(self._grpc.StatusCode[usd], f"unresolved sku for {preset.name}")
        else:
            total = CostBreakdown(cost=usd)
            cost = TotalCost(aggregation_unit=unit, general=GeneralResourceCost(total=total))
        return EstimateBatchResponse(total_costs=[cost], currency=self.currency)

    def _preset(self, wanted: Any) -> FakePreset:
        region = self.projects[wanted.metadata.parent_id]
        resources = wanted.spec.resources
        return next(
            preset
            for platform in self.platforms[region]
            if platform.name == resources.platform
            for preset in platform.presets
            if preset.name == resources.preset
        )


def _usd(usd: float | None, factor: float) -> str:
    return "INVALID_ARGUMENT" if usd is None else f"{usd * factor:.6f}"


def _request_classes() -> dict[str, Any]:
    from nebius.api.nebius.billing.v1 import EstimateBatchRequest
    from nebius.api.nebius.compute.v1 import ListPlatformsRequest
    from nebius.api.nebius.iam.v2 import ListProjectsRequest, ListTenantsRequest

    return {
        "TenantService": ListTenantsRequest,
        "ProjectService": ListProjectsRequest,
        "PlatformService": ListPlatformsRequest,
        "CalculatorService": EstimateBatchRequest,
    }
