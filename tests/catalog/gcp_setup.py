"""A small Google Cloud by hand, for the tests of the sources that read it."""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from catalog.sources.base import Fetched
from catalog.sources.gcp import GcpSource
from tests.fakes.gcp import COMPUTE, OLD_TPU, FakeGcp, machine, sku

IOWA, BELGIUM = "us-central1", "europe-west1"
A3 = machine("a3-highgpu-8g", 208, 1872, "nvidia-h100-80gb", 8, aFieldGoogleAdded={"x": 1})
A4 = machine("a4-highgpu-8g", 224, 3968, "nvidia-b200", 8)
C3 = machine("c3-standard-8", 8, 32)
V5E = machine("ct5lp-hightpu-4t", 112, 192, "ct5lp", 4)


def rate(text: str, usd: float, resource: str = "CPU", **fields: Any) -> dict[str, Any]:
    units = {"RAM": "GiBy.h", "LocalSSD": "GiBy.mo"}
    return sku(text, usd, group=resource, unit=units.get(resource, "h"), **fields)


SKUS = [
    rate("C3 Instance Core running in Americas", 0.03398),
    rate("C3 Instance Ram running in Americas", 0.00456, "RAM"),
    rate("Spot Preemptible C3 Instance Core running in Iowa", 0.00513, usage="Preemptible"),
    rate("Spot Preemptible C3 Instance Ram running in Iowa", 0.000687, "RAM", usage="Preemptible"),
    rate("Commitment v1: C3 Cpu in Americas for 1 Year", 0.02141, usage="Commit1Yr"),
    rate("Commitment v1: C3 Ram in Americas for 1 Year", 0.00287, "RAM", usage="Commit1Yr"),
    rate("Commitment v1: C3 Cpu in Americas for 3 Years", 0.01529, usage="Commit3Yr"),
    rate("Commitment v1: C3 Ram in Americas for 3 Years", 0.00205, "RAM", usage="Commit3Yr"),
    rate("A3 Instance Core running in Americas", 0.025498),
    rate("A3 Instance Ram running in Americas", 0.00222035, "RAM"),
    rate("Nvidia H100 80GB GPU running in Americas", 9.796550569, "GPU"),
    rate("SSD backed Local Storage", 0.08, "LocalSSD"),
    rate("DWS Defined Duration A3 Core running in Americas", 0.010934),
    rate("DWS Defined Duration A3 Ram running in Americas", 0.000952, "RAM"),
    rate("Nvidia H100 80GB GPU attached to DWS Defined Duration VMs in Iowa", 4.200761, "GPU"),
    rate("DWS Defined Duration SSD backed Local Storage running in Iowa", 0.08, "LocalSSD"),
    rate("A4 Nvidia B200 (1 gpu slice) running in Americas", 16.11, "GPU"),
    rate("Spot Preemptible A4 Nvidia B200 (1 gpu slice) running in Americas", 4.9542, "GPU"),
    rate("DWS Calendar Mode A4 Nvidia B200 (1 gpu slice) in Americas", 11.277, "GPU"),
    rate("TpuV5e running in Americas", 1.2, "TPU"),
    rate("C3 Instance Core running in Belgium", 0.0374, regions=[BELGIUM]),
    rate("C3 Instance Ram running in Belgium", 0.00501, "RAM", regions=[BELGIUM]),
]  # fmt: skip


def set_up(fake: FakeGcp) -> None:
    """Two zones of us-central1, one of europe-west1, four machine types, SKUs on eight pages."""
    fake.machines = {
        "us-central1-a": [A3, A4, C3, V5E],
        "us-central1-b": [C3],
        "europe-west1-b": [C3],
    }
    fake.zones_per_page = 1
    fake.cards = {"us-central1-a": {"nvidia-tesla-t4": 4}}
    fake.skus[COMPUTE] = copy.deepcopy(SKUS)
    fake.skus[OLD_TPU] = [rate("TPU-v3 Accelerator USA", 8.8, "TPU")]
    fake.tpu_types = {"us-central1-a": {"v5litepod-16": "4x4", "v3-8": "2x2"}}


@pytest.fixture
def gcp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeGcp]:
    """The small Google Cloud, with the environment pointing at it; retries do not wait long."""
    for name in ("GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_API_KEY", "GCLOUD_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path / "gcloud"))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    monkeypatch.setattr("catalog.sources.gcp_client.RETRY_FIRST_S", 0.01)
    monkeypatch.setattr("catalog.sources.gcp_client.RETRY_LONGEST_S", 0.05)
    with FakeGcp() as fake:
        for name, value in fake.env.items():
            monkeypatch.setenv(name, value)
        set_up(fake)
        yield fake


def fetch(kind: str = "on_demand", region: str = IOWA, seconds: float = 20) -> Fetched:
    return GcpSource().fetch(region, kind, time.monotonic() + seconds)


def usd(fetched: Fetched) -> dict[str, float]:
    return {row["instance_type"]: row["usd_per_hour"] for row in fetched.options}


def reasons(fetched: Fetched) -> dict[str, str]:
    return {reject.what: reject.reason for reject in fetched.rejects}
