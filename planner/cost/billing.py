"""What a finite job is billed for: the hours before, during and after the work."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from catalog.records import dataclass

Floats = NDArray[np.float64]

# Hours from asking for a machine to the first step, apart from loading data. Assumptions:
# a VM boots in 1-3 minutes, a training image of about 10 GB is pulled and unpacked in 3-5.
PROVISIONING_H = 2.0 / 60
IMAGE_PULL_H = {"cpu": 1.5 / 60, "accelerator": 4.0 / 60}
# Rate at which weights and data arrive from object storage, bytes/s of one machine.
STAGING_BYTES_PER_S = 500e6


@dataclass(frozen=True)
class Billed:
    """Billed hours and dollars of each candidate, shape (n,)."""

    hours: Floats
    usd: Floats


def set_up_hours(is_cpu: NDArray[np.bool_], staged_bytes: float) -> tuple[Floats, float]:
    """Hours before the work starts: machine and image, then staging of weights and data."""
    machine = PROVISIONING_H + np.where(is_cpu, IMAGE_PULL_H["cpu"], IMAGE_PULL_H["accelerator"])
    return machine, staged_bytes / STAGING_BYTES_PER_S / 3600


def bill(
    wall_hours: Floats,
    usd_per_hour: Floats,
    nodes: Floats,
    increment_s: Floats,
    minimum_s: Floats,
) -> Billed:
    """Round wall time up to the billing increment, not below the minimum, for every machine."""
    seconds = wall_hours * 3600
    increment = np.where(np.isnan(increment_s), 1.0, np.maximum(increment_s, 1.0))
    # The tolerance keeps 3600.0000001 s from being billed as another increment.
    rounded = np.ceil(seconds / increment - 1e-9) * increment
    billed = np.maximum(rounded, np.nan_to_num(minimum_s)) / 3600
    return Billed(billed, billed * usd_per_hour * nodes)
