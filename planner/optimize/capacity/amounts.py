"""Amounts of a capacity spec as people write them; unlike ``planner.quantities``, 0 is allowed."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated

from pydantic import BeforeValidator, WithJsonSchema

from planner.field_errors import shown
from planner.quantities import count, hours, usd

_PER_HOUR = re.compile(r"\s*/\s*(?:h|hr|hour)\s*$", re.IGNORECASE)
_IS_ZERO = re.compile(r"\s*\$?\s*0+(?:\.0*)?\s*(?:usd|\$)?\s*", re.IGNORECASE)


def _or_zero(value: object, parse: Callable[[object], float]) -> float:
    if isinstance(value, str) and _IS_ZERO.fullmatch(value):
        return 0.0
    if isinstance(value, (int, float)) and not isinstance(value, bool) and value == 0:
        return 0.0
    try:
        return parse(value)
    except ValueError as error:
        raise ValueError(str(error).replace("is not above zero", "is below zero")) from None


def usd_or_zero(value: object) -> float:
    """An amount of dollars, 0 or more: ``0``, ``300k USD``."""
    return _or_zero(value, usd)


def usd_per_hour(value: object) -> float:
    """A price: ``2.5``, ``$2.50/h``, ``2.5 USD/h``; 0 is a price too."""
    return usd_or_zero(_PER_HOUR.sub("", value) if isinstance(value, str) else value)


def amount(value: object) -> float:
    """A rate of demand, 0 or more: ``0``, ``12.5``, ``3k``."""
    return _or_zero(value, lambda given: count(given, "12.5 or 3k"))


def above_zero(value: object) -> float:
    """A rate above 0, such as the throughput of an instance."""
    return count(value, "12.5 or 3k")


def whole(value: object) -> int:
    """A number of machines: 0 or more, whole."""
    number = _or_zero(value, lambda given: count(given, "64 or 4k"))
    if number != int(number):
        raise ValueError(f"{shown(value)} is not a whole number; write one such as 64")
    if number > 1e9:
        raise ValueError(f"{shown(value)} is beyond 1e9 machines; check the unit")
    return int(number)


def period_hours(value: object) -> float:
    """A length in hours: a number is hours, text carries its unit (``15m``, ``1d``)."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return hours(f"{value:.17g}h")
    return hours(value)


_WRITTEN = WithJsonSchema({"type": ["number", "string"]}, mode="validation")

UsdOrZero = Annotated[float, BeforeValidator(usd_or_zero), _WRITTEN]
UsdPerHour = Annotated[float, BeforeValidator(usd_per_hour), _WRITTEN]
Amount = Annotated[float, BeforeValidator(amount), _WRITTEN]
AboveZero = Annotated[float, BeforeValidator(above_zero), _WRITTEN]
Whole = Annotated[int, BeforeValidator(whole), _WRITTEN]
PeriodHours = Annotated[float, BeforeValidator(period_hours), _WRITTEN]
