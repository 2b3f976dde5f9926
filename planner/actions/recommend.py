"""The use case behind ``planner recommend``: workload in, explained recommendation out."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from catalog import Catalog, UnknownName
from catalog.model_shapes import ModelShape
from planner.candidates import Candidates, blocked, build, is_feasible, smallest_shortfall_gib
from planner.errors import BadInput, Infeasible
from planner.explain import explain, headline
from planner.field_errors import shown, some
from planner.items import ItemBuilder
from planner.optimize.choice import Options, choose
from planner.optimize.pareto import pareto_front
from planner.performance.efficiency import Measured
from planner.results import CatalogInfo, FrontPoint, Recommendation, Solver
from planner.workload import LanguageTraining, Method, Training, VisionTraining, Workload

Rows = NDArray[np.intp]
FRONT_POINTS = 50


@dataclass(frozen=True)
class Plan:
    """A recommendation together with the columns it was chosen from (for charts)."""

    recommendation: Recommendation
    candidates: Candidates
    feasible: Rows


# Kinds of network that each kind of work is estimated for.
_LANGUAGE = ("transformer", "encoder", "encoder-decoder")
_VISION = ("vision",)


def training_only(workload: Workload, where: str) -> Training:
    """The workload, when it is of a kind that is planned. Raises BadInput."""
    if isinstance(workload, (LanguageTraining, VisionTraining)):
        return workload
    raise BadInput(
        f"{shown(workload.kind)} is not planned yet",
        where=f"{where}: kind",
        remedy="use pretrain, finetune or vision-training",
    )


def model_shape(catalog: Catalog, workload: Training, where: str) -> ModelShape:
    """Shape of the workload's model. Raises BadInput when unknown or of another kind."""
    fitting = _VISION if isinstance(workload, VisionTraining) else _LANGUAGE
    try:
        shape = catalog.model_shape(workload.subject)
    except UnknownName as error:
        close = ", ".join(error.suggestions)
        known = [shape.name for shape in catalog.model_shapes.values() if shape.kind in fitting]
        raise BadInput(
            f"unknown model {shown(workload.subject)}",
            where=f"{where}: model",
            remedy=f"did you mean {close}?" if close else f"the catalog has {some(known)}",
        ) from None
    if shape.kind not in fitting:
        raise BadInput(
            f"{shape.name} is a {shape.kind} model, which kind {workload.kind} does not train",
            where=f"{where}: model",
            remedy=f"use kind {'vision-training' if shape.kind == 'vision' else 'finetune'}"
            if shape.kind in _VISION + _LANGUAGE
            else f"{shape.kind} models are not planned yet",
        )
    return shape


def recommend(
    workload: Workload,
    catalog: Catalog,
    *,
    measured: Sequence[Measured] = (),
    top: int = 5,
    where: str = "workload",
    today: date | None = None,
) -> Plan:
    """Choose the cheapest way to run a finite job that meets its constraints.

    Raises BadInput for unknown names and empty filters, Infeasible when nothing runs in time. A
    plan over the budget is returned with status ``over_budget``.
    """
    start = time.perf_counter()
    workload = training_only(workload, where)
    shape = model_shape(catalog, workload, where)
    candidates = build(workload, shape, catalog, measured, where=where)
    feasible = np.flatnonzero(is_feasible(candidates))
    if not len(feasible):
        raise Infeasible(*_nothing_fits(workload, candidates))
    deadline = workload.deadline
    in_time = feasible
    if deadline is not None:
        in_time = feasible[candidates.hours_at_risk[feasible] <= deadline]
        if not len(in_time):
            raise Infeasible(*_too_late(workload, candidates, feasible))
    limits = workload.where.quotas
    options = _options(candidates, in_time)
    over_budget = False
    choice = choose([options], limits, workload.budget)
    if not choice.picks and workload.budget is not None:
        choice = choose([options], limits, None)
        over_budget = bool(choice.picks)
    if not choice.picks:
        raise Infeasible(
            "every candidate that is fast enough needs more than the quotas allow",
            [f"raise {name} above {limit:g}" for name, limit in sorted(limits.items())],
        )
    builder = ItemBuilder(candidates, catalog, today or date.today())
    best = int(in_time[choice.picks[0]])
    ranked = in_time[np.lexsort((in_time, candidates.usd[in_time]))]
    ranked = _within_limits(candidates, ranked, limits)
    alternatives = _differing(candidates, ranked, best, top)
    chosen = builder.item(best)
    items = [builder.item(i, lost_to=best) for i in alternatives]
    recommendation = Recommendation(
        status="over_budget" if over_budget else "ok",
        workload=workload.model_dump(mode="json", exclude_none=True),
        catalog=CatalogInfo(
            content_id=catalog.content_id,
            as_of=chosen.price.as_of,
            age_days=chosen.price.age_days,
            offers=catalog.offer_count,
            refreshed_slices=len(catalog.refreshed),
        ),
        headline=headline(workload, chosen, over_budget),
        recommendation=chosen,
        alternatives=items,
        pareto=_front(candidates, feasible, builder),
        explanation=explain(workload, candidates, feasible, ranked, best, chosen, catalog),
        excluded=dict(sorted((candidates.excluded + blocked(candidates)).items())),
        solver=Solver(
            name=choice.solve.solver,
            status=choice.solve.status.value,
            candidates=len(candidates),
            feasible=len(feasible),
            in_program=choice.considered,
        ),
        seconds=round(time.perf_counter() - start, 4),
    )
    return Plan(recommendation, candidates, feasible)


