"""The fake Azure as the source ``azure-ml`` sees it."""

from __future__ import annotations

from tests.fakes.azure import FakeAzure


class FakeAzureMl(FakeAzure):
    endpoint_variable = "PLANNER_ENDPOINT_AZURE_ML"
