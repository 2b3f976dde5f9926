"""Prices over time in plain characters, for any terminal and for pipes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

MARKS = "*o+x#@%&"
Line = tuple[str, Sequence[tuple[datetime, float | None]]]


def plot(lines: Sequence[Line], *, width: int = 76, height: int = 12) -> list[str]:
    """Rows of text: steps, for a price holds until the next one; ``None`` ends a line.

    USD/h upwards, time to the right; at most eight lines, each with a mark of its own. A mark
    drawn later hides an earlier one in the same place.
    """
    points = [(at, usd) for _, found in lines for at, usd in found if usd is not None]
    if not points:
        return ["no price known"]
    first, last = min(at for at, _ in points), max(at for at, _ in points)
    low, high = min(usd for _, usd in points), max(usd for _, usd in points)
    if high == low:
        low, high = low * 0.9, high * 1.1
    label_width = max(len(f"{value:,.4g}") for value in (low, high))
    columns = max(10, width - label_width - 2)
    seconds = (last - first).total_seconds()
    grid = [[" "] * columns for _ in range(height)]
    for mark, (_, found) in zip(MARKS, lines, strict=False):
        for number, (at, usd) in enumerate(found):
            if usd is None:
                continue
            start = _column(at, first, seconds, columns)
            is_last = number + 1 == len(found)
            end = columns if is_last else _column(found[number + 1][0], first, seconds, columns)
            row = height - 1 - round((usd - low) / (high - low) * (height - 1))
            for column in range(start, max(start + 1, end)):
                grid[row][column] = mark
    shown = []
    for number, cells in enumerate(grid):
        value = high - (high - low) * number / (height - 1)
        label = f"{value:,.4g}" if number in (0, height // 2, height - 1) else ""
        shown.append(f"{label:>{label_width}} |{''.join(cells)}".rstrip())
    shown.append(" " * label_width + " +" + "-" * columns)
    begin, end_day = f"{first:%Y-%m-%d}", f"{last:%Y-%m-%d}"
    gap = max(1, columns - len(begin) - len(end_day))
    shown.append(" " * (label_width + 2) + begin + " " * gap + end_day)
    shown += [f"  {mark} {name}" for mark, (name, _) in zip(MARKS, lines, strict=False)]
    return shown


def _column(at: datetime, first: datetime, seconds: float, columns: int) -> int:
    share = (at - first).total_seconds() / seconds if seconds else 0.0
    return min(columns - 1, int(share * (columns - 1)))
