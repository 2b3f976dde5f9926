"""The AWS source through the real boto3 client against a fake AWS."""

from __future__ import annotations

import json
import logging
import time
from pathlib import Path
from typing import Any

import pytest

from catalog.sources import FetchFailed, open_source
from catalog.sources.aws import AwsSource
from catalog.sources.aws_errors import explained
from catalog.sources.base import Fetched
from tests.catalog.conftest import SECRET_KEY
from tests.fakes.aws import (
    FakeAws,
    ec2_error,
    instance_type,
    json_error,
    lease,
    paged,
    price_item,
    priced,
    term,
    xml_drift,
)
from tests.fakes.server import Fault, Reply

ADVISOR = {
    "ranges": [{"index": 1, "label": "5-10%", "dots": 1, "max": 11}],
    "spot_advisor": {
        "us-east-1": {"Linux": {"g6.xlarge": {"s": 60, "r": 1}, "p5.48xlarge": {"s": 60, "r": 7}}}
    },
}


def fetch(kind: str = "on_demand", region: str = "us-east-1", seconds: float = 60) -> Fetched:
    return AwsSource().fetch(region, kind, time.monotonic() + seconds)


def failure(kind: str = "on_demand", region: str = "us-east-1", seconds: float = 60) -> FetchFailed:
    with pytest.raises(FetchFailed) as caught:
        fetch(kind, region, seconds)
    return caught.value


def prices(fetched: Fetched) -> dict[str, float]:
    return {row["instance_type"]: row["usd_per_hour"] for row in fetched.options}


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """One attempt: what is retried is seen in the throttling test."""
    monkeypatch.setattr("catalog.sources.aws_api.ATTEMPTS", 1)
    monkeypatch.setattr("catalog.sources.aws_api.READ_TIMEOUT_S", 1)


@pytest.fixture
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """The real client decides whether to try again; only its seconds of waiting are cut."""
    for backoff in (
        "botocore.retries.standard.ExponentialBackoff.delay_amount",
        "botocore.retryhandler.delay_exponential",
    ):
        monkeypatch.setattr(backoff, lambda *_, **__: 0.01)


def test_on_demand_reads_all_pages_and_names_what_it_leaves_out(aws: FakeAws) -> None:
    fetched = fetch()
    assert prices(fetched) == {"g6.xlarge": 0.9, "p5.48xlarge": 55.04, "m7i.2xlarge": 0.4032}
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


def test_on_demand_says_in_how_many_zones_a_machine_is_sold(aws: FakeAws) -> None:
    rows = {row["instance_type"]: row["obtainability"] for row in fetch().options}
    assert rows["g6.xlarge"] == "offered in 2 of 2 zones"
    assert rows["p5.48xlarge"] == "offered in 1 of 2 zones"


def test_a_machine_that_no_zone_of_the_region_offers_is_not_sold_there(aws: FakeAws) -> None:
    places = [("g6.xlarge", "us-east-1a"), ("m7i.2xlarge", "us-east-1-bos-1a")]
    aws.answers["DescribeInstanceTypeOfferings"] = lambda _: {
        "InstanceTypeOfferings": [
            {"InstanceType": name, "LocationType": "availability-zone", "Location": zone}
            for name, zone in places
        ]
    }
    fetched = fetch()
    assert set(prices(fetched)) == {"g6.xlarge"}
    assert ("m7i.2xlarge", "priced, but no zone of the region offers it") in {
        (reject.what, reject.reason) for reject in fetched.rejects
    }


def test_without_the_permission_zones_are_unknown_and_prices_are_not(aws: FakeAws) -> None:
    aws.faults["DescribeInstanceTypeOfferings"].append(
        ec2_error("UnauthorizedOperation", status=403)
    )
    fetched = fetch()
    assert len(fetched.options) == 3
    assert not any(row.get("obtainability") for row in fetched.options)
    (note,) = (reject for reject in fetched.rejects if reject.what == "zones")
    assert "ec2:DescribeInstanceTypeOfferings" in note.reason


