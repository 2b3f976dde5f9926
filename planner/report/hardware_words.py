"""Sweeps over hardware in sentences."""

from __future__ import annotations

from collections.abc import Sequence

from planner.amounts import hours, plain, seconds
from planner.results.hardware import Flip

SUBJECTS = {
    "model_size": "model size", "batch": "batch", "latency": "latency allowed",
    "rate": "load", "deadline": "deadline",
}  # fmt: skip


def value_of(value: float, unit: str) -> str:
    """A value of an axis as people say it."""
    if unit == "parameters":
        return f"{value / 1e9:.3g}B" if value < 1e12 else f"{value / 1e12:.3g}T"
    if unit == "hours":
        return hours(value)
    if unit.startswith("seconds "):
        return f"{seconds(value)} {unit.removeprefix('seconds ')}"
    return f"{plain(value)} {unit}"


def tick(value: float, unit: str) -> str:
    """A value of an axis, as short as a scale needs it."""
    if unit.startswith("seconds "):
        return seconds(value)
    if unit == "parameters":
        return value_of(value, unit)
    return plain(value)


def sweep_sentence(
    axis: str,
    unit: str,
    values: Sequence[float],
    winners: Sequence[str | None],
    flips: Sequence[Flip],
) -> str:
    """Who is cheapest from where to where."""
    subject = SUBJECTS[axis]
    ends = f"{value_of(values[0], unit)} to {value_of(values[-1], unit)}"
    able = [winner for winner in winners if winner is not None]
    at = [value for value, winner in zip(values, winners, strict=True) if winner is not None]
    if not able:
        return f"By {subject}: no side can do the work anywhere from {ends}."
    ends = f"{value_of(at[0], unit)} to {value_of(at[-1], unit)}"
    if not flips:
        names = list(dict.fromkeys(able))
        text = f"By {subject}: {names[0]} is cheapest throughout {ends}"
        if len(names) > 1:
            text = f"By {subject}: {', then '.join(names)} from {ends}"
    else:
        parts = [f"{flips[0].below} up to {_flip(flips[0], unit)}"]
        for flip, following in zip(flips, [*flips[1:], None], strict=True):
            until = "" if following is None else f" up to {_flip(following, unit)}"
            parts.append(f"{flip.above} from there{until}")
        text = f"By {subject}, cheapest is " + ", ".join(parts)
    none = [value_of(v, unit) for v, w in zip(values, winners, strict=True) if w is None]
    if none:
        text += f"; nobody can at {', '.join(none)}"
    return text + "."


def _flip(flip: Flip, unit: str) -> str:
    at = value_of(flip.at, unit)
    if flip.cause == "ability":
        return f"{at} (only one of them can there)"
    low = "below the search" if flip.low is None else value_of(flip.low, unit)
    high = "beyond the search" if flip.high is None else value_of(flip.high, unit)
    return f"{at} (80% interval {low} to {high})"
