"""Spot capacity: how interruptions stretch a job."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from catalog.records import dataclass

Floats = NDArray[np.float64]

HOURS_PER_MONTH = 730.0
# Where a cloud publishes no interruption rate: the middle of the widest band AWS publishes.
# An assumption, and reported as one.
ASSUMED_INTERRUPTION_PER_MONTH = 0.20
# Open upper end of the worst published band (">20 %").
OPEN_BAND_HIGH = 0.40
CHECKPOINT_H = 1.0 / 60
# Waiting for capacity, booting and loading again after an interruption.
RESTART_H = 0.25
# Below this many restarts' worth of time between failures a job makes no headway worth planning.
MIN_MTBF_PER_RESTART = 3.0


@dataclass(frozen=True)
class SpotRun:
    """Expected wall time of a job on capacity that is taken back, shape (n,). NaN = infeasible."""

    hours: Floats
    lost_hours: Floats
    interruptions: Floats


def interruptions_per_hour(low: Floats, high: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """Hazard of one instance from its monthly band, and where it had to be assumed.

    A share p reclaimed within a month is a hazard of -ln(1 - p) / 730 h.
    """
    unknown = np.isnan(low)
    middle = np.where(
        unknown,
        ASSUMED_INTERRUPTION_PER_MONTH,
        (low + np.where(np.isnan(high), OPEN_BAND_HIGH, high)) / 2,
    )
    return -np.log1p(-middle) / HOURS_PER_MONTH, unknown


def mean_hours_between_failures(hazard_per_hour: Floats, nodes: Floats) -> Floats:
    """Of a gang of ``nodes`` machines that stops when one of them is taken back."""
    return np.asarray(1.0 / np.maximum(hazard_per_hour * nodes, 1e-12))


def checkpoints(work_hours: Floats, mtbf: Floats) -> tuple[Floats, Floats]:
    """Hours between checkpoints (Daly's best interval) and hours that writing one takes."""
    interval = np.clip(np.sqrt(2 * CHECKPOINT_H * mtbf) - CHECKPOINT_H, CHECKPOINT_H, None)
    # A job shorter than one interval writes no checkpoint but the final one.
    interval = np.minimum(interval, np.maximum(work_hours, 1e-9))
    return interval, np.where(interval >= work_hours, 0.0, CHECKPOINT_H)


def run_on_spot(work_hours: Floats, hazard_per_hour: Floats, nodes: Floats) -> SpotRun:
    """Expected time with checkpoints at the best interval.

    Daly (2006): with mean time between failures M, checkpoint cost d and restart R, time is
    M exp(R/M) (exp((t+d)/M) - 1) W/t, near its minimum at t = sqrt(2 d M) - d. A gang of n nodes
    fails n times as often.
    """
    mtbf = mean_hours_between_failures(hazard_per_hour, nodes)
    interval, written = checkpoints(work_hours, mtbf)
    segments = work_hours / interval
    hours = mtbf * np.exp(RESTART_H / mtbf) * np.expm1((interval + written) / mtbf) * segments
    # The formula charges a restart before every segment's first try; nothing fails at rate zero.
    hours = np.maximum(hours, work_hours)
    hopeless = mtbf < MIN_MTBF_PER_RESTART * RESTART_H
    hours = np.where(hopeless, np.nan, hours)
    return SpotRun(hours, hours - work_hours, hours / mtbf)
