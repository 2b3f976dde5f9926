"""The AWS source through the real boto3 client against a fake AWS."""

from __future__ import annotations

import logging
import sys
import time

import pytest

from catalog.sources import FetchFailed, open_source
from catalog.sources.aws import AwsSource
from catalog.sources.base import Fetched
from tests.catalog.conftest import SECRET_KEY
from tests.fakes.aws import FakeAws, Reply, ec2_error, json_error


def fetch(kind: str = "on_demand", region: str = "us-east-1", seconds: float = 60) -> Fetched:
    return AwsSource().fetch(region, kind, time.monotonic() + seconds)


def failure(kind: str = "on_demand", region: str = "us-east-1", seconds: float = 60) -> FetchFailed:
    with pytest.raises(FetchFailed) as caught:
        fetch(kind, region, seconds)
    return caught.value


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """One attempt: what is retried is seen in the throttling test."""
    monkeypatch.setattr("catalog.sources.aws_api.ATTEMPTS", 1)
    monkeypatch.setattr("catalog.sources.aws_api.READ_TIMEOUT_S", 1)


def test_on_demand_reads_all_pages_and_names_what_it_leaves_out(aws: FakeAws) -> None:
    fetched = fetch()
    prices = {row["instance_type"]: row["usd_per_hour"] for row in fetched.options}
    assert prices == {"g6.xlarge": 0.9, "p5.48xlarge": 55.04, "m7i.2xlarge": 0.4032}
    assert aws.count("DescribeInstanceTypes") == 2
    assert aws.count("GetProducts") == 4
    reasons = {(reject.what, reject.reason) for reject in fetched.rejects}
    assert reasons == {
        ("p5.48xlarge", "capacitystatus is AllocatedCapacityReservation, not Used"),
        ("p5.48xlarge", "marketoption is CapacityBlock, not OnDemand"),
        ("z9.huge", "no facts about accelerator 'Z9000'"),
        ("p9.ghost", "priced, but not among the region's instance types"),
    }
    assert "GetProducts" in fetched.source
    p5 = next(row for row in fetched.offers if row["instance_type"] == "p5.48xlarge")
    assert (p5["accelerator"], p5["accelerator_count"]) == ("H100-80GB", 8)
    assert (p5["network_gbps"], p5["rdma_gbps"]) == (3200, 3200)


def test_prices_are_asked_for_one_region_at_the_price_list_endpoint(aws: FakeAws) -> None:
    fetch(region="eu-west-1")
    asked = [call for call in aws.asked if call.operation == "GetProducts"]
    assert {call.region for call in asked} == {"us-east-1"}
    filters = {item["Field"]: item["Value"] for item in asked[0].parameters["Filters"]}
    assert filters["regionCode"] == "eu-west-1"
    assert filters["marketoption"] == "OnDemand"
    assert {call.region for call in aws.asked if call.service == "ec2"} == {"eu-west-1"}


def test_spot_is_the_median_over_zones_of_the_newest_prices(aws: FakeAws) -> None:
    fetched = fetch("spot")
    prices = {row["instance_type"]: row["usd_per_hour"] for row in fetched.options}
    assert prices == {"g6.xlarge": 0.36, "p5.48xlarge": 21.3942}
    assert {row["kind"] for row in fetched.options} == {"spot"}
    asked = next(call for call in aws.asked if call.operation == "DescribeSpotPriceHistory")
    assert asked.parameters["ProductDescription.1"] == "Linux/UNIX"
    assert "StartTime" in asked.parameters


def test_both_kinds_of_a_region_ask_for_its_machines_once(aws: FakeAws) -> None:
    source = AwsSource()
    for kind in source.kinds:
        source.fetch("us-east-1", kind, time.monotonic() + 60)
    assert aws.count("DescribeInstanceTypes") == 2  # pages


def test_throttled_calls_are_tried_again(aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:
    # The real client decides whether to try again; only its seconds of waiting are cut.
    backoff = "botocore.retries.standard.ExponentialBackoff.delay_amount"
    monkeypatch.setattr(backoff, lambda *_: 0.01)
    aws.faults["DescribeInstanceTypes"].append(ec2_error("RequestLimitExceeded", status=503))
    assert len(fetch().options) == 3
    assert aws.count("DescribeInstanceTypes") == 3  # two pages, one of them twice


@pytest.mark.parametrize(
    ("reply", "said", "remedy"),
    [
        (ec2_error("AuthFailure", status=401), "not enabled", "--regions"),
        (ec2_error("UnauthorizedOperation", status=403), "may not", "ec2:DescribeInstanceTypes"),
        (ec2_error("RequestExpired"), "another time", "clock"),
        (ec2_error("RequestLimitExceeded", status=503), "throttled", "later"),
        (ec2_error("Odd", f"key {SECRET_KEY} of AKIAIOSFODNN7EXAMPLE"), "key *** of ***", "later"),
        (Reply(200, b"<DescribeInstanceTypesResponse><item>"), "cannot be read", "later"),
        (Reply(200, b"<Describe", promised_bytes=5000), "cannot be read", "later"),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("impatient")
def test_what_ec2_can_answer_wrongly(aws: FakeAws, reply: Reply, said: str, remedy: str) -> None:
    aws.faults["DescribeInstanceTypes"].append(reply)
    error = failure()
    assert said in error.problem
    assert remedy in error.remedy


@pytest.mark.usefixtures("impatient")
def test_price_list_failures_are_told(aws: FakeAws) -> None:
    aws.faults["GetProducts"].append(json_error("AccessDeniedException"))
    assert "pricing:GetProducts" in failure().remedy


@pytest.mark.usefixtures("impatient")
def test_an_operation_the_fake_lacks_is_an_error(aws: FakeAws) -> None:
    del aws.answers["GetProducts"]
    assert "FakeHasNoAnswer" in failure().problem


@pytest.mark.usefixtures("impatient", "credentials")
def test_unreachable_endpoint_is_told() -> None:
    assert "EndpointConnectionError" in failure().problem


def test_deadline_is_kept_between_pages(aws: FakeAws) -> None:
    assert "out of time" in failure(seconds=-1).problem
    assert not aws.calls


def test_secrets_stay_out_of_errors_and_logs(
    aws: FakeAws, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    aws.faults["DescribeInstanceTypes"].append(
        ec2_error("SignatureDoesNotMatch", f"Credential AKIAIOSFODNN7EXAMPLE {SECRET_KEY}")
    )
    with caplog.at_level(logging.INFO):
        error = failure()
    seen = f"{error}{error.__cause__}{caplog.text}{capfd.readouterr()}"
    assert SECRET_KEY not in seen
    assert "AKIAIOSFODNN7EXAMPLE" not in seen


def test_missing_credentials_name_the_command() -> None:
    missing = open_source("aws").missing()
    assert missing is not None
    assert "no AWS credentials" in missing.what
    assert "aws configure" in missing.remedy


def test_profile_that_does_not_exist_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    missing = open_source("aws").missing()
    assert missing is not None
    assert "nobody" in missing.what


def test_missing_boto3_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    missing = open_source("aws").missing()
    assert missing is not None
    assert missing.remedy == "pip install 'ai-capacity-planner[aws]'"
    assert "ai-capacity-planner[aws]" in failure().remedy


@pytest.mark.usefixtures("credentials")
def test_with_credentials_nothing_is_missing() -> None:
    assert open_source("aws").missing() is None


def test_government_regions_are_not_asked_by_default() -> None:
    assert AwsSource().regions(["us-east-1", "us-gov-west-1", "cn-north-1"]) == ["us-east-1"]
