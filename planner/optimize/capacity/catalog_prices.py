"""Prices of the catalog for offers that refer to it; what the user wrote goes before.

A price that the catalog lacks is unknown, not "none": the offer is planned without that way to
buy, and a note says so.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from catalog import Catalog, OfferTable
from planner.errors import BadInput
from planner.field_errors import some, suggest
from planner.optimize.capacity.spec import CapacitySpec, FromCatalog, OfferSpec, Reserved

TERM_MONTHS = {"reserved_1y": 12.0, "reserved_3y": 36.0}
_WAYS = {"on_demand_usd_per_hour": "on_demand", "spot_usd_per_hour": "spot"}


def fill_prices(spec: CapacitySpec, catalog: Catalog, where: str) -> tuple[CapacitySpec, list[str]]:
    """The spec with prices filled in, and what to tell the user. Raises BadInput for unknowns."""
    table = catalog.offers
    notes: list[str] = []
    offers = []
    for number, offer in enumerate(spec.offers):
        if offer.catalog is None:
            offers.append(offer)
            continue
        rows = _rows(table, offer.catalog, f"{where}: offers.{number}.catalog")
        filled, lacking = _filled(offer, table, rows)
        dates = _dates(catalog, table, rows)
        notes.append(f"{offer.name}: prices of the catalog{dates}")
        if lacking:
            notes.append(
                f"{offer.name}: the catalog knows no price for {', '.join(lacking)}: unknown, "
                "not planned with; write it into the spec"
            )
        offers.append(filled)
    return spec.model_copy(update={"offers": tuple(offers)}), notes


def _rows(table: OfferTable, wanted: FromCatalog, place: str) -> NDArray[np.intp]:
    mask = np.ones(len(table), bool)
    for column in ("cloud", "region", "instance_type"):
        value = getattr(wanted, column)
        narrowed = mask & table.is_in(column, [value])
        if not narrowed.any():
            known = sorted({table.text(column, row) for row in np.flatnonzero(mask).tolist()})
            raise BadInput(
                f"the catalog has no {column.replace('_', ' ')} {value!r} there",
                where=f"{place}.{column}",
                remedy=suggest(value, known, f"known are {some(known)}"),
            )
        mask = narrowed
    return np.flatnonzero(mask)


def _filled(
    offer: OfferSpec, table: OfferTable, rows: NDArray[np.intp]
) -> tuple[OfferSpec, list[str]]:
    found: dict[str, object] = {}
    lacking = []
    kinds = [table.text("kind", row) for row in rows.tolist()]
    for name, kind in _WAYS.items():
        if getattr(offer, name) is not None:
            continue
        prices = [
            price
            for row, is_kind in zip(rows.tolist(), kinds, strict=True)
            if is_kind == kind and (price := table.number("usd_per_hour", row)) is not None
        ]
        if prices:
            # Zones differ in spot prices: the cheapest is where one would ask first.
            found[name] = min(prices)
        else:
            lacking.append(kind.replace("_", "-"))
    for name, months in TERM_MONTHS.items():
        if getattr(offer, name) is not None:
            continue
        best = _cheapest_commitment(table, rows, kinds, months)
        if best is not None:
            found[name] = best
        else:
            lacking.append(name.replace("_", " "))
    return offer.model_copy(update=found), lacking


def _cheapest_commitment(
    table: OfferTable, rows: NDArray[np.intp], kinds: list[str], months: float
) -> Reserved | None:
    """Of reservations and commitments to this machine, the least over the whole term."""
    best, least = None, math.inf
    for row, kind in zip(rows.tolist(), kinds, strict=True):
        if kind not in ("reservation", "resource_commitment"):
            continue
        if table.number("term_months", row) != months:
            continue
        hourly, upfront = table.number("usd_per_hour", row), table.number("upfront_usd", row)
        if hourly is None:
            continue
        total = hourly * months * 730 + (upfront or 0.0)
        if total < least:
            best, least = Reserved(usd_per_hour=hourly, upfront_usd=upfront or 0.0), total
    return best


def _dates(catalog: Catalog, table: OfferTable, rows: NDArray[np.intp]) -> str:
    keys = {table.text("price_source", row) for row in rows.tolist()}
    known = [catalog.sources[key].as_of for key in keys if key in catalog.sources]
    dates = sorted(day for day in known if day is not None)
    if not dates:
        return " (undated)"
    return f" of {dates[0]}" if dates[0] == dates[-1] else f" of {dates[0]} to {dates[-1]}"
