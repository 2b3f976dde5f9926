"""Sides of a comparison of hardware: a device by name, or all devices of a kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from catalog import Catalog, UnknownName
from catalog.accelerators import Accelerator
from planner.actions.hardware.facts import accelerator_named
from planner.errors import BadInput

Sides = Mapping[str, tuple[Accelerator, ...]]
# What people call kinds, beside the catalog's own words.
KINDS = {"edge": ("NPU",)}


def sides_of(names: Sequence[str], catalog: Catalog) -> Sides:
    """The devices of each side. Raises BadInput for unknown and repeated names."""
    found: dict[str, tuple[Accelerator, ...]] = {}
    for name in names:
        word = name.strip().upper()
        wanted = KINDS.get(word.lower(), (word,))
        of_kind = tuple(s for s in catalog.accelerators.values() if s.kind.value in wanted)
        if of_kind:
            label, devices = word.lower() if word.lower() in KINDS else word, of_kind
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
