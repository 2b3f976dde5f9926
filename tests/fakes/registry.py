"""The fake of each registered source, found by its name.

A fake lives in ``tests/fakes/<name>.py`` (``-`` as ``_``) or with its cloud's, and is a context
manager with ``env``, ``populate(regions, seed)``, ``fault(seed)`` and ``calls``.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from contextlib import AbstractContextManager
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Protocol, cast

from catalog.sources import SOURCES

# Sources that a cloud's fake serves too, or whose name cannot be a module's.
SERVED_BY = {"sagemaker": "aws", "vertex-ai": "gcp", "lambda": "lambda_cloud"}
# Fakes that speak through an SDK outside of the test extra.
NEEDS_SDK = {"nebius": "nebius"}
# Regions to fill each fake with: as the provider names them.
REGIONS: Mapping[str, tuple[str, ...]] = {
    "aws": ("us-east-1", "eu-west-1"),
    "sagemaker": ("us-east-1", "eu-west-1"),
    "gcp": ("us-central1", "europe-west4"),
    "vertex-ai": ("us-central1", "europe-west4"),
    "azure": ("eastus", "westeurope"),
    "azure-ml": ("eastus", "westeurope"),
    "nebius": ("eu-north1", "us-central1"),
    "vast": ("all", "US"),
    "skypilot": ("aws/us-east-1", "gcp/us-central1"),
    "gpuhunt": ("aws/us-east-1", "gcp/us-central1"),
}


class Fake(AbstractContextManager["Fake"], Protocol):
    calls: list[Any]

    @property
    def env(self) -> Mapping[str, str]: ...

    def populate(self, regions: list[str], seed: int) -> None: ...

    def fault(self, seed: int) -> None: ...


def fake_module(source: str) -> str:
    return SERVED_BY.get(source, source).replace("-", "_")


def fake_class(source: str) -> type[Any] | None:
    """The class of a source's fake; None while it has none that can be filled and broken."""
    name = f"tests.fakes.{fake_module(source)}"
    if find_spec(name) is None:
        return None
    found = [
        cls
        for _, cls in inspect.getmembers(import_module(name), inspect.isclass)
        if cls.__module__ == name and all(hasattr(cls, part) for part in ("populate", "fault"))
    ]
    return found[-1] if found else None


def faked_sources() -> list[str]:
    """Registered sources with a fake; equal fakes are started once by the callers."""
    return [
        name
        for name in SOURCES
        if fake_class(name) is not None and find_spec(NEEDS_SDK.get(name, "catalog")) is not None
    ]


def open_fake(source: str) -> Fake:
    cls = fake_class(source)
    assert cls is not None, f"no fake of {source} in tests/fakes"
    return cast(Fake, cls())


def clear_faults(fake: Fake) -> None:
    """Forget the faults that no call has suffered yet."""
    for store in ("_faults", "faults"):
        if hasattr(fake, store):
            getattr(fake, store).clear()
