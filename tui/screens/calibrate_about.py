"""What the Calibrate screen says of the chosen row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from planner.amounts import money
from planner.report import calibration_plan

if TYPE_CHECKING:
    from planner.results.calibration import CalibrationResults
    from planner.results.calibration_plan import CalibrationPlan, PlannedRun


def about_planned(plan: CalibrationPlan, run: PlannedRun | None) -> Text:
    """The run with what it costs, saves and teaches; the choice today; what is assumed."""
    text = Text()
    if run is not None:
        text.append(f"{run.benchmark} on {run.accelerator}", style="bold")
        text.append(f"  {run.offer or 'a machine of your own'}\n")
        text.append(
            f"at most {money(run.price_usd)}; expected to save {money(run.value_usd)}; "
            f"{run.changes_choice:.0%} likely to change the accelerator; "
        )
        text.append(f"{run.why_not}\n" if run.why_not else "worth it: g runs it\n")
        text.append(
            f"the time on {run.accelerator} may be {run.error_now:.0%} above its estimate, "
            f"after the run {run.error_after:.0%} (with 90% probability)\n"
        )
    for said in (calibration_plan.choice(plan), plan.lesson):
        text.append(f"{said}\n" if said else "")
    for line in plan.assumptions:
        text.append(f"{line}\n", style="dim")
    return text


def about_own(found: CalibrationResults, run_id: str) -> Text:
    """Whether the run is used, and why it is not."""
    run = next((run for run in found.results if run.id == run_id), None)
    if run is None:
        return Text()
    off = run.surprise_sd
    surprise = "" if off is None else f"; {off:+.1f} standard deviations from expected"
    return Text(f"{run.id} is {run.use}{': ' if run.reason else ''}{run.reason}{surprise}")
