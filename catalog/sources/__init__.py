"""Live sources of offers and prices, one file per provider.

``SOURCES`` is the one place that lists them. A provider's file is imported when it is asked
for, and its cloud SDK when it first fetches.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

from catalog.errors import UnknownName
from catalog.quotas import Quota
from catalog.sources.base import (
    QUOTAS,
    Fetched,
    FetchedQuotas,
    FetchFailed,
    Missing,
    Reject,
    Source,
)

# Source's name (the word of --only): module and class. One line each.
SOURCES: Mapping[str, tuple[str, str]] = {
    "aws": ("catalog.sources.aws", "AwsSource"),
    "sagemaker": ("catalog.sources.sagemaker", "SageMakerSource"),
    "azure": ("catalog.sources.azure", "AzureSource"),
    "azure-ml": ("catalog.sources.azure_ml", "AzureMlSource"),
    "gcp": ("catalog.sources.gcp", "GcpSource"),
    "vertex-ai": ("catalog.sources.vertex", "VertexSource"),
    "lambda": ("catalog.sources.lambda_cloud", "LambdaSource"),
    "runpod": ("catalog.sources.runpod", "RunpodSource"),
    "vast": ("catalog.sources.vast", "VastSource"),
    "nebius": ("catalog.sources.nebius", "NebiusSource"),
    "oci": ("catalog.sources.oci", "OciSource"),
    "skypilot": ("catalog.sources.skypilot", "SkypilotSource"),
    "gpuhunt": ("catalog.sources.gpuhunt", "GpuhuntSource"),
}


def open_source(name: str) -> Source:
    """The live source of that name. Raises UnknownName."""
    if name not in SOURCES:
        raise UnknownName("live source", name, SOURCES)
    module, class_name = SOURCES[name]
    source = getattr(import_module(module), class_name)()
    assert isinstance(source, Source)
    return source


__all__ = [
    "QUOTAS",
    "SOURCES",
    "FetchFailed",
    "Fetched",
    "FetchedQuotas",
    "Missing",
    "Quota",
    "Reject",
    "Source",
    "open_source",
]
