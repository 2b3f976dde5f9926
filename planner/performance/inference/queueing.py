"""Waiting before service, for percentiles of latency: G/G/m by approximation."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# Load over saturation that a service plans with; beyond it small bursts queue for long.
# Assumption (common practice is 0.7 to 0.9).
MOST_UTILISATION = 0.9
# Squared coefficient of variation of prompt lengths when only the mean is given: that of an
# exponential, as chat logs show about. Assumption.
USUAL_SIZE_VARIATION = 1.0


@cache
def normal_quantile(probability: float) -> float:
    """Standard deviations above the mean that a normal value stays below with a probability."""
    from statistics import NormalDist  # slow to import, and few commands get here

    return NormalDist().inv_cdf(probability)


def wait_quantile_s(
    service_s: Floats,
    utilisation: Floats,
    servers: Floats,
    *,
    arrival_scv: float,
    service_scv: float | Floats,
    quantile: float,
) -> Floats:
    """Quantile of the wait in a G/G/m queue; infinite at full load.

    Mean by Allen and Cunneen with Sakasegawa's (1977) exponent, rho^(sqrt(2(m+1)) - 1), as the
    chance to wait; those who wait do so for an exponential time.
    """
    rho = np.clip(utilisation, 0.0, 1.0)
    chance = rho ** (np.sqrt(2 * (servers + 1)) - 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = (arrival_scv + service_scv) / 2 * service_s / (servers * (1 - rho))
        wait = scale * np.log(chance / (1 - quantile))
    waits = chance > 1 - quantile
    result: Floats = np.where(rho < 1, np.where(waits, np.maximum(wait, 0.0), 0.0), np.inf)
    return result


def crowd(mean: Floats, quantile: float, arrival_scv: float) -> Floats:
    """Quantile of the number in service beside oneself when ``mean`` are on average.

    The number in an infinite-server queue is about normal with variance mean x peakedness, the
    latter (1 + c^2)/2 for exponential service (Eckberg 1983).
    """
    z = normal_quantile(quantile)
    result: Floats = mean + max(z, 0.0) * np.sqrt(mean * (1 + arrival_scv) / 2)
    return result
