"""What goes wrong between the Azure clients and Azure, with the real client libraries."""

from __future__ import annotations

import logging
import time

import pytest

from catalog.sources.azure import AzureSource
from catalog.sources.azure_ml import AzureMlSource
from catalog.sources.base import FetchFailed
from tests.catalog.azure_fixtures import (
    azure_fixture,  # noqa: F401
    failure,
    no_real_azure,  # noqa: F401
    reasons,
    small_region,
    soon,
)
from tests.fakes.azure import ARM, CLIENT_SECRET, SUBSCRIPTION, TENANT, TOKEN, FakeAzure, arm_error
from tests.fakes.azure_ml import FakeAzureMl
from tests.fakes.server import Fault, json_reply

SKUS = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Compute/skus"
LOGIN = f"/{TENANT}/oauth2/v2.0/token"
SECRETS = (CLIENT_SECRET, TOKEN, "fake-access-token")


def test_a_short_retry_after_is_waited_for(azure: FakeAzure) -> None:
    azure.queue(Fault.status(429, b"{}", retry_after="1"), path=SKUS)
    start = time.monotonic()
    assert len(AzureSource().fetch("westus3", "on_demand", soon()).options) == 3
    assert 1 <= time.monotonic() - start < 8
    assert azure.count("/skus") == 2


@pytest.mark.parametrize("wait", ["86400", "61"])
def test_a_day_of_waiting_is_refused_with_words(azure: FakeAzure, wait: str) -> None:
    azure.closed["skus"] = arm_error("TooManyRequests", 429, retry_after=wait)
    start = time.monotonic()
    found = failure(AzureSource())
    assert time.monotonic() - start < 5
    assert f"asks to wait {wait} s" in found.problem
    assert "later" in found.remedy


def test_a_wait_past_the_deadline_is_refused_too(azure: FakeAzure) -> None:
    azure.closed["skus"] = arm_error("TooManyRequests", 429, retry_after="30")
    assert "asks to wait 30 s" in failure(AzureSource(), s=5).problem


def test_a_login_that_is_told_to_wait_a_day_is_refused_too(azure: FakeAzure) -> None:
    azure.queue(Fault.status(429, b"{}", retry_after="86400"), path=LOGIN)
    start = time.monotonic()
    assert "asks to wait 86400 s" in failure(AzureSource()).problem
    assert time.monotonic() - start < 5


def test_the_price_feed_may_not_make_us_wait_a_day_either(azure: FakeAzure) -> None:
    azure.queue(Fault.status(429, b"{}", retry_after="86400"), path="/api/retail/prices")
    start = time.monotonic()
    assert "asks to wait 86400 s" in failure(AzureSource()).problem
    assert time.monotonic() - start < 5


def test_throttling_without_end_is_said(azure: FakeAzure) -> None:
    azure.closed["skus"] = arm_error("TooManyRequests", 429)
    found = failure(AzureSource(), s=30)
    assert "throttled the requests (TooManyRequests)" in found.problem
    assert azure.count("/skus") == 4


@pytest.mark.parametrize(
    ("code", "status", "said", "remedy"),
    [
        ("AuthorizationFailed", 403, "may not do this", "Reader role"),
        ("SubscriptionNotFound", 404, "no such subscription", "AZURE_SUBSCRIPTION_ID"),
        ("InvalidAuthenticationTokenTenant", 401, "another tenant", "--tenant"),
        ("ExpiredAuthenticationToken", 401, "login has expired", "az login"),
        ("Unheard", 403, "may not do this", "Reader role"),
        ("Unheard", 401, "does not accept the login", "az login"),
    ],
)
def test_quotas_say_what_azure_refuses_and_what_to_do(
    azure: FakeAzure, code: str, status: int, said: str, remedy: str
) -> None:
    azure.closed["usages"] = arm_error(code, status)
    with pytest.raises(FetchFailed) as caught:
        AzureSource().fetch_quotas("westus3", soon())
    assert said in caught.value.problem
    assert remedy in caught.value.remedy


@pytest.mark.parametrize(
    ("code", "status", "said"),
    [
        ("NoRegisteredProviderFound", 400, "no such region"),
        ("MissingSubscriptionRegistration", 409, "no compute provider"),
        ("InternalServerError", 500, "Azure answered 500"),
    ],
)
def test_other_errors_of_azure_are_failures_with_words(
    azure: FakeAzure, code: str, status: int, said: str
) -> None:
    azure.closed["skus"] = arm_error(code, status)
    assert said in failure(AzureSource(), s=30).problem


