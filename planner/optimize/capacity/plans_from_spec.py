"""Savings plans and commitments of resources as the user wrote them: checked, then as arrays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from planner.errors import BadInput
from planner.field_errors import shown, suggest
from planner.optimize.capacity.fleet import Option, Plan, Pool
from planner.optimize.capacity.spec import (
    CapacitySpec,
    OfferSpec,
    ResourceCommitment,
    SavingsPlan,
)

Floats = NDArray[np.float64]

_TERMS = {"1y": Option.RESERVED_1Y, "3y": Option.RESERVED_3Y}


def check_plans(spec: CapacitySpec, where: str) -> None:
    """Names that exist, offers that can be covered, no plan that cannot be priced."""
    names = {offer.name for offer in spec.offers}
    families = {offer.family for offer in spec.offers if offer.family}
    seen: set[str] = set()
    for field in ("savings_plans", "resource_commitments"):
        plans: Sequence[SavingsPlan | ResourceCommitment] = getattr(spec, field)
        for number, plan in enumerate(plans):
            place = f"{where}: {field}.{number}"
            if spec.integer == "all":
                raise BadInput(
                    "pays for parts of machines, which integer: all does not allow",
                    where=place,
                    remedy="use integer: commitments",
                )
            if plan.name in seen:
                raise BadInput(
                    f"{shown(plan.name)} is given twice", where=f"{place}.name", remedy="rename one"
                )
            seen.add(plan.name)
            _known(plan.offers, names, f"{place}.offers", "offer")
            _known(plan.families, families, f"{place}.families", "family")
            if isinstance(plan, SavingsPlan):
                _known(tuple(plan.usd_per_hour), names, f"{place}.usd_per_hour", "offer")
            elif not any(plan.resource in offer.resources for offer in spec.offers):
                resources = sorted({name for offer in spec.offers for name in offer.resources})
                raise BadInput(
                    f"no offer has {shown(plan.resource)}",
                    where=f"{place}.resource",
                    remedy=suggest(plan.resource, resources, "add it to the offers' `resources:`"),
                )


def _known(given: tuple[str, ...], known: set[str], place: str, word: str) -> None:
    for name in given:
        if name not in known:
            remedy = suggest(name, sorted(known), f"no offer has a {word} at all")
            raise BadInput(f"unknown {word} {shown(name)}", where=place, remedy=remedy)


def plans_of(
    spec: CapacitySpec, on_demand: Floats, where: str
) -> tuple[tuple[Plan, ...], tuple[Pool, ...]]:
    """Plans and pools of ``on_demand`` (1 or T, O) prices. Raises BadInput."""
    plans = [
        _savings_plan(spec, number, on_demand, where) for number in range(len(spec.savings_plans))
    ]
    pools: list[Pool] = []
    for number, one in enumerate(spec.resource_commitments):
        place = f"{where}: resource_commitments.{number}"
        units = np.array(
            [o.resources.get(one.resource, 0.0) if _covers(one, o) else 0.0 for o in spec.offers]
        )
        pool = _pool_of(pools, one, units, place)
        plans.append(
            Plan(
                name=one.name,
                option=Option.RESOURCE_COMMITMENT,
                term=_TERMS[one.term],
                draws=np.where(units > 0, units, np.nan),
                usd_per_hour=one.usd_per_unit_hour,
                max_amount=np.inf if one.max_units is None else one.max_units,
                whole=one.whole,
                held=one.held_units,
                pool=pool,
            )
        )
    _check_prices(spec, pools, on_demand, where)
    return tuple(plans), tuple(pools)


def _covers(plan: SavingsPlan | ResourceCommitment, offer: OfferSpec) -> bool:
    if not plan.offers and not plan.families:
        return True
    return offer.name in plan.offers or bool(offer.family and offer.family in plan.families)


def _savings_plan(spec: CapacitySpec, number: int, on_demand: Floats, where: str) -> Plan:
    plan, place = spec.savings_plans[number], f"{where}: savings_plans.{number}"
    rates = np.full(len(spec.offers), np.nan)
    for column, offer in enumerate(spec.offers):
        rate = plan.usd_per_hour.get(offer.name)
        prices = on_demand[:, column]
        if not np.isfinite(prices).all():
            if rate is not None:
                raise BadInput(
                    f"{offer.name} has no on_demand_usd_per_hour, which a plan would pay",
                    where=f"{place}.usd_per_hour",
                    remedy="add that price to the offer",
                )
            continue
        if rate is None and plan.discount is not None and _covers(plan, offer):
            if np.ptp(prices) > 0:
                raise BadInput(
                    f"is off a price of {offer.name} that moves, and a plan's rate is fixed",
                    where=f"{place}.discount",
                    remedy=f"write usd_per_hour: {{{offer.name}: ...}}",
                )
            rate = float(prices[0]) * (1 - plan.discount)
        if rate is not None and rate <= 0:
            raise BadInput(
                f"covers {offer.name} at no price",
                where=place,
                remedy="give a rate above 0, or leave the offer out",
            )
        if rate is not None:
            rates[column] = rate
    return Plan(
        name=plan.name,
        option=Option.SAVINGS_PLAN,
        term=_TERMS[plan.term],
        draws=rates,
        usd_per_hour=1.0,
        max_amount=np.inf if plan.max_usd_per_hour is None else plan.max_usd_per_hour,
        whole=plan.whole,
        held=plan.held_usd_per_hour,
    )


def _pool_of(pools: list[Pool], one: ResourceCommitment, units: Floats, place: str) -> int:
    """The pool of these machines' units, a new one where there is none."""
    price = one.on_demand_usd_per_unit_hour
    for number, pool in enumerate(pools):
        if pool.name != one.resource or not ((pool.units > 0) & (units > 0)).any():
            continue
        if not np.array_equal(pool.units, units):
            raise BadInput(
                "shares a part of its offers with another commitment of the same resource",
                where=f"{place}.offers",
                remedy="give both the same offers, or offers that are apart",
            )
        if pool.on_demand_usd_per_unit_hour != price:
            raise BadInput(
                f"{price:g} is not the {pool.on_demand_usd_per_unit_hour:g} that another "
                "commitment of the same units says",
                where=f"{place}.on_demand_usd_per_unit_hour",
                remedy="a unit has one price on demand: give the same",
            )
        return number
    if not units.any():
        raise BadInput(
            f"no eligible offer has {shown(one.resource)}",
            where=place,
            remedy="name offers that have it, or add it to their `resources:`",
        )
    pools.append(Pool(one.resource, units, price))
    return len(pools) - 1


def _check_prices(spec: CapacitySpec, pools: Sequence[Pool], on_demand: Floats, where: str) -> None:
    """What the units in a machine cost on demand is a part of its price."""
    total = np.zeros(len(spec.offers))
    for pool in pools:
        total += pool.units * pool.on_demand_usd_per_unit_hour
    for column in np.flatnonzero(total > 0).tolist():
        least = float(np.nan_to_num(on_demand[:, column], nan=np.inf).min(initial=np.inf))
        if total[column] > least * (1 + 1e-9):
            raise BadInput(
                f"its resources cost {total[column]:g} USD an hour on demand, more than the "
                f"machine at {least:g}",
                where=f"{where}: offers.{column}.resources",
                remedy="lower on_demand_usd_per_unit_hour of the commitments, or the units",
            )
