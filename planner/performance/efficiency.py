"""From peak to practice: kernel efficiency, and how far analytic times are expected to be off.

log(measured / analytic throughput) is a sum of normal effects, from what all runs on a device or
of a task share down to one exact configuration. Own measurements are noisy sums of the same
effects, so the posterior of any configuration follows in closed form (a Gaussian process whose
kernel is the shares of the groups that two configurations have in common): a measurement moves its
neighbours as much as they share, and an exact repeat almost wholly.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from catalog.records import dataclass

Floats = NDArray[np.float64]

Z90 = 1.2815515655446004  # standard normal quantile of 0.9


@dataclass(frozen=True, slots=True)
class Prior:
    """Before any measurement: share of the peak that kernels reach, and the standard deviation of
    log(measured / analytic throughput) when that share is assumed. ``bandwidth_efficiency`` is
    the share of the memory bandwidth.
    """

    kernel_efficiency: float
    log_sd: float
    note: str
    bandwidth_efficiency: float = 0.8


# First priors, by task and device kind: the share of the peak that large matrix products reach;
# the step model takes off what small ones, attention, element-wise kernels and messages cost. The
# GPU shares take the bias out of the catalog's observations: language models against llm-foundry
# and megatron-bridge rows (median error 9%), vision against all publishers together (29%, framework
# versions differ by a factor of two). The others are assumptions. The spread is wide on purpose:
# `planner calibrate` narrows it.
_PRIORS: dict[tuple[str, str], Prior] = {
    ("language-training", "GPU"): Prior(0.65, 0.35, "matrix products of transformers on GPUs"),
    ("language-training", "TPU"): Prior(0.65, 0.40, "matrix products of transformers on TPUs"),
    ("language-training", "CPU"): Prior(0.35, 0.60, "matrix products on server CPUs"),
    ("language-training", "ASIC"): Prior(0.40, 0.50, "training ASICs"),
    ("vision-training", "GPU"): Prior(0.35, 0.55, "convolutions on GPUs"),
    ("vision-training", "TPU"): Prior(0.35, 0.60, "convolutions on TPUs"),
    ("vision-training", "CPU"): Prior(0.30, 0.70, "convolutions on server CPUs"),
    ("vision-training", "ASIC"): Prior(0.30, 0.70, "convolutions on training ASICs"),
    # Inference on GPUs and CPUs, diffusion, edge: set so that the median of log(measured /
    # analytic) over the catalog's rows is near 0 (time per token of serving -0.04, batches 0.03,
    # vision on GPUs -0.1, diffusion 0.0). Encoders keep a bias of 1: published runs skip padding
    # (about 0.8 of it) and are vendor-tuned. On CPUs the vision rows of PyTorch (0.4) and of TFLite
    # with few threads (-0.8) pull apart. TPUs and ASICs: assumptions.
    ("llm-serving", "GPU"): Prior(0.45, 0.35, "serving engines on GPUs", 0.72),
    ("llm-serving", "TPU"): Prior(0.45, 0.50, "serving engines on TPUs", 0.60),
    ("llm-serving", "CPU"): Prior(0.25, 0.60, "language models on server CPUs", 0.60),
    ("llm-serving", "ASIC"): Prior(0.35, 0.60, "serving engines on ASICs", 0.60),
    ("llm-batch", "GPU"): Prior(0.45, 0.40, "saturated engines on GPUs", 0.72),
    ("llm-batch", "TPU"): Prior(0.45, 0.55, "saturated engines on TPUs", 0.60),
    ("llm-batch", "CPU"): Prior(0.25, 0.60, "language models on server CPUs", 0.60),
    ("llm-batch", "ASIC"): Prior(0.35, 0.60, "saturated engines on ASICs", 0.60),
    ("encoder-inference", "GPU"): Prior(0.60, 0.45, "encoders on GPUs"),
    ("encoder-inference", "TPU"): Prior(0.40, 0.55, "encoders on TPUs"),
    ("encoder-inference", "CPU"): Prior(0.30, 0.60, "encoders on server CPUs", 0.60),
    ("encoder-inference", "ASIC"): Prior(0.40, 0.60, "encoders on ASICs"),
    ("vision-inference", "GPU"): Prior(0.32, 0.65, "convolutions on GPUs"),
    ("vision-inference", "TPU"): Prior(0.40, 0.60, "convolutions on TPUs"),
    ("vision-inference", "CPU"): Prior(0.32, 0.80, "convolutions on server CPUs", 0.60),
    ("vision-inference", "ASIC"): Prior(0.40, 0.70, "convolutions on inference ASICs"),
    ("diffusion", "GPU"): Prior(0.26, 0.40, "denoisers on GPUs"),
    ("diffusion", "TPU"): Prior(0.40, 0.55, "denoisers on TPUs"),
    ("diffusion", "CPU"): Prior(0.25, 0.70, "denoisers on server CPUs", 0.60),
    ("diffusion", "ASIC"): Prior(0.35, 0.60, "denoisers on ASICs"),
    ("edge", "GPU"): Prior(0.25, 0.65, "single frames on embedded GPUs", 0.60),
    ("edge", "TPU"): Prior(0.15, 0.70, "single frames on edge TPUs"),
    ("edge", "NPU"): Prior(0.25, 0.70, "single frames on NPUs", 0.60),
    ("edge", "CPU"): Prior(0.50, 0.70, "single frames on embedded CPUs", 0.50),
    # A code of its own: linpack reaches 0.7-0.9 of the peak, stencils less than 0.1. Assumption.
    ("generic", "GPU"): Prior(0.50, 0.60, "codes on GPUs"),
    ("generic", "TPU"): Prior(0.40, 0.80, "codes on TPUs"),
    ("generic", "CPU"): Prior(0.50, 0.60, "codes on CPUs", 0.70),
}
_UNFAMILIAR = Prior(0.25, 0.80, "no experience with this kind of device")

# How the prior variance is shared between effects, widest group first. Two runs of one
# configuration differ by MEASUREMENT_SD. Set after half the mean squared difference of the fit's
# errors (in standard deviations, groups weighing equally) between published rows that differ in
# the batch only (0.6), in the framework (0.9), in the model (1.0), in model and framework (1.4),
# in accelerator and framework (2.0); errors of one accelerator in two tasks correlate by 0.2,
# which is the `device`.
_SHARES = (
    ("device", 0.10),
    ("task", 0.10),
    ("kind", 0.10),
    ("accelerator", 0.15),
    ("model", 0.10),
    ("framework", 0.15),
    ("pair", 0.10),
    ("exact", 0.20),
)
MEASUREMENT_SD = 0.03


@dataclass(frozen=True, slots=True)
class Setup:
    """What identifies a configuration to the learner. Equal tuples are the same experiment."""

    task: str
    kind: str
    accelerator: str
    model: str
    precision: str
    framework: str
    batch: float
    devices: float

    def groups(self) -> dict[str, tuple[object, ...]]:
        """The group it belongs to at every level of nesting."""
        exact = (self.precision, self.framework, round(self.batch, 6), round(self.devices, 6))
        return {
            "device": (self.accelerator,),
            "task": (self.task,),
            "kind": (self.task, self.kind),
            "accelerator": (self.task, self.accelerator),
            "model": (self.task, self.model),
            "framework": (self.task, self.kind, self.framework),
            "pair": (self.task, self.accelerator, self.model),
            "exact": (self.task, self.accelerator, self.model, *exact),
        }


@dataclass(frozen=True, slots=True)
class Measured:
    """One own measurement: its setup and log(measured / expected throughput).

    ``log_sd`` is how far the expectation was thought to be off (``Expected``); None: the prior's.
    """

    setup: Setup
    log_ratio: float
    observation_id: str = ""
    log_sd: float | None = None


@dataclass(frozen=True)
class Expected:
    """What is expected of each configuration before own measurements, shape (n,).

    ``log_ratio`` is log(expected / analytic throughput), ``log_sd`` the standard deviation of the
    log of the truth below that, ``log_sd_above`` above it.
    """

    log_ratio: Floats
    log_sd: Floats
    log_sd_above: Floats
    basis: list[str]


@dataclass(frozen=True)
class Posterior:
    """Expected measured / analytic throughput of each setup asked for, shape (n,)."""

    ratio: Floats
    log_sd: Floats
    basis: list[str]
    log_sd_above: Floats
    setups: Sequence[Setup] = ()


def prior(task: str, kind: str) -> Prior:
    return _PRIORS.get((task, kind), _UNFAMILIAR)


def by_prior(task: str, kinds: Sequence[str]) -> Expected:
    """The analytic time as it stands, on devices of these kinds."""
    known = {kind: prior(task, kind).log_sd for kind in set(kinds)}
    sd = np.array([known[kind] for kind in kinds])
    return Expected(np.zeros(len(kinds)), sd, sd, ["analytic"] * len(kinds))


def posterior(
    setups: Sequence[Setup], measured: Sequence[Measured], expected: Expected | None = None
) -> Posterior:
    """Expectation (without one, the prior) updated by own measurements.

    Setups are needed only where something was measured.

    Basis ``measured`` means that this very configuration was run here, ``calibrated`` that a
    neighbour removed at least a tenth of the variance; else it is that of the expectation.
    """
    if expected is None:
        sd = np.array([prior(s.task, s.kind).log_sd for s in setups])
        expected = Expected(np.zeros(len(setups)), sd, sd, ["analytic"] * len(setups))
    mean, sd, basis = expected.log_ratio, expected.log_sd, expected.basis
    if measured and setups:
        own = [m.setup for m in measured]
        own_sd = _own_sd(measured)
        residual = np.array([m.log_ratio for m in measured])
        inner = correlation(own, own) * own_sd[:, None] * own_sd[None, :]
        inner += MEASUREMENT_SD**2 * np.eye(len(own))
        cross = correlation(setups, own) * sd[:, None] * own_sd[None, :]
        gain = np.linalg.solve(inner, cross.T).T
        mean = mean + gain @ residual
        removed = np.clip(np.sum(gain * cross, axis=1) / sd**2, 0.0, 1.0)
        sd = np.sqrt(np.maximum(sd**2 * (1 - removed), MEASUREMENT_SD**2))
        exact = {s.groups()["exact"] for s in own}
        basis = [
            "measured" if s.groups()["exact"] in exact else "calibrated" if r >= 0.1 else before
            for s, r, before in zip(setups, removed, basis, strict=True)
        ]
    above = expected.log_sd_above * sd / expected.log_sd
    return Posterior(np.exp(mean), sd, basis, above, setups)


def _own_sd(measured: Sequence[Measured]) -> Floats:
    return np.array(
        [
            prior(m.setup.task, m.setup.kind).log_sd if m.log_sd is None else m.log_sd
            for m in measured
        ]
    )


def weights(setup: Setup, measured: Sequence[Measured], most: int = 5) -> list[tuple[str, float]]:
    """The measurements that weigh most in this setup's correction, with their share of it."""
    if not measured:
        return []
    own = [m.setup for m in measured]
    own_sd = _own_sd(measured)
    inner = correlation(own, own) * own_sd[:, None] * own_sd[None, :]
    inner += MEASUREMENT_SD**2 * np.eye(len(own))
    cross = correlation([setup], own)[0] * prior(setup.task, setup.kind).log_sd * own_sd
    gain = np.abs(np.linalg.solve(inner, cross))
    total = float(gain.sum())
    if total <= 0:
        return []
    heaviest = np.argsort(-gain, kind="stable")[:most]
    return [(measured[i].observation_id, float(gain[i]) / total) for i in heaviest if gain[i] > 0]


def correlation(left: Sequence[Setup], right: Sequence[Setup]) -> Floats:
    """Of the log errors of two set-ups, shape (left, right): the shares of the levels at which both
    are in the same group."""
    result = np.zeros((len(left), len(right)))
    left_groups, right_groups = [s.groups() for s in left], [s.groups() for s in right]
    for level, share in _SHARES:
        codes: dict[tuple[object, ...], int] = {}
        a = np.array([codes.setdefault(g[level], len(codes)) for g in left_groups])
        b = np.array([codes.setdefault(g[level], len(codes)) for g in right_groups])
        result += share * (a[:, None] == b[None, :])
    return result
