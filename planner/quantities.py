"""Quantities as people write them: ``50M`` tokens, ``24h``, ``500 USD``, ``80GiB``.

Each parser accepts a number or text and returns a float in the unit its name says. They raise
ValueError with what would be right; pydantic adds file and field.
"""

from __future__ import annotations

import math
import re
from typing import Annotated

from pydantic import BeforeValidator

_NUMBER = r"([+-]?(?:\d[\d_,]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)"
_COUNT_SUFFIXES = {"": 1.0, "k": 1e3, "m": 1e6, "b": 1e9, "g": 1e9, "bn": 1e9, "t": 1e12}
_HOURS = {
    "s": 1 / 3600,
    "sec": 1 / 3600,
    "m": 1 / 60,
    "min": 1 / 60,
    "h": 1.0,
    "hr": 1.0,
    "hour": 1.0,
    "hours": 1.0,
    "d": 24.0,
    "day": 24.0,
    "days": 24.0,
    "w": 168.0,
    "week": 168.0,
    "weeks": 168.0,
}
_GIB = {
    "b": 2.0**-30,
    "kib": 2.0**-20,
    "mib": 2.0**-10,
    "gib": 1.0,
    "tib": 1024.0,
    "kb": 1e3 / 2**30,
    "mb": 1e6 / 2**30,
    "gb": 1e9 / 2**30,
    "tb": 1e12 / 2**30,
}


def _split(value: object, example: str) -> tuple[float, str]:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError(f"expected a quantity such as {example}")
    if isinstance(value, (int, float)):
        number, unit = float(value), ""
    else:
        match = re.fullmatch(rf"\s*{_NUMBER}\s*([a-zA-Z$/]*)\s*", value)
        if not match:
            raise ValueError(f"{value!r} is not a quantity such as {example}")
        number, unit = float(match[1].replace(",", "").replace("_", "")), match[2]
    if not math.isfinite(number):
        raise ValueError(f"{value!r} is not finite, expected a quantity such as {example}")
    if number <= 0:
        raise ValueError(f"{value!r} is not above zero, expected a quantity such as {example}")
    return number, unit


def count(value: object) -> float:
    """A count: ``50M`` is 5e7."""
    number, unit = _split(value, "50M or 1.5B")
    unit = unit.lower().removesuffix("tokens").removesuffix("samples")
    if unit not in _COUNT_SUFFIXES:
        raise ValueError(f"{value!r} has an unknown suffix, use k, M, B or T as in 50M")
    return number * _COUNT_SUFFIXES[unit]


def whole_count(value: object) -> int:
    """A count that must be whole, such as a batch size."""
    number = count(value)
    if number != int(number):
        raise ValueError(f"{value!r} is not a whole number")
    return int(number)


def hours(value: object) -> float:
    """A duration in hours: ``90m`` is 1.5. A bare number has no unit and is refused."""
    if isinstance(value, str):
        parts = re.findall(r"([\d.,_]+(?:[eE][+-]?\d+)?)\s*([a-zA-Z]+)", value)
        if len(parts) > 1 and re.fullmatch(r"(?:\s*[\d.,_]+\s*[a-zA-Z]+\s*)+", value):
            return sum(hours(number + unit) for number, unit in parts)
    number, unit = _split(value, "24h, 90m or 3d")
    if unit.lower() not in _HOURS:
        raise ValueError(f"{value!r} needs a unit of time, such as 24h, 90m or 3d")
    return number * _HOURS[unit.lower()]


def usd(value: object) -> float:
    """An amount in US dollars: ``500``, ``500 USD``, ``$500`` or ``2k USD``."""
    if isinstance(value, str):
        text = value.strip().removeprefix("$").strip()
        text = re.sub(r"\s*(?:usd|\$)\s*$", "", text, flags=re.IGNORECASE)
        number, unit = _split(text, "500 USD")
    else:
        number, unit = _split(value, "500 USD")
    if unit.lower() not in ("", "k", "m"):
        raise ValueError(f"{value!r} is not an amount in US dollars such as 500 USD")
    return number * _COUNT_SUFFIXES[unit.lower()]


def gib(value: object) -> float:
    """An amount of memory in GiB: ``80GiB``, ``80GB`` (10^9 bytes) or ``512MiB``."""
    number, unit = _split(value, "80GiB")
    if unit.lower() not in _GIB:
        raise ValueError(f"{value!r} needs a unit of memory, such as 80GiB or 80GB")
    return number * _GIB[unit.lower()]


Count = Annotated[float, BeforeValidator(count)]
WholeCount = Annotated[int, BeforeValidator(whole_count)]
Hours = Annotated[float, BeforeValidator(hours)]
Usd = Annotated[float, BeforeValidator(usd)]
Gib = Annotated[float, BeforeValidator(gib)]
