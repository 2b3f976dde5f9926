"""Tick marks for logarithmic axes; positions are log10 of the values."""

from __future__ import annotations

import math
from collections.abc import Sequence

from textual_plot.axis_formatter import AxisFormatter

_MINUTE, _DAY, _YEAR = 1 / 60, 24.0, 8760.0
_DURATIONS = (
    *(_MINUTE / 60 * n for n in (1, 2, 5, 10, 20, 30)),
    *(_MINUTE * n for n in (1, 2, 5, 10, 20, 30)),
    *(1.0, 2.0, 5.0, 12.0),
    *(_DAY * n for n in (1, 2, 5, 10, 30, 100)),
    *(_YEAR * n for n in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)),
)


class LogTicks(AxisFormatter):  # type: ignore[misc]  # textual-plot ships no types
    """Round values, at most ``most`` of them, for an axis drawn in log10.

    ``most`` is set by whoever knows how much room there is.
    """

    def __init__(self) -> None:
        self.most = 6

    def get_ticks(self, min_: float, max_: float, max_ticks: int = 8) -> list[float]:
        most = max(2, min(self.most, max_ticks))
        inside: list[float] = []
        for step in range(20):
            values = self._round_values(min_, max_, step)
            inside = [v for v in map(math.log10, values) if min_ <= v <= max_]
            if len(inside) <= most:
                break
        if len(inside) >= 2:
            return inside
        # Zoomed in between two round values: the ends themselves, a little inside.
        margin = (max_ - min_) * 0.05
        return [min_ + margin, max_ - margin]

    def get_labels_for_ticks(self, ticks: Sequence[float]) -> list[str]:
        return [self._label(10**tick) for tick in ticks]

    def _round_values(self, low: float, high: float, step: int) -> list[float]:
        """Candidates, fewer with each ``step``; low and high are log10."""
        raise NotImplementedError

    def _label(self, value: float) -> str:
        raise NotImplementedError


class Dollars(LogTicks):
    """$1, $2, $5, $10 ..."""

    def _round_values(self, low: float, high: float, step: int) -> list[float]:
        digits = ((1, 1.5, 2, 3, 4, 5, 6, 8), (1, 2, 5), (1, 3), (1,))[min(step, 3)]
        every = max(1, step - 2)
        decades = [d for d in range(math.floor(low), math.ceil(high) + 1) if d % every == 0]
        return [digit * 10.0**decade for decade in decades for digit in digits]

    def _label(self, value: float) -> str:
        for limit, suffix in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
            if value >= limit * 0.9995:
                return f"${value / limit:.3g}{suffix}"
        return f"${value:.2f}".removesuffix(".00") if value >= 0.1 else f"${value:.2g}"


class Durations(LogTicks):
    """10 min, 1 h, 1 d ...; values are hours."""

    def _round_values(self, low: float, high: float, step: int) -> list[float]:
        del low, high
        return list(_DURATIONS[:: step + 1])

    def _label(self, value: float) -> str:
        for unit, name in ((_YEAR, "y"), (_DAY, "d"), (1.0, "h"), (_MINUTE, "min")):
            if value >= unit * 0.9995:
                return f"{value / unit:.3g} {name}"
        return f"{value * 3600:.3g} s"
