"""SageMaker's own rates: components, what is no rate, and where they end up in the catalog."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from catalog import Catalog
from catalog.sources import open_source
from catalog.sources.base import Fetched
from catalog.sources.sagemaker import SageMakerSource
from catalog.sources.sagemaker_rows import from_products, managed_rows
from planner.actions.catalog.refresh import refresh_catalog
from tests.fakes.aws import FakeAws, json_error, paged, term
from tests.fakes.aws_files import MANAGED_COLUMNS, csv_file
from tests.fakes.sagemaker import FakeSageMaker

REGION = "us-east-1"
LIST = "/offers/v1.0/aws/AmazonSageMaker"


def item(usage: str, usd: str, component: str = "", unit: str = "Hrs", **over: str) -> str:
    """A price list item; ``usage`` is like ``Train:ml.g5.xlarge``."""
    use, _, name = usage.partition(":")
    named = {"Train": "Training", "Host": "Hosting", "Notebk": "Notebook"}.get(use, use)
    attributes = {
        "instanceName": name,
        "instanceType": f"{name}-{named}",
        "component": component or named,
        "platoinstancetype": component or named,
        "usagetype": f"USE1-{usage}",
        "operation": "RunInstance",
        "locationType": "AWS Region",
        "vCpu": "4",
        "memory": "16 GiB",
        "physicalGpu": "N/A",
        "computeType": "Standard",
    } | over
    return json.dumps(
        {
            "product": {"productFamily": "ML Instance", "attributes": attributes},
            "terms": {"OnDemand": {"T": term([(unit, usd)])}},
        }
    )


# As listed in us-east-1, but for the endpoint of the g6.
ITEMS = [
    item("Train:ml.g5.xlarge", "1.4080000000"),
    item("Host:ml.g5.xlarge", "1.4080000000"),
    item("Notebk:ml.g5.xlarge", "1.4080000000"),
    item("Train:ml.g6.xlarge", "1.1267000000"),
    item("Host:ml.g6.xlarge", "1.1300000000"),
    item("Host:ml.inf2.xlarge", "0.9900000000"),
    item("Studio:JupyterLab-ml.g5.xlarge", "1.0"),
    item("SpotTrain:ml.g5.xlarge", "0.4"),
    item("AsyncInf:ml.g5.xlarge", "1.5"),
    item("Train:ml.p5.48xlarge", "0.0000000000"),
]


def rows(items: list[str]) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    _, options, rejects = managed_rows(from_products(items), REGION)
    return (
        {row["instance_type"]: row for row in options},
        {reject.what: reject.reason for reject in rejects},
    )


def test_the_rate_is_that_of_training_and_other_rates_are_told() -> None:
    options, rejects = rows(ITEMS)
    told = {name: (row["usd_per_hour"], row["obtainability"]) for name, row in options.items()}
    assert told == {
        "ml.g5.xlarge": (1.408, ""),
        "ml.g6.xlarge": (1.1267, "endpoints 1.13 USD/h"),
        "ml.inf2.xlarge": (0.99, "price of endpoints: no training rate is listed"),
    }
    assert rejects == {"ml.p5.48xlarge": "training: price is $0 (a free trial, not a price)"}
    g5 = options["ml.g5.xlarge"]
    assert (g5["cloud"], g5["kind"]) == ("aws", "on_demand")
    assert g5["quota_class"] == "sagemaker/ml.g5.xlarge instances"


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (item("Train:ml.m5.large", "1.0", unit="GB"), "per GB"),
        (item("Train:ml.m5.large", "one"), "not a number"),
        (item("Train:ml.m5.large", "1.0").replace('"USD"', '"CNY"'), "CNY"),
        (item("Train:ml.m5.large", "1.0", "SpotTraining"), "listed under SpotTraining"),
        (item("Train:ml.m5.large", "1.0", locationType="AWS Outposts"), "Outposts"),
        (item("Train:ml.m5.large", "2.0"), "listed at $1 and $2"),
        ("{}", "another shape"),
        ("[" * 100_000, "another shape"),
    ],
    ids=range(8),
)
def test_items_that_are_no_rate_are_told(bad: str, reason: str) -> None:
    other = item("Train:ml.m5.large", "1.0") if "listed at" in reason else ITEMS[0]
    options, rejects = rows([other, bad])
    assert "ml.m5.large" not in options
    assert reason in "".join(rejects.values())


def test_facts_of_a_machine_are_those_listed_where_they_can_be_read() -> None:
    items = [
        item("Train:ml.g5.xlarge", "1.4", computeType="GPU", physicalGpu="1"),
        item("Train:ml.m5.large", "0.115", vCpu="2", memory="8 GiB"),
        item("Train:ml.x9.large", "0.2", vCpu="N/A", memory="N/A"),
        item("Train:ml.p99.large", "99.0", computeType="GPU", physicalGpu="8"),
    ]
    offers, options, _ = managed_rows(from_products(items), REGION)
    found = {row["instance_type"]: row for row in offers}
    assert (found["ml.g5.xlarge"]["accelerator"], found["ml.g5.xlarge"]["accelerator_count"]) == (
        "A10G",
        1,
    )
    assert (found["ml.m5.large"]["vcpus"], found["ml.m5.large"]["memory_gib"]) == (2, 8.0)
    assert {"ml.x9.large", "ml.p99.large"}.isdisjoint(found)  # a price without known facts
    assert len(options) == 4


def fetch() -> Fetched:
    return SageMakerSource().fetch(REGION, "on_demand", time.monotonic() + 60)


def test_rates_of_an_account(aws: FakeAws) -> None:
    aws.answers["GetProducts"] = paged(ITEMS, "PriceList", size=4)
    fetched = fetch()
    assert [row["usd_per_hour"] for row in fetched.options] == [1.408, 1.1267, 0.99]
    assert aws.count("GetProducts") == 3
    call = aws.asked[0]
    assert (call.region, call["ServiceCode"]) == ("us-east-1", "AmazonSageMaker")
    assert {f["Field"]: f["Value"] for f in call["Filters"]}["regionCode"] == REGION


def test_a_refused_account_names_the_permission(aws: FakeAws) -> None:
    aws.faults["GetProducts"].append(json_error("AccessDeniedException"))
    with pytest.raises(Exception, match="pricing:GetProducts"):
        fetch()


@pytest.fixture
def public(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeSageMaker]:
    with FakeSageMaker() as fake:
        for name, value in fake.public_env.items():
            monkeypatch.setenv(name, value)
        listed = {REGION: {"currentVersionUrl": f"{LIST}/20261120/{REGION}/index.json"}}
        fake.files[f"{LIST}/current/region_index.json"] = json.dumps({"regions": listed}).encode
        yield fake


def file_row(usage: str, usd: str, **over: str) -> dict[str, str]:
    return {
        "TermType": "OnDemand",
        "Unit": "Hrs",
        "PricePerUnit": usd,
        "Currency": "USD",
        "usageType": f"USE1-{usage}",
        "vCpu": "4",
        "Memory": "16 GiB",
        "Location Type": "AWS Region",
    } | over


def test_rates_of_the_public_file(public: FakeSageMaker) -> None:
    listed = [
        file_row("Train:ml.g5.xlarge", "1.408"),
        file_row("Host:ml.g5.xlarge", "1.408"),
        file_row("Studio:JupyterLab-ml.g5.xlarge", "1.0"),
        file_row("Train:ml.g5.xlarge", "0.9", TermType="Reserved"),
        file_row("Train:ml.m5.large", "0.115", vCpu="2", Memory="8 GiB"),
    ]
    body = csv_file(MANAGED_COLUMNS, listed)
    public.files[f"{LIST}/20261120/{REGION}/index.csv"] = lambda: body
    source = open_source("sagemaker")
    assert source.missing() is None
    fetched = source.fetch(REGION, "on_demand", time.monotonic() + 60)
    assert {row["instance_type"]: row["usd_per_hour"] for row in fetched.options} == {
        "ml.g5.xlarge": 1.408,
        "ml.m5.large": 0.115,
    }
    assert "public price file" in fetched.source


def test_refreshed_rates_stand_in_place_of_derived_ones(aws: FakeAws, own_cache: Path) -> None:
    aws.answers["GetProducts"] = paged(
        [item("Train:ml.g5.xlarge", "1.5000000000"), item("Train:ml.g6.xlarge", "1.2")], "PriceList"
    )
    result = refresh_catalog(only=["sagemaker"], regions=[REGION], kinds=["on_demand"])
    assert result.complete, result.report.outcomes
    table = Catalog.open().offers
    mine = table.take(table.is_in("platform", ["sagemaker"]) & table.is_in("region", [REGION]))
    assert dict(
        zip(mine.texts("instance_type"), mine.numbers["usd_per_hour"].tolist(), strict=True)
    ) == {"ml.g5.xlarge": 1.5, "ml.g6.xlarge": 1.2}
    assert set(mine.texts("accelerator")) == {"A10G", "L4"}
