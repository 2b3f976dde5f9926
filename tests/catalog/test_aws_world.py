"""The populated fake AWS: 20 regions through the real client, quickly, and with faults."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from catalog import Catalog
from catalog.integrity import Effect, check_catalog
from catalog.refresh import Status
from catalog.sources import open_source
from catalog.sources.aws import AwsSource
from catalog.sources.base import FetchFailed
from planner.actions.catalog.refresh import refresh_catalog
from tests.fakes.aws import FakeAws
from tests.fakes.aws_world import RegionWorld

REGIONS = [
    "us-east-1", "us-east-2", "us-west-1", "us-west-2", "ca-central-1", "sa-east-1", "eu-west-1",
    "eu-west-2", "eu-west-3", "eu-central-1", "eu-north-1", "eu-south-2", "ap-south-1",
    "ap-southeast-1", "ap-southeast-2", "ap-southeast-3", "ap-northeast-1", "ap-northeast-2",
    "ap-east-1", "me-central-1",
]  # fmt: skip


@pytest.fixture
def world(
    credentials: None, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[FakeAws]:
    with FakeAws() as fake:
        for name, value in fake.env.items():
            monkeypatch.setenv(name, value)
        yield fake


def test_a_region_of_the_world_passes_all_checks(world: FakeAws, own_cache: Path) -> None:
    world.populate(["ap-northeast-1"], seed=1)
    result = refresh_catalog(only=["aws", "sagemaker"], regions=["ap-northeast-1"], deadline_s=120)
    assert {outcome.status for outcome in result.report.outcomes} == {Status.PUBLISHED}
    catalog = Catalog.open()
    assert not [f for f in check_catalog(catalog) if f.effect is Effect.ROW]
    kinds = {row["kind"] for row in catalog.rows("purchase_options", "region = 'ap-northeast-1'")}
    assert kinds == set(AwsSource.kinds)


def test_a_region_where_no_block_is_on_offer_is_an_answer(world: FakeAws, own_cache: Path) -> None:
    world.populate(["us-east-1"], seed=1)
    world.answers["DescribeCapacityBlockOfferings"] = lambda _: {"CapacityBlockOfferings": []}
    before = Catalog.open().rows("purchase_options", "kind = 'capacity_block'")
    assert "us-east-1" in {row["region"] for row in before}
    result = refresh_catalog(only=["aws"], regions=["us-east-1"], kinds=["capacity_block"])
    (outcome,) = result.report.outcomes
    assert (outcome.status, outcome.rows) == (Status.PUBLISHED, 0)
    assert {reject.reason for reject in outcome.rejects} == {"no capacity block on offer"}
    after = Catalog.open().rows("purchase_options", "kind = 'capacity_block'")
    assert "us-east-1" not in {row["region"] for row in after}  # sold out: no old price stays


def test_files_and_account_say_the_same(world: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:
    world.populate(["eu-west-1"], seed=2)
    account = AwsSource()
    for kind in ("on_demand", "reservation", "savings_plan"):
        asked = account.fetch("eu-west-1", kind, time.monotonic() + 60)
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
        read = AwsSource().fetch("eu-west-1", kind, time.monotonic() + 60)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        columns = ("instance_type", "term_months", "payment", "upfront_usd", "usd_per_hour")
        both = (asked, read)
        said = [[[row.get(name) for name in columns] for row in part.options] for part in both]
        assert said[0] == said[1]
        assert len(said[0]) >= 20
        facts = ("instance_type", "vcpus", "memory_gib", "accelerator", "accelerator_count")
        machines = [[[row[name] for name in facts] for row in part.offers] for part in both]
        assert machines[0] == machines[1]


def test_seeds_make_other_prices_and_regions_other_machines() -> None:
    first, same, other = (RegionWorld("eu-west-1", seed).on_demand for seed in (1, 1, 2))
    assert first == same
    assert set(first) == set(other)
    assert first != other
    assert set(RegionWorld("eu-nowhere-1", 1).on_demand) >= {"p5.48xlarge", "m7i.2xlarge"}


def faulty_run(fake: FakeAws, seed: int) -> None:
    """Every answer is right or a failure that can be told; nothing else comes out."""
    for name in ("aws", "sagemaker"):
        source = open_source(name)
        for kind in source.kinds:
            fake.fault(seed)
            try:
                fetched = source.fetch("il-central-1", kind, time.monotonic() + 5)
            except FetchFailed as failure:
                assert failure.problem
                assert failure.remedy
                continue
            for row in fetched.options:
                assert row["usd_per_hour"] >= 0
                assert row["usd_per_hour"] > 0 or row["upfront_usd"] > 0


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    for backoff in (
        "botocore.retries.standard.ExponentialBackoff.delay_amount",
        "botocore.retryhandler.delay_exponential",
    ):
        monkeypatch.setattr(backoff, lambda *_, **__: 0.01)
    monkeypatch.setattr("catalog.sources.aws_api.RETRY_MODE", "standard")
    monkeypatch.setattr("catalog.sources.aws_api.READ_TIMEOUT_S", 0.3)
    monkeypatch.setattr("catalog.sources.http.FIRST_WAIT_S", 0.01)
    monkeypatch.setattr("catalog.sources.http.JITTER_S", 0.0)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("seed", range(6))
def test_faults_cost_slices_and_nothing_else(world: FakeAws, seed: int) -> None:
    world.populate(["il-central-1"], seed)
    faulty_run(world, seed)


@pytest.mark.nightly
@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("seed", range(6, 206))
def test_many_faults(world: FakeAws, seed: int) -> None:
    world.populate(["il-central-1"], seed)
    faulty_run(world, seed)


@pytest.mark.nightly
def test_twenty_regions_in_a_minute(
    world: FakeAws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLANNER_CACHE_DIR", str(tmp_path))
    world.populate(REGIONS, seed=1)
    start = time.process_time()
    result = refresh_catalog(only=["aws", "sagemaker"], regions=REGIONS, deadline_s=200)
    assert time.process_time() - start < 60
    statuses = [outcome.status for outcome in result.report.outcomes]
    assert set(statuses) <= {Status.PUBLISHED, Status.NOTHING}
    assert statuses.count(Status.PUBLISHED) > 100
    assert sum(outcome.rows for outcome in result.report.outcomes) > 15_000
