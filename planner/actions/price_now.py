"""Whether a saved result's price still stands: its age, and what the catalog at hand says now."""

from __future__ import annotations

from datetime import date

import numpy as np

from catalog import Catalog
from catalog.records import dataclass
from planner.amounts import money
from planner.results import Item

# Prices are published with six digits; less is no change.
SAME = 1e-4


@dataclass(frozen=True)
class PriceNow:
    """USD an hour of one machine: ``then`` in the result, ``now`` in the catalog (None: it is not
    sold that way any more, or the price was stated by the user). ``age_days`` is as of today."""

    then: float
    now: float | None
    age_days: int | None
    is_listed: bool

    @property
    def rate(self) -> float:
        """What to reckon with."""
        return self.then if self.now is None else self.now

    @property
    def has_moved(self) -> bool:
        return self.now is not None and abs(self.now - self.then) > SAME * max(self.then, 1e-9)

    @property
    def moved(self) -> str:
        """How the price moved, in words; empty when it did not."""
        if not self.is_listed:
            return "the catalog does not list this price any more"
        if self.now is None or not self.has_moved:
            return ""
        share = f" ({self.now / self.then - 1:+.1%})" if self.then > 0 else ""
        return (
            f"the price of a machine moved since the result: {money(self.then)} -> "
            f"{money(self.now)} an hour{share}"
        )


def price_now(item: Item, catalog: Catalog, today: date) -> PriceNow:
    """The item's price in the catalog at hand; the cheapest where several rows fit."""
    price = item.price
    as_of = None if price.as_of is None else date.fromisoformat(price.as_of)
    if price.layer == "workload":
        return PriceNow(price.usd_per_hour, None, None, True)
    offers = catalog.offers
    mask = offers.is_in("cloud", [item.cloud]) & offers.is_in("region", [item.region])
    mask &= offers.is_in("instance_type", [item.instance_type])
    mask &= offers.is_in("kind", [item.purchase]) & offers.is_in("platform", [item.platform or ""])
    mask &= ~np.isnan(offers.numbers["usd_per_hour"])
    if item.zone:
        mask &= offers.is_in("zone", [item.zone])
    rows = np.flatnonzero(mask)
    age = None if as_of is None else (today - as_of).days
    if not len(rows):
        return PriceNow(price.usd_per_hour, None, age, False)
    rates = offers.numbers["usd_per_hour"][rows]
    best = int(rows[np.argmin(rates)])
    now = float(rates.min())
    if abs(now - price.usd_per_hour) > SAME * max(price.usd_per_hour, 1e-9):
        source = catalog.sources.get(offers.text("price_source", best))
        as_of = as_of if source is None else source.as_of
        age = None if as_of is None else (today - as_of).days
    return PriceNow(price.usd_per_hour, now, age, True)
