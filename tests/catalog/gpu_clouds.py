"""Helpers of the GPU clouds' tests: a fake and its source, wired through the environment."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import pytest

from catalog.sources import http
from catalog.sources.base import Fetched, Source
from tests.fakes.server import FakeServer

Fake = TypeVar("Fake", bound=FakeServer)


@contextmanager
def serving(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fake]:
    """The fake in place of the service, with its credentials and quick retries."""
    monkeypatch.setattr(http, "FIRST_WAIT_S", 0.01)
    monkeypatch.setattr(http, "JITTER_S", 0.0)
    with fake:
        for name, value in fake.env.items():
            monkeypatch.setenv(name, value)
        yield fake


def soon(seconds: float = 20.0) -> float:
    return time.monotonic() + seconds


def prices(got: Fetched) -> dict[str, float]:
    return {row["instance_type"]: row["usd_per_hour"] for row in got.options}


def offers(got: Fetched) -> dict[str, dict[str, Any]]:
    return {row["instance_type"]: dict(row) for row in got.offers}


def options(got: Fetched) -> dict[str, dict[str, Any]]:
    return {row["instance_type"]: dict(row) for row in got.options}


def reasons(got: Fetched) -> dict[str, str]:
    return {reject.what: reject.reason for reject in got.rejects}


def fetch(source: Source, kind: str = "on_demand", region: str = "all") -> Fetched:
    return source.fetch(region, kind, soon())
