"""AWS without an account: public price files, plans and the advisor over plain HTTP."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from catalog.sources import open_source
from catalog.sources.aws import AwsSource
from catalog.sources.aws_files import known_devices, machine_row, read_price_file
from catalog.sources.aws_prices import Commitment
from catalog.sources.base import Fetched, FetchFailed
from tests.fakes.aws import FakeAws
from tests.fakes.aws_files import COLUMNS, PLAN_COLUMNS, csv_file, plan_row, price_row
from tests.fakes.server import Fault

REGION = "us-east-2"
EC2 = "/offers/v1.0/aws/AmazonEC2"
PLANS = "/savingsPlan/v1.0/aws/AWSComputeSavingsPlan"
P5 = {"GPU": "8", "GPU_Memory": "640 GB HBM3", "Instance_Family": "GPU instance"}
LEASED = {
    "TermType": "Reserved",
    "LeaseContractLength": "1yr",
    "PurchaseOption": "Partial Upfront",
    "OfferingClass": "standard",
    "OfferTermCode": "R1",
}
ROWS = [
    price_row("p5.48xlarge", "55.0400000000", **P5, Network_Performance="3200 Gigabit"),
    price_row("m7i.2xlarge", "0.4032", vCPU="8", Memory="32 GiB"),
    price_row("m7i.2xlarge", "0.7712", vCPU="8", Memory="32 GiB", Operating_System="Windows"),
    price_row("m7i.2xlarge", "0.0000000000", CapacityStatus="UnusedCapacityReservation"),
    price_row("m7i.2xlarge", "0.9", Tenancy="Dedicated"),
    price_row("m7i.2xlarge", "0.9") | {"Pre Installed S/W": "SQL Std"},
    # Without MarketOption eight H200 would be free.
    price_row("p5e.48xlarge", "0.0000000000", MarketOption="CapacityBlock", **P5),
    price_row("p5.48xlarge", "282000", **P5, **LEASED, Unit="Quantity"),
    price_row("p5.48xlarge", "20.0", **P5, **LEASED),
    price_row("", "0.0", Location="Any"),  # the free tier
]


@pytest.fixture
def public(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeAws]:
    """The fake's public files, and no credentials."""
    with FakeAws() as fake:
        for name, value in fake.public_env.items():
            monkeypatch.setenv(name, value)
        serve(fake, ROWS)
        yield fake


def serve(fake: FakeAws, rows: list[dict[str, str]]) -> None:
    regions = {REGION: {"currentVersionUrl": f"{EC2}/20261120/{REGION}/index.json"}}
    index = json.dumps({"publicationDate": "2026-11-20T00:00:00Z", "regions": regions})
    fake.files[f"{EC2}/current/region_index.json"] = index.encode
    fake.files[f"{EC2}/20261120/{REGION}/index.csv"] = lambda: csv_file(COLUMNS, rows)


def fetch(kind: str = "on_demand", region: str = REGION, seconds: float = 60) -> Fetched:
    return AwsSource().fetch(region, kind, time.monotonic() + seconds)


def prices(fetched: Fetched) -> dict[str, float]:
    return {row["instance_type"]: row["usd_per_hour"] for row in fetched.options}


def lines(rows: list[dict[str, str]]) -> list[bytes]:
    return csv_file(COLUMNS, rows).splitlines(keepends=True)


def test_a_price_file_gives_machines_and_prices(public: FakeAws) -> None:
    fetched = fetch()
    assert prices(fetched) == {"p5.48xlarge": 55.04, "m7i.2xlarge": 0.4032}
    by_name = {row["instance_type"]: row for row in fetched.offers}
    p5 = by_name["p5.48xlarge"]
    assert (p5["vcpus"], p5["memory_gib"], p5["network_gbps"]) == (192, 2048.0, 3200.0)
    assert (p5["accelerator"], p5["accelerator_count"]) == ("H100-80GB", 8)
    assert by_name["m7i.2xlarge"]["accelerator"] == ""
    reasons = {(reject.what, reject.reason) for reject in fetched.rejects}
    assert ("p5e.48xlarge", "marketoption is CapacityBlock, not OnDemand") in reasons
    assert fetched.as_of == datetime(2026, 11, 20, tzinfo=UTC)
    assert "no account asked" in fetched.source


def test_reservations_of_the_file_are_hours_and_upfront_fee(public: FakeAws) -> None:
    (row,) = fetch("reservation").options
    assert (row["term_months"], row["payment"]) == (12, "partial upfront")
    assert (row["upfront_usd"], row["usd_per_hour"]) == (282000.0, 20.0)


