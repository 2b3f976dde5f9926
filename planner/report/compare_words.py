"""A comparison in sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from planner.amounts import hours, money
from planner.results.comparison import ComparedSide, FlipPoint

_SUBJECT = {
    "model_size": "model size",
    "sequence_length": "sequence length",
    "price_a": "price of {a}",
    "price_b": "price of {b}",
    "utilisation": "utilisation of the own site",
    "deadline": "deadline",
}
# An interval narrower than this (relative) is none.
EXACT = 0.01
TIMES_NOW = "times the price now"


def headline(a: ComparedSide, b: ComparedSide, probability: float | None) -> str:
    """Which side is cheaper, by how much and how sure, and how long both take."""
    if a.cost_usd is None or b.cost_usd is None:
        can, cannot = (b, a) if a.cost_usd is None else (a, b)
        why = cannot.why_not[0] if cannot.why_not else "unknown"
        return f"only {can.name} can do it, for {_cost(can)}; {cannot.name} cannot: {why}"
    if probability is None:
        return f"{a.name} and {b.name} come to the same: {_cost(a)}"
    cheap, dear = (a, b) if a.cost_usd <= b.cost_usd else (b, a)
    assert cheap.cost_usd is not None
    text = f"{cheap.name} is cheaper: {_cost(cheap)} against {_cost(dear)}"
    if dear.cost_usd:
        text += f", {1 - cheap.cost_usd / dear.cost_usd:.0%} less"
    text += f" ({percent(probability)} sure)"
    if cheap.hours is not None and dear.hours is not None:
        text += f"; {hours(cheap.hours)} against {hours(dear.hours)}"
    return text


def percent(share: float) -> str:
    """A probability without claiming certainty: 99.96% is ``over 99%``."""
    return "over 99%" if share > 0.99 else f"{share:.0%}"


def _cost(side: ComparedSide) -> str:
    if side.cost_usd_per_hour is not None:
        return f"{money(side.cost_usd_per_hour)}/h"
    return money(side.cost_usd or 0.0)


def quantity(value: float, unit: str) -> str:
    """A value of an axis as people say it."""
    if unit == "parameters":
        return f"{value / 1e9:.3g}B" if value < 1e12 else f"{value / 1e12:.3g}T"
    if unit == "tokens":
        return f"{value:,.0f} tokens"
    if unit == "hours":
        return hours(value)
    if unit.startswith("USD per "):
        return f"{money(value)} per {unit.removeprefix('USD per ')}"
    if unit == "share of the time":
        return f"{value:.0%}"
    return f"{value:.3g} {unit}"


def tick(value: float, unit: str) -> str:
    """A value of an axis, whose title says the unit."""
    if unit == "tokens":
        return f"{value:,.0f}"
    return money(value) if unit.startswith("USD per ") else quantity(value, unit)


def interval(flip: FlipPoint, unit: str) -> str:
    """Within what the flip lies with 80% probability."""
    ends = (flip.low, flip.high)
    if all(end is not None and abs(end / flip.at - 1) < EXACT for end in ends):
        return "whatever the speed within its 80% interval"
    if flip.low is None and flip.high is None:
        return "80% interval wider than the search"
    low = "below the search" if flip.low is None else quantity(flip.low, unit)
    high = "beyond the search" if flip.high is None else quantity(flip.high, unit)
    return f"80% interval {low} to {high}"


def axis_sentence(
    values: Mapping[str, Any], throughout: str | None, a: str, b: str, alone: bool = False
) -> str:
    """Where the cheaper side flips along one axis, or that it does not within the search.

    ``throughout`` is the cheaper side at the first point; ``alone``: the other never can.
    """
    unit, names = values["unit"], {"a": a, "b": b}
    subject = subject_of(values["axis"], a, b)
    ends = f"{quantity(values['searched_from'], unit)} to {quantity(values['searched_to'], unit)}"
    if throughout is None:
        return f"{subject}: neither side can do the work anywhere from {ends}."
    if not values["crossings"]:
        text = f"{subject}: no crossing from {ends}; "
        if alone and throughout in names:
            text += f"only {names[throughout]} can do the work"
        else:
            text += f"{_cheaper(throughout, names)} throughout"
    else:
        parts = []
        for flip in values["crossings"]:
            how = interval(flip, unit) if flip.cause == "cost" else "only one side can there"
            parts.append(
                f"{_cheaper(flip.cheaper_below, names)} below {quantity(flip.at, unit)}, "
                f"{_cheaper(flip.cheaper_above, names)} above ({how})"
            )
        text = f"{subject}: " + "; ".join(parts)
    if values["now"] is not None and unit != TIMES_NOW:
        text += f"; now {quantity(values['now'], unit)}"
    answered = (values["answered_from"], values["answered_to"])
    if answered != (values["searched_from"], values["searched_to"]):
        text += (
            f"; outside {quantity(answered[0], unit)} to {quantity(answered[1], unit)} neither "
            "side can do the work"
        )
    return text + "."


def subject_of(axis: str, a: str, b: str) -> str:
    """What was varied, in words."""
    return _SUBJECT[axis].format(a=a, b=b)


def _cheaper(side: str, names: Mapping[str, str]) -> str:
    return "both cost the same" if side == "equal" else f"{names[side]} is cheaper"
