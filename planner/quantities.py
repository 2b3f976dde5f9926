"""Quantities as people write them: ``50M`` tokens, ``24h``, ``500 USD``, ``80GiB``.

Each parser accepts a number or text and returns a float in the unit its name says. They raise
ValueError with what would be right; pydantic adds file and field.
"""

from __future__ import annotations

import math
import re
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

from planner.field_errors import shown

# Commas and underscores group three digits: "1,5B" must not become 15B.
_DIGITS = r"(?:\d{1,3}(?:,\d{3})+|\d{1,3}(?:_\d{3})+|\d+)"
_NUMBER = rf"([+-]?(?:{_DIGITS}\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)"
# Beyond any use: 1e18 tokens are 10,000 times what has ever been trained on, 1e6 hours a century.
_MOST = {
    "count": 1e18,
    "operations": 1e30,
    "hours": 1e6,
    "seconds": 3600.0,  # latencies: an hour is beyond any that a service is held to
    "usd": 1e15,
    "gib": 1e12,
    "bytes": 1e24,
    "watts": 1e9,
    "per second": 1e9,
    "gbps": 1e6,
}
_COUNT_SUFFIXES = {"": 1.0, "k": 1e3, "m": 1e6, "b": 1e9, "g": 1e9, "bn": 1e9, "t": 1e12}
_UNITS_OF_WORK = re.compile(
    r"\s*(?:tokens|samples|images|texts|requests|parameters|params)\s*$", re.IGNORECASE
)
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
    "mo": 730.5,
    "month": 730.5,
    "months": 730.5,
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
# The letter's case tells milliwatts from megawatts.
_WATTS = {"mW": 1e-3, "MW": 1e6, "kW": 1e3, "KW": 1e3, "kw": 1e3, "W": 1.0, "w": 1.0}
_PER_SECOND = {"s": 1.0, "m": 1 / 60, "h": 1 / 3600, "d": 1 / 86400}
_RATED = re.compile(
    r"\s*(?:(?:requests?|req|images?|frames?|img|tokens?)?\s*(?:/|per)\s*"
    r"(s|sec|second|m|min|minute|h|hour|d|day)|requests?|req|images?|frames?|rps|qps|fps)\s*$",
    re.IGNORECASE,
)
_GBPS = {"": 1.0, "gbps": 1.0, "gbit/s": 1.0, "gb/s": 8.0, "tbps": 1e3, "mbps": 1e-3}
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


def _split(value: object, example: str, *, from_zero: bool = False) -> tuple[float, str]:
    remedy = f"write a quantity such as {example}"
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError(f"{shown(value)} is not a quantity; {remedy}")
    if isinstance(value, str):
        match = re.fullmatch(rf"\s*{_NUMBER}\s*([a-zA-Z$%/]*)\s*", value, re.ASCII)
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
    if from_zero and number < 0:
        raise ValueError(f"{shown(value)} is below 0; use 0 or more")
    if number <= 0 and not from_zero:
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
    if unit == "M":
        raise ValueError(f"{shown(value)} may be minutes or months; write 90min or 3 months")
    if unit.lower() not in _HOURS:
        raise ValueError(f"{shown(value)} has no unit of time; write 24h, 90m or 3d")
    return _bounded(number * _HOURS[unit.lower()], "hours", value)


def usd(value: object) -> float:
    """An amount in US dollars: ``500``, ``500 USD``, ``$500`` or ``2k USD``."""
    return _bounded(_dollars(value, "500 USD", from_zero=False), "usd", value)


def price(value: object) -> float:
    """A price or cost in US dollars that may be zero: ``0.12``, ``$0.12`` or ``0``."""
    dollars = _dollars(value, "0.12 USD", from_zero=True)
    return _bounded(dollars, "usd", value) if dollars else 0.0


def _dollars(value: object, example: str, *, from_zero: bool) -> float:
    bare = value
    if isinstance(value, str):
        bare = value.strip().removeprefix("$").strip()
        bare = re.sub(r"\s*(?:usd|\$)\s*$", "", bare, flags=re.IGNORECASE)
    number, unit = _split(bare, example, from_zero=from_zero)
    if unit.lower() not in ("", "k", "m"):
        raise ValueError(f"{shown(value)} is not in US dollars; write {example}")
    return number * _COUNT_SUFFIXES[unit.lower()]


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
    """Power in watts: ``15W``, ``500mW`` or ``10kW``; MW are megawatts."""
    number, unit = _split(value, "15W or 10kW")
    if unit not in _WATTS:
        raise ValueError(f"{shown(value)} has no unit of power; write 15W or 10kW")
    return _bounded(number * _WATTS[unit], "watts", value)


