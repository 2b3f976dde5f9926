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
    changes_choice: float = Field(
        description="probability that another accelerator is chosen then, 0 to 1"
    )
    error_now: float = Field(
        description="how far the accelerator's true time may be above its estimate, with 90% "
        "probability; 0.2 is 20%"
    )
    error_after: float = Field(description="the same after this run alone")
    worth_it: bool
    why_not: str = ""


class CalibrationPlan(Result):
    """Runs in the order to make them, then those not worth their price."""

    schema_: Literal["planner.calibration-plan/1"] = Field(
        default="planner.calibration-plan/1", alias="schema"
    )
    workload: str
    choice: str = Field(description="what would be chosen today")
    choice_cost_usd: float = Field(
        description="its estimated cost, one run of the workload, as `planner recommend` says"
    )
    choice_usd: float = Field(
        description="its cost on average: slow ends and late ones included, so above the estimate"
    )
    repeats: float
    budget_usd: float
    late_usd: float | None = Field(description="assumed cost of missing the deadline; null: none")
    perfect_usd: float = Field(description="what knowing every speed exactly would save")
    runs: list[PlannedRun]
    spent_usd: float = Field(description="price of the runs worth making")
    saved_usd: float = Field(description="what they are expected to save")
    assumptions: list[str]

    @property
    def lesson(self) -> str:
        """What measuring would teach where no run pays for itself; else nothing."""
        from planner.amounts import money

        if not self.runs or any(run.worth_it for run in self.runs):
            return ""
        cheapest = min(self.runs, key=lambda run: run.price_usd)
        vaguest = max(self.runs, key=lambda run: run.error_now)
        text = (
            f"the cheapest run, {cheapest.benchmark} on {cheapest.accelerator}, is "
            f"{money(cheapest.price_usd)} at most and takes the error of its estimate from "
            f"{cheapest.error_now:.0%} to {cheapest.error_after:.0%}"
        )
        if vaguest is cheapest:
            return text
        return f"{text}; the least certain is {vaguest.accelerator} with {vaguest.error_now:.0%}"

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
