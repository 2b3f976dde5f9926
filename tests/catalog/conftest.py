"""A fake AWS, credentials for it, and a cache of the test's own."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from catalog import Catalog
from catalog.attributes import SNAPSHOT
from catalog.sources import SOURCES
from tests.fakes.aws import FakeAws, instance_type, paged, price_item

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
REGIONS = ("us-east-1", "ap-northeast-1", "us-gov-west-1")
# A region with one machine, so that the few prices of the fake are no cut-off answer there.
SMALL_REGION = "me-central-1,,p5en.48xlarge,"
SECRET_KEY = "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEYxx"

TYPES = (
    instance_type("g6.xlarge", vcpus=4, memory_gib=16, gpu=("L4", 1, 22888), gbps=(2.5,)),
    instance_type("p5.48xlarge", gpu=("H100", 8, 81920), gbps=(100.0,) * 32, efa=True),
    instance_type("m7i.2xlarge", gbps=(3.125,)),
    instance_type("z9.huge", gpu=("Z9000", 2, 99999)),
)  # fmt: skip
PRICES = (
    price_item("g6.xlarge", "0.9000000000"),
    price_item("p5.48xlarge", "55.0400000000"),
    price_item("p5.48xlarge", "0.0000000000", capacitystatus="AllocatedCapacityReservation"),
    price_item("p5.48xlarge", "0.0000000000", marketoption="CapacityBlock"),
    price_item("m7i.2xlarge", "0.4032000000"),
    price_item("z9.huge", "99.0000000000"),
    price_item("p9.ghost", "1.0000000000"),
)


@pytest.fixture(scope="session")
def small_snapshot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The snapshot with four AWS regions and few measurements: it compiles in 0.1 s."""
    folder = tmp_path_factory.mktemp("snapshot")
    for path in SNAPSHOT.glob("*.csv"):
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        if path.stem in ("offers", "purchase_options"):
            kept = tuple(f"aws,{place}" for place in (*(f"{r}," for r in REGIONS), SMALL_REGION))
            lines = [lines[0], *(line for line in lines[1:] if line.startswith(kept))]
        elif path.stem == "observations":
            lines = lines[:20]
        (folder / path.name).write_text("".join(lines), encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def small_cache(small_snapshot: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("small-cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("catalog.compiled.SNAPSHOT", small_snapshot)
        Catalog.open(folder)
    return folder


@pytest.fixture
def own_cache(
    small_cache: Path, small_snapshot: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A cache folder with the small snapshot compiled, that a test may refresh and damage."""
    folder = tmp_path / "cache"
    shutil.copytree(small_cache, folder)
    monkeypatch.setattr("catalog.compiled.SNAPSHOT", small_snapshot)
    monkeypatch.setenv("PLANNER_CACHE_DIR", str(folder))
    return folder


@pytest.fixture(autouse=True)
def no_real_cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever runs here finds no credentials, no proxy and no metadata service."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in (
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "http_proxy",
        "https_proxy",
        "all_proxy",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    # A closed port, so that a test without the fake cannot reach the real one.
    closed = [f"PLANNER_ENDPOINT_{name.upper().replace('-', '_')}" for name in (*SOURCES, "ecb")]
    for name in ("AWS_ENDPOINT_URL", "PLANNER_ENDPOINT_AWS_SPOT_ADVISOR", *closed):
        monkeypatch.setenv(name, "http://127.0.0.1:9")


@pytest.fixture(scope="session")
def service_models() -> Any:
    """One loader of AWS's service models for all sessions: reading EC2's takes 0.3 s."""
    from botocore.loaders import create_loader

    return create_loader()


@pytest.fixture
def credentials(service_models: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("botocore.loaders.create_loader", lambda _: service_models)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)


@pytest.fixture
def aws(credentials: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeAws]:
    """The fake with a few machines, prices and spot prices."""
    with FakeAws() as fake:
        monkeypatch.setenv("AWS_ENDPOINT_URL", fake.url)
        monkeypatch.setenv("PLANNER_ENDPOINT_AWS", fake.url)
        monkeypatch.setenv("PLANNER_ENDPOINT_AWS_SPOT_ADVISOR", fake.url)
        _fill(fake)
        yield fake


def _fill(fake: FakeAws) -> None:
    fake.answers["DescribeInstanceTypes"] = paged(TYPES, "InstanceTypes")
    fake.answers["GetProducts"] = paged(PRICES, "PriceList")
    fake.answers["DescribeSpotPriceHistory"] = lambda asked: {
        "NextToken": "",
        "SpotPriceHistory": [
            spot("g6.xlarge", f"{asked.region}a", "0.3000"),
            spot("g6.xlarge", f"{asked.region}b", "0.5000"),
            spot("g6.xlarge", f"{asked.region}c", "0.3600"),
            spot("g6.xlarge", f"{asked.region}c", "0.0100", hours_ago=9),
            spot("p5.48xlarge", f"{asked.region}a", "21.3942"),
        ],
    }
    zones = [("g6.xlarge", "a"), ("g6.xlarge", "b"), ("p5.48xlarge", "a"), ("m7i.2xlarge", "a")]
    fake.answers["DescribeInstanceTypeOfferings"] = lambda asked: {
        "InstanceTypeOfferings": [
            {
                "InstanceType": name,
                "LocationType": "availability-zone",
                "Location": f"{asked.region}{zone}",
            }
            for name, zone in zones
        ]
    }


def spot(name: str, zone: str, usd: str, hours_ago: int = 0) -> dict[str, object]:
    return {
        "AvailabilityZone": zone,
        "InstanceType": name,
        "ProductDescription": "Linux/UNIX",
        "SpotPrice": usd,
        "Timestamp": NOW.replace(hour=NOW.hour - hours_ago),
    }
