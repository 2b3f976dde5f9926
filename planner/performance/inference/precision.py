"""Number formats of inference: which arithmetic runs, and how many bytes a weight takes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from catalog.records import dataclass
from planner.performance.devices import Device, Machines

Floats = NDArray[np.float64]

# Bytes a stored weight takes, with its scales: int4 in groups of 128 with a 16-bit scale and zero
# point (AWQ, Lin et al. 2023: 4.25 bits), NVFP4 in blocks of 16 with an 8-bit scale (4.5 bits).
WEIGHT_BYTES = {
    "fp64": 8.0,
    "fp32": 4.0,
    "tf32": 4.0,
    "fp16": 2.0,
    "bf16": 2.0,
    "fp8": 1.0,
    "int8": 1.0,
    "int4": 0.53,
    "fp4": 0.5625,
}
# int4 language models are quantised by weight only: products run in the 16-bit type (on a CPU
# without one in fp32) after unpacking, so no int4 arithmetic is needed.
WEIGHT_ONLY = {"int4": ("bf16", "fp16", "fp32")}
# Tried in order when the user states no precision.
LANGUAGE_DEFAULTS = ("bf16", "fp16", "fp32")
VISION_DEFAULTS = ("fp32",)
EDGE_DEFAULTS = ("fp16", "bf16", "int8", "fp32")


@dataclass(frozen=True)
class Arithmetic:
    """Per configuration, shape (n,): ``stored`` names the weights' format, ``computed`` that of
    the products, ``peak`` their dense rate in operations/s (NaN: the device has no such mode).
    """

    stored: list[str]
    computed: list[str]
    peak: Floats
    weight_bytes: Floats

    @property
    def value_bytes(self) -> Floats:
        """Bytes of an activation between layers: of the computing type, 4 at most."""
        return np.array([min(WEIGHT_BYTES[name], 4.0) for name in self.computed])


def arithmetic(
    stated: str | None, defaults: Sequence[str], machines: Machines, *, weight_only: bool = False
) -> Arithmetic:
    """What runs on each configuration.

    A stated precision is taken as it is; nothing stands in for it. Without one it is the first of
    ``defaults`` that the device has. ``weight_only`` allows int4 weights on 16-bit arithmetic.
    """
    stored, computed, peaks = [], [], []
    known: dict[int, tuple[str, str, float]] = {}
    for device in machines.devices:
        key = id(device)
        if key not in known:
            known[key] = _choose(stated, defaults, device, weight_only)
        kept, runs, peak = known[key]
        stored.append(kept)
        computed.append(runs)
        peaks.append(peak)
    return Arithmetic(
        stored, computed, np.array(peaks), np.array([WEIGHT_BYTES[name] for name in stored])
    )


def _choose(
    stated: str | None, defaults: Sequence[str], device: Device, weight_only: bool
) -> tuple[str, str, float]:
    if stated is None:
        for name in defaults:
            if (peak := device.peak(name)) is not None:
                return name, name, peak
        return defaults[0], defaults[0], np.nan
    for name in WEIGHT_ONLY.get(stated, (stated,)) if weight_only else (stated,):
        if (peak := device.peak(name)) is not None:
            return stated, name, peak
    return stated, stated, np.nan
