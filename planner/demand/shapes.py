"""Named shapes of demand as arrays, one figure a period, taken at the middle of the period."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from planner.cost.ownership import HOURS_PER_YEAR

Floats = NDArray[np.float64]


def middles(periods: int, period_hours: float) -> Floats:
    """Hours from the start to the middle of each period, shape (periods,)."""
    return np.asarray((np.arange(periods) + 0.5) * period_hours, np.float64)


def diurnal(
    hours: Floats, mean: float, peak: float, peak_hour: float, growth_per_year: float = 0.0
) -> Floats:
    """``mean + (peak - mean) cos(2 pi (h - peak_hour) / 24)``, compounding by the year."""
    day = mean + (peak - mean) * np.cos(2 * np.pi * (hours - peak_hour) / 24)
    grown: Floats = day * (1 + growth_per_year) ** (hours / HOURS_PER_YEAR)
    return np.maximum(grown, 0.0)


def weekly(
    hours: Floats,
    mean: float,
    peak: float,
    peak_hour: float,
    weekend_factor: float,
    first_day: int = 1,
    growth_per_year: float = 0.0,
) -> Floats:
    """Diurnal, times ``weekend_factor`` on the days 6 and 7 of the week; ``first_day`` 1=Mon."""
    day_of_week = (np.floor(hours / 24).astype(np.int64) + first_day - 1) % 7
    factor = np.where(day_of_week >= 5, weekend_factor, 1.0)
    return diurnal(hours, mean, peak, peak_hour, growth_per_year) * factor


def growth(hours: Floats, start: float, end: float, horizon_hours: float) -> Floats:
    """Compound growth: ``start`` at hour 0, ``end`` at the end of the horizon."""
    grown: Floats = start * (end / start) ** (hours / horizon_hours)
    return grown


def launch_spike(
    hours: Floats,
    base: float,
    peak: float,
    launch_hour: float,
    rise_hours: float,
    half_life_hours: float,
) -> Floats:
    """Base; a linear rise of ``rise_hours`` before the launch; then decay by half-lives."""
    after = hours - launch_hour
    rising = 1 + after / rise_hours if rise_hours > 0 else np.zeros_like(hours)
    falling = 0.5 ** (np.maximum(after, 0.0) / half_life_hours)
    extra = np.where(after >= 0, falling, np.clip(rising, 0.0, 1.0))
    raised: Floats = base + (peak - base) * extra
    return raised
