"""One learner: two forests and a ridge on log(measured / analytic), blended by familiarity."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from catalog.records import dataclass
from planner.performance.learned.columns import FloatArray
from planner.performance.learned.features import DEVICE_FEATURES
from planner.performance.learned.forest import Forest
from planner.performance.learned.linear import Linear

MEMBERS = 3


@dataclass(frozen=True, slots=True)
class Blend:
    """Weights of (forest with device, forest without, ridge); what they lack to 1 is the share of
    the analytic time as it stands. ``unseen`` is for accelerators absent from fitting.
    """

    familiar: tuple[float, ...]
    unseen: tuple[float, ...]


EVEN = Blend((1 / 3,) * MEMBERS, (1 / 3,) * MEMBERS)


@dataclass(frozen=True, slots=True)
class Learner:
    """``accelerators`` and ``models`` are the names seen in fitting (not their measurements)."""

    name: str
    features: tuple[str, ...]
    with_device: Forest
    without_device: Forest
    linear: Linear
    accelerators: frozenset[str]
    models: frozenset[str]
    blend: Blend

    def predict(
        self, matrix: FloatArray, models: Sequence[str], known: NDArray[np.bool_]
    ) -> tuple[FloatArray, FloatArray]:
        """Residual of each row, and the disagreement (standard deviation) of the members.

        ``known`` marks rows whose accelerator was seen in fitting.
        """
        return combine(self.members(matrix, models), known, self.blend)

    def members(self, matrix: FloatArray, models: Sequence[str]) -> FloatArray:
        """What each member says, shape (MEMBERS, rows).

        Language inference on CPUs keeps its analytic time: the few rows on CPUs would be moved by
        what thousands on GPUs taught about kernels that CPUs do not run.
        """
        found = np.stack(
            [
                self.with_device.predict(matrix),
                self.without_device.predict(matrix[:, device_free(self.features)]),
                self.linear.predict(matrix, models),
            ]
        )
        if self.name == "language_inference":
            found[:, matrix[:, self.features.index("kind_CPU")] > 0] = 0.0
        return found


def combine(
    members: FloatArray, known: NDArray[np.bool_], blend: Blend
) -> tuple[FloatArray, FloatArray]:
    """Blended residual and the members' disagreement about it."""
    familiar, unseen = (np.array(part)[:, None] for part in (blend.familiar, blend.unseen))
    mean = (np.where(known[None, :], familiar, unseen) * members).sum(axis=0)
    shares = np.array([[0.4], [0.4], [0.2]])  # the ridge strays furthest: it counts half
    spread = np.sqrt((np.square(members - mean) * shares).sum(axis=0))
    return mean, spread


def device_free(names: Sequence[str]) -> NDArray[np.int64]:
    """Columns of the forest that does not see the device's own figures."""
    return np.array(
        [i for i, name in enumerate(names) if name not in DEVICE_FEATURES], dtype=np.int64
    )
