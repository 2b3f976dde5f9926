"""The decision that a measurement may change, and what it costs under a belief."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from planner.information.belief import Belief

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]

# As the planner compares costs (``candidates.order``): sums differ in their last digit.
USD_DECIMALS = 9
# Draws judged at once: few enough that they stay in the cache.
_TOGETHER = 512


@dataclass(frozen=True)
class Alternatives:
    """Ways to run the workload once, shape (a,), at their estimated speed.

    ``work_usd`` and ``work_hours`` shrink in proportion to a faster truth, ``fixed_usd`` and
    ``fixed_hours`` do not. ``setup`` is each one's place in the belief. A way is in time when its
    hours stay under ``deadline_hours`` with probability ``risk``; a run that is late in the end
    costs ``late_usd`` besides. Ways of one ``kind`` are the same choice where it is asked how
    likely that changes (None: each is its own).
    """

    setup: Rows
    fixed_usd: Floats
    work_usd: Floats
    fixed_hours: Floats
    work_hours: Floats
    deadline_hours: float | None = None
    risk: float = 0.9
    late_usd: float = 0.0
    kind: Rows | None = None

    def differ(self, ways: Rows, others: Rows) -> NDArray[np.bool_]:
        """Whether these ways are of another kind than those, one by one."""
        return np.asarray(
            ways != others if self.kind is None else self.kind[ways] != self.kind[others]
        )

    def __len__(self) -> int:
        return len(self.setup)

    def expected_usd(self, belief: Belief) -> Floats:
        """Of each way, shape (..., a): E[cost], a late end included."""
        usd, late, _ = self._judged(belief.mean[..., self.setup], belief.variance[self.setup])
        return usd + self.late_usd * late

    def estimated_usd(self, belief: Belief) -> Floats:
        """Of each way, shape (..., a): its cost at the estimated speed, as a plan states it."""
        return self._estimated(belief.mean[..., self.setup])

    def choose(self, belief: Belief) -> Rows:
        """What the planner would choose, shape (...): the way that is estimated the cheapest of
        those in time (the first of equals), else the one that is least late."""
        return self._judged(belief.mean[..., self.setup], belief.variance[self.setup])[2]

    def choose_again(self, belief: Belief, before: Rows) -> tuple[Rows, Floats, Floats]:
        """The choice under draws of a belief, and by how much it lowers E[cost] without late ends
        and the probability of a late end against the choice ``before``, each of shape (draws,).
        """
        mean, variance = belief.mean[:, self.setup], belief.variance[self.setup]
        worth = self._contenders(mean, variance)
        worth[before] = True
        places = np.flatnonzero(worth)
        few, mean, variance = self._only(places), mean[:, places], variance[places]
        at = np.searchsorted(places, before)
        pick = np.empty(len(mean), np.intp)
        saved_usd, saved_late = np.empty(len(mean)), np.empty(len(mean))
        for start in range(0, len(mean), _TOGETHER):
            part = slice(start, start + _TOGETHER)
            usd, late, chosen = few._judged(mean[part], variance)
            draw = np.arange(len(usd))
            pick[part] = places[chosen]
            saved_usd[part] = usd[draw, at[part]] - usd[draw, chosen]
            saved_late[part] = late[draw, at[part]] - late[draw, chosen]
        return pick, saved_usd, saved_late

    def _estimated(self, mean: Floats) -> Floats:
        return np.asarray(self.fixed_usd + self.work_usd * np.exp(-mean))

    def _judged(self, mean: Floats, variance: Floats) -> tuple[Floats, Floats, Rows]:
        """E[cost] of each way without late ends and P[late], both of shape (..., a), and the choice
        among them, shape (...), which the price of a late end does not change.
        """
        work = self.work_usd * np.exp(-mean)
        usd = self.fixed_usd + work * np.exp(variance / 2)
        estimated = np.round(self.fixed_usd + work, USD_DECIMALS)
        if self.deadline_hours is None:
            return np.asarray(usd), np.zeros_like(usd), np.asarray(estimated.argmin(axis=-1))
        late = self._late(mean, variance)
        in_time = late <= 1 - self.risk + 1e-12
        best = np.where(in_time, estimated, np.inf).argmin(axis=-1)
        pick = np.where(in_time.any(axis=-1), best, late.argmin(axis=-1))
        return np.asarray(usd), late, np.asarray(pick)

    def _contenders(self, mean: Floats, variance: Floats) -> NDArray[np.bool_]:
        """Ways that may be chosen in some draw, shape (a,): not those that cost more at their best
        than one at its worst that is in time in every draw.
        """
        slow, fast = mean.min(axis=0), mean.max(axis=0)
        worst = self._estimated(slow)
        if self.deadline_hours is not None:
            in_time = self._late(slow, variance) <= 1 - self.risk
            worst = np.where(in_time, worst, np.inf)
        return np.asarray(self._estimated(fast) <= worst.min() * (1 + 1e-9) + 1e-8)

    def _only(self, places: Rows) -> Alternatives:
        return replace(
            self,
            setup=self.setup[places],
            fixed_usd=self.fixed_usd[places],
            work_usd=self.work_usd[places],
            fixed_hours=self.fixed_hours[places],
            work_hours=self.work_hours[places],
            kind=None if self.kind is None else self.kind[places],
        )

    def true_usd(self, log_ratio: Floats) -> Floats:
        """Of each way, shape (..., a), where ``log_ratio``, shape (..., n), is what is true."""
        slower = np.exp(-log_ratio[..., self.setup])
        usd = self.fixed_usd + self.work_usd * slower
        if self.deadline_hours is not None:
            hours = self.fixed_hours + self.work_hours * slower
            usd = usd + self.late_usd * (hours > self.deadline_hours)
        return np.asarray(usd)

    def _late(self, mean: Floats, variance: Floats) -> Floats:
        """Probability of ending after the deadline, shape (..., a)."""
        assert self.deadline_hours is not None
        with np.errstate(divide="ignore", invalid="ignore"):
            slack = np.log((self.deadline_hours - self.fixed_hours) / self.work_hours) + mean
        slack = np.where(np.isnan(slack), -np.inf, slack)
        return normal_tail(slack / np.sqrt(np.maximum(variance, 1e-12)))


def normal_tail(z: Floats) -> Floats:
    """P(Z > z) of a standard normal, to 1e-7 (Abramowitz and Stegun 26.2.17, 1964)."""
    x = np.abs(np.clip(z, -38.0, 38.0))
    t = 1.0 / (1.0 + 0.2316419 * x)
    series = (0.319381530, -0.356563782, 1.781477937, -1.821255978, 1.330274429)
    tail = np.zeros_like(t)
    for weight in reversed(series):
        tail = (tail + weight) * t
    tail = tail * np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi)
    return np.asarray(np.where(np.asarray(z) < 0, 1.0 - tail, tail))
