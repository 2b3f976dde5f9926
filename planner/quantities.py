"""Quantities as people write them: ``50M`` tokens, ``24h``, ``500 USD``, ``80GiB``.

Each parser accepts a number or text and returns a float in the unit its name says. They raise
ValueError with what would be right; pydantic adds file and field.
"""

from __future__ import annotations

import math
import re
from typing import Annotated

from pydantic import BeforeValidator

from planner.field_errors import shown

# Commas and underscores group three digits: "1,5B" must not become 15B.
_DIGITS = r"(?:\d{1,3}(?:,\d{3})+|\d{1,3}(?:_\d{3})+|\d+)"
_NUMBER = rf"([+-]?(?:{_DIGITS}\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)"
# Beyond any use: 1e18 tokens are 10,000 times what has ever been trained on, 1e6 hours a century.
_MOST = {
    "count": 1e18,
    "operations": 1e30,
    "hours": 1e6,
    "seconds": 1e6,
    "usd": 1e15,
    "gib": 1e12,
    "bytes": 1e24,
    "watts": 1e9,
    "per second": 1e9,
}
_COUNT_SUFFIXES = {"": 1.0, "k": 1e3, "m": 1e6, "b": 1e9, "g": 1e9, "bn": 1e9, "t": 1e12}
_UNITS_OF_WORK = re.compile(r"\s*(?:tokens|samples|images)\s*$", re.IGNORECASE)
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
    "y": 8766.0,
    "year": 8766.0,
    "years": 8766.0,
}
_SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "sec": 1.0, "m": 60.0, "min": 60.0}
_BYTES = {
    "b": 1.0,
    "kb": 1e3,
    "mb": 1e6,
    "gb": 1e9,
    "tb": 1e12,
    "pb": 1e15,
    "eb": 1e18,
    "kib": 2.0**10,
    "mib": 2.0**20,
    "gib": 2.0**30,
    "tib": 2.0**40,
    "pib": 2.0**50,
}
_WATTS = {"mw": 1e6, "kw": 1e3, "w": 1.0}
_PER_SECOND = {"/s": 1.0, "/sec": 1.0, "/min": 1 / 60, "/m": 1 / 60, "/h": 1 / 3600, "": 1.0}
_RATED = re.compile(
    r"\s*(?:requests|req|images|frames|img|tokens)?\s*(/\s*(?:s|sec|min|m|h))?\s*$", re.IGNORECASE
)
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
    remedy = f"write a quantity such as {example}"
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError(f"{shown(value)} is not a quantity; {remedy}")
    if isinstance(value, str):
        match = re.fullmatch(rf"\s*{_NUMBER}\s*([a-zA-Z$/]*)\s*", value, re.ASCII)
        if not match:
            raise ValueError(f"{shown(value)} is not a quantity; {remedy}")
        number, unit = float(match[1].replace(",", "").replace("_", "")), match[2]
    else:
        try:
            number, unit = float(value), ""
        except OverflowError:
            raise ValueError(f"{shown(value)} is not finite; {remedy}") from None
    if not math.isfinite(number):
        raise ValueError(f"{shown(value)} is not finite; {remedy}")
    if number <= 0:
        raise ValueError(f"{shown(value)} is not above zero; {remedy}")
    return number, unit


def _bounded(number: float, kind: str, value: object) -> float:
    """``number``, in the unit that ``kind`` names, unless it is too small or large to be meant."""
    if number > _MOST[kind]:
        raise ValueError(f"{shown(value)} is beyond {_MOST[kind]:g}; check the unit")
    if number == 0:
        raise ValueError(f"{shown(value)} is too small to tell from zero; check the unit")
    return number


def count(value: object, example: str = "50M or 1.5B") -> float:
    """A count: ``50M`` is 5e7."""
    bare = _UNITS_OF_WORK.sub("", value) if isinstance(value, str) else value
    number, unit = _split(bare, example)
    unit = unit.lower()
    if unit not in _COUNT_SUFFIXES:
        raise ValueError(f"{shown(value)} has an unknown suffix; use k, M, B or T as in 50M")
    return _bounded(number * _COUNT_SUFFIXES[unit], "count", value)


def whole_count(value: object) -> int:
    """A count that must be whole, such as a batch size."""
    number = count(value, example="64 or 4k")
    if number != int(number):
        raise ValueError(f"{shown(value)} is not a whole number; write one such as 64")
    return int(number)


