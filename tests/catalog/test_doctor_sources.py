"""``planner doctor`` on live sources: what works, what is missing, how to get it."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from catalog.sources import SOURCES
from planner.actions.catalog.overlays import import_overlay
from planner.actions.doctor.installation import Check, Verdict
from planner.actions.doctor.sources import private_checks, source_checks
from planner.cli import main
from tests.catalog.test_refresh import refresh_aws
from tests.fakes.aws import FakeAws, ec2_error


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def of(checks: list[Check], name: str) -> Check:
    return next(check for check in checks if check.name == f"source {name}")


def test_each_source_is_told_without_asking_the_network(no_network: None, own_cache: Path) -> None:
    checks = source_checks(online=False)
    assert [check.name for check in checks] == [f"source {name}" for name in SOURCES]
    for check in checks:
        assert check.verdict is not Verdict.FAIL
        assert (check.verdict is Verdict.NOTE) == bool(check.remedy)
        if check.verdict is Verdict.OK:
            assert "ready" in check.finding
    assert "only by --only" in of(checks, "skypilot").finding


def test_a_refreshed_source_says_when(aws: FakeAws, own_cache: Path) -> None:
    refresh_aws()
    assert "last refreshed 20" in of(source_checks(online=False), "aws").finding


def test_online_asks_each_ready_source_once(
    aws: FakeAws, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "planner.actions.doctor.sources.SOURCES", {"aws": SOURCES["aws"], "gcp": SOURCES["gcp"]}
    )
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    found = source_checks(online=True)
    assert of(found, "aws").verdict is Verdict.OK
    assert "prices of" in of(found, "aws").finding
    for region in ("ap-northeast-1", "us-east-1"):
        aws.closed_regions[region] = ec2_error("AuthFailure", status=401)
    refused = of(source_checks(online=True), "aws")
    assert refused.verdict is Verdict.FAIL
    assert refused.remedy


def test_private_files_are_told_where_there_are_some(tmp_path: Path) -> None:
    assert list(private_checks()) == []
    file = tmp_path / "d.yaml"
    file.write_text("discounts: [{discount: 5%}]")
    path = import_overlay(str(file), "edp").path
    (check,) = private_checks()
    assert "edp" in check.finding
    path.write_text("{")
    (check,) = private_checks()
    assert check.verdict is Verdict.FAIL
    assert check.remedy


def test_the_command_prints_a_line_each(
    no_network: None, own_cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.run(["doctor"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert sum(" source " in line for line in lines) == len(SOURCES)
