"""Which saved results a report can be made of."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel

from planner.actions.saved_result import read_saved
from planner.results import Estimate, Front, PortfolioResult, Recommendation
from planner.results.base import Result
from planner.results.benchmark import BenchmarkReport
from planner.results.break_even import BreakEven
from planner.results.capacity import CapacityFront, CapacityResult
from planner.results.comparison import Comparison
from planner.results.hardware import HardwareComparison, HardwareSheet
from planner.results.mix import MixFront, MixResult
from planner.results.study import CapacityStudy, ComparisonStudy, MixStudy, PortfolioStudy, Study
from planner.results.sweep import Sweep

REPORTABLE = (
    Recommendation, PortfolioResult, Comparison, CapacityResult, MixResult, Estimate, Front, Sweep,
    MixFront, CapacityFront, BreakEven, BenchmarkReport, HardwareSheet, HardwareComparison, Study,
    PortfolioStudy, ComparisonStudy, MixStudy, CapacityStudy,
)  # fmt: skip
SCHEMAS: Mapping[str, type[BaseModel]] = {
    str(model.model_fields["schema_"].default): model for model in REPORTABLE
}


def read(path: str) -> Result:
    """A saved result. Raises BadInput for a file that is none."""
    found = read_saved(path, SCHEMAS)
    assert isinstance(found, REPORTABLE)
    return found
