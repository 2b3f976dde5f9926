"""What an interactive screen needs: inputs as typed in, a plan's points and options out.

Everything here is free of presentation: figures are those of ``Session.recommend``, and problems
are values, so that a screen can keep its last good plan beside them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from planner.actions.explore_inputs import (
    Inputs,
    Subject,
    command_line,
    constrain,
    open_subject,
)
from planner.amounts import hours, money
from planner.errors import BadInput, Infeasible, PlannerError
from planner.report import words
from planner.results import Item, Recommendation
from planner.workload import Purchase, Workload

# A screen is painted before anything is planned: what only planning needs is imported there.
if TYPE_CHECKING:
    from planner.actions.recommend import Plan
    from planner.actions.session import Session

__all__ = [
    "Inputs",
    "Item",
    "Option",
    "Points",
    "Problem",
    "Subject",
    "View",
    "command_line",
    "constrain",
    "explore",
    "hours",
    "money",
    "open_subject",
    "start_session",
    "words",
]

ALTERNATIVES = 25
# Points closer than this in log10 of hours and dollars are drawn once: 2% in either.
POINT_SPACING = 0.01
FIELDS = ("deadline", "budget", "max_nodes", "purchase")


@dataclass(frozen=True)
class Problem:
    """Why there is no new plan: the input at fault (of FIELDS, or empty), and what would help."""

    field: str
    text: str
    remedies: tuple[str, ...] = ()


@dataclass(frozen=True)
class Points:
    """Candidates to draw, shape (n,): hours and dollars in the median."""

    index: NDArray[np.intp]
    hours: NDArray[np.float64]
    usd: NDArray[np.float64]
    spot: NDArray[np.bool_]
    meets: NDArray[np.bool_]


@dataclass(frozen=True)
class Option:
    """One row of the table. ``role``: recommended, alternative, front or picked.

    ``rank`` counts within the role; alternatives are ranked as ``planner recommend`` ranks them.
    """

    role: str
    rank: int
    index: int
    item: Item
    headline: str


@dataclass(frozen=True)
class View:
    """A plan as one screen shows it."""

    inputs: Inputs
    workload: Workload
    recommendation: Recommendation
    best: int
    options: tuple[Option, ...]
    points: Points
    front: Points
    feasible: int
    meeting: int
    _lookup: _Lookup

    def option_at(self, index: int) -> Option:
        """The table's option at a candidate, or a new one with the role ``picked``."""
        known = {option.index: option for option in self.options}
        return known.get(index) or self._lookup.option("picked", 0, index)


def start_session() -> Session | Problem:
    """Open the catalog."""
    from catalog import CatalogError
    from planner.actions.session import open_session

    try:
        return open_session()
    except (PlannerError, CatalogError) as error:
        return Problem("", str(error))


def explore(session: Session, subject: Subject, inputs: Inputs) -> View | Problem:
    """Plan anew under these inputs."""
    from catalog import CatalogError, UnknownName

    try:
        workload = constrain(subject, inputs)
        plan = session.recommend(workload, top=ALTERNATIVES, where=subject.file or "workload")
    except BadInput as error:
        field = error.where.rpartition(": ")[2].rpartition(".")[2]
        if field in FIELDS:
            return Problem(field, error.problem, (error.remedy,) if error.remedy else ())
        return Problem("", str(error))
    except Infeasible as error:
        return Problem("", str(error), tuple(error.reasons))
    except (PlannerError, CatalogError, UnknownName) as error:
        return Problem("", str(error))
    return view(session, workload, inputs, plan)


def view(session: Session, workload: Workload, inputs: Inputs, plan: Plan) -> View:
    """Points and options of a plan."""
    from planner.explain import headline
    from planner.optimize.pareto import pareto_front

    look = _Lookup(session, workload, plan)
    c, feasible = plan.candidates, plan.feasible
    order = np.arange(len(feasible))
    front = feasible[pareto_front(c.usd[feasible], c.hours[feasible], order)]
    found = plan.recommendation
    ranked = [("recommended", 0, look.best, found.recommendation)]
    ranked += [
        ("alternative", rank, look.index_of(item), item)
        for rank, item in enumerate(found.alternatives, start=1)
    ]
    listed = {index for _, _, index, _ in ranked}
    options = [
        Option(role, rank, i, item, headline(workload, item)) for role, rank, i, item in ranked
    ]
    others = [int(i) for i in front[::-1] if int(i) not in listed]
    options += [look.option("front", rank, index) for rank, index in enumerate(others, start=1)]
    return View(
        inputs=inputs,
        workload=workload,
        recommendation=found,
        best=look.best,
        options=tuple(options),
        points=look.points(look.thinned()),
        front=look.points(front),
        feasible=len(feasible),
        meeting=int(look.meets[feasible].sum()),
        _lookup=look,
    )


