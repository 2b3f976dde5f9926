"""Tick marks for logarithmic axes; positions are log10 of the values."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from textual_plot.axis_formatter import AxisFormatter

_MINUTE, _DAY, _YEAR = 1 / 60, 24.0, 8760.0


class LogTicks(AxisFormatter):  # type: ignore[misc]  # textual-plot ships no types
    """Round values, the roundest first, none nearer to another than ``gap``.

    ``gap`` and ``edge`` (in log10) are set by whoever knows how much room a label takes: none is
    nearer than ``edge`` to the end, where it would be cut.
    """

    def __init__(self) -> None:
        self.gap, self.edge = 0.1, 0.0

    def get_ticks(self, min_: float, max_: float, max_ticks: int = 8) -> list[float]:
        del max_ticks
        chosen: list[float] = []
        for values in self._levels(min_, max_):
            for tick in map(math.log10, values):
                free = all(abs(tick - other) >= self.gap for other in chosen)
                if min_ <= tick <= max_ - self.edge and free:
                    chosen.append(tick)
        if len(chosen) >= 2:
            return sorted(chosen)
        # Zoomed in between two round values: places near the ends.
        margin = (max_ - min_) * 0.1
        return [min_ + margin, max_ - margin]

    def get_labels_for_ticks(self, ticks: Sequence[float]) -> list[str]:
        return [self._label(10**tick) for tick in ticks]

    def _levels(self, low: float, high: float) -> Iterable[Sequence[float]]:
        """Values to try, roundest level first; low and high are log10."""
        raise NotImplementedError

    def _label(self, value: float) -> str:
        raise NotImplementedError


class Dollars(LogTicks):
    """$1, $10 ..., then $2, $5 ... where there is room."""

    def _levels(self, low: float, high: float) -> Iterable[Sequence[float]]:
        decades = [10.0**power for power in range(math.floor(low), math.ceil(high) + 1)]
        for digits in ((1.0,), (3.0,), (2.0, 5.0), (1.5, 4.0, 7.0)):
            yield [digit * decade for decade in decades for digit in digits]

    def _label(self, value: float) -> str:
        for limit, suffix in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
            if value >= limit * 0.9995:
                return f"${value / limit:.3g}{suffix}"
        return f"${value:.2f}".removesuffix(".00") if value >= 0.1 else f"${value:.2g}"


class Durations(LogTicks):
    """1 min, 1 h, 1 d ... then round numbers of them where there is room; values are hours."""

    def _levels(self, low: float, high: float) -> Iterable[Sequence[float]]:
        del low, high
        yield (_MINUTE, 1.0, _DAY, _YEAR)
        yield (_MINUTE / 60, _MINUTE * 10, 10.0, _DAY * 10, _DAY * 100, _YEAR * 10, _YEAR * 100)
        second = _MINUTE / 60
        for numbers in ((3.0, 30.0), (2.0, 5.0, 20.0), (1.5, 4.0, 7.0, 15.0, 40.0)):
            yield [n * unit for unit in (second, _MINUTE, 1.0, _DAY, _YEAR) for n in numbers]

    def _label(self, value: float) -> str:
        for unit, name in ((_YEAR, "y"), (_DAY, "d"), (1.0, "h"), (_MINUTE, "min")):
            if value >= unit * 0.9995:
                return f"{value / unit:.3g} {name}"
        return f"{value * 3600:.3g} s"


class DollarsPerHour(Dollars):
    def _label(self, value: float) -> str:
        return f"{super()._label(value)}/h"


class Latencies(LogTicks):
    """1 us, 1 ms, 1 s ... then round numbers of them where there is room; values are seconds."""

    def _levels(self, low: float, high: float) -> Iterable[Sequence[float]]:
        decades = [10.0**power for power in range(math.floor(low), math.ceil(high) + 1)]
        for digits in ((1.0,), (3.0,), (2.0, 5.0), (1.5, 4.0, 7.0)):
            yield [digit * decade for decade in decades for digit in digits]

    def _label(self, value: float) -> str:
        for unit, name in ((60.0, "min"), (1.0, "s"), (1e-3, "ms")):
            if value >= unit * 0.9995:
                return f"{value / unit:.3g} {name}"
        return f"{value * 1e6:.3g} µs"


class Counts(Latencies):
    def _label(self, value: float) -> str:
        return f"{value:,.3g}" if value < 1000 else f"{value / 1000:.3g}k"


class Factors(Counts):
    """x 0.5, x 1, x 2 ... of what is now."""

    def _label(self, value: float) -> str:
        return f"x {value:.3g}"


class Shares(Counts):
    def _label(self, value: float) -> str:
        return f"{value:.3g}".removesuffix(".0") if value > 1.0001 else f"{value * 100:.3g}%"


class Parameters(Counts):
    """Parameters of a model: 8B, 1T; tokens are counts of the same kind."""

    def _label(self, value: float) -> str:
        for limit, suffix in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")):
            if value >= limit * 0.9995:
                return f"{value / limit:.3g}{suffix}"
        return f"{value:.3g}"


def formatter(unit: str) -> LogTicks:
    """Ticks for an axis in this unit, as ``Axis.unit`` names it."""
    return {
        "hours": Durations,
        "seconds": Latencies,
        "machines": Counts,
        "usd": Dollars,
        "usd_per_hour": DollarsPerHour,
        "times": Factors,
        "share of the time": Shares,
        "parameters": Parameters,
        "tokens": Parameters,
    }.get(unit, Dollars if unit.startswith("USD per ") else Counts)()
