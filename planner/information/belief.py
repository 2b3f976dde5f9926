"""What is believed of many set-ups at once: log(true / estimated throughput), jointly normal.

The belief of ``performance.efficiency`` answers one set-up at a time; what a measurement is worth
needs them together, because one run moves every set-up that shares a group with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from planner.performance.efficiency import MEASUREMENT_SD, Measured, Setup, correlation

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Belief:
    """``mean``, shape (..., n), and ``covariance``, shape (n, n), of the log ratios.

    Leading axes of ``mean`` are draws of what measurements would show: the covariance does not
    depend on what they show, only on which are made (a property of the normal distribution).
    """

    mean: Floats
    covariance: Floats

    @property
    def variance(self) -> Floats:
        """Shape (n,)."""
        return np.asarray(np.diagonal(self.covariance))

    def gain(self, setup: int) -> Floats:
        """How far each set-up moves per unit of surprise in a run of ``setup``, shape (n,)."""
        return np.asarray(
            self.covariance[setup] / (self.covariance[setup, setup] + MEASUREMENT_SD**2)
        )

    def after(self, setup: int, value: Floats | float) -> Belief:
        """After a run of ``setup`` showed the log ratio ``value``, shape (...)."""
        gain = self.gain(setup)
        surprise = np.asarray(value) - self.mean[..., setup]
        left = self.covariance - np.outer(gain, self.covariance[setup])
        return Belief(self.mean + surprise[..., None] * gain, (left + left.T) / 2)

    def draws(self, count: int, seed: int) -> Floats:
        """Log ratios that may be true, shape (count, n); one mean only. Antithetic pairs."""
        rng = np.random.default_rng(seed)
        z = rng.standard_normal((-(-count // 2), len(self._root)))
        return np.asarray(self.mean + (np.concatenate([z, -z])[:count] @ self._root.T))

    @cached_property
    def _root(self) -> Floats:
        """Of the covariance."""
        values, vectors = np.linalg.eigh(self.covariance)
        return np.asarray(vectors * np.sqrt(np.maximum(values, 0.0)))


def believe(setups: Sequence[Setup], log_sd: Floats, measured: Sequence[Measured] = ()) -> Belief:
    """Of set-ups whose estimates are off by ``log_sd``, shape (n,), before own ``measured`` runs.

    The mean is what those runs say; give the estimates without them.
    """
    belief = Belief(np.zeros(len(setups)), correlation(setups, setups) * np.outer(log_sd, log_sd))
    if not measured:
        return belief
    own = [m.setup for m in measured]
    own_sd = np.array([m.log_sd if m.log_sd is not None else np.nan for m in measured])
    typical = {(s.task, s.kind): sd for s, sd in zip(setups, log_sd.tolist(), strict=True)}
    fill = np.array([typical.get((s.task, s.kind), float(log_sd.mean())) for s in own])
    own_sd = np.where(np.isnan(own_sd), fill, own_sd)
    n = len(setups)
    sd = np.concatenate([log_sd, own_sd])
    both = [*setups, *own]
    belief = Belief(np.zeros(len(both)), correlation(both, both) * np.outer(sd, sd))
    for number, one in enumerate(measured):
        belief = belief.after(n + number, one.log_ratio)
    return Belief(belief.mean[:n], belief.covariance[:n, :n])
