"""A fake Azure with a few machines of one region, and an environment that leads nowhere else."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from catalog.sources.base import Fetched, FetchFailed
from tests.fakes.azure import FakeAzure
from tests.fakes.azure_world import (
    Region,
    meter,
    ml_size,
    reservation_meter,
    savings,
    size,
    spot_meter,
    surcharge_meter,
    usage,
)

CLOSED = "http://127.0.0.1:9"
VARIABLES = (
    "AZURE_SUBSCRIPTION_ID",
    "AZURE_TENANT_ID",
    "AZURE_CLIENT_ID",
    "AZURE_CLIENT_SECRET",
    "AZURE_FEDERATED_TOKEN_FILE",
    "AZURE_USERNAME",
    "AZURE_PASSWORD",
)
H100, T4, CPU = "Standard_ND96isr_H100_v5", "Standard_NC4as_T4_v3", "Standard_D4s_v5"


def small_region(place: str = "westus3") -> Region:
    """Three machines in all ways to buy."""
    return Region(
        meters=[
            meter(H100, 98.32, place, savingsPlan=savings(68.8, 45.2)),
            spot_meter(H100, 31.4, place),
            reservation_meter(H100, 603460.0, 1, place),
            reservation_meter(H100, 1188000.0, 3, place),
            meter(T4, 0.526, place, savingsPlan=savings(0.4, 0.3)),
            spot_meter(T4, 0.15, place),
            meter(CPU, 0.192, place, savingsPlan=savings(0.15, 0.1)),
            spot_meter(CPU, 0.04, place),
            surcharge_meter("Standard Training vCPU Surcharge", 0.0, place),
            surcharge_meter("Standard Training GPU Surcharge", 0.0, place),
        ],
        sizes=[
            size(H100, "WestUS3" if place == "westus3" else place, 96, 1900, 8),
            size(T4, place, 4, 28, 1),
            size(CPU, place, 4, 16),
        ],
        usages=[
            usage("cores", 350, 12),
            usage("lowPriorityCores", 100, 4),
            usage("standardNDISR_H100_V5Family", 192, 96),
        ],
        evictions={H100: "5-10", T4: "0-5", CPU: "20+"},
        ml_sizes=[ml_size(H100), ml_size(T4), ml_size(CPU, low_priority=False)],
    )


@pytest.fixture(autouse=True)
def no_real_azure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever runs here finds no login, no metadata service and a closed port for an Azure."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AZURE_CONFIG_DIR", str(tmp_path / "no-az"))
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "EnvironmentCredential")
    for name in ("PLANNER_ENDPOINT_AZURE", "PLANNER_ENDPOINT_AZURE_ML"):
        monkeypatch.setenv(name, CLOSED)
    # The ETag cache of plain HTTP is the test's own.
    monkeypatch.setenv("PLANNER_CACHE_DIR", str(tmp_path / "cache"))


@pytest.fixture(name="azure")
def azure_fixture(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeAzure]:
    """The fake with one small region and a login for it."""
    with FakeAzure() as fake:
        use(fake, monkeypatch)
        fake.regions["westus3"] = small_region()
        yield fake


def use(fake: FakeAzure, monkeypatch: pytest.MonkeyPatch, *, login: bool = True) -> None:
    for name, value in fake.env.items():
        if login or not name.startswith("AZURE_"):
            monkeypatch.setenv(name, value)


def soon(seconds: float = 20) -> float:
    return time.monotonic() + seconds


def options(fetched: Fetched) -> dict[tuple[str, int], Mapping[str, Any]]:
    return {(row["instance_type"], row.get("term_months", 0)): row for row in fetched.options}


def prices(fetched: Fetched) -> dict[str, float]:
    return {row["instance_type"]: row["usd_per_hour"] for row in fetched.options}


def reasons(fetched: Fetched) -> dict[str, str]:
    return {reject.what: reject.reason for reject in fetched.rejects}


def failure(source: Any, kind: str = "on_demand", region: str = "westus3", s: float = 20) -> Any:
    with pytest.raises(FetchFailed) as caught:
        source.fetch(region, kind, soon(s))
    return caught.value
