"""Spot capacity in scenarios: what one run may lose, and what spot prices may do.

``draw_lost_hours`` draws the process whose mean ``run_on_spot`` gives in closed form: the work is
cut into segments between checkpoints; a machine is taken back after an exponential time; the
segment is then done again after a restart.
"""

from __future__ import annotations

import numpy as np

from planner.cost.spot import RESTART_H, Floats, checkpoints, mean_hours_between_failures

# Standard deviation of the log of a spot price around the listed one, over the weeks that a listed
# price is old. Assumption: prices move in time about as they differ between zones of one region
# (catalog, spot_by_zone: 0.08 in the median of 179 types and regions, 0.30 root mean square).
SPOT_PRICE_LOG_SD = 0.15
# Interruptions of one run that are drawn one by one; the sum of more is drawn as normal.
_ONE_BY_ONE = 32


def draw_lost_hours(
    rng: np.random.Generator,
    work_hours: Floats,
    hazard_per_hour: float,
    nodes: float,
    groups: float = 1.0,
) -> tuple[Floats, Floats]:
    """Hours beyond ``work_hours`` and interruptions in all of each run, shape (n,).

    ``groups`` gangs of ``nodes`` machines work ``work_hours`` each and take from one queue, so
    that what one of them loses is shared by all.

    With x the hours of a segment with its checkpoint and M the mean time between failures, the
    failures of k segments are negative binomial (k, exp(-x / M)); each loses an exponential time
    cut off at x, and a restart of M (exp(R / M) - 1) hours on average, further failures in it
    included. The mean is M exp(R / M) (exp(x / M) - 1) k: Daly's.
    """
    if hazard_per_hour <= 0 or not len(work_hours):
        return np.zeros(len(work_hours)), np.zeros(len(work_hours))
    mtbf = float(mean_hours_between_failures(np.array(hazard_per_hour), np.array(nodes)))
    interval, written = checkpoints(work_hours, np.asarray(mtbf))
    segment = interval + written
    count = groups * work_hours / interval
    hits = rng.negative_binomial(count, np.exp(-segment / mtbf)).astype(np.float64)
    tried = _tried_hours(rng, hits, segment, mtbf)
    restarts = hits * mtbf * np.expm1(RESTART_H / mtbf)
    # A restart that is interrupted itself is another interruption.
    return (count * written + tried + restarts) / groups, hits * np.exp(RESTART_H / mtbf)


def _tried_hours(rng: np.random.Generator, hits: Floats, segment: Floats, mtbf: float) -> Floats:
    """Sum over the hits of each run of exponential times cut off at its segment."""
    total = np.zeros(len(hits))
    few = np.flatnonzero((hits > 0) & (hits <= _ONE_BY_ONE))
    run = np.repeat(few, hits[few].astype(np.intp))
    whole = -np.expm1(-segment / mtbf)
    drawn = -mtbf * np.log1p(-rng.random(len(run)) * whole[run])
    total += np.bincount(run, weights=drawn, minlength=len(hits))
    many = np.flatnonzero(hits > _ONE_BY_ONE)
    if len(many):
        x = segment[many] / mtbf
        odds = 1 / np.expm1(x)
        mean = mtbf * (1 - x * odds)
        variance = mtbf**2 * (1 - x**2 * np.exp(x) * odds**2)
        spread = np.sqrt(np.maximum(variance, 0.0) * hits[many])
        total[many] = np.maximum(hits[many] * mean + spread * rng.standard_normal(len(many)), 0.0)
    return total


def draw_price_factors(rng: np.random.Generator, count: int, most: float = np.inf) -> Floats:
    """Spot price over the listed one in ``count`` scenarios, median 1, at most ``most``.

    ``most`` is the on-demand price over the spot price: nobody pays more for less.
    """
    drawn = np.exp(SPOT_PRICE_LOG_SD * rng.standard_normal(count))
    return np.minimum(drawn, max(most, 1.0))