def test_a_price_file_without_market_option_is_refused() -> None:
    columns = [column for column in COLUMNS if column != "MarketOption"]
    body = csv_file(columns, ROWS).splitlines(keepends=True)
    with pytest.raises(FetchFailed, match="no column MarketOption"):
        read_price_file(body, REGION)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (price_row("a1.large", "0.05", Currency="CNY"), "priced in CNY"),
        (price_row("a1.large", "0.05", Unit="Quantity"), "per Quantity"),
        (price_row("a1.large", "0"), "$0"),
        (price_row("a1.large", "much"), "not a number"),
        (price_row("a1.large", "0.05", operation="RunInstances:0010"), "licence"),
        (price_row("a1.large", "0.05", usageType="USE2-UnusedBox:a1.large"), "not plain use"),
        (price_row("a1.large", "0.05") | {"Location Type": "AWS Local Zone"}, "Local Zone"),
    ],
)
def test_rows_that_are_no_price_are_told(row: dict[str, str], reason: str) -> None:
    found = read_price_file(lines([*ROWS, row]), REGION)
    assert "a1.large" not in found.prices.on_demand
    (reject,) = [r for r in found.prices.on_demand_rejects if r.what == "a1.large"]
    assert reason in reject.reason


def test_prices_of_other_regions_in_a_file_are_left_out() -> None:
    found = read_price_file(lines([*ROWS, price_row("a1.large", "1", "us-east-2-chi-1")]), REGION)
    assert "a1.large" not in found.prices.on_demand


def test_a_row_of_another_width_is_told_and_costs_no_other() -> None:
    body = lines(ROWS)
    body.append(b'"X","OnDemand","Linux","Shared"\r\n')
    found = read_price_file(body, REGION)
    assert len(found.prices.on_demand) == 2
    assert "fields under" in found.rejects[0].reason


@pytest.mark.parametrize("cut", [0, 3, 6])
def test_a_file_without_rows_is_a_failure(cut: int) -> None:
    with pytest.raises(FetchFailed):
        read_price_file(lines(ROWS)[:cut], REGION)


def test_bytes_that_are_no_text_are_a_failure() -> None:
    with pytest.raises(FetchFailed, match="not readable as CSV"):
        read_price_file([*lines(ROWS), b"\xff\xfe Linux Shared\n"], REGION)


def facts(name: str, **over: str) -> dict[str, Any]:
    return machine_row(price_row(name, "1.0", **over), REGION)


def test_devices_come_from_the_snapshot_and_new_sizes_from_their_family() -> None:
    assert facts("g6f.large")["accelerator_count"] == 0.125  # the file cannot say so
    assert facts("trn1.32xlarge", Instance_Family="Machine Learning ASIC Instances")[
        "accelerator"
    ] == ("Trainium1")
    assert "g6.56xlarge" not in known_devices()
    new = facts("g6.56xlarge", GPU="8", Instance_Family="GPU instance")
    assert (new["accelerator"], new["accelerator_count"]) == ("L4", 8)


@pytest.mark.parametrize(
    ("name", "over", "reason"),
    [
        ("p9.48xlarge", P5, "no facts about the accelerator of p9"),
        ("trn9.3xlarge", {"Instance_Family": "Machine Learning ASIC Instances"}, "of trn9"),
        ("p9.48xlarge", {"GPU": "8"}, "of p9"),
        ("g6f.56xlarge", {"GPU": "1"}, "how much of a device"),
        ("g6.56xlarge", {"Instance_Family": "GPU instance"}, "how much of a device"),
        ("m9.large", {"Memory": "NA"}, "memory not stated"),
        ("m9.large", {"vCPU": ""}, "memory not stated"),
    ],
)
def test_what_a_machine_has_is_not_guessed(name: str, over: dict[str, str], reason: str) -> None:
    found = read_price_file(lines([*ROWS, price_row(name, "1.0", **over)]), REGION)
    assert name not in found.machines
    (reject,) = found.rejects
    assert reject.what == name
    assert reason in reject.reason


def test_a_burst_is_no_bandwidth() -> None:
    assert facts("m9.large", Network_Performance="Up to 12500 Megabit")["network_gbps"] is None
    assert facts("m9.large", Network_Performance="12500 Megabit")["network_gbps"] == 12.5
    assert facts("m9.large", Network_Performance="High")["network_gbps"] is None


def plans(public: FakeAws, rows: list[dict[str, str]]) -> None:
    regions = [{"regionCode": REGION, "versionUrl": f"{PLANS}/20261120/{REGION}/index.json"}]
    public.files[f"{PLANS}/current/region_index.json"] = json.dumps({"regions": regions}).encode
    public.files[f"{PLANS}/20261120/{REGION}/index.csv"] = lambda: csv_file(
        PLAN_COLUMNS, rows, quoted=False
    )