def hours(value: object) -> float:
    """A duration in hours: ``90m`` is 1.5. A bare number has no unit and is refused."""
    if isinstance(value, str):
        parts = re.findall(r"([\d.,_]+(?:[eE][+-]?\d+)?)\s*([a-zA-Z]+)", value)
        if len(parts) > 1 and re.fullmatch(r"(?:\s*[\d.,_]+\s*[a-zA-Z]+\s*)+", value):
            total = sum(hours(number + unit) for number, unit in parts)
            return _bounded(total, "hours", value)
    number, unit = _split(value, "24h, 90m or 3d")
    if unit.lower() not in _HOURS:
        raise ValueError(f"{shown(value)} has no unit of time; write 24h, 90m or 3d")
    return _bounded(number * _HOURS[unit.lower()], "hours", value)


def usd(value: object) -> float:
    """An amount in US dollars: ``500``, ``500 USD``, ``$500`` or ``2k USD``."""
    if isinstance(value, str):
        text = value.strip().removeprefix("$").strip()
        text = re.sub(r"\s*(?:usd|\$)\s*$", "", text, flags=re.IGNORECASE)
        number, unit = _split(text, "500 USD")
    else:
        number, unit = _split(value, "500 USD")
    if unit.lower() not in ("", "k", "m"):
        raise ValueError(f"{shown(value)} is not in US dollars; write 500 USD")
    return _bounded(number * _COUNT_SUFFIXES[unit.lower()], "usd", value)


def gib(value: object) -> float:
    """An amount of memory in GiB: ``80GiB``, ``80GB`` (10^9 bytes) or ``512MiB``."""
    number, unit = _split(value, "80GiB")
    if unit.lower() not in _GIB:
        raise ValueError(f"{shown(value)} has no unit of memory; write 80GiB or 80GB")
    return _bounded(number * _GIB[unit.lower()], "gib", value)


def operations(value: object) -> float:
    """A number of operations: ``3e21`` or ``300T``."""
    number, unit = _split(value, "3e21")
    if unit.lower() not in _COUNT_SUFFIXES:
        raise ValueError(f"{shown(value)} has an unknown suffix; write 3e21 or 300T")
    return _bounded(number * _COUNT_SUFFIXES[unit.lower()], "operations", value)


def seconds(value: object) -> float:
    """A latency in seconds: ``50ms`` is 0.05. A bare number has no unit and is refused."""
    number, unit = _split(value, "50ms or 1s")
    if unit.lower() not in _SECONDS:
        raise ValueError(f"{shown(value)} has no unit of time; write 50ms or 1s")
    return _bounded(number * _SECONDS[unit.lower()], "seconds", value)


def byte_count(value: object) -> float:
    """An amount of data in bytes: ``40PB``, ``2TiB`` or a bare number of bytes."""
    number, unit = _split(value, "40PB")
    if unit.lower() not in ("", *_BYTES):
        raise ValueError(f"{shown(value)} has no unit of data; write 40PB or 2TiB")
    return _bounded(number * _BYTES.get(unit.lower(), 1.0), "bytes", value)


def watts(value: object) -> float:
    """Power in watts: ``15W`` or ``10kW``."""
    number, unit = _split(value, "15W or 10kW")
    if unit.lower() not in _WATTS:
        raise ValueError(f"{shown(value)} has no unit of power; write 15W or 10kW")
    return _bounded(number * _WATTS[unit.lower()], "watts", value)


def kilowatts(value: object) -> float:
    """Power in kW; see ``watts``."""
    return watts(value) / 1e3


def per_second(value: object) -> float:
    """A rate per second: ``40``, ``40 req/s``, ``2k/min``."""
    scale = 1.0
    bare = value
    if isinstance(value, str):
        found = _RATED.search(value)
        if found is not None and found[0]:
            unit = (found[1] or "").replace(" ", "").lower()
            scale, bare = _PER_SECOND[unit], value[: found.start()]
    number, suffix = _split(bare, "40 or 40 req/s")
    if suffix.lower() not in _COUNT_SUFFIXES:
        raise ValueError(f"{shown(value)} is not a rate; write 40 or 40 req/s")
    return _bounded(number * _COUNT_SUFFIXES[suffix.lower()] * scale, "per second", value)


Count = Annotated[float, BeforeValidator(count)]
WholeCount = Annotated[int, BeforeValidator(whole_count)]
Hours = Annotated[float, BeforeValidator(hours)]
Usd = Annotated[float, BeforeValidator(usd)]
Gib = Annotated[float, BeforeValidator(gib)]
Operations = Annotated[float, BeforeValidator(operations)]
Seconds = Annotated[float, BeforeValidator(seconds)]
Bytes = Annotated[float, BeforeValidator(byte_count)]
Watts = Annotated[float, BeforeValidator(watts)]
Kilowatts = Annotated[float, BeforeValidator(kilowatts)]
RatePerSecond = Annotated[float, BeforeValidator(per_second)]
