"""Secrets, bombs and file modes over the whole of a refresh."""

from __future__ import annotations

import json
import logging
import os
import stat
from pathlib import Path

import pytest

from catalog.refresh import Status
from catalog.sources.base import FetchFailed
from catalog.sources.bodies import parse_json
from planner.actions.catalog.refresh import Refreshed, refresh_catalog
from planner.cli import main
from tests.fakes.registry import REGIONS, Fake, clear_faults, fake_module, faked_sources, open_fake
from tests.fakes.server import FakeServer, Fault

# One of each way to be asked: vendor clients, plain HTTP with a key, public files.
SOURCES = [name for name in ("azure", "lambda", "runpod", "oci", "aws") if name in faked_sources()]


@pytest.fixture
def fake(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, own_cache: Path) -> Fake:
    name: str = request.param
    with open_fake(name) as found:
        found.populate(list(REGIONS.get(name, ("all",))), 3)
        for variable, value in found.env.items():
            monkeypatch.setenv(variable, value)
        yield found  # type: ignore[misc]


def secrets(fake: Fake) -> list[str]:
    return [
        value
        for name, value in fake.env.items()
        if any(word in name for word in ("KEY", "SECRET", "TOKEN")) and len(value) >= 8
        and "CREDENTIALS" not in name
    ]  # fmt: skip


def refreshed(name: str) -> Refreshed:
    region = REGIONS.get(name, ("all",))[0]
    return refresh_catalog(only=[name], regions=[region], deadline_s=8.0)


def everything_written(*folders: Path) -> bytes:
    return b"\0".join(
        path.read_bytes()
        for folder in folders
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    )


@pytest.mark.parametrize(
    ("fake", "name"), [pytest.param(name, name, id=name) for name in SOURCES], indirect=["fake"]
)
def test_no_secret_is_told_logged_or_kept(
    fake: Fake,
    name: str,
    own_cache: Path,
    isolated_dirs: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    if isinstance(fake, FakeServer):
        fake.queue(*[Fault.echo_of_secrets()] * 2)
    told = []
    with caplog.at_level(logging.DEBUG, logger="catalog"), caplog.at_level(logging.WARNING):
        result = refreshed(name)
        told += [f"{o.reason} {o.remedy} {o.rejects} {o.findings}" for o in result.report.outcomes]
        clear_faults(fake)
        result = refreshed(name)
        told += [f"{o.reason} {o.remedy} {o.rejects} {o.findings}" for o in result.report.outcomes]
    assert any(o.status is Status.PUBLISHED for o in result.report.outcomes)
    known = secrets(fake)
    assert known or name in ("oci", "runpod")
    seen = f"{told} {caplog.text} {capfd.readouterr()} {result.skipped}"
    kept = everything_written(own_cache, isolated_dirs)
    for secret in known:
        assert secret not in seen
        assert secret.encode() not in kept


@pytest.mark.parametrize(("fake", "name"), [("oci", "oci")], indirect=["fake"])
def test_what_a_refresh_writes_is_the_users_alone(
    fake: Fake, name: str, own_cache: Path, isolated_dirs: Path
) -> None:
    before = {path for path in own_cache.rglob("*") if path.is_file()}
    umask = os.umask(0)
    try:
        refreshed(name)
    finally:
        os.umask(umask)
    written = {p for f in (own_cache, isolated_dirs) for p in f.rglob("*") if p.is_file()} - before
    assert len(written) >= 3  # a slice, the compiled catalog, the history
    assert {oct(stat.S_IMODE(path.stat().st_mode)) for path in written} == {"0o600"}
    names = {path.name for path in (own_cache / "refreshed").iterdir()}
    assert all(name.startswith("oci.") and name.endswith(".json") for name in names)


BOMBS = (Fault.deep_json(), Fault.gzip_bomb(200 << 20), Fault.garbage(b"9" * 5_000_000),
         Fault.garbage(b'{"a": 1e999999, "b": ' + b"9" * 1_000_000 + b"}"))  # fmt: skip


@pytest.mark.parametrize("bomb", BOMBS, ids=("deep JSON", "gzip", "digits", "huge numbers"))
@pytest.mark.parametrize(
    ("fake", "name"), [("oci", "oci"), ("lambda", "lambda")], indirect=["fake"]
)
def test_bombs_cost_their_slice_only(fake: Fake, name: str, bomb: Fault, own_cache: Path) -> None:
    assert isinstance(fake, FakeServer)
    fake.queue(*[bomb] * 12)
    result = refreshed(name)
    assert not result.complete
    for outcome in result.report.outcomes:
        assert outcome.status in (Status.KEPT, Status.FAILED)
        assert "unexpected" not in outcome.reason, outcome.reason
        assert len(outcome.reason) < 600
    assert main.run(["catalog", "check", "--quiet", "--format", "json"]) == 0


@pytest.mark.parametrize(
    "text", ["[" * 100_000, "NaN", '{"a": Infinity}', "9" * 100_000, '"\\ud800"' * 2, "\xff"]
)
def test_json_of_a_feed_is_bounded(text: str) -> None:
    with pytest.raises(FetchFailed) as caught:
        parse_json(text.encode("utf-8", "surrogatepass"), "feed")
    assert len(str(caught.value)) < 400


def test_a_slice_is_written_without_what_json_does_not_have(own_cache: Path) -> None:
    """Infinity and NaN never reach a slice: the checks leave such rows out."""
    for path in (own_cache / "refreshed").glob("*.json"):
        json.loads(path.read_text(), parse_constant=lambda word: pytest.fail(word))


def test_texts_of_a_feed_are_shown_without_control_characters(
    capsys: pytest.CaptureFixture[str],
) -> None:
    from catalog.refresh import Outcome, Task
    from planner.cli.refresh_tables import outcome_line

    outcome = Outcome(Task("aws", "r", "spot"), Status.FAILED, 0.1, "a\x1b[31m\nb", "later")
    assert "\x1b" not in outcome_line(outcome)
    assert "\n" not in outcome_line(outcome)


def test_no_fake_left_out() -> None:
    assert {fake_module(name) for name in SOURCES} >= {"azure", "aws", "oci"}
