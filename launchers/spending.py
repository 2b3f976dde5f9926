"""What a run has cost so far, and the limits at which it is stopped."""

from __future__ import annotations

import time
from collections.abc import Callable

from launchers.base import RunTerms
from launchers.errors import HoursReached, LimitReached

# A run is stopped this long before a limit, because giving a machine back takes minutes; of
# short limits this part.
RESERVE_S = 300.0
RESERVE_SHARE = 0.1


class Spending:
    """Time and money of one run, from the moment it may begin to cost.

    ``usd_per_hour`` is the rate of all nodes, None where no price is known; it may be set again
    once the machine is known.
    """

    def __init__(
        self, terms: RunTerms, *, where: str = "", clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.usd_per_hour = terms.usd_per_hour
        self._terms, self._where, self._clock = terms, where, clock
        self._started: float | None = None
        self._held_s: float | None = None

    def start(self, seconds_ago: float = 0.0) -> None:
        """It costs from now on, or has done for so long; the first call counts."""
        if self._started is None:
            self._started = self._clock() - seconds_ago

    def stop(self) -> None:
        """The machine is given back."""
        if self._held_s is None:
            self._held_s = self.seconds

    @property
    def seconds(self) -> float:
        """Held so far."""
        if self._held_s is not None:
            return self._held_s
        return 0.0 if self._started is None else self._clock() - self._started

    @property
    def usd(self) -> float | None:
        """Spent so far: rate times time held. None where no price is known."""
        return None if self.usd_per_hour is None else self.usd_per_hour * self.seconds / 3600

    def check(self) -> None:
        """Called all the time while a run is under way. Raises LimitReached."""
        hours, cost = self._terms.max_hours, self._terms.max_cost_usd
        if hours is not None and self.seconds >= _stop_s(hours * 3600):
            raise HoursReached(
                f"held for {self.seconds / 3600:.2f} h, the limit is {hours:g} h",
                where=self._where,
                remedy="stopped and given back; raise --max-hours or give it less work",
            )
        if cost is None or not self.usd_per_hour:
            return
        if self.seconds >= _stop_s(cost / self.usd_per_hour * 3600):
            raise LimitReached(
                f"has cost about {self.usd:.2f} USD, the limit is {cost:g} USD",
                where=self._where,
                remedy="stopped and given back; raise --max-cost or give it less work",
            )


def _stop_s(limit_s: float) -> float:
    """When to stop, so that the limit is kept with the time that giving back takes."""
    return limit_s - min(RESERVE_S, RESERVE_SHARE * limit_s)