def test_prices_are_asked_for_one_region_at_the_price_list_endpoint(aws: FakeAws) -> None:
    fetch(region="eu-west-1")
    asked = [call for call in aws.asked if call.operation == "GetProducts"]
    assert {call.region for call in asked} == {"us-east-1"}
    filters = {item["Field"]: item["Value"] for item in asked[0]["Filters"]}
    assert filters["regionCode"] == "eu-west-1"
    assert filters["marketoption"] == "OnDemand"
    assert {call.region for call in aws.asked if call.service == "ec2"} == {"eu-west-1"}


def test_spot_is_the_median_over_zones_with_the_advisors_band(aws: FakeAws) -> None:
    aws.files["/spot-advisor-data.json"] = lambda: json.dumps(ADVISOR).encode()
    fetched = fetch("spot")
    assert prices(fetched) == {"g6.xlarge": 0.36, "p5.48xlarge": 21.3942}
    assert {row["kind"] for row in fetched.options} == {"spot"}
    asked = next(call for call in aws.asked if call.operation == "DescribeSpotPriceHistory")
    assert asked["ProductDescription.1"] == "Linux/UNIX"
    assert asked.get("StartTime")
    g6, p5 = fetched.options
    assert (g6["interruption_per_month_low"], g6["interruption_per_month_high"]) == (0.05, 0.1)
    assert "Spot Instance Advisor" in g6["interruption_source"]
    assert "interruption_per_month_low" not in p5  # a range the feed does not explain


def test_spot_prices_come_without_the_advisor_too(aws: FakeAws) -> None:
    fetched = fetch("spot")
    assert len(fetched.options) == 2
    (note,) = fetched_notes(fetched, "interruptions")
    assert "HTTP 404" in note


def fetched_notes(fetched: Fetched, what: str) -> list[str]:
    return [reject.reason for reject in fetched.rejects if reject.what == what]


def test_a_machine_is_priced_only_as_it_may_be_used(aws: FakeAws) -> None:
    blocks_only = instance_type("p6e.48xlarge", usage=("capacity-block",))
    no_spot = instance_type("p5.48xlarge", gpu=("H100", 8, 81920), usage=("on-demand",))
    aws.answers["DescribeInstanceTypes"] = paged([blocks_only, no_spot], "InstanceTypes")
    aws.answers["GetProducts"] = paged([price_item("p6e.48xlarge", "90.0")], "PriceList")
    del aws.answers["DescribeInstanceTypeOfferings"]
    aws.answers["DescribeInstanceTypeOfferings"] = lambda _: {"InstanceTypeOfferings": []}
    source = AwsSource()
    on_demand = source.fetch("us-east-1", "on_demand", time.monotonic() + 60)
    assert on_demand.options == ()
    assert fetched_notes(on_demand, "p6e.48xlarge") == ["priced, but sold as capacity-block only"]
    spot = source.fetch("us-east-1", "spot", time.monotonic() + 60)
    assert fetched_notes(spot, "p5.48xlarge") == ["priced, but sold as on-demand only"]


def test_reservations_come_from_the_same_price_list(aws: FakeAws) -> None:
    terms = {
        "OnDemand": [term([("Hrs", "0.9")])],
        "Reserved": [
            lease(1, "No Upfront", [("Hrs", "0.6")]),
            lease(1, "Partial Upfront", [("Hrs", "0.29"), ("Quantity", "2500")]),
            lease(3, "All Upfront", [("Hrs", "0.0"), ("Quantity", "11000")]),
        ],
    }
    aws.answers["GetProducts"] = paged([priced("g6.xlarge", terms)], "PriceList")
    source = AwsSource()
    rows = source.fetch("us-east-1", "reservation", time.monotonic() + 60).options
    assert [
        (row["term_months"], row["payment"], row["upfront_usd"], row["usd_per_hour"])
        for row in rows
    ] == [
        (12, "no upfront", 0.0, 0.6),
        (12, "partial upfront", 2500.0, 0.29),
        (36, "all upfront", 11000.0, 0.0),
    ]
    assert {row["quota_class"] for row in rows} == {"aws/G and VT on-demand"}
    asked = aws.count("GetProducts")
    source.fetch("us-east-1", "on_demand", time.monotonic() + 60)
    assert (aws.count("GetProducts"), aws.count("DescribeInstanceTypes")) == (asked, 2)


