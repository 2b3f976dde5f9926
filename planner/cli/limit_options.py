"""Hours said by flags, read with the flag's name in what is wrong."""

from __future__ import annotations

from planner.errors import BadInput

LONGEST_HOURS = 10_000.0


def max_hours_of(value: float | None) -> float | None:
    """``--max-hours`` as given. Raises BadInput."""
    if value is not None and not 0 < value < LONGEST_HOURS:
        raise BadInput("must be above zero", where="--max-hours", remedy="say 1.5")
    return value
