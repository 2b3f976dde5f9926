"""Nebius' platforms and estimates as priced machines: functions on plain values.

The SDK's messages are read in ``catalog.sources.nebius_calls``; nothing here needs it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from catalog.sources.accelerator_names import accelerator_named, reason_unknown
from catalog.sources.base import FetchFailed, Reject
from catalog.sources.bodies import positive
from catalog.sources.cloud_rows import Machine, Priced, Unusable

# Shares of presets without a price that are believed. Beyond, the failure is not of single presets
# and a slice of the rest would pass for the whole. Few presets are sold as spot.
MOST_UNPRICED_SHARE = {"on_demand": 0.5, "spot": 0.99}


@dataclass(frozen=True, slots=True)
class Access:
    """How to reach Nebius. ``base_url`` replaces all of its addresses, where it is set.

    Without token and credentials file, the profile of the ``nebius`` command is used.
    """

    token: str
    credentials_file: str
    base_url: str

    def __repr__(self) -> str:
        return f"Access({self.base_url or 'Nebius'})"


@dataclass(frozen=True, slots=True)
class Preset:
    """One size of a platform. ``gpu_memory_gib`` is of one GPU, None where not stated."""

    platform: str
    name: str
    vcpus: float
    memory_gib: float
    gpus: int
    gpu_memory_gib: float | None
    preemptible: bool

    @property
    def instance_type(self) -> str:
        return f"{self.platform}_{self.name}"


@dataclass(frozen=True, slots=True)
class Estimate:
    """What the calculator says of a preset: a decimal string of USD per hour, or why there is none.

    ``reason`` has been scrubbed.
    """

    preset: Preset
    usd_per_hour: str | None
    reason: str = ""


def machine_of(preset: Preset) -> Machine:
    """The machine of a preset. Raises Unusable for a GPU without facts."""
    vcpus, memory_gib = positive(preset.vcpus), positive(preset.memory_gib)
    if not preset.platform.startswith("gpu-"):
        return Machine(preset.instance_type, vcpus, memory_gib)
    if preset.gpus < 1:
        raise Unusable(preset.instance_type, f"{preset.gpus} GPUs")
    words = preset.platform.split("-")[1:]  # gpu-h100-sxm, gpu-b200-sxm-a, gpu-l40s-d
    for length in range(len(words), 0, -1):
        accelerator = accelerator_named(" ".join(words[:length]), preset.gpu_memory_gib)
        if accelerator:
            return Machine(preset.instance_type, vcpus, memory_gib, accelerator, preset.gpus)
    raise Unusable(preset.instance_type, reason_unknown(words[0], preset.gpu_memory_gib))


def priced_presets(estimates: Iterable[Estimate], kind: str) -> tuple[list[Priced], list[Reject]]:
    """Machines with a price. One preset without does not cost the others.

    Raises FetchFailed when most have none.
    """
    asked = list(estimates)
    priced: list[Priced] = []
    rejects: list[Reject] = []
    unpriced: list[str] = []
    for estimate in asked:
        name = estimate.preset.instance_type
        usd = positive(estimate.usd_per_hour)
        if usd is None:
            # A preset that has no price yet may be estimated at 0: that is not free.
            reason = estimate.reason or f"estimated at {estimate.usd_per_hour!r:.20} USD per hour"
            unpriced.append(reason)
            rejects.append(Reject(name, reason))
            continue
        try:
            priced.append(Priced(machine_of(estimate.preset), usd))
        except Unusable as error:
            rejects.append(error.reject)
    if len(unpriced) > MOST_UNPRICED_SHARE[kind] * len(asked):
        raise FetchFailed(
            f"{len(unpriced)} of {len(asked)} presets have no price, e.g.: {unpriced[0]}",
            "try again later",
        )
    return priced, rejects
