"""What a rented run may cost at most, and what holds it to that."""

from __future__ import annotations

from launchers.base import CostEstimate
from launchers.errors import CostCapExceeded
from launchers.targets import SkyTarget

# A cluster goes down by itself after this long without a job, should the planner be killed.
IDLE_MINUTES = 10
SETUP_TIMEOUT_S = 900.0
# Prices move after the snapshot; this much above the confirmed rate is still what was agreed.
RATE_TOLERANCE = 1.5


def held_hours(timeout_s: float) -> float:
    """Hours a machine is billed at most: setup, the program, idle time if the planner dies."""
    return (SETUP_TIMEOUT_S + timeout_s) / 3600 + IDLE_MINUTES / 60


def check_cap(target: SkyTarget, estimate: CostEstimate, cap_usd: float | None) -> None:
    """Raises CostCapExceeded when the run may cost more than the cap, or nobody knows."""
    if cap_usd is None:
        return
    if estimate.usd is None and target.is_billed:
        raise CostCapExceeded(
            f"no price is known, so {cap_usd:g} USD cannot be promised",
            where=target.text,
            remedy="name an instance or accelerator the catalog has, or drop --max-cost",
        )
    if estimate.usd is not None and estimate.usd > cap_usd:
        raise CostCapExceeded(
            f"may cost {estimate.usd:.2f} USD, more than the cap of {cap_usd:g} USD",
            where=target.text,
            remedy="raise --max-cost, or choose a cheaper machine or a shorter time limit",
        )


def max_hourly_usd(
    target: SkyTarget, estimate: CostEstimate, cap_usd: float | None
) -> float | None:
    """The highest price per hour SkyPilot may take: what the cap, or the consent, allows."""
    if not target.is_billed:
        return None
    if cap_usd is not None:
        return cap_usd / estimate.hours
    return None if estimate.usd_per_hour is None else estimate.usd_per_hour * RATE_TOLERANCE
