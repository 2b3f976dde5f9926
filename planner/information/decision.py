"""The decision that a measurement may change, and what it costs under a belief."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from planner.information.belief import Belief

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]


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
        mean, variance = belief.mean[..., self.setup], belief.variance[self.setup]
        usd = self.fixed_usd + self.work_usd * np.exp(-mean + variance / 2)
        if self.deadline_hours is not None and self.late_usd:
            usd = usd + self.late_usd * self._late(mean, variance)
        return np.asarray(usd)

    def estimated_usd(self, belief: Belief) -> Floats:
        """Of each way, shape (..., a): its cost at the estimated speed, as a plan states it."""
        mean = belief.mean[..., self.setup]
        return np.asarray(self.fixed_usd + self.work_usd * np.exp(-mean))

    def choose(self, belief: Belief) -> Rows:
        """What the planner would choose, shape (...): the way that is estimated the cheapest of
        those in time (the first of equals), else the one that is least late."""
        usd = np.round(self.estimated_usd(belief), 9)  # sums differ in their last digit
        if self.deadline_hours is None:
            return np.asarray(usd.argmin(axis=-1))
        late = self._late(belief.mean[..., self.setup], belief.variance[self.setup])
        in_time = late <= 1 - self.risk + 1e-12
        best = np.where(in_time, usd, np.inf).argmin(axis=-1)
        return np.asarray(np.where(in_time.any(axis=-1), best, late.argmin(axis=-1)))

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