def test_a_wrong_secret_is_named_and_not_shown(
    azure: FakeAzure, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = "Wr0~ng-client-secret-of-another-test-9876543210"
    monkeypatch.setenv("AZURE_CLIENT_SECRET", wrong)
    fetched = AzureSource().fetch("westus3", "on_demand", soon())
    told = reasons(fetched)["VM sizes"]
    assert "client secret is wrong (AADSTS7000215)" in told
    assert "renew AZURE_CLIENT_SECRET" in told
    assert wrong not in str(fetched)
    with pytest.raises(FetchFailed, match="client secret is wrong"):
        AzureSource().fetch_quotas("westus3", soon())


def test_no_login_at_all_says_what_to_run(
    azure: FakeAzure, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"):
        monkeypatch.delenv(name)
    fetched = AzureSource().fetch("westus3", "on_demand", soon())
    assert len(fetched.options) == 3
    assert "no usable Azure login" in reasons(fetched)["VM sizes"]
    with pytest.raises(FetchFailed, match="no usable Azure login") as caught:
        AzureSource().fetch_quotas("westus3", soon())
    assert "az login" in caught.value.remedy


@pytest.mark.parametrize(
    ("link", "said"),
    [
        ("https://management.azure.com.evil.example/skus?api-version=1", "another host"),
        ("https://evil.example/skus?api-version=1", "another host"),
        (f"{ARM.replace('https', 'http')}{SKUS}?api-version=1", "by plain http"),
    ],
)
def test_a_next_link_elsewhere_does_not_get_the_token(
    azure: FakeAzure, link: str, said: str
) -> None:
    azure.closed["skus"] = json_reply({"value": [], "nextLink": link})
    assert said in failure(AzureSource()).problem
    assert azure.count("skus") == 1


def test_a_redirect_is_not_followed(azure: FakeAzure) -> None:
    azure.queue(Fault.redirect("https://evil.example/"), path=SKUS)
    assert "302" in failure(AzureSource()).problem
    assert azure.count("/skus") == 1


def test_answers_that_are_cut_off_come_again(azure: FakeAzure) -> None:
    azure.queue(Fault.truncated(), Fault.connection_reset(), path=SKUS)
    assert len(AzureSource().fetch("westus3", "on_demand", soon()).options) == 3
    assert azure.count("/skus") == 3


@pytest.mark.parametrize(
    "fault",
    [
        Fault.silently_truncated(),
        Fault.garbage(),
        Fault.login_page(),
        Fault.deep_json(),
        Fault("a list", lambda _call, _reply: json_reply([{"value": []}])),
        Fault("no list", lambda _call, _reply: json_reply({"value": 7})),
    ],
)
def test_answers_that_cannot_be_read_are_failures_with_words(
    azure: FakeAzure, fault: Fault
) -> None:
    azure.queue(fault, path=SKUS)
    found = failure(AzureSource())
    assert "VM sizes of westus3" in found.problem
    assert "cannot be read" in found.problem


def test_a_dead_region_costs_no_more_than_the_deadline(azure: FakeAzure) -> None:
    azure.queue(*[Fault.hang()] * 5, path=SKUS)
    start = time.monotonic()
    found = failure(AzureSource(), s=1.5)
    assert time.monotonic() - start < 4
    assert "Azure" in found.problem


def test_a_dripping_answer_costs_no_more_than_the_deadline(azure: FakeAzure) -> None:
    azure.queue(*[Fault.slow(0.05)] * 5, path=SKUS)
    start = time.monotonic()
    assert "out of time" in failure(AzureSource(), s=1.5).problem
    assert time.monotonic() - start < 4


@pytest.mark.parametrize("fault", [Fault.oversized(3 << 20), Fault.gzip_bomb(3 << 20)])
def test_too_large_an_answer_is_refused(
    azure: FakeAzure, monkeypatch: pytest.MonkeyPatch, fault: Fault
) -> None:
    monkeypatch.setattr("catalog.sources.azure_transport.MAX_BODY_BYTES", 2 << 20)
    azure.queue(fault, path=SKUS)
    assert "more than 2 MiB" in failure(AzureSource()).problem


def test_a_closed_port_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_SUBSCRIPTION_ID", SUBSCRIPTION)
    found = failure(AzureSource(), s=8)
    assert "127.0.0.1:9" in found.problem or "cannot be reached" in found.problem


@pytest.mark.parametrize("seed", range(12))
def test_drift_of_any_answer_is_a_failure_or_fewer_rows(azure: FakeAzure, seed: int) -> None:
    for path in (SKUS, "/api/retail/prices", "/providers/Microsoft.ResourceGraph/resources"):
        azure.queue(Fault.drift(seed), path=path)
    try:
        fetched = AzureSource().fetch("westus3", "spot", soon())
    except FetchFailed as error:
        assert error.problem
        assert error.remedy
    else:
        assert len(fetched.options) <= 3


def _random_faults(fake: FakeAzure, source: AzureSource | AzureMlSource, seed: int) -> str:
    fake.fault(seed, 3)
    texts = []
    for kind in source.kinds:
        try:
            fetched = source.fetch("westus3", kind, soon(4))
        except FetchFailed as error:
            texts.append(f"{error.problem} {error.remedy}")
        else:
            texts.append(str(fetched))
            for row in fetched.options:
                assert row["usd_per_hour"] > 0
    return " ".join(texts)


@pytest.mark.parametrize("seed", range(10))
def test_random_faults_end_in_rows_or_words_and_show_no_secret(
    azure: FakeAzure, caplog: pytest.LogCaptureFixture, seed: int
) -> None:
    caplog.set_level(logging.DEBUG)
    text = _random_faults(azure, AzureSource(), seed)
    assert not any(secret in text for secret in SECRETS)
    logged = " ".join(record.getMessage() for record in caplog.records)
    assert not any(secret in logged for secret in SECRETS)


@pytest.mark.nightly
@pytest.mark.parametrize("seed", range(100))
def test_many_random_faults(azure: FakeAzure, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    text = _random_faults(azure, AzureSource(), 1000 + seed)
    with FakeAzureMl() as fake:
        monkeypatch.setenv("PLANNER_ENDPOINT_AZURE_ML", fake.url)
        fake.regions["westus3"] = small_region()
        text += _random_faults(fake, AzureMlSource(), 2000 + seed)
    assert not any(secret in text for secret in SECRETS)
