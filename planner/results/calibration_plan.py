"""Published answer of ``planner calibrate plan``: which runs to make, and what they are worth."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from planner.results.base import Result


class PlannedRun(Result):
    """One run that could be made. Its value is what is expected to be saved after those above."""

    benchmark: str
    accelerator: str
    on: str = Field(description="for `planner calibrate run --on`; empty: a machine of your own")
    offer: str = Field(description="cloud/region/instance type/purchase that is rented")
    price_usd: float = Field(description="at most, for as long as the machine may be held")
    value_usd: float = Field(description="expected saving of the workload, all its repeats")
    value_per_usd: float | None = Field(description="null where the run is free")
    changes_choice: float = Field(description="probability that the choice changes, 0 to 1")
    worth_it: bool
    why_not: str = ""


class CalibrationPlan(Result):
    """Runs in the order to make them, then those not worth their price."""

    schema_: Literal["planner.calibration-plan/1"] = Field(
        default="planner.calibration-plan/1", alias="schema"
    )
    workload: str
    choice: str = Field(description="what would be chosen today")
    choice_usd: float = Field(description="its expected cost, one run of the workload")
    repeats: float
    budget_usd: float
    late_usd: float | None = Field(description="assumed cost of missing the deadline; null: none")
    perfect_usd: float = Field(description="what knowing every speed exactly would save")
    runs: list[PlannedRun]
    spent_usd: float = Field(description="price of the runs worth making")
    saved_usd: float = Field(description="what they are expected to save")
    assumptions: list[str]

    @property
    def headline(self) -> str:
        from planner.amounts import money

        good = [run for run in self.runs if run.worth_it]
        if not good:
            return (
                f"{self.workload}: no run is worth its price; knowing every speed exactly would "
                f"save {money(self.perfect_usd)}"
            )
        first = good[0]
        return (
            f"{self.workload}: measure {first.benchmark} on {first.accelerator} first; "
            f"{len(good)} run{'s' if len(good) > 1 else ''} for {money(self.spent_usd)} should "
            f"save {money(self.saved_usd)} of {money(self.choice_usd * self.repeats)}"
        )