def plan_rate(name: str, rate: str, usage: str = "BoxUsage") -> dict[str, Any]:
    properties = {"region": "us-east-1", "instanceType": name}
    return {
        "savingsPlanOffering": {
            "offeringId": "o-1",
            "planType": "Compute",
            "paymentOption": "No Upfront",
            "durationSeconds": 31536000,
            "currency": "USD",
        },
        "rate": rate,
        "unit": "Hrs",
        "productType": "EC2",
        "serviceCode": "AmazonEC2",
        "usageType": f"{usage}:{name}",
        "operation": "RunInstances",
        "properties": [{"name": key, "value": value} for key, value in properties.items()],
    }


def test_savings_plans_are_paged_by_hand(aws: FakeAws) -> None:
    rates = [
        plan_rate("g6.xlarge", "0.65"),
        plan_rate("g6.xlarge", "0.01", usage="UnusedBox"),
        plan_rate("p5.48xlarge", "40.1"),
        plan_rate("p9.ghost", "1.0"),
        plan_rate("m7i.2xlarge", "0.3"),
    ]
    aws.answers["DescribeSavingsPlansOfferingRates"] = paged(rates, "searchResults")
    fetched = fetch("savings_plan")
    assert prices(fetched) == {"g6.xlarge": 0.65, "m7i.2xlarge": 0.3, "p5.48xlarge": 40.1}
    assert {(row["term_months"], row["payment"]) for row in fetched.options} == {(12, "no upfront")}
    assert aws.count("DescribeSavingsPlansOfferingRates") == 3
    asked = next(call for call in aws.asked if call.service == "savingsplans")
    assert asked.region == "us-east-1"
    assert asked["savingsPlanTypes"] == ["Compute"]


def test_plan_pages_in_a_circle_end(aws: FakeAws) -> None:
    aws.answers["DescribeSavingsPlansOfferingRates"] = lambda _: {
        "searchResults": [],
        "nextToken": "again",
    }
    assert "same page token" in failure("savings_plan").problem


def test_blocks_are_asked_for_machines_that_are_sold_so(aws: FakeAws) -> None:
    aws.answers["DescribeInstanceTypes"] = paged(
        [
            instance_type("m7i.2xlarge"),
            instance_type("p5.48xlarge", usage=("on-demand", "spot", "capacity-block")),
            instance_type("p5en.48xlarge", usage=("on-demand", "capacity-block")),
        ],
        "InstanceTypes",
    )
    block = {
        "CapacityBlockOfferingId": "cb-1",
        "InstanceType": "p5.48xlarge",
        "InstanceCount": 1,
        "CapacityBlockDurationHours": 24,
        "UpfrontFee": "755.136",
        "CurrencyCode": "USD",
    }
    aws.answers["DescribeCapacityBlockOfferings"] = lambda asked: {
        "CapacityBlockOfferings": [block] if asked["InstanceType"] == "p5.48xlarge" else []
    }
    fetched = fetch("capacity_block")
    assert prices(fetched) == {"p5.48xlarge": 31.464}
    assert [row["instance_type"] for row in fetched.offers] == ["p5.48xlarge"]
    assert fetched_notes(fetched, "p5en.48xlarge") == ["no capacity block on offer"]
    asked = [c for c in aws.asked if c.operation == "DescribeCapacityBlockOfferings"]
    assert [call["InstanceType"] for call in asked] == ["p5.48xlarge", "p5en.48xlarge"]
    assert (asked[0]["InstanceCount"], asked[0]["CapacityDurationHours"]) == ("1", "24")


