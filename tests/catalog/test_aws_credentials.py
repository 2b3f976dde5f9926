"""Credentials of AWS that are absent, broken or expired: each says what to run."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from catalog.sources import FetchFailed, open_source
from catalog.sources.aws import AwsSource
from catalog.sources.aws_errors import explained
from catalog.sources.base import Fetched


def fetch(kind: str = "on_demand", region: str = "us-east-1", seconds: float = 60) -> Fetched:
    return AwsSource().fetch(region, kind, time.monotonic() + seconds)


def failure(kind: str = "on_demand", region: str = "us-east-1", seconds: float = 60) -> FetchFailed:
    with pytest.raises(FetchFailed) as caught:
        fetch(kind, region, seconds)
    return caught.value


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