def test_plans_of_the_file(public: FakeAws) -> None:
    plans(
        public,
        [
            plan_row("p5.48xlarge", "40.1"),
            plan_row("p5.48xlarge", "37.0", PurchaseOption="All Upfront", LeaseContractLength="3"),
            plan_row("p5.48xlarge", "9.9", Product_Family="EC2InstanceSavingsPlans"),
            plan_row("p5.48xlarge", "9.9", DiscountedUsageType="USE2-UnusedBox:p5.48xlarge"),
            plan_row("p5.48xlarge", "9.9", DiscountedOperation="RunInstances:0002"),
            plan_row("p5.48xlarge", "9.9", "us-east-1"),
            plan_row("p5.48xlarge", "9.9", DiscountedServiceCode="AmazonECS"),
            plan_row("a1.ghost", "9.9"),
        ],
    )
    rows = fetch("savings_plan").options
    assert [(row["payment"], row["upfront_usd"], row["usd_per_hour"]) for row in rows] == [
        ("no upfront", 0.0, 40.1),
        ("all upfront", 972360.0, 0.0),
    ]
    assert Commitment(40.1, 0.0) == Commitment(rows[0]["usd_per_hour"], rows[0]["upfront_usd"])


def test_spot_is_derived_from_the_advisors_savings_and_says_so(public: FakeAws) -> None:
    document = {
        "ranges": [{"index": 0, "label": "<5%", "dots": 0, "max": 5}],
        "spot_advisor": {REGION: {"Linux": {"p5.48xlarge": {"s": 57, "r": 0}, "x.y": {"s": 1}}}},
    }
    public.files["/spot-advisor-data.json"] = json.dumps(document).encode
    fetched = fetch("spot")
    (row,) = fetched.options
    assert row["usd_per_hour"] == pytest.approx(55.04 * 0.43)
    assert (row["confidence"], row["interruption_per_month_high"]) == ("derived", 0.05)
    assert fetched.source.startswith("derived")


def test_spot_without_the_advisor_is_a_failure_that_names_the_account(public: FakeAws) -> None:
    with pytest.raises(FetchFailed) as caught:
        fetch("spot")
    assert "HTTP 404" in caught.value.problem
    assert "aws configure" in caught.value.remedy


def test_each_file_is_read_once(public: FakeAws) -> None:
    source = AwsSource()
    for kind in ("on_demand", "reservation"):
        source.fetch(REGION, kind, time.monotonic() + 60)
    assert [call.path for call in public.calls].count(f"{EC2}/20261120/{REGION}/index.csv") == 1


def test_what_needs_an_account_says_what_to_run(public: FakeAws) -> None:
    with pytest.raises(FetchFailed) as caught:
        fetch("capacity_block")
    assert "aws configure" in caught.value.remedy
    source = open_source("aws")
    assert source.missing() is None
    assert isinstance(source, AwsSource)
    assert "aws configure" in source.note
    assert "derived" in source.note
    assert source.needs == source.note  # what `planner doctor` shows
    assert "capacity_block" not in source.kinds
    assert not source.has_quotas


def test_without_boto3_the_files_are_read_and_the_extra_is_named(
    public: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    source = AwsSource()
    assert source.missing() is None
    assert "ai-capacity-planner[aws]" in source.note
    assert len(source.fetch(REGION, "on_demand", time.monotonic() + 60).options) == 2


@pytest.mark.parametrize(
    "url",
    [
        "https://elsewhere.example/offers/v1.0/aws/AmazonEC2/20261120/us-east-2/index.json",
        f"{EC2}/20261120/../../../../secret/us-east-2/index.json",
        f"{EC2}/20261120/us-west-1/index.json",
        f"{EC2}/20261120/us-east-2/index.zip",
        None,
        7,
    ],
)
def test_a_listed_path_that_is_no_price_file_is_not_followed(public: FakeAws, url: object) -> None:
    index = {"regions": {REGION: {"currentVersionUrl": url}}}
    public.files[f"{EC2}/current/region_index.json"] = json.dumps(index).encode
    with pytest.raises(FetchFailed, match="no price file"):
        fetch()
    assert len(public.calls) == 1


def test_a_region_that_is_not_listed_is_told(public: FakeAws) -> None:
    with pytest.raises(FetchFailed, match="no price file for eu-nowhere-1"):
        fetch(region="eu-nowhere-1")


def test_a_file_over_the_limit_is_refused(public: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("catalog.sources.aws_public.MAX_FILE_BYTES", 1 << 20)
    public.queue(Fault.gzip_bomb(8 << 20), path=f"{EC2}/20261120/{REGION}/index.csv")
    with pytest.raises(FetchFailed, match="more than 1 MiB"):
        fetch()


def test_a_truncated_file_is_fetched_again(
    public: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("catalog.sources.http.FIRST_WAIT_S", 0.01)
    monkeypatch.setattr("catalog.sources.http.JITTER_S", 0.0)
    public.queue(Fault.truncated(0.8), path=f"{EC2}/20261120/{REGION}/index.csv")
    assert len(fetch().options) == 2


def test_a_login_page_is_no_price_file(public: FakeAws) -> None:
    public.queue(Fault.login_page(), path=f"{EC2}/20261120/{REGION}/index.csv")
    with pytest.raises(FetchFailed, match="no column"):
        fetch()


def test_the_deadline_holds(public: FakeAws) -> None:
    with pytest.raises(FetchFailed, match="out of time"):
        fetch(seconds=-1)
