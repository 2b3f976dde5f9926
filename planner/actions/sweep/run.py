"""The use case behind ``planner sweep``: one question asked in every combination of its fields."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import date
from typing import Literal

from planner.actions.session import Session
from planner.actions.sweep.engines import cores, run_here, run_local, run_ray
from planner.actions.sweep.file import SweepPlan
from planner.actions.sweep.row import Setup
from planner.errors import BadInput, PlannerError
from planner.results.sweep import Sweep, SweepRow

Engine = Literal["local", "ray"]
Progress = Callable[[int, int], None]


def sweep(
    plan: SweepPlan,
    session: Session,
    *,
    engine: Engine = "local",
    workers: int | None = None,
    address: str = "auto",
    today: date | None = None,
    progress: Progress | None = None,
) -> Sweep:
    """One row a combination, in the file's order, the same on every engine.

    ``workers`` are processes, by default as many as cores. Raises BadInput when no combination can
    be used, or Ray was asked for and is not there; PlannerError when a worker dies.
    """
    total = len(plan)
    combinations = list(plan)
    setup = Setup(
        where=plan.where,
        measured=tuple(session.measured),
        today=today or date.today(),
        content_id=session.catalog.content_id,
    )

    def done(count: int) -> None:
        if progress is not None:
            progress(count, total)

    if engine == "ray":
        rows = run_ray(setup, combinations, address, workers, done)
    elif min(workers or cores(), total) == 1:
        rows = run_here(setup, combinations, session.catalog, done)
    else:
        rows = run_local(setup, combinations, workers or cores(), done)
    counts = Counter(row["status"] for row in rows)
    if set(counts) == {"bad_input"}:
        first = rows[0]["reason"]
        raise BadInput(first if total == 1 else f"{first} (and no other combination can be used)")
    if set(counts) == {"failed"}:
        raise PlannerError(rows[0]["reason"])
    return Sweep(
        name=plan.file.name,
        catalog=session.catalog.content_id,
        fields=list(plan.file.vary),
        counts=dict(counts),
        rows=[SweepRow(**row) for row in rows],
    )