def test_blocks_that_all_cannot_be_read_are_a_failure_and_none_are_not(aws: FakeAws) -> None:
    assert fetch("capacity_block").options == ()  # no machine of the region is sold so
    aws.answers["DescribeInstanceTypes"] = paged(
        [instance_type("p5.48xlarge", usage=("capacity-block",))], "InstanceTypes"
    )
    aws.answers["DescribeCapacityBlockOfferings"] = lambda _: {
        "CapacityBlockOfferings": [{"InstanceType": "p5.48xlarge", "UpfrontFee": "1"}]
    }
    assert "without a count" in failure("capacity_block").problem


def test_all_kinds_of_a_region_ask_for_its_machines_once(aws: FakeAws) -> None:
    aws.answers["DescribeSavingsPlansOfferingRates"] = paged([], "searchResults")
    source = AwsSource()
    for kind in source.kinds:
        source.fetch("us-east-1", kind, time.monotonic() + 60)
    assert aws.count("DescribeInstanceTypes") == 2  # pages


@pytest.mark.parametrize("mode", ["legacy", "standard", "adaptive"])
@pytest.mark.usefixtures("quick_retries")
def test_throttled_calls_are_tried_again(
    aws: FakeAws, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("catalog.sources.aws_api.RETRY_MODE", mode)
    throttle = ec2_error("RequestLimitExceeded", status=503)
    aws.faults["DescribeInstanceTypes"].append(throttle)
    aws.faults["GetProducts"].append(json_error("ThrottlingException"))
    assert len(fetch().options) == 3
    assert aws.count("DescribeInstanceTypes") == 3  # two pages, one of them twice
    assert aws.count("GetProducts") == 5


@pytest.mark.usefixtures("quick_retries")
def test_resets_and_errors_of_servers_are_tried_again(aws: FakeAws) -> None:
    aws.queue(Fault.connection_reset(), Fault.status(500, b"<html>"))
    assert len(fetch().options) == 3


@pytest.mark.parametrize(
    ("reply", "said", "remedy"),
    [
        (ec2_error("AuthFailure", status=401), "not enabled", "--regions"),
        (ec2_error("OptInRequired", status=401), "not opted in", "--regions"),
        (ec2_error("UnauthorizedOperation", status=403), "may not", "ec2:DescribeInstanceTypes"),
        (ec2_error("RequestExpired"), "another time", "check clock"),
        (ec2_error("SignatureDoesNotMatch", status=403), "signature", "check clock"),
        (ec2_error("InvalidClientTokenId", status=403), "does not know", "aws configure"),
        (ec2_error("ExpiredToken"), "have expired", "aws sso login"),
        (ec2_error("RequestLimitExceeded", status=503), "throttled", "later"),
        (ec2_error("Odd", f"key {SECRET_KEY} of AKIAIOSFODNN7EXAMPLE"), "key *** of ***", "later"),
        (Reply(200, b"<DescribeInstanceTypesResponse><item>"), "cannot be read", "later"),
        (Reply(200, b"<Describe", promised_bytes=5000), "cannot be read", "later"),
        (Reply(200, b"<!DOCTYPE html><html>Sign in<br></html>"), "cannot be read", "later"),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("impatient")
def test_what_ec2_can_answer_wrongly(aws: FakeAws, reply: Reply, said: str, remedy: str) -> None:
    aws.faults["DescribeInstanceTypes"].append(reply)
    error = failure()
    assert said in error.problem
    assert remedy in error.remedy


def test_a_wrong_clock_is_told_and_not_retried(aws: FakeAws) -> None:
    skewed = json_error("InvalidSignatureException", "Signature expired: 20261125 is now earlier")
    aws.faults["GetProducts"].extend([skewed] * 9)
    error = failure()
    assert "another time" in error.problem
    assert "check clock" in error.remedy
    assert aws.count("GetProducts") == 1


@pytest.mark.usefixtures("impatient")
def test_a_hanging_region_ends_by_the_read_timeout(aws: FakeAws) -> None:
    aws.queue(Fault.hang())
    start = time.monotonic()
    assert "ReadTimeoutError" in failure().problem
    assert time.monotonic() - start < 5


@pytest.mark.usefixtures("impatient")
def test_price_list_failures_are_told(aws: FakeAws) -> None:
    aws.faults["GetProducts"].append(json_error("AccessDeniedException"))
    assert "pricing:GetProducts" in failure().remedy


@pytest.mark.usefixtures("impatient")
def test_an_operation_the_fake_lacks_is_an_error(aws: FakeAws) -> None:
    del aws.answers["GetProducts"]
    assert "FakeHasNoAnswer" in failure().problem


@pytest.mark.parametrize("seed", range(12))
def test_drift_costs_rows_or_the_slice_and_never_makes_a_wrong_price(
    aws: FakeAws, seed: int
) -> None:
    right = {"g6.xlarge": 0.9, "p5.48xlarge": 55.04, "m7i.2xlarge": 0.4032}
    aws.queue(xml_drift(seed), Fault.drift(seed), Fault.drift(seed + 100), Fault.drift(seed + 200))
    try:
        fetched = fetch()
    except FetchFailed:
        return
    assert prices(fetched).items() <= right.items()
    lost = set(right) - set(prices(fetched))
    assert not lost or fetched.rejects


def test_unknown_fields_are_ignored(aws: FakeAws) -> None:
    new = json.loads(price_item("g6.xlarge", "0.9")) | {"newThing": {"deep": [1]}}
    new["product"]["attributes"]["brandNewAttribute"] = "yes"
    aws.answers["GetProducts"] = paged([json.dumps(new)], "PriceList")
    assert prices(fetch()) == {"g6.xlarge": 0.9}


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


def test_profile_that_does_not_exist_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    missing = open_source("aws").missing()
    assert missing is not None
    assert "nobody" in missing.what
    assert "aws configure list-profiles" in missing.remedy
    assert "aws configure list-profiles" in failure().remedy


def test_half_of_the_credentials_are_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    missing = open_source("aws").missing()
    assert missing is not None
    assert "half" in missing.what
    assert "AWS_SECRET_ACCESS_KEY" in missing.remedy


def test_a_configuration_that_cannot_be_read_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "config"
    config.write_text("region us-east-1\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    missing = open_source("sagemaker").missing()
    assert missing is not None
    assert "~/.aws/config" in missing.remedy


def test_an_expired_sso_session_says_how_to_log_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "config"
    config.write_text(
        "[default]\nsso_start_url = https://example.awsapps.com/start\nsso_region = us-east-1\n"
        "sso_account_id = 111122223333\nsso_role_name = reader\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("HOME", str(tmp_path))
    error = failure()
    assert "SSO session" in error.problem
    assert "aws sso login" in error.remedy


def test_a_failing_credential_process_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "config"
    config.write_text("[default]\ncredential_process = /bin/false\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    missing = open_source("aws").missing()
    assert missing is not None
    assert "credential_process" in missing.remedy


@pytest.mark.parametrize(
    ("name", "said", "remedy"),
    [
        ("NoCredentialsError", "no AWS credentials", "aws configure"),
        ("SSOTokenLoadError", "no AWS SSO session", "aws sso login"),
        ("UnauthorizedSSOTokenError", "SSO session has expired", "aws sso login"),
        ("TokenRetrievalError", "SSO session has expired", "aws sso login"),
        ("MetadataRetrievalError", "metadata service", "instance role"),
    ],
)
def test_errors_of_credentials_say_what_to_run(name: str, said: str, remedy: str) -> None:
    import botocore.exceptions

    fields = {"error_msg": "x", "provider": "sso"}
    error = explained(getattr(botocore.exceptions, name)(**fields), "us-east-1")
    assert error is not None
    assert said in error.problem
    assert remedy in error.remedy


def test_an_error_that_is_not_botocores_is_no_failure_of_aws() -> None:
    assert explained(ValueError("a bug"), "us-east-1") is None


@pytest.mark.usefixtures("credentials")
def test_with_credentials_nothing_is_missing() -> None:
    source = AwsSource()
    assert (source.missing(), source.note) == (None, "")
    assert source.has_quotas
    assert "capacity_block" in source.kinds


def test_government_regions_are_not_asked_by_default() -> None:
    assert AwsSource().regions(["us-east-1", "us-gov-west-1", "cn-north-1"]) == ["us-east-1"]
