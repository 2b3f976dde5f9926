"""The two sides of a comparison: what a word such as ``TPU-v5p`` or ``on-prem`` leaves of where."""

from __future__ import annotations

import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from pydantic import ValidationError

from catalog import Catalog
from planner.actions.planning import Prepared, prepare
from planner.actions.recommend.answer import answer, decided, ranking
from planner.actions.recommend.cheapest import Cheapest, cheapest
from planner.actions.recommend.infeasible import problem_of
from planner.candidates import blocked
from planner.errors import BadInput, Infeasible
from planner.field_errors import shown
from planner.optimize.choice import choose
from planner.performance.efficiency import Measured
from planner.results.comparison import ComparedSide
from planner.workload import Purchase, Where, Workload
from planner.workload.refusals import bad_input

# What rules clouds in and out; a side of own machines has none of it.
_CLOUD_FILTERS: Mapping[str, object] = {
    "clouds": (), "regions": (), "residency": (), "instance_types": (), "commitments": (),
}  # fmt: skip
_SINGULAR = {
    "cloud": "clouds", "region": "regions", "accelerator": "accelerators",
    "instance_type": "instance_types", "platform": "platforms",
}  # fmt: skip
EXAMPLES = "TPU-v5p, H100, gpu, tpu, cpu, cloud, on-prem, hybrid, aws, spot or key=value of where"


@dataclass(frozen=True)
class Side:
    """One side: the name asked for, and ``where`` as it leaves it."""

    name: str
    where: Where

    def of(self, workload: Workload) -> Workload:
        """The workload on this side."""
        result: Workload = workload.model_copy(update={"where": self.where})
        return result


@dataclass(frozen=True)
class Sided:
    """A side made ready, with its cheapest plan; without one, ``why_not``."""

    side: Side
    prepared: Prepared | None
    best: Cheapest | None
    why_not: tuple[str, ...] = ()


def side_of(name: str, workload: Workload, catalog: Catalog, flag: str) -> Side:
    """Read a side. Raises BadInput that names ``flag``."""
    asked = workload.where
    word = name.strip().lower()
    if not word:
        raise BadInput("is empty", where=flag, remedy=f"say {EXAMPLES}")
    if "=" in word:
        return Side(name, _changed(asked, name, flag))
    if word in ("on-prem", "on_prem", "own", "hybrid") and not asked.on_prem:
        raise BadInput(
            f"{shown(name)} needs own machines, and the workload has none",
            where=flag,
            remedy="add --on-prem 'DGX H100:2', or where.on_prem in the file",
        )
    purchase = word.replace("-", "_")
    if word in ("on-prem", "on_prem", "own"):
        update: dict[str, object] = {**_CLOUD_FILTERS, "cloud_offers": False}
    elif word == "hybrid":
        update = {"cloud_offers": True, "mix": "none" if asked.mix == "none" else "anywhere"}
    elif word == "cloud":
        update = {"on_prem": (), "cloud_offers": True}
    elif purchase in {kind.value for kind in Purchase}:
        kind = Purchase(purchase)
        update = {"on_prem": (), "cloud_offers": True, "purchase": (kind,), "max_spot_share": 1.0}
    elif word in {cloud.lower() for cloud in catalog.offers.vocabularies["cloud"] if cloud}:
        cloud = next(c for c in catalog.offers.vocabularies["cloud"] if c.lower() == word)
        update = {"on_prem": (), "cloud_offers": True, "clouds": (cloud,)}
    else:
        update = {"accelerators": _accelerators(name.strip(), catalog, flag)}
    return Side(name, asked.model_copy(update=update))