class _Lookup:
    """Finds and builds items of one plan."""

    def __init__(self, session: Session, workload: Workload, plan: Plan) -> None:
        from planner.items import ItemBuilder

        self._c, self._feasible, self._workload = plan.candidates, plan.feasible, workload
        self._builder = ItemBuilder(plan.candidates, session.catalog, date.today())
        self.best = self.index_of(plan.recommendation.recommendation)

    def index_of(self, item: Item) -> int:
        """The candidate an item was made from; of equal ones the first."""
        offers, c = self._c.offers, self._c
        texts = {
            "cloud": item.cloud,
            "region": item.region,
            "zone": item.zone or "",
            "instance_type": item.instance_type,
            "kind": item.purchase,
        }
        alike = np.logical_and.reduce([offers.is_in(name, [text]) for name, text in texts.items()])
        rows = np.flatnonzero(alike[c.row] & (c.nodes == item.nodes))
        return int(rows[np.argmin(np.abs(c.usd[rows] - item.cost_usd))])

    @cached_property
    def meets(self) -> NDArray[np.bool_]:
        """Which candidates meet deadline, budget and quotas at the risk asked for."""
        c, w = self._c, self._workload
        meets = np.isfinite(c.usd_at_risk)
        if w.deadline is not None:
            meets &= c.hours_at_risk <= w.deadline
        if w.budget is not None:
            meets &= c.usd_at_risk <= w.budget
        for name, limit in w.where.quotas.items():
            meets &= ~c.offers.is_in("quota_class", [name])[c.row] | (c.quota_use <= limit)
        return meets

    def points(self, index: NDArray[np.intp]) -> Points:
        c = self._c
        spot = c.offers.is_in("kind", [Purchase.SPOT.value])[c.row[index]]
        return Points(index, c.hours[index], c.usd[index], spot, self.meets[index])

    def thinned(self) -> NDArray[np.intp]:
        """One candidate for each distinguishable place, way to pay and whether it meets limits."""
        c, rows = self._c, self._feasible
        x = np.floor(np.log10(c.hours[rows]) / POINT_SPACING).astype(np.int64)
        y = np.floor(np.log10(np.maximum(c.usd[rows], 1e-9)) / POINT_SPACING).astype(np.int64)
        spot = c.offers.is_in("kind", [Purchase.SPOT.value])[c.row[rows]]
        key = (((x + 10_000) * 20_000 + y + 10_000) * 2 + spot) * 2 + self.meets[rows]
        kept: NDArray[np.intp] = rows[np.unique(key, return_index=True)[1]]
        return kept

    def option(self, role: str, rank: int, index: int) -> Option:
        from planner.explain import headline

        item = self._builder.item(index, lost_to=self.best)
        item = item.model_copy(update={"why_not": self._missed(index) or item.why_not})
        return Option(role, rank, index, item, headline(self._workload, item))

    def _missed(self, index: int) -> str:
        """The limit a candidate misses, empty when it meets all."""
        c, w = self._c, self._workload
        late, dear = float(c.hours_at_risk[index]), float(c.usd_at_risk[index])
        if w.deadline is not None and late > w.deadline:
            return f"misses the deadline: takes up to {hours(late)} at {w.risk:.0%}"
        if w.budget is not None and dear > w.budget:
            return f"over the budget: costs up to {money(dear)} at {w.risk:.0%}"
        name = c.offers.text("quota_class", int(c.row[index]))
        limit, use = w.where.quotas.get(name), float(c.quota_use[index])
        return f"needs {use:g} of quota {name}, {limit:g} allowed" if limit and use > limit else ""
