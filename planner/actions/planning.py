"""One workload made ready for the choice program: shape, candidates, options, groups to mix."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from catalog import Catalog
from catalog.model_shapes import ModelShape
from catalog.records import dataclass
from planner.actions.kept import Kept
from planner.actions.places import regions, spread_places
from planner.candidates import Candidates, build, is_feasible
from planner.candidates.order import comparable_usd
from planner.model_choice import shape_of
from planner.optimize.choice import Cover, Options
from planner.optimize.options import Apart
from planner.performance.efficiency import Measured
from planner.workload import Workload

Rows = NDArray[np.intp]


@dataclass(frozen=True)
class Prepared:
    """``feasible`` rows can run at all; ``in_time`` also meet the deadline at the risk asked."""

    workload: Workload
    shape: ModelShape
    candidates: Candidates
    feasible: Rows
    in_time: Rows

    @property
    def limits(self) -> Mapping[str, float]:
        """Quotas of the workload and what exists of own machines."""
        return {**self.candidates.limits, **self.workload.where.quotas}

    def asked(self, workload: Workload, among: NDArray[np.bool_] | None = None) -> Prepared:
        """The same candidates under another deadline, quotas or share of spot machines.

        ``among``, shape (candidates,), keeps those it marks. Nothing is timed or priced again, so
        ``workload`` must not differ in what that depends on.
        """
        feasible = self.feasible if among is None else self.feasible[among[self.feasible]]
        in_time = _in_time(workload, self.candidates, feasible)
        return replace(self, workload=workload, feasible=feasible, in_time=in_time)

    def options(self) -> Options:
        """The candidates in time, as the choice program reads them."""
        return options_of(self.candidates, self.in_time)

    def cover(self) -> Cover | None:
        """Groups the workload may be mixed from; None where it runs on one configuration only."""
        w, c = self.workload, self.candidates
        if w.why_one or not len(self.feasible):
            return None
        rows = self.cover_rows()
        if c.amount.is_service:
            per_group = (c.usd[rows] - c.lines["capital_usd"][rows]) / c.count[rows]
            capital = c.lines["capital_usd"][rows] / c.count[rows]
            return self._cover(
                rows, c.amount.per_second or 0.0, c.group_rate[rows], per_group + capital, None
            )
        # Every machine works until the deadline at most.
        total, deadline = c.amount.total or 0.0, w.deadline or 0.0
        with np.errstate(divide="ignore", invalid="ignore"):
            rate = total / (c.hours_at_risk[rows] - c.set_up_hours[rows])
            capacity = rate * np.maximum(deadline - c.set_up_hours[rows], 0.0)
        per_unit = (c.lines["work_usd"][rows] + c.lines["interruption_usd"][rows]) / total
        fixed = c.lines["set_up_usd"][rows] + c.lines["capital_usd"][rows]
        return self._cover(rows, total, capacity, fixed, per_unit)

    def _cover(
        self,
        rows: Rows,
        need: float,
        capacity: NDArray[np.float64],
        usd_per_group: NDArray[np.float64],
        usd_per_unit: NDArray[np.float64] | None,
    ) -> Cover:
        c, where = self.candidates, self.workload.where
        names = options_of(c, rows)
        apart, spread = None, where.spread
        if spread is not None:
            places = np.unique(self.cover_places(), return_inverse=True)[1].reshape(-1)
            apart = Apart(places, spread.at_least, spread.max_share)
        names_of: dict[str, int] = {}
        kinds = [names_of.setdefault(d.name, len(names_of)) for d in c.machines.devices]
        return Cover(
            need=need,
            capacity=capacity,
            usd_per_group=usd_per_group,
            usd_per_unit=np.zeros(len(rows)) if usd_per_unit is None else usd_per_unit,
            nodes=c.machines.nodes[c.config[rows]],
            quota=names.quota,
            quota_use=c.quota_use[rows] / c.count[rows],
            spot=c.offers.is_in("kind", ["spot"])[c.row[rows]],
            max_nodes=float(where.max_nodes),
            cloud=names.cloud,
            max_spot_share=where.max_spot_share,
            place=regions(c, rows) if where.mix == "region" else None,
            apart=apart,
            kind=np.array(kinds)[c.config[rows]],
            max_types=where.max_types,
        )

    def cover_rows(self) -> Rows:
        """The candidate behind each group of ``cover``: of a batch, groups that stand alone show
        rate and cost; of a service all, spot as well, where only a part may be on it.
        """
        return self._groups[0]

    def cover_places(self) -> list[str]:
        """The zone, region or cloud of each group of ``cover`` that ``where.spread`` is about."""
        return self._groups[1]

    @cached_property
    def _groups(self) -> tuple[Rows, list[str]]:
        c, rows, spread = self.candidates, self.feasible, self.workload.where.spread
        if not c.amount.is_service:
            rows = rows[c.count[rows] == 1]
        if spread is None:
            return rows, []
        at, names = spread_places(c, rows, spread)
        return rows[at], names


def options_of(candidates: Candidates, rows: Rows) -> Options:
    """Candidates as columns of the choice program."""
    offers, of_row = candidates.offers, candidates.row[rows]

    def words(column: str) -> list[str]:
        vocabulary = np.array(offers.vocabularies[column], object)
        found: list[str] = vocabulary[offers.codes[column][of_row]].tolist()
        return found

    return Options(
        cost=comparable_usd(candidates, rows),
        cost_at_risk=candidates.usd_at_risk[rows],
        quota=words("quota_class"),
        quota_use=candidates.quota_use[rows],
        order=candidates.hours[rows],
        cloud=words("cloud"),
    )


_PREPARED = Kept[Prepared](3)  # tens of megabytes each


def prepare(
    workload: Workload,
    catalog: Catalog,
    measured: Sequence[Measured] = (),
    *,
    where: str = "workload",
    reclaim: float = 1.0,
) -> Prepared:
    """Time and price every candidate; ``reclaim`` as in ``build``.

    What differs from one of the last workloads in deadline and budget only has its candidates.

    Raises BadInput for unknown names and empty filters, Infeasible when no device can do the work.
    """
    # Both decide which candidates are chosen, not what there are.
    free = workload.model_copy(update={"deadline": None, "budget": None})
    key = (catalog.content_id, reclaim, tuple(measured), free)
    known = _PREPARED.find(key)
    if known is not None:
        return known.asked(workload)
    shape = shape_of(catalog, workload, where)
    candidates = build(workload, shape, catalog, measured, where=where, reclaim=reclaim)
    feasible = np.flatnonzero(is_feasible(candidates))
    in_time = _in_time(workload, candidates, feasible)
    prepared = Prepared(workload, shape, candidates, feasible, in_time)
    _PREPARED.keep(key, prepared)
    return prepared


def _in_time(workload: Workload, candidates: Candidates, feasible: Rows) -> Rows:
    rows = feasible
    if workload.deadline is not None:
        rows = feasible[candidates.hours_at_risk[feasible] <= workload.deadline]
    if workload.where.spread is not None:
        return rows[:0]  # a single configuration is in one place
    if workload.where.max_spot_share < 1:
        # A single configuration is wholly on spot or not at all.
        spot = candidates.offers.is_in("kind", ["spot"])[candidates.row[rows]]
        rows = rows[~spot]
    return rows
