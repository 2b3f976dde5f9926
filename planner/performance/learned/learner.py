"""One learner of log(measured / analytic): two forests, a ridge and, for training of language
models, the planner's own step time, blended by familiarity.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from catalog.records import dataclass
from planner.performance.learned.columns import FloatArray
from planner.performance.learned.features import DEVICE_FEATURES
from planner.performance.learned.forest import Forest
from planner.performance.learned.linear import Linear

MEMBERS = 4
STEP_MODEL = 3  # place of the member that is not learned: the step time of a plan


@dataclass(frozen=True, slots=True)
class Blend:
    """Weights of (forest with device, forest without, ridge, step model), 1 in sum. Where the step
    model says nothing, the others share its part. ``unseen`` is for accelerators absent from
    fitting.
    """

    familiar: tuple[float, ...]
    unseen: tuple[float, ...]


# In the disagreement the ridge, which strays furthest, and the step model count half.
_SHARES = np.array([0.4, 0.4, 0.2, 0.2])
EVEN = Blend((1 / MEMBERS,) * MEMBERS, (1 / MEMBERS,) * MEMBERS)


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
        self,
        matrix: FloatArray,
        models: Sequence[str],
        step_model: FloatArray,
        known: NDArray[np.bool_],
    ) -> tuple[FloatArray, FloatArray]:
        """Residual of each row, and the disagreement (standard deviation) of the members.

        ``known`` marks rows whose accelerator was seen in fitting.
        """
        return combine(self.members(matrix, models, step_model), known, self.blend)

    def members(
        self, matrix: FloatArray, models: Sequence[str], step_model: FloatArray
    ) -> FloatArray:
        """What each member says, shape (MEMBERS, rows); NaN where the step model says nothing.

        Language inference on CPUs keeps its analytic time: the few rows on CPUs would be moved by
        what thousands on GPUs taught about kernels that CPUs do not run.
        """
        # Set-ups often differ in what no feature shows: trees are walked once for those alike.
        first, place = _distinct(matrix)
        once = matrix[first]
        found = np.stack(
            [
                self.with_device.predict(once)[place],
                self.without_device.predict(once[:, device_free(self.features)])[place],
                self.linear.predict(matrix, models),
                step_model,
            ]
        )
        if self.name == "language_inference":
            found[:STEP_MODEL, matrix[:, self.features.index("kind_CPU")] > 0] = 0.0
        return found


def _distinct(matrix: FloatArray) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """First of each group of equal rows, and the group of each row."""
    places: dict[bytes, int] = {}
    rows = np.ascontiguousarray(matrix)
    place = np.array([places.setdefault(row.tobytes(), len(places)) for row in rows], np.intp)
    return np.unique(place, return_index=True)[1].astype(np.intp), place


def combine(
    members: FloatArray, known: NDArray[np.bool_], blend: Blend
) -> tuple[FloatArray, FloatArray]:
    """Blended residual and the members' disagreement about it."""
    familiar, unseen = (np.array(part)[:, None] for part in (blend.familiar, blend.unseen))
    mean = blended(members, np.where(known[None, :], familiar, unseen))
    shares = np.where(np.isnan(members), 0.0, _SHARES[:, None])
    squares = np.square(np.nan_to_num(members) - mean) * shares
    return mean, np.sqrt(squares.sum(axis=0) / shares.sum(axis=0))


def blended(members: FloatArray, weights: FloatArray) -> FloatArray:
    """Mean of the members, shape (rows,), under ``weights`` of shape (MEMBERS, rows or 1).

    Where a member is NaN the others count; alike, if they have no weight of their own.
    """
    present = np.isfinite(members)
    usable = np.where(present, weights, 0.0)
    usable = np.where(usable.sum(axis=0) > 0, usable, present)
    total = usable.sum(axis=0)
    with np.errstate(invalid="ignore"):
        return np.asarray((usable * np.nan_to_num(members)).sum(axis=0) / total)


def device_free(names: Sequence[str]) -> NDArray[np.int64]:
    """Columns of the forest that does not see the device's own figures."""
    return np.array(
        [i for i, name in enumerate(names) if name not in DEVICE_FEATURES], dtype=np.int64
    )
