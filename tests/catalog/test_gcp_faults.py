"""What goes wrong with Google Cloud: credentials, refusals, throttling, broken answers."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from catalog.sources.base import FetchFailed
from catalog.sources.gcp import GcpSource
from catalog.sources.gcp_client import GoogleClients, SharedAnswer
from catalog.sources.gcp_errors import explained
from tests.catalog.gcp_setup import IOWA, fetch, gcp, usd
from tests.fakes.gcp import AGGREGATED, COMPUTE, FakeGcp, refusal
from tests.fakes.server import Fault

__all__ = ["gcp"]  # a fixture
SKU_PATH = f"/v1/services/{COMPUTE}/skus"
TYPES_PATH = f"{AGGREGATED}/machineTypes"
DAY = "86400"


def failure(kind: str = "on_demand", seconds: float = 20) -> FetchFailed:
    with pytest.raises(FetchFailed) as caught:
        fetch(kind, seconds=seconds)
    assert caught.value.__cause__ is None and caught.value.__suppress_context__ is True
    return caught.value


@pytest.mark.parametrize("path", [SKU_PATH, TYPES_PATH])
@pytest.mark.parametrize(
    "fault",
    [
        Fault.status(503, b"{}"),
        Fault.status(429, b"{}", retry_after=DAY),
        refusal(403, "rateLimitExceeded"),
        Fault.connection_reset(),
        Fault.truncated(),
    ],
    ids=lambda fault: fault.name,
)
def test_what_passes_is_waited_for_but_not_a_day(gcp: FakeGcp, path: str, fault: Fault) -> None:
    gcp.queue(fault, fault, path=path)
    start = time.monotonic()
    assert "a3-highgpu-8g" in usd(fetch())
    assert time.monotonic() - start < 15
    assert sum(call.path == path for call in gcp.calls) == {SKU_PATH: 8, TYPES_PATH: 3}[path] + 2


def test_throttling_that_lasts_ends_with_the_deadline(gcp: FakeGcp) -> None:
    gcp.queue(*[refusal(403, "rateLimitExceeded")] * 200, path=TYPES_PATH)
    start = time.monotonic()
    found = failure(seconds=1.5)
    assert time.monotonic() - start < 8
    assert found.problem == "Compute Engine: Google throttled the requests"


@pytest.mark.parametrize(
    ("fault", "problem", "remedy"),
    [
        (
            refusal(403, "accessNotConfigured"),
            "the Compute Engine API is not enabled in the project",
            "run `gcloud services enable compute.googleapis.com --project=fake-project`",
        ),
        (refusal(403, "forbidden"), "may not read this", "roles/compute.viewer"),
        (refusal(401, "authError"), "no usable Google Cloud credentials", "default login"),
        (refusal(404, "notFound"), "no such project", "GOOGLE_CLOUD_PROJECT"),
        (Fault.status(500, b"{}"), "Compute Engine: error 500", "later"),
        (Fault.garbage(), "cannot be read", "later"),
        (Fault.login_page(), "cannot be read", "later"),
        (Fault.silently_truncated(), "cannot be read", "later"),
        (Fault.deep_json(), "cannot be read", "later"),
        (Fault.redirect("http://127.0.0.2:9/elsewhere"), "TooManyRedirects", "network"),
    ],
    ids=lambda value: value.name if isinstance(value, Fault) else "",
)
def test_what_does_not_pass_is_not_asked_again(
    gcp: FakeGcp, fault: Fault, problem: str, remedy: str
) -> None:
    gcp.queue(fault, path=TYPES_PATH)
    found = failure()
    assert problem in found.problem and remedy in found.remedy
    assert sum(call.path == TYPES_PATH for call in gcp.calls) == 1


def test_newer_apis_name_their_reasons_elsewhere(gcp: FakeGcp) -> None:
    reason = {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": "SERVICE_DISABLED",
        "domain": "googleapis.com",
        "metadata": {"service": "cloudbilling.googleapis.com"},
    }
    body = {"error": {"code": 403, "message": "no", "status": "x", "details": [reason]}}
    gcp.queue(Fault.status(403, json.dumps(body).encode()), path=SKU_PATH)
    assert "gcloud services enable cloudbilling.googleapis.com" in failure().remedy


def test_a_failure_on_a_later_page_publishes_nothing(gcp: FakeGcp) -> None:
    kept = gcp.answer
    seen: list[str] = []

    def second_page_fails(call: Any) -> Any:
        if call.path == SKU_PATH and call.query.get("pageToken") == "3":
            seen.append(call.path)
            return refusal(400, "badRequest").change(call, kept(call))  # type: ignore[misc]
        return kept(call)

    gcp.answer = second_page_fails  # type: ignore[method-assign]
    assert "Cloud Billing: error 400" in failure().problem
    assert len(seen) == 1


def test_a_connection_that_stays_broken_is_given_up(gcp: FakeGcp) -> None:
    gcp.queue(*[Fault.connection_reset()] * 50, path=TYPES_PATH)
    assert "no whole answer from Compute Engine" in failure().problem
    assert sum(call.path == TYPES_PATH for call in gcp.calls) == 3


def test_a_server_that_hangs_costs_a_timeout(gcp: FakeGcp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("catalog.sources.gcp_client.READ_TIMEOUT_S", 0.3)
    gcp.queue(*[Fault.hang()] * 9, path=TYPES_PATH)
    start = time.monotonic()
    assert "no whole answer from Compute Engine" in failure().problem
    assert time.monotonic() - start < 8


def test_a_server_that_drips_costs_a_timeout(gcp: FakeGcp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("catalog.sources.gcp_client.READ_TIMEOUT_S", 0.3)
    monkeypatch.setattr("catalog.sources.gcp_client.CHUNK", 16)
    gcp.queue(*[Fault.slow(0.1)] * 9, path=TYPES_PATH)
    assert failure().problem == "no whole answer from Compute Engine in time"


@pytest.mark.parametrize("fault", [Fault.oversized(2 << 20), Fault.gzip_bomb(64 << 20)])
def test_answers_are_limited_in_size(
    gcp: FakeGcp, monkeypatch: pytest.MonkeyPatch, fault: Fault
) -> None:
    monkeypatch.setattr("catalog.sources.gcp_client.LARGEST_ANSWER", 1 << 20)
    gcp.queue(fault, path=TYPES_PATH)
    assert "no whole answer from Compute Engine" in failure().problem


def test_a_passed_deadline_asks_nothing(gcp: FakeGcp) -> None:
    with pytest.raises(FetchFailed, match="out of time"):
        fetch(seconds=-1)
    assert not gcp.calls


def test_a_failure_of_the_shared_lists_stands_for_all_slices(gcp: FakeGcp) -> None:
    gcp.queue(refusal(403, "accessNotConfigured"), path=TYPES_PATH)
    source, deadline = GcpSource(), time.monotonic() + 20
    for kind in ("on_demand", "spot", "flex_start"):
        with pytest.raises(FetchFailed, match="not enabled"):
            source.fetch(IOWA, kind, deadline)
    assert sum(call.path == TYPES_PATH for call in gcp.calls) == 1


def test_a_shared_failure_is_asked_again_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("catalog.sources.gcp_client.FAILURE_STANDS_S", 0.0)
    once: SharedAnswer[int] = SharedAnswer()
    answers = iter([FetchFailed("a", "b"), 7])

    def ask() -> int:
        answer = next(answers)
        if isinstance(answer, FetchFailed):
            raise answer
        return answer

    with pytest.raises(FetchFailed):
        once.get(time.monotonic() + 1, ask)
    assert once.get(time.monotonic() + 1, ask) == 7
    assert once.get(time.monotonic() + 1, ask) == 7


def test_secrets_in_an_error_are_not_repeated(gcp: FakeGcp) -> None:
    token = "ya29." + "s3cr3t" * 10
    body = {"error": {"code": 400, "message": f"bad token {token} of https://x/y?key={token}"}}
    gcp.queue(Fault.status(400, json.dumps(body).encode()), path=TYPES_PATH)
    assert "s3cr3t" not in str(failure())


# Credentials: what is missing and what to run.


@pytest.fixture
def no_login(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No endpoint of ours, no credentials, not on a Google machine; gcloud's folder."""
    for name in ("PLANNER_ENDPOINT_GCP", "GOOGLE_CLOUD_PROJECT", "GCLOUD_PROJECT", "K_SERVICE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    monkeypatch.setattr("catalog.sources.gcp_client._on_google_cloud", lambda: False)
    folder = tmp_path / "gcloud"
    folder.mkdir()
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(folder))
    return folder


