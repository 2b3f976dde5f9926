"""Sides of a comparison of hardware: a device by name, or all devices of a kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from catalog import Catalog, UnknownName
from catalog.accelerators import Accelerator
from planner.actions.hardware.facts import accelerator_named
from planner.errors import BadInput

Sides = Mapping[str, tuple[Accelerator, ...]]
# Devices that are bought and put where the data are, whatever their kind.
EDGE = "edge"


def sides_of(names: Sequence[str], catalog: Catalog) -> Sides:
    """The devices of each side. Raises BadInput for unknown and repeated names."""
    found: dict[str, tuple[Accelerator, ...]] = {}
    for name in names:
        word = name.strip().upper()
        of_kind = _of_kind(word, catalog)
        if of_kind:
            label, devices = word, of_kind
        else:
            try:
                catalog.accelerator(name)
                family: tuple[Accelerator, ...] = ()
            except UnknownName:
                start = f"{name.strip().lower()}-"
                family = tuple(
                    s for n, s in catalog.accelerators.items() if n.lower().startswith(start)
                )
            if family:
                label, devices = name.strip(), family
            else:
                spec = accelerator_named(catalog, name)
                label, devices = spec.name, (spec,)
        if label in found:
            raise BadInput(f"{label} is named twice", where="hardware", remedy="name it once")
        found[label] = devices
    return found


def edge_devices(catalog: Catalog) -> tuple[Accelerator, ...]:
    """Accelerators of the units that are bought for the edge."""
    known = {device.accelerator for device in catalog.edge_devices.values()}
    return tuple(spec for name, spec in catalog.accelerators.items() if name in known)


def _of_kind(word: str, catalog: Catalog) -> tuple[Accelerator, ...]:
    """Devices of a kind in capitals; none where it is no kind."""
    if word == EDGE.upper():
        return edge_devices(catalog)
    return tuple(spec for spec in catalog.accelerators.values() if spec.kind.value == word)
