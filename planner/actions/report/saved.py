"""Which saved results a report can be made of."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel

from planner.actions.saved_result import read_saved
from planner.results import PortfolioResult, Recommendation
from planner.results.capacity import CapacityResult
from planner.results.comparison import Comparison
from planner.results.mix import MixResult

Saved = Recommendation | PortfolioResult | Comparison | CapacityResult | MixResult
SCHEMAS: Mapping[str, type[BaseModel]] = {
    str(model.model_fields["schema_"].default): model
    for model in (Recommendation, PortfolioResult, Comparison, CapacityResult, MixResult)
}


def read(path: str) -> Saved:
    """A saved result. Raises BadInput for a file that is none."""
    found = read_saved(path, SCHEMAS)
    assert isinstance(
        found, (Recommendation, PortfolioResult, Comparison, CapacityResult, MixResult)
    )
    return found
