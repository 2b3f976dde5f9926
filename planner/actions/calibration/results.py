"""What was measured, what it was expected to be, whether it is used, and what it changes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from catalog import Catalog
from catalog.verdicts import Verdict, Verdicts
from planner.actions.calibration.own import Examined, Use, examine
from planner.actions.calibration.panel import Effect, effect
from planner.errors import BadInput
from planner.workload import Workload


@dataclass(frozen=True)
class Results:
    """Every own run, oldest first; ``effect`` of all that are used, together, on a panel of
    standard workloads or the user's own (None where it was not asked for).
    """

    runs: tuple[Examined, ...]
    effect: Effect | None

    @property
    def held_back(self) -> list[Examined]:
        return [
            run for run in self.runs if run.use in (Use.OUTLIER, Use.CONTRADICTS, Use.CONTENDED)
        ]


def results(
    catalog: Catalog,
    *,
    with_effect: bool = True,
    asked: Mapping[str, Workload] | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> Results:
    """Everything measured so far, and what it changes against having measured nothing."""
    runs = tuple(examine(catalog))
    used = [one for run in runs if run.use is Use.USED for one in run.measured]
    moved = effect(catalog, [], used, asked, progress) if with_effect and used else None
    return Results(runs, moved)


def effect_of(
    observation: str, catalog: Catalog, progress: Callable[[str], None] = lambda _: None
) -> tuple[Examined, Effect | None]:
    """One run, and what the others' estimates and the panel were without it."""
    runs = examine(catalog)
    run = next(run for run in runs if run.own.id == observation)
    if run.use is not Use.USED:
        return run, None
    others = [m for r in runs if r.use is Use.USED and r is not run for m in r.measured]
    return run, effect(catalog, others, [*others, *run.measured], progress=progress)


def judge(observation: str, verdict: Verdict, catalog: Catalog) -> Examined:
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
    return next(run for run in examine(catalog) if run.own.id == found[0])


_COMMAND = {Verdict.UNDONE: "undo", Verdict.KEPT: "keep", Verdict.OPEN: "reopen"}