def lacking() -> tuple[str, str]:
    found = GcpSource().missing()
    assert found is not None
    return found.what, found.remedy


def log_in(folder: Path, **document: str) -> None:
    (folder / "application_default_credentials.json").write_text(json.dumps(document))


def test_no_credentials(no_login: Path) -> None:
    what, remedy = lacking()
    assert "no Google Cloud application default credentials" in what
    assert "gcloud auth application-default login" in remedy


def test_google_auth_finds_none_either(no_login: Path) -> None:
    with pytest.raises(FetchFailed, match="no usable Google Cloud credentials") as caught:
        GoogleClients().project(time.monotonic() + 20)
    assert "gcloud auth application-default login" in caught.value.remedy


def test_the_named_file_is_not_there(no_login: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(no_login / "none.json"))
    assert "GOOGLE_APPLICATION_CREDENTIALS" in lacking()[0]


@pytest.mark.parametrize("text", ["not JSON", "[]", "{}", '"type"'])
def test_a_file_that_is_none_of_google(no_login: Path, text: str) -> None:
    (no_login / "application_default_credentials.json").write_text(text)
    assert "is not a credentials file" in lacking()[0]


def test_no_project(no_login: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log_in(no_login, type="authorized_user", client_id="x", client_secret="y", refresh_token="z")
    what, remedy = lacking()
    assert what == "no Google Cloud project is set"
    assert "gcloud config set project" in remedy
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "mine")
    assert GcpSource().missing() is None


