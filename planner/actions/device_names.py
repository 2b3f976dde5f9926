"""From what a driver or a cloud calls a device to the catalog's name for it."""

from __future__ import annotations

import re

from catalog import Catalog, UnknownName

# Words in driver names that name a maker, a form or a generation, not another device.
NOISE = re.compile(
    r"\b(?:NVIDIA|AMD|Tesla|GeForce|Instinct|Quadro|SXM\d?|HBM\d\w*|OAM|Generation|Blackwell"
    r"|Edition)\b",
    re.IGNORECASE,
)
# What clouds leave out where a device comes with one usual amount of memory.
USUAL_MEMORY = ("", "-40GB", "-16GB", "-80GB")
SHORTEST_CPU_NUMBER = 4


def accelerator_name(catalog: Catalog, name: str) -> str | None:
    """The catalog's name of a GPU, TPU or other accelerator; None when it has none.

    ``NVIDIA A100-SXM4-80GB`` is A100-80GB, SkyPilot's ``H100`` is H100-80GB.
    """
    bare = re.sub(r"[\s-]+", "-", NOISE.sub(" ", name)).strip("-")
    for candidate in (name, *(bare + memory for memory in USUAL_MEMORY)):
        try:
            return catalog.accelerator(candidate).name
        except UnknownName:
            continue
    return None


def cpu_name(catalog: Catalog, model: str) -> str | None:
    """The catalog's name of the CPU with this model text, by its model number; None if none.

    ``Intel(R) Xeon(R) Platinum 8375C CPU @ 2.90GHz`` is CPU-IceLake-8375C.
    """
    # E5-2686 v4 is one number in two words; shorter ones (30, M1) would meet by chance.
    words = set(re.split(r"[\s-]+", re.sub(r"\s+v(\d)", r"v\1", model.lower())))
    for name in catalog.accelerators:
        number = name.rsplit("-", 1)[1].lower() if name.startswith("CPU-") else ""
        if len(number) >= SHORTEST_CPU_NUMBER and re.search(r"\d", number) and number in words:
            return name
    return None
