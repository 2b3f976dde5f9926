"""Amounts and hours said by flags, read with the flag's name in what is wrong."""

from __future__ import annotations

from collections.abc import Callable

from planner.errors import BadInput

LONGEST_HOURS = 10_000.0


def amount(parse: Callable[[str], float], text: str, flag: str) -> float:
    """What a parser of ``planner.quantities`` makes of a flag's text. Raises BadInput."""
    try:
        return float(parse(text))
    except ValueError as error:
        problem, _, remedy = str(error).partition("; ")
        raise BadInput(problem, where=flag, remedy=remedy) from None


def max_hours_of(value: float | None) -> float | None:
    """``--max-hours`` as given. Raises BadInput."""
    if value is not None and not 0 < value < LONGEST_HOURS:
        raise BadInput("must be above zero", where="--max-hours", remedy="say 1.5")
    return value
