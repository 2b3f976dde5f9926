"""JSON schemas of the documents users write and read."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, Field, TypeAdapter

from planner.actions.sweep.file import SweepFile
from planner.optimize.capacity.spec import CapacitySpec
from planner.optimize.mix.profile import MixProfile
from planner.results import Estimate, Front, PortfolioResult, Recommendation
from planner.results.benchmark import BenchmarkReport
from planner.results.break_even import BreakEven
from planner.results.calibration import CalibrationResults
from planner.results.calibration_basis import CalibrationBasis
from planner.results.calibration_plan import CalibrationPlan
from planner.results.capacity import CapacityFront, CapacityResult
from planner.results.comparison import Comparison
from planner.results.diff import Replay, ResultDiff
from planner.results.gate import Gate
from planner.results.hardware import HardwareComparison, HardwareList, HardwareSheet
from planner.results.mix import MixFront, MixResult
from planner.results.study import CapacityStudy, ComparisonStudy, MixStudy, PortfolioStudy, Study
from planner.results.sweep import Sweep
from planner.trace.profile import Profile
from planner.workload import MODELS, PortfolioFile, Workload

RESULTS: dict[str, type[BaseModel]] = {
    "recommendation": Recommendation,
    "portfolio-result": PortfolioResult,
    "pareto": Front,
    "estimate": Estimate,
    "mix": MixResult,
    "mix-front": MixFront,
    "break-even": BreakEven,
    "capacity-front": CapacityFront,
    "capacity-result": CapacityResult,
    "profile": Profile,
    "sweep-result": Sweep,
    "compare": Comparison,
    "calibration-basis": CalibrationBasis,
    "calibration-plan": CalibrationPlan,
    "calibration-results": CalibrationResults,
    "diff": ResultDiff,
    "replay": Replay,
    "study": Study,
    "portfolio-study": PortfolioStudy,
    "comparison-study": ComparisonStudy,
    "mix-study": MixStudy,
    "capacity-study": CapacityStudy,
    "benchmark": BenchmarkReport,
    "hardware": HardwareSheet,
    "hardware-list": HardwareList,
    "hardware-comparison": HardwareComparison,
    "gate": Gate,
}
FILES: dict[str, Any] = {
    "workload": Annotated[Workload, Field(discriminator="kind")],
    "portfolio": PortfolioFile,
    **MODELS,
    "mix-profile": MixProfile,
    "capacity": CapacitySpec,
    "sweep": SweepFile,
}
SUBJECTS = (*FILES, *RESULTS)


def json_schema(subject: str) -> dict[str, Any]:
    """Schema of a file users write (``workload``, ``portfolio``, a kind of work) or of a result.

    Quantities of files are text or, where the unit is clear, numbers; results have numbers.
    """
    if subject in RESULTS:
        return TypeAdapter[Any](RESULTS[subject]).json_schema(mode="serialization")
    schema = TypeAdapter[Any](FILES[subject]).json_schema(mode="validation")
    if subject in MODELS and len(schema["properties"]["kind"].get("enum", ())) > 1:
        schema["properties"]["kind"] = {"const": subject, "title": "Kind", "type": "string"}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