def test_projects_that_google_auth_would_find(no_login: Path) -> None:
    log_in(no_login, type="service_account", project_id="p")
    assert GcpSource().missing() is None
    log_in(no_login, type="authorized_user", quota_project_id="p")
    assert GcpSource().missing() is None
    log_in(no_login, type="authorized_user")
    (no_login / "configurations").mkdir()
    (no_login / "configurations" / "config_work").write_text("[core]\nproject = p\n")
    assert GcpSource().missing() is not None
    (no_login / "active_config").write_text("work")
    assert GcpSource().missing() is None


def test_a_persons_login_counts_for_the_project(
    no_login: Path, monkeypatch: pytest.MonkeyPatch, recwarn: pytest.WarningsRecorder
) -> None:
    log_in(no_login, type="authorized_user", client_id="x", client_secret="y", refresh_token="z")
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "mine")
    client = GoogleClients().billing(time.monotonic() + 20)
    assert client.transport._session.credentials.quota_project_id == "mine"
    assert not recwarn.list


def test_a_google_machine_has_credentials(no_login: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("catalog.sources.gcp_client._on_google_cloud", lambda: True)
    assert GcpSource().missing() is None


def test_without_the_extra(no_login: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("catalog.sources.gcp_client.find_spec", lambda _: None)
    what, remedy = lacking()
    assert "google.cloud.compute_v1 is not installed" in what
    assert remedy == "pip install 'ai-capacity-planner[gcp]'"


def test_an_endpoint_that_is_not_ours_must_be_https(
    no_login: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLANNER_ENDPOINT_GCP", "http://example.com")
    with pytest.raises(FetchFailed, match="is not https"):
        fetch()


def test_no_key_or_credentials_go_to_an_endpoint_of_ours(
    gcp: FakeGcp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_API_KEY", "AIzaSyFakeFakeFakeFakeFakeFakeFakeFake")
    fetch()
    for call in gcp.calls:
        assert "authorization" not in call.headers and "x-goog-api-key" not in call.headers


def test_the_price_list_takes_an_api_key(no_login: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = "AIzaSyFakeFakeFakeFakeFakeFakeFakeFake"
    monkeypatch.setenv("GOOGLE_API_KEY", key)
    client = GoogleClients().billing(time.monotonic() + 20)
    headers: dict[str, str] = {}
    client.transport._session.credentials.before_request(None, "GET", "https://x", headers)
    assert headers["x-goog-api-key"] == key


@pytest.mark.parametrize(
    ("module", "name", "problem"),
    [
        ("google.auth.exceptions", "RefreshError", "expired or were revoked"),
        ("google.auth.exceptions", "TransportError", "token server"),
        ("google.auth.exceptions", "MutualTLSChannelError", "MutualTLSChannelError"),
        ("google.api_core.exceptions", "DeadlineExceeded", "error 504"),
        ("requests", "Timeout", "in time"),
        ("requests.exceptions", "SSLError", "SSLError"),
    ],
)
def test_what_the_libraries_raise_is_explained(module: str, name: str, problem: str) -> None:
    import importlib

    error = getattr(importlib.import_module(module), name)("token ya29.s3cr3ts3cr3ts3cr3ts3cr3t")
    found = explained(error, "compute", "p")
    assert found is not None
    assert problem in found.problem and "s3cr3t" not in str(found)


def test_bugs_of_ours_show_as_such() -> None:
    assert explained(KeyError("x"), "compute", "p") is None
    assert explained(ValueError("x"), "compute", "p") is None
