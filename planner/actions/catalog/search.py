"""What a person types to find offers: ``h100 spot us-east <2.50``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from catalog import Catalog
from catalog.accelerators import AcceleratorKind
from planner.actions.catalog.listing import (
    ACCELERATOR,
    CPU,
    EVERY,
    PLAIN,
    Filters,
    Listing,
    list_offers,
)
from planner.actions.catalog.words import names_platform
from planner.errors import BadInput

# The kinds of device that are typed, but cpu: that is a machine without any.
KINDS = {kind.lower(): kind for kind in AcceleratorKind if kind is not AcceleratorKind.CPU}


def typed_filters(catalog: Catalog, words: Sequence[str]) -> Filters:
    """Filters of typed words.

    ``gpu``, ``tpu``, ``asic`` (Inferentia, Trainium, Gaudi), ``fpga`` and ``npu`` are machines with
    such a device, ``accelerator`` with any and ``cpu`` with none, ``<5`` and ``<$5`` a price an
    hour, ``doubtful`` prices that the catalog doubts; any other word is part of a name. Managed
    platforms are listed where one is named. Raises BadInput for a price that is none.
    """
    names, most, has_accelerator = list[str](), None, None
    kinds: list[AcceleratorKind] = []
    for word in words:
        folded = word.lower()
        if folded in KINDS:
            kinds.append(KINDS[folded])
        elif folded in (ACCELERATOR, CPU):
            has_accelerator = folded == ACCELERATOR
        elif word.startswith("<"):
            most = _price(word)
        else:
            names.append(folded)
    everywhere = any(names_platform(catalog.offers, word) for word in names)
    return Filters(
        words=tuple(names),
        platforms=(EVERY,) if everywhere else (PLAIN,),
        max_usd_per_hour=most,
        has_accelerator=has_accelerator,
        device_kinds=tuple(kinds),
    )


def find_offers(
    catalog: Catalog, text: str, *, limit: int = 0, today: date | None = None
) -> Listing:
    """Offers that match what was typed, cheapest first; doubted and stale prices come last.

    Raises BadInput where none does.
    """
    return list_offers(catalog, typed_filters(catalog, text.split()), limit=limit, today=today)


def _price(word: str) -> float:
    try:
        return float(word.lstrip("<$").removesuffix("$"))
    except ValueError:
        raise BadInput(
            f"{word!r} is no price", where="words", remedy="say <2.50, in USD an hour"
        ) from None