def kilowatts(value: object) -> float:
    """Power in kW; see ``watts``."""
    return watts(value) / 1e3


def per_second(value: object) -> float:
    """A rate per second: ``40``, ``40 req/s``, ``2k/min``, ``30 fps``."""
    scale = 1.0
    bare = value
    if isinstance(value, str):
        found = _RATED.search(value)
        if found is not None:
            scale = _PER_SECOND[found[1][0].lower()] if found[1] else 1.0
            bare = value[: found.start()]
    number, suffix = _split(bare, "40 or 40 req/s")
    if suffix.lower() not in _COUNT_SUFFIXES:
        raise ValueError(f"{shown(value)} is not a rate; write 40 or 40 req/s")
    return _bounded(number * _COUNT_SUFFIXES[suffix.lower()] * scale, "per second", value)


def gbps(value: object) -> float:
    """A bandwidth in gigabits a second: ``400``, ``400Gbps`` or ``3.2Tbps``."""
    number, unit = _split(value, "400Gbps")
    # Gb/s are bits, GB/s are bytes
    scale = 1.0 if unit == "Gb/s" else _GBPS.get(unit.lower())
    if scale is None:
        raise ValueError(f"{shown(value)} is not a bandwidth; write 400Gbps")
    return _bounded(number * scale, "gbps", value)


def share(value: object) -> float:
    """A share from 0 to 1: ``0.25`` or ``25%``."""
    number, unit = _split(value, "0.25 or 25%", from_zero=True)
    if unit not in ("", "%"):
        raise ValueError(f"{shown(value)} is not a share; write 0.25 or 25%")
    part = number / 100 if unit else number
    if part > 1:
        raise ValueError(f"{shown(value)} is above 1; use a share from 0 to 1, or 25%")
    return part


def limit(value: object) -> float:
    """A limit that may be zero: ``192`` or ``1k``."""
    number, unit = _split(value, "192", from_zero=True)
    if unit.lower() not in _COUNT_SUFFIXES:
        raise ValueError(f"{shown(value)} is not a number; write 192")
    amount = number * _COUNT_SUFFIXES[unit.lower()]
    return _bounded(amount, "count", value) if amount else 0.0


def spare_count(value: object) -> int:
    """A whole number that may be zero, at most 100."""
    number, unit = _split(value, "0 or 2", from_zero=True)
    if unit or number != int(number):
        raise ValueError(f"{shown(value)} is not a whole number; write 0 or more")
    if number > 100:
        raise ValueError(f"{shown(value)} is above 100; use 100 or less")
    return int(number)


def _published(*examples: str, number: bool = True, whole: bool = False) -> WithJsonSchema:
    """How a quantity looks in the published schema: text, and a number where that is clear."""
    forms: list[dict[str, Any]] = [{"type": "string", "examples": list(examples)}]
    if number:
        forms.insert(0, {"type": "integer" if whole else "number", "minimum": 0})
    return WithJsonSchema({"anyOf": forms} if number else forms[0], mode="validation")


Count = Annotated[float, BeforeValidator(count), _published("50M", "1.5B")]
WholeCount = Annotated[int, BeforeValidator(whole_count), _published("4k", whole=True)]
Hours = Annotated[float, BeforeValidator(hours), _published("24h", "90m", "3d", number=False)]
Usd = Annotated[float, BeforeValidator(usd), _published("500 USD", "2k USD")]
Price = Annotated[float, BeforeValidator(price), _published("0.12 USD")]
Gib = Annotated[float, BeforeValidator(gib), _published("80GiB", "2TB", number=False)]
Operations = Annotated[float, BeforeValidator(operations), _published("3e21", "300T")]
Seconds = Annotated[float, BeforeValidator(seconds), _published("50ms", "1s", number=False)]
Bytes = Annotated[float, BeforeValidator(byte_count), _published("40PB", "2TiB")]
Watts = Annotated[float, BeforeValidator(watts), _published("15W", "10kW", number=False)]
Kilowatts = Annotated[float, BeforeValidator(kilowatts), _published("10kW", number=False)]
RatePerSecond = Annotated[float, BeforeValidator(per_second), _published("40 req/s", "2k/min")]
Gbps = Annotated[float, BeforeValidator(gbps), _published("400Gbps", "3.2Tbps")]
Share = Annotated[float, BeforeValidator(share), _published("25%")]
Limit = Annotated[float, BeforeValidator(limit), _published("192", "1k")]
SpareCount = Annotated[int, BeforeValidator(spare_count), _published("2", whole=True)]
