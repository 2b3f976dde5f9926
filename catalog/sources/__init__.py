"""Live sources of offers and prices, one file per provider.

``PROVIDERS`` is the one place that lists them. A provider's file is imported when it is asked
for, and its cloud SDK when it first fetches.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

from catalog.errors import UnknownName
from catalog.sources.base import Fetched, FetchFailed, Missing, Reject, Source

# Cloud name: module and class of its source.
PROVIDERS: Mapping[str, tuple[str, str]] = {
    "aws": ("catalog.sources.aws", "AwsSource"),
}


def open_source(cloud: str) -> Source:
    """The live source of one cloud. Raises UnknownName for a cloud without one."""
    if cloud not in PROVIDERS:
        raise UnknownName("live source", cloud, PROVIDERS)
    module, name = PROVIDERS[cloud]
    source = getattr(import_module(module), name)()
    assert isinstance(source, Source)
    return source


__all__ = ["PROVIDERS", "FetchFailed", "Fetched", "Missing", "Reject", "Source", "open_source"]
