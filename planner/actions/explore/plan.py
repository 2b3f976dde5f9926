"""What an interactive screen needs: inputs as typed in, a plan's points and options out.

Everything here is free of presentation: figures are those of ``Session.recommend``, and problems
are values, so that a screen can keep its last good plan beside them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from planner.actions.explore.copied import skypilot_task
from planner.actions.explore.inputs import (
    FIELDS,
    LATENCIES,
    Inputs,
    Subject,
    command_line,
    constrain,
    open_subject,
    sibling,
)
from planner.actions.explore.view import Axis, Change, Found, Moved, Option, Points, View
from planner.actions.problems import Problem, expected, problem_of
from planner.actions.write_file import write_bytes
from planner.amounts import hours, money, seconds
from planner.report import words
from planner.report.rows import to_json
from planner.results import Item, Mix, Recommendation
from planner.workload import Workload

# A screen is painted before anything is planned: what only planning needs is imported there.
if TYPE_CHECKING:
    from planner.actions.recommend.plan import Plan
    from planner.actions.session import Session

__all__ = [
    "LATENCIES",
    "Axis",
    "Change",
    "Found",
    "Inputs",
    "Item",
    "Mix",
    "Moved",
    "Option",
    "Points",
    "Problem",
    "Recommendation",
    "Subject",
    "View",
    "command_line",
    "constrain",
    "explore",
    "hours",
    "money",
    "open_subject",
    "seconds",
    "sibling",
    "skypilot_task",
    "start_session",
    "to_json",
    "words",
    "write_bytes",
]

ALTERNATIVES = 25


def start_session() -> Session | Problem:
    """Open the catalog."""
    from planner.actions.session import open_session

    try:
        return open_session()
    except Exception as error:
        if not expected(error):
            raise
        return problem_of(error)


def explore(
    session: Session, subject: Subject, inputs: Inputs, before: View | None = None
) -> View | Problem:
    """Plan anew under these inputs; ``before`` is the plan shown until now."""
    try:
        workload = constrain(subject, inputs)
        plan = session.recommend(workload, top=ALTERNATIVES, where=subject.file or "workload")
    except Exception as error:
        if not expected(error):
            raise
        return problem_of(error, FIELDS)
    return view(session, workload, inputs, plan, before)


def view(
    session: Session, workload: Workload, inputs: Inputs, plan: Plan, before: View | None = None
) -> View:
    """Points and options of a plan, and what changed since the one ``before``."""
    from planner.actions.explore.lookup import Lookup
    from planner.actions.explore.moved import change

    look = Lookup(session, workload, plan)
    options = [*look.recommended(), *look.alternatives()]
    listed = {option.index for option in options}
    front = look.front()
    others = [int(index) for index in front[::-1] if int(index) not in listed]
    options += [look.option("front", rank, index) for rank, index in enumerate(others, start=1)]
    x_axis, y_axis = look.axes()
    found = View(
        inputs=inputs,
        workload=workload,
        recommendation=plan.recommendation,
        best=look.best,
        options=tuple(options),
        x_axis=x_axis,
        y_axis=y_axis,
        points=look.points(look.thinned()),
        front=look.points(front),
        feasible=len(plan.feasible),
        meeting=int(look.meets[plan.feasible].sum()),
        unplaced=len(plan.feasible) - len(look.placed),
        measured=frozenset(one.observation_id for one in session.measured),
        _lookup=look,
    )
    return replace(found, change=change(before, found))
