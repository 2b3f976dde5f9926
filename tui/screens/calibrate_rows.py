"""Rows of the Calibrate screen's tables, as the command line writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from planner.report import calibration, calibration_basis, calibration_plan
from tui.widgets.tables.rows import Column, Row

if TYPE_CHECKING:
    from planner.results.calibration import CalibrationResults
    from planner.results.calibration_basis import CalibrationBasis
    from planner.results.calibration_plan import CalibrationPlan

CUT = {"run", "on", "accelerator", "cheapest", "model", "how", "id"}
# What is said of the chosen row as well.
WIDE = {"options", "expected", "id", "per $", "changes", "then"}


def _columns(
    titles: tuple[tuple[str, bool], ...], whole: frozenset[str] = frozenset()
) -> tuple[Column, ...]:
    """The last column may be cut, unless it is one of those to be read whole."""
    cut = (CUT | {titles[-1][0]}) - whole
    return tuple(
        Column(title, right=is_figure, cut=title in cut, wide=title in WIDE)
        for title, is_figure in titles
    )


PLAN_COLUMNS = _columns(calibration_plan.TITLES, frozenset({"why not"}))
BASIS_COLUMNS = _columns(calibration_basis.TITLES)
OWN_COLUMNS = _columns(calibration.TITLES)


def plan_rows(plan: CalibrationPlan) -> list[Row]:
    return [
        Row(
            f"{run.benchmark} {run.accelerator}",
            calibration_plan.cells(run, number),
            "" if run.worth_it else "dim",
        )
        for number, run in enumerate(plan.runs, start=1)
    ]


def basis_rows(found: CalibrationBasis) -> list[Row]:
    styles = {"measured": "bold", "analytic": "dim"}
    return [
        Row(one.accelerator, calibration_basis.cells(one), styles.get(one.basis, ""))
        for one in found.accelerators
    ]


def own_rows(found: CalibrationResults) -> list[Row]:
    """Newest first: the one just made is what people look for."""
    short = calibration.shortened([run.id for run in found.results])
    return [
        Row(run.id, calibration.cells(run, short[run.id]), "" if run.use == "used" else "italic")
        for run in reversed(found.results)
    ]
