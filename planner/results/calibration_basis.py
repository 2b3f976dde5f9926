"""Published answer of ``planner calibrate basis``: what the estimates of a workload stand on."""

from __future__ import annotations

from collections import Counter
from typing import Literal

from pydantic import Field

from planner.results.base import Result

Basis = Literal["measured", "calibrated", "analytic"]


class AcceleratorBasis(Result):
    """One accelerator (or CPU) that the workload may run on, by its cheapest way to run it."""

    accelerator: str
    basis: Basis = Field(description="of its cheapest way")
    options: int = Field(description="ways to run the workload on it, deadline and budget apart")
    measured: int = Field(description="of them, ways whose very configuration was run here")
    calibrated: int = Field(description="of them, ways whose neighbour was run, here or by others")
    own_runs: int = Field(description="own runs on it that the estimates of this work use")
    cheapest: str = Field(description="cloud/region/instance type/purchase/machines")
    cost_usd: float
    cost_usd_per_hour: float | None = Field(description="of a service; null: work with an end")
    cost_usd_p10: float
    cost_usd_p90: float


class CalibrationBasis(Result):
    """Every accelerator that can do the work, cheapest first."""

    schema_: Literal["planner.calibration-basis/1"] = Field(
        default="planner.calibration-basis/1", alias="schema"
    )
    workload: str
    accelerators: list[AcceleratorBasis]

    @property
    def headline(self) -> str:
        """``gpt2: 1 accelerator measured, 3 calibrated, 20 analytic``."""
        count: Counter[str] = Counter(one.basis for one in self.accelerators)
        first, *others = ("measured", "calibrated", "analytic")
        many = "" if count[first] == 1 else "s"
        rest = ", ".join(f"{count[word]} {word}" for word in others)
        return f"{self.workload}: {count[first]} accelerator{many} {first}, {rest}"
