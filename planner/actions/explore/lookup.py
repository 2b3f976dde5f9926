"""Finds, places and builds the options of one plan."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from planner.actions.explore.view import Axis, Found, Option, Points
from planner.actions.planning import Prepared
from planner.actions.recommend.answer import tokens_per_unit, within
from planner.actions.recommend.plan import Plan
from planner.actions.session import Session
from planner.amounts import hours, money
from planner.explain import headline
from planner.items import ItemBuilder
from planner.model_choice import shape_of
from planner.optimize.pareto import pareto_front
from planner.results import Item
from planner.workload import Purchase, Workload

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]

# Columns of an offer that a search looks into, beside the name of the device.
SEARCHED = ("cloud", "region", "zone", "instance_type", "platform", "kind")
# Points closer than this in log10 of either axis are drawn once: 2% in either.
POINT_SPACING = 0.01
LEAST = 1e-9  # drawn for zero, which has no logarithm


class Lookup:
    """Finds, places and builds options of one plan."""

    def __init__(self, session: Session, workload: Workload, plan: Plan) -> None:
        self._c, self._feasible, self._workload = plan.candidates, plan.feasible, workload
        self._found = plan.recommendation
        self.vendors = {name: it.vendor for name, it in session.catalog.accelerators.items()}
        shape = shape_of(session.catalog, workload, "workload")
        prepared = Prepared(workload, shape, self._c, self._feasible, self._feasible)
        self._builder = ItemBuilder(
            self._c, session.catalog, date.today(), tokens_per_unit(prepared)
        )
        self.best = self.index_of(plan.recommendation.recommendation)

    # -- places -------------------------------------------------------------------------------

    @cached_property
    def _latency(self) -> Floats:
        return self._c.latency()

    @cached_property
    def _x_is_latency(self) -> bool:
        return bool(np.isfinite(self._latency[self._feasible]).any())

    @cached_property
    def x(self) -> Floats:
        """Hours of a job; latency of a service; its machines where no latency is known."""
        if not self._c.amount.is_service:
            return self._c.hours
        return self._latency if self._x_is_latency else self._c.nodes

    @cached_property
    def y(self) -> Floats:
        """Dollars of a job in total, of a service an hour."""
        return self._c.usd_per_hour if self._c.amount.is_service else self._c.usd

    def axes(self) -> tuple[Axis, Axis]:
        """What x and y mean, with the user's limits on them."""
        w = self._workload
        if not self._c.amount.is_service:
            return Axis("hours", "time", w.deadline), Axis("usd", "$ in total", w.budget)
        per_hour = None if w.budget is None else w.budget / float(self._c.amount.horizon_hours or 1)
        y = Axis("usd_per_hour", "$/h", per_hour)
        if not self._x_is_latency:
            return Axis("machines", "machines (latency unknown)", float(w.where.max_nodes)), y
        found = self._c.throughput.latency
        if found is not None and found.tpot_p95 is not None:
            return Axis("seconds", "TPOT p95", getattr(w, "tpot_p95", None)), y
        return Axis("seconds", "latency p95", getattr(w, "latency_p95", None)), y

    @cached_property
    def placed(self) -> Rows:
        """Feasible candidates whose x is known."""
        rows: Rows = self._feasible[np.isfinite(self.x[self._feasible])]
        return rows

    def front(self) -> Rows:
        """Placed candidates that no other beats on both axes, lowest x first."""
        rows = self.placed
        found: Rows = rows[pareto_front(self.y[rows], self.x[rows], np.arange(len(rows)))]
        return found

    @cached_property
    def meets(self) -> NDArray[np.bool_]:
        """Which candidates meet deadline, budget and quotas at the risk asked for."""
        c, w = self._c, self._workload
        meets = np.isfinite(c.usd_at_risk)
        if w.deadline is not None:
            meets &= c.hours_at_risk <= w.deadline
        if w.budget is not None:
            meets &= c.usd_at_risk <= w.budget
        if w.where.spread is not None:
            meets &= False
        if w.where.max_spot_share < 1:
            meets &= ~c.offers.is_in("kind", [Purchase.SPOT.value])[c.row]
        limits = {**c.limits, **w.where.quotas}
        return meets & within(c, np.arange(len(c)), limits) if limits else meets

    @cached_property
    def ways(self) -> tuple[str, ...]:
        return (*self._c.offers.vocabularies["kind"], "edge")

    @cached_property
    def _way(self) -> Rows:
        c = self._c
        kind = c.offers.codes["kind"].astype(np.intp)
        kind = np.where(c.offers.is_in("cloud", ["edge"]), len(self.ways) - 1, kind)
        way: Rows = kind[c.row]
        return way

    def points(self, index: Rows) -> Points:
        return Points(
            index, self.x[index], self.y[index], self._way[index], self.meets[index], self.ways
        )

    def thinned(self) -> Rows:
        """One candidate for each distinguishable place, way to pay and whether it meets limits."""
        rows = self.placed
        x = np.floor(np.log10(np.maximum(self.x[rows], LEAST)) / POINT_SPACING).astype(np.int64)
        y = np.floor(np.log10(np.maximum(self.y[rows], LEAST)) / POINT_SPACING).astype(np.int64)
        key = (x + 10_000) * 20_000 + y + 10_000
        key = (key * len(self.ways) + self._way[rows]) * 2 + self.meets[rows]
        kept: Rows = rows[np.unique(key, return_index=True)[1]]
        return kept

    # -- search -------------------------------------------------------------------------------

    def search(self, text: str, most: int, known: Sequence[Option]) -> Found:
        """See ``View.search``; ``known`` options keep their role."""
        rows = self._feasible
        for word in text.lower().split():
            rows = rows[self._has(word)[rows]]
        cheapest = rows[np.lexsort((self.y[rows], ~self.meets[rows]))][:most]
        kept = {option.index: option for option in known}
        found = [
            kept.get(index) or self.option("found", rank, index)
            for rank, index in enumerate(cheapest.tolist(), start=1)
        ]
        return Found(tuple(found), len(rows), int(self.meets[rows].sum()))

    def _has(self, word: str) -> NDArray[np.bool_]:
        """Which candidates have a word, as part of any of their names."""
        c = self._c
        in_offer = np.zeros(len(c.offers), bool)
        for column in SEARCHED:
            vocabulary = c.offers.vocabularies[column]
            spoken = [
                word in name.lower() or word in name.lower().replace("_", "-")
                for name in vocabulary
            ]
            in_offer |= np.array(spoken, bool)[c.offers.codes[column]]
        on_device = np.array([word in device.name.lower() for device in c.machines.devices], bool)
        has: NDArray[np.bool_] = in_offer[c.row] | on_device[c.config]
        return has

    def along_front(self, index: int, step: int) -> int | None:
        """See ``View.along_front``: by x, so that it works from any candidate."""
        front = self.front()
        if not len(front):
            return None
        on_it = np.flatnonzero(front == index)
        if len(on_it):
            place = int(on_it[0]) + step
        else:
            right = int(np.searchsorted(self.x[front], self.x[index]))
            place = right if step > 0 else right - 1
        return int(front[min(max(place, 0), len(front) - 1)])

    # -- options ------------------------------------------------------------------------------

    def index_of(self, item: Item) -> int:
        """The candidate an item was made from; of equal ones the first.

        A group of a mix may repeat its configuration in a number that is no candidate by itself:
        then the candidate of the same offer with the nearest number.
        """
        c = self._c
        rows = self._alike(item)
        apart = np.abs(c.nodes[rows] - item.nodes)
        rows = rows[apart == apart.min()]
        return int(rows[np.argmin(np.abs(c.usd[rows] - item.cost_usd))])

    def same(self, item: Item) -> int | None:
        """The candidate of the same offer and number of machines, of any plan; None without one."""
        rows = self._alike(item)
        rows = rows[self._c.nodes[rows] == item.nodes]
        return int(rows[np.argmin(self._c.usd[rows])]) if len(rows) else None

    def place_of(self, item: Item) -> tuple[float, float, str] | None:
        """See ``View.place_of``: where ``_option`` would put it."""
        index = self.same(item)
        if index is None:
            return None
        basis = self._c.throughput.basis[int(self._c.config[index])]
        return float(self.x[index]), float(self.y[index]), basis

    def cheapest_measured(self) -> int | None:
        """See ``View.cheapest_measured``."""
        c = self._c
        measured = np.array([basis == "measured" for basis in c.throughput.basis], bool)
        rows = self._feasible[measured[c.config[self._feasible]]]
        return int(rows[np.argmin(self.y[rows])]) if len(rows) else None

    def _alike(self, item: Item) -> Rows:
        """Feasible candidates of an item's offer."""
        offers = self._c.offers
        texts = {
            "instance_type": item.instance_type,  # the fewest have it
            "cloud": item.cloud,
            "region": item.region,
            "zone": item.zone or "",
            "platform": item.platform or "",
            "kind": item.purchase,
        }
        rows, of_row = self._feasible, self._offer_of_feasible
        for name, text in texts.items():
            alike = offers.codes[name][of_row] == offers.code(name, text)
            rows, of_row = rows[alike], of_row[alike]
        return rows

    @cached_property
    def _offer_of_feasible(self) -> Rows:
        return self._c.row[self._feasible]

    def recommended(self) -> list[Option]:
        """What is recommended: one option, or one for each group of a mix."""
        found, mix = self._found, self._found.mix
        if mix is None:
            return [self._option("recommended", 0, self.best, found.recommendation)]
        return [
            self._option("recommended" if rank == 0 else "group", rank, self.index_of(item), item)
            for rank, item in enumerate(mix.groups)
        ]

    def alternatives(self) -> list[Option]:
        """In the order of the recommendation."""
        return [
            self._option("alternative", rank, self.index_of(item), item)
            for rank, item in enumerate(self._found.alternatives, start=1)
        ]

    def option(self, role: str, rank: int, index: int) -> Option:
        item = self._builder.item(index, lost_to=self.best)
        item = item.model_copy(update={"why_not": self._missed(index) or item.why_not})
        return self._option(role, rank, index, item)

    def _option(self, role: str, rank: int, index: int, item: Item) -> Option:
        text = self._found.headline
        if role not in ("recommended", "group"):
            text = headline(self._workload, item, candidates=self._c, best=index)
        x = item.hours if item.hours is not None else float(self.x[index])
        y = item.cost_usd if item.cost_usd_per_hour is None else item.cost_usd_per_hour
        mix = self._found.mix
        if role == "recommended" and mix is not None:
            y = mix.cost_usd if mix.cost_usd_per_hour is None else mix.cost_usd_per_hour
        return Option(role, rank, index, item, text, x, y)

    def _missed(self, index: int) -> str:
        """The limit a candidate misses, empty when it meets all."""
        c, w = self._c, self._workload
        late, dear = float(c.hours_at_risk[index]), float(c.usd_at_risk[index])
        if w.deadline is not None and late > w.deadline:
            return f"misses the deadline: takes up to {hours(late)} at {w.risk:.0%}"
        if w.budget is not None and dear > w.budget:
            return f"over the budget: costs up to {money(dear)} at {w.risk:.0%}"
        name = c.offers.text("quota_class", int(c.row[index]))
        limit, use = {**c.limits, **w.where.quotas}.get(name), float(c.quota_use[index])
        if limit is not None and use > limit:
            return f"needs {use:g} of quota {name}, {limit:g} allowed"
        if w.where.spread is not None:
            return f"in one place, and a spread over {w.where.spread.over}s is asked for"
        if not self.meets[index]:
            return f"wholly on spot, of which at most {w.where.max_spot_share:.0%} is allowed"
        return ""