def _options(candidates: Candidates, rows: Rows) -> Options:
    offers = candidates.offers
    words = offers.vocabularies["quota_class"]
    codes = offers.codes["quota_class"][candidates.row[rows]]
    return Options(
        cost=candidates.usd[rows],
        cost_at_risk=candidates.usd_at_risk[rows],
        quota=[words[code] for code in codes.tolist()],
        quota_use=candidates.quota_use[rows],
        order=np.arange(len(rows)),
    )


def _within_limits(candidates: Candidates, rows: Rows, limits: dict[str, float]) -> Rows:
    if not limits:
        return rows
    options = _options(candidates, rows)
    allowed = [
        use <= limits.get(name, np.inf)
        for name, use in zip(options.quota, options.quota_use, strict=True)
    ]
    kept: Rows = rows[np.array(allowed, bool)]
    return kept


def _differing(candidates: Candidates, ranked: Rows, best: int, count: int) -> list[int]:
    """The cheapest others that differ in kind: another cloud, accelerator or way to pay."""
    offers = candidates.offers

    def kind(index: int) -> tuple[str, str, str]:
        row = int(candidates.row[index])
        device = candidates.machines.devices[int(candidates.config[index])]
        return offers.text("cloud", row), device.name, offers.text("kind", row)

    seen = {kind(best)}
    found: list[int] = []
    for candidate in ranked:
        if len(found) == count:
            break
        index = int(candidate)
        if kind(index) not in seen:
            seen.add(kind(index))
            found.append(index)
    return found


def _front(candidates: Candidates, feasible: Rows, builder: ItemBuilder) -> list[FrontPoint]:
    rows = feasible[
        pareto_front(candidates.usd[feasible], candidates.hours[feasible], np.arange(len(feasible)))
    ]
    if len(rows) > FRONT_POINTS:  # keep the ends and an even spread between them
        rows = rows[np.linspace(0, len(rows) - 1, FRONT_POINTS).round().astype(int)]
    return [builder.point(int(index)) for index in rows]


def _nothing_fits(workload: Training, candidates: Candidates) -> tuple[str, list[str]]:
    reasons = [f"{count} candidates: {why}" for why, count in blocked(candidates).most_common()]
    shortfall = smallest_shortfall_gib(candidates)
    if shortfall is not None:
        problem = (
            f"{workload.subject} does not fit: the closest misses {shortfall:.1f} GiB a device"
        )
        lighter = isinstance(workload, LanguageTraining) and workload.method is not Method.QLORA
        remedy = "allow more nodes or larger accelerators"
        return problem, [*reasons, f"{remedy}, or method lora or qlora" if lighter else remedy]
    return f"nothing in the catalog can run {workload.subject} within these filters", reasons


def _too_late(workload: Workload, candidates: Candidates, feasible: Rows) -> tuple[str, list[str]]:
    at_risk = candidates.hours_at_risk[feasible]
    fastest = int(feasible[np.argmin(at_risk)])
    in_median = int((candidates.hours[feasible] <= (workload.deadline or 0)).sum())
    reasons = [
        f"a deadline of {at_risk.min():.2f} h or more alone would help "
        f"(fastest: {candidates.hours[fastest]:.2f} h in the median)"
    ]
    if in_median:
        reasons.append(
            f"risk 0.5 alone would help: {in_median} candidates meet the deadline in the median"
        )
    return (
        f"nothing finishes within {workload.deadline:g} h with {workload.risk:.0%} probability",
        reasons,
    )
