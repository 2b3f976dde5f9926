"""Every fault at every source of plain HTTP: a failure with a remedy, soon, without secrets."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator

import pytest

from catalog.sources import http, open_source
from catalog.sources.base import FetchFailed, Source
from tests.catalog.gpu_clouds import soon
from tests.fakes.registry import REGIONS, open_fake
from tests.fakes.server import FakeServer, Fault

NAMES = ("lambda", "runpod", "vast", "oci", "skypilot", "gpuhunt")
JSON_NAMES = ("lambda", "runpod", "vast", "oci")
DAY = "86400"


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], tuple[Source, FakeServer]]]:
    """Opens a source and its filled fake by name."""
    monkeypatch.setattr(http, "FIRST_WAIT_S", 0.01)
    monkeypatch.setattr(http, "JITTER_S", 0.0)
    running: list[FakeServer] = []

    def opening(name: str) -> tuple[Source, FakeServer]:
        fake = open_fake(name)
        assert isinstance(fake, FakeServer)
        fake.__enter__()
        running.append(fake)
        fake.populate(list(REGIONS.get(name, ("all",))), seed=1)
        for variable, value in fake.env.items():
            monkeypatch.setenv(variable, value)
        return open_source(name), fake

    yield opening
    for fake in running:
        fake.__exit__()


def region_of(name: str) -> str:
    return REGIONS.get(name, ("all",))[0]


FAULTS = [
    pytest.param(lambda: Fault.status(429, retry_after=DAY), "asks to wait 86400 s", id="a day"),
    pytest.param(
        lambda: Fault.status(503, retry_after=DAY), "asks to wait 86400 s", id="503 a day"
    ),
    pytest.param(Fault.truncated, "no whole answer", id="truncated"),
    pytest.param(Fault.connection_reset, "no whole answer", id="reset"),
    pytest.param(lambda: Fault.silently_truncated(0.4), ".", id="silently truncated"),
    pytest.param(Fault.garbage, ".", id="garbage"),
    pytest.param(Fault.login_page, ".", id="login page"),
    pytest.param(Fault.deep_json, ".", id="deep JSON"),
    pytest.param(Fault.hang, "no answer in time|out of time", id="hang"),
    pytest.param(lambda: Fault.oversized(20 << 10), "sends more than", id="oversized"),
    pytest.param(lambda: Fault.gzip_bomb(4 << 20), "sends more than", id="gzip bomb"),
    pytest.param(lambda: Fault.redirect("https://evil.example/x"), "another host", id="off-host"),
    pytest.param(Fault.echo_of_secrets, "HTTP 401", id="secrets in 401"),
    pytest.param(lambda: Fault.echo_of_secrets(500), "HTTP 500", id="secrets in 500"),
    pytest.param(lambda: Fault.status(404), "HTTP 404", id="404"),
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("fault", "told"), FAULTS)
def test_a_lasting_fault_is_told(
    name: str,
    fault: Callable[[], Fault],
    told: str,
    opened: Callable[[str], tuple[Source, FakeServer]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source, fake = opened(name)
    made = fault()
    if "more than" in told:  # the limits are tens of MiB: the same code at a smaller one
        monkeypatch.setattr("catalog.sources.http.decoded", _limited(10 << 10))
    fake.queue(*[made] * 40)
    start = time.monotonic()
    with pytest.raises(FetchFailed, match=told) as failed:
        source.fetch(region_of(name), source.kinds[0], soon(0.8 if made.hang_s else 15))
    assert time.monotonic() - start < 8
    assert failed.value.remedy
    said = f"{failed.value} {failed.value.__cause__!r}"
    for variable, secret in fake.env.items():
        if variable.endswith("KEY"):
            pieces = (secret[i : i + 8] for i in range(len(secret) - 8))
            assert not any(piece in said for piece in pieces)
    limit = http.ATTEMPTS * 2 * 2  # two versions of SkyPilot's file, two files of others
    assert len(fake.calls) <= limit


def _limited(limit: int) -> Callable[..., Iterator[bytes]]:
    """The decoder of bodies, with the failure of a body over ``limit`` bytes."""
    from catalog.sources.http_answers import HttpFailed, decoded

    def pieces(response: object, _limit: int, where: str) -> Iterator[bytes]:
        size = 0
        for piece in decoded(response, limit + 1, where):  # type: ignore[arg-type]
            size += len(piece)
            if size > limit:
                raise HttpFailed(f"{where} sends more than the test allows", "none")
            yield piece

    return pieces


@pytest.mark.parametrize("name", NAMES)
def test_a_passing_fault_costs_nothing(
    name: str, opened: Callable[[str], tuple[Source, FakeServer]]
) -> None:
    source, fake = opened(name)
    fake.queue(Fault.status(503), Fault.truncated(), Fault.status(429, retry_after="0"))
    assert source.fetch(region_of(name), source.kinds[0], soon()).options


@pytest.mark.parametrize("name", JSON_NAMES)
@pytest.mark.parametrize(
    "seeds", [range(20), pytest.param(range(20, 400), marks=pytest.mark.nightly)]
)
def test_another_shape_is_rows_or_a_failure(
    name: str, seeds: range, opened: Callable[[str], tuple[Source, FakeServer]]
) -> None:
    """Keys renamed, dropped, null or of another type: nothing is guessed and nothing crashes."""
    source, fake = opened(name)
    whole = len(source.fetch("all", source.kinds[0], soon()).options)
    for seed in seeds:
        drifted = open_source(name)
        fake.queue(Fault.drift(seed))
        try:
            got = drifted.fetch("all", source.kinds[seed % len(source.kinds)], soon())
        except FetchFailed as error:
            assert error.remedy
            continue
        for row in got.options:
            assert math.isfinite(row["usd_per_hour"]) and row["usd_per_hour"] > 0
            assert row["instance_type"] and row["region"] == "all"
        machines = {row["instance_type"] for row in got.offers}
        assert {row["instance_type"] for row in got.options} <= machines
        assert len(got.options) <= 2 * whole
