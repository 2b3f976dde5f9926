"""JSON schemas of the documents users write and read."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter

from planner.mix_results import MixResult
from planner.optimize.mix.profile import MixProfile
from planner.results import Estimate, Recommendation
from planner.workload import Workload


def json_schema(subject: str) -> dict[str, Any]:
    """Schema of a document by its name, such as ``workload`` or ``recommendation``."""
    adapters: dict[str, TypeAdapter[Any]] = {
        "workload": TypeAdapter(Workload),
        "recommendation": TypeAdapter(Recommendation),
        "estimate": TypeAdapter(Estimate),
        "mix-profile": TypeAdapter(MixProfile),
        "mix": TypeAdapter(MixResult),
    }
    if subject in ("workload", "mix-profile"):
        return adapters[subject].json_schema(mode="validation")
    return adapters[subject].json_schema(mode="serialization")
