"""RunPod: ``POST /graphql``. GPU types and prices are public; a key is sent where there is one.

Errors come inside answers of HTTP 200.
"""

from __future__ import annotations

import re
from typing import Any, ClassVar

from catalog.sources.base import Fetched, FetchFailed, Reject
from catalog.sources.bodies import mapping, parse_json, sequence
from catalog.sources.cloud_rows import Priced, Terms
from catalog.sources.http_source import OnePriceSource, changed_shape, fetched, required
from catalog.sources.key_files import ApiKey, read_key, toml_entry
from catalog.sources.once import Once
from catalog.sources.runpod_rows import GPU_QUERY, cpu_pods, cpu_query, gpu_pods

REMEDY = "make a key at runpod.io/console/user/settings and set RUNPOD_API_KEY, or unset it"
# Ids become part of a query.
DATA_CENTER = re.compile(r"[A-Z]{2,4}(?:-[A-Z0-9]{1,6}){1,3}")
# CPU pods are priced alike everywhere; the first data centres that sell some are asked.
ASKED_DATA_CENTERS = 3


class RunpodSource(OnePriceSource):
    name: ClassVar[str] = "runpod"
    cloud: ClassVar[str] = "runpod"
    kinds: tuple[str, ...] = ("on_demand", "spot")
    needs: str = "nothing; a key is used where RUNPOD_API_KEY or ~/.runpod has one"
    default_url: ClassVar[str] = "https://api.runpod.io"
    # RunPod bills by the second.
    terms: ClassVar[Terms] = Terms("runpod", 1, 1)

    def __init__(self) -> None:
        super().__init__()
        self._gpus: Once[str, dict[str, Any]] = Once()

    def api_key(self) -> ApiKey:
        files = {".runpod/config.toml": toml_entry("default", "api_key")}
        return read_key("RUNPOD_API_KEY", files, REMEDY)

    def fetch(self, region: str, kind: str, deadline: float) -> Fetched:
        self.check_region(region)
        answer = self._gpus.get("gpus", lambda: self._ask(GPU_QUERY, deadline))
        gpu_types = required(answer, "gpuTypes", list, "RunPod")
        pods, rejects = gpu_pods(gpu_types, kind)
        if kind == "on_demand":  # CPU pods are not sold as spot
            cpus, more = self._cpu_pods(answer, deadline)
            pods, rejects = pods + cpus, rejects + more
        return fetched(self.terms, region, kind, pods, rejects, f"RunPod GraphQL, {kind}")

    def _cpu_pods(
        self, answer: dict[str, Any], deadline: float
    ) -> tuple[list[Priced], list[Reject]]:
        """Without CPU pods the GPU pods are still of use."""
        centers = [
            str(mapping(center).get("id"))
            for center in sequence(answer.get("dataCenters"))
            if mapping(center).get("listed")
        ]
        usable = [center for center in centers if DATA_CENTER.fullmatch(center)]
        rejects: list[Reject] = []
        for center in usable[:ASKED_DATA_CENTERS]:
            try:
                flavors = self._ask(cpu_query(center), deadline).get("cpuFlavors")
            except FetchFailed as error:
                rejects.append(Reject(f"CPU pods in {center}", error.problem))
                continue
            pods, more = cpu_pods(flavors)
            if pods:
                return pods, rejects + more
        return [], rejects

    def _ask(self, query: str, deadline: float) -> dict[str, Any]:
        client = self.client()
        answer = client.post("/graphql", deadline, json_body={"query": query})
        document = mapping(parse_json(answer.body, "RunPod"))
        data = document.get("data")
        if errors := sequence(document.get("errors")):
            said = client.scrubbed(str(mapping(errors[0]).get("message") or "without a message"))
            raise changed_shape("RunPod", f"GraphQL error in an answer of HTTP 200: {said}")
        if not isinstance(data, dict):
            raise changed_shape("RunPod", "no 'data' in the answer")
        return data
