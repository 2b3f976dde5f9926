"""What AWS and the way to it can do wrong, through the real boto3 client."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping
from typing import Any

import pytest

from catalog.sources import FetchFailed
from catalog.sources.aws import AwsSource
from catalog.sources.base import Fetched
from tests.catalog.conftest import SECRET_KEY
from tests.fakes.aws import (
    Asked,
    FakeAws,
    Handler,
    ec2_error,
    json_error,
    paged,
    price_item,
    xml_drift,
)
from tests.fakes.server import Fault, Reply


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


def test_half_an_answer_is_asked_for_again_and_no_page_is_read_twice(aws: FakeAws) -> None:
    whole = fetch()
    for number, half in enumerate((Fault.truncated(), Fault.silently_truncated(), Fault.garbage())):
        before = aws.count("DescribeInstanceTypes")
        # The second page of two breaks, so that the first is asked for a second time.
        first = aws.answers["DescribeInstanceTypes"]
        aws.answers["DescribeInstanceTypes"] = broken_once(aws, first, half)
        again = fetch()
        aws.answers["DescribeInstanceTypes"] = first
        assert (again.offers, again.options, again.rejects) == (
            whole.offers,
            whole.options,
            whole.rejects,
        ), number
        assert aws.count("DescribeInstanceTypes") == before + 4


def broken_once(aws: FakeAws, answer: Handler, fault: Fault) -> Handler:
    """``answer``, but after its first page the next request suffers ``fault``."""
    queued = []

    def broken(asked: Asked) -> Mapping[str, Any]:
        if not queued:
            queued.append(fault)
            aws.queue(fault)
        return answer(asked)

    return broken


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
    aws.faults["DescribeInstanceTypes"].extend([reply, reply])
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
