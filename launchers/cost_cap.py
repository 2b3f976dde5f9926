"""What a rented run may cost at most, and what holds it to that."""

from __future__ import annotations

import math
from dataclasses import dataclass

from launchers.base import CostEstimate
from launchers.errors import CostCapExceeded, LaunchRefused
from launchers.targets import SkyTarget

# A cluster goes down by itself after this long without a job, should the planner be killed.
IDLE_MINUTES = 10
SETUP_TIMEOUT_S = 900.0
# Prices move after the snapshot; this much above the confirmed rate is still what was agreed.
RATE_TOLERANCE = 1.5


# Of a limit on the time held, the part that setup may take, and the shortest run worth its price.
SETUP_SHARE = 0.3
IDLE_SHARE = 0.1
SHORTEST_S = 30.0


@dataclass(frozen=True, slots=True)
class Limits:
    """What holds on the machine itself, whatever becomes of the planner: how long setup and the
    program may take, and after how long without a job the cluster goes down."""

    setup_s: float
    program_s: float
    idle_minutes: int

    @property
    def hours(self) -> float:
        """Held at most, once provisioned."""
        return (self.setup_s + self.program_s) / 3600 + self.idle_minutes / 60


def limits(timeout_s: float, max_hours: float | None = None) -> Limits:
    """As the program needs, or less, so that they add up to ``max_hours`` at most.

    Raises LaunchRefused when nothing could be measured in that time.
    """
    usual = Limits(SETUP_TIMEOUT_S, timeout_s, IDLE_MINUTES)
    if max_hours is None or usual.hours <= max_hours:
        return usual
    most_s = max_hours * 3600
    idle_minutes = min(IDLE_MINUTES, max(1, math.floor(IDLE_SHARE * most_s / 60)))
    setup_s = min(SETUP_TIMEOUT_S, SETUP_SHARE * most_s)
    program_s = min(timeout_s, most_s - 60 * idle_minutes - setup_s)
    if program_s < SHORTEST_S:
        raise LaunchRefused(
            f"{max_hours:g} h leave no time to measure anything",
            where="--max-hours",
            remedy="allow at least 0.05 h",
        )
    return Limits(setup_s, program_s, idle_minutes)


def held_hours(timeout_s: float, max_hours: float | None = None) -> float:
    """Hours a machine is billed at most: setup, the program, idle time if the planner dies.

    Raises LaunchRefused for a ``max_hours`` in which nothing can be measured.
    """
    return limits(timeout_s, max_hours).hours


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
    """The highest price per hour that SkyPilot may take for a node: what the cap, or the consent,
    allows for all of them."""
    if not target.is_billed:
        return None
    if cap_usd is not None:
        return cap_usd / estimate.hours / target.nodes
    if estimate.usd_per_hour is None:
        return None
    return estimate.usd_per_hour * RATE_TOLERANCE / target.nodes