def _accelerators(name: str, catalog: Catalog, flag: str) -> tuple[str, ...]:
    """An accelerator, a family (``H100``), a kind (``gpu``), or ``cpu``."""
    from catalog import UnknownName
    from catalog.errors import nearest

    word = name.lower()
    if word == "cpu":
        return ("cpu",)
    of_kind = tuple(a.name for a in catalog.accelerators.values() if a.kind.value.lower() == word)
    if of_kind:
        return of_kind
    try:
        return (catalog.accelerator(name).name,)
    except UnknownName:
        family = tuple(n for n in catalog.accelerators if n.lower().startswith(f"{word}-"))
        if family:
            return family
    close = nearest(name, [*catalog.accelerators, *catalog.offers.vocabularies["cloud"]])
    raise BadInput(
        f"{shown(name)} is no accelerator, cloud or way to pay that the catalog has",
        where=flag,
        remedy=f"did you mean {', '.join(close)}?" if close else f"say {EXAMPLES}",
    )


def _changed(asked: Where, text: str, flag: str) -> Where:
    """``key=value`` laid over ``where``; values of a list are separated by commas."""
    key, _, value = (part.strip() for part in text.partition("="))
    key = _SINGULAR.get(key, key).replace("-", "_")
    if key in Where.model_fields:
        annotation = Where.model_fields[key].annotation
        if typing.get_origin(annotation) is tuple:
            given: object = [part.strip() for part in value.split(",") if part.strip()]
        elif annotation is bool:
            given = {"true": True, "yes": True, "false": False, "no": False}.get(value, value)
        elif typing.get_origin(annotation) is dict:
            raise BadInput(
                "holds several values, so it cannot be a side",
                where=f"{flag}: where.{key}",
                remedy="put it into the file",
            )
        else:
            given = value
    else:
        given = value
    try:
        checked = Where.model_validate({key: given})
    except ValidationError as error:
        raise bad_input(error, Where, flag) from None
    update: dict[str, Any] = {key: getattr(checked, key)}
    return asked.model_copy(update=update)


def sided(
    side: Side, workload: Workload, catalog: Catalog, measured: Sequence[Measured], where: str
) -> Sided:
    """The side's candidates and cheapest plan. Raises BadInput for unknown names."""
    try:
        prepared = prepare(side.of(workload), catalog, measured, where=where)
    except Infeasible as error:
        return Sided(side, None, None, (str(error), *error.reasons))
    except BadInput as error:
        if not error.where.endswith(": where"):
            raise
        return Sided(side, None, None, (error.problem,))
    best = cheapest(prepared)
    if best is not None:
        return Sided(side, prepared, best)
    counted = blocked(prepared.candidates).most_common(3)
    reasons = [f"{count:,} candidates: {why}" for why, count in counted]
    return Sided(side, prepared, None, (problem_of(prepared), *reasons))


def published(found: Sided, catalog: Catalog, today: date) -> ComparedSide:
    """The side's plan with its cost and time."""
    prepared = found.prepared
    if prepared is None or found.best is None:
        return ComparedSide(name=found.side.name, status="infeasible", why_not=list(found.why_not))
    workload = prepared.workload
    choice = found.best.choice
    if choice is None:
        choice = choose([prepared.options()], prepared.limits, None)
    result = answer(decided(prepared, choice), catalog, choice, top=0, today=today, seconds=0.0)
    plan, mix = result.recommendation, result.mix
    parts = mix.groups if mix is not None else [plan]
    hours = [part.hours for part in parts if part.hours is not None]
    at_risk = sum(part.cost_usd_at_risk for part in parts)
    over = workload.budget is not None and at_risk > workload.budget
    return ComparedSide(
        name=found.side.name,
        status="over_budget" if over else "ok",
        headline=result.headline,
        plan=plan,
        mix=mix,
        cost_usd=mix.cost_usd if mix is not None else plan.cost_usd,
        cost_usd_p10=None if mix is not None else plan.cost_usd_p10,
        cost_usd_p90=None if mix is not None else plan.cost_usd_p90,
        hours=max(hours, default=None),
        cost_usd_per_hour=mix.cost_usd_per_hour if mix is not None else plan.cost_usd_per_hour,
        candidates=len(ranking(prepared)),
    )
