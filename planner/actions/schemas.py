"""JSON schemas of the documents users write and read."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter

from planner.results import Estimate, Recommendation
from planner.workload import Workload


def json_schema(subject: str) -> dict[str, Any]:
    """Schema of ``workload``, ``recommendation``, ``estimate``, ``capacity`` (the spec) ..."""
    if subject == "capacity":
        from planner.optimize.capacity.spec import CapacitySpec

        return CapacitySpec.model_json_schema(mode="validation")
    if subject == "capacity-result":
        from planner.capacity_result import CapacityResult

        return CapacityResult.model_json_schema(mode="serialization")
    adapters: dict[str, TypeAdapter[Any]] = {
        "workload": TypeAdapter(Workload),
        "recommendation": TypeAdapter(Recommendation),
        "estimate": TypeAdapter(Estimate),
    }
    if subject == "workload":
        return adapters[subject].json_schema(mode="validation")
    return adapters[subject].json_schema(mode="serialization")
