"""What was measured, what it was expected to be, whether it is used, and what it changes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from catalog import Catalog
from catalog.verdicts import Verdict, Verdicts
from planner.actions.calibration.own import Examined, Use, examine
from planner.actions.calibration.panel import effect
from planner.errors import BadInput
from planner.items import rounded
from planner.results.calibration import CalibrationResults, MeasuredRun
from planner.workload import Workload

Progress = Callable[[str], None]
_COMMAND = {Verdict.UNDONE: "undo", Verdict.KEPT: "keep", Verdict.OPEN: "reopen"}


def _silent(_line: str) -> None:
    pass


def results(
    catalog: Catalog,
    *,
    with_effect: bool = True,
    asked: Mapping[str, Workload] | None = None,
    progress: Progress = _silent,
) -> CalibrationResults:
    """Everything measured so far, oldest first, and what it changes against having measured
    nothing: on a panel of standard workloads, or on those ``asked``.
    """
    runs = examine(catalog)
    used = [one for run in runs if run.use is Use.USED for one in run.measured]
    moved = effect(catalog, [], used, asked, progress) if with_effect and used else None
    return CalibrationResults(results=[_published(run) for run in runs], effect=moved)


def effect_of(
    observations: Sequence[str],
    catalog: Catalog,
    progress: Progress = _silent,
    *,
    asked: Mapping[str, Workload] | None = None,
) -> CalibrationResults:
    """These runs, and what they change beside all others: on the panel, or on those ``asked``."""
    runs = examine(catalog)
    mine = [run for run in runs if run.own.id in observations]
    used = [m for run in runs if run.use is Use.USED for m in run.measured]
    new = [m for run in mine if run.use is Use.USED for m in run.measured]
    others = [m for m in used if m not in new]
    moved = effect(catalog, others, used, asked, progress) if new else None
    return CalibrationResults(results=[_published(run) for run in mine], effect=moved)


def judge(observation: str, verdict: Verdict, catalog: Catalog) -> MeasuredRun:
    """Undo, keep or reopen a run; what it is now. Raises BadInput for an unknown id.

    An id may be shortened to its first characters, as long as they mean one run.
    """
    from catalog.observations import OwnObservations

    stored = OwnObservations().all()
    found = [own.id for own in stored if own.id.startswith(observation)] if observation else []
    if len(found) != 1:
        problem = "means several runs" if found else "is no run"
        raise BadInput(
            f"{observation!r} {problem}",
            where=f"calibrate {_COMMAND[verdict]}",
            remedy="see the ids in `planner calibrate results`",
        )
    Verdicts().say(found[0], verdict)
    return _published(next(run for run in examine(catalog) if run.own.id == found[0]))


def _published(run: Examined) -> MeasuredRun:
    factor = run.factor
    return MeasuredRun(
        id=run.own.id,
        measured_at=run.own.measured_at.isoformat(),
        machine=run.own.machine,
        use=run.use.value,
        reason=run.reason,
        expected=None if run.expected is None else rounded(run.expected),
        measured_over_expected=None if factor is None else rounded(factor),
        surprise_sd=None if run.surprise is None else rounded(run.surprise),
        observation=run.own.observation.to_row(),
    )
