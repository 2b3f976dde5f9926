"""Questions to the catalog as typed rows: what is offered, and all facts about one name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

import numpy as np

from catalog import Catalog, CatalogError
from catalog.errors import UnknownName, nearest
from catalog.integrity import Finding, check_catalog
from catalog.offers import PurchaseKind
from planner.errors import BadInput

__all__ = ["CPU", "Finding", "Listing", "Offer", "check", "list_offers"]

# Selects offers without an accelerator, as in `where.accelerators` of a workload.
CPU = "cpu"


@dataclass(frozen=True, slots=True)
class Offer:
    """One way to buy one machine, with where its price is from.

    ``usd_per_hour`` is for the whole machine; ``as_of`` is None where the source is undated, and
    ``age_days`` counts from it to today (UTC).
    """

    cloud: str
    region: str
    zone: str
    instance_type: str
    accelerator: str
    accelerator_count: float | None
    vcpus: float | None
    memory_gib: float | None
    network_gbps: float | None
    kind: str
    term_months: int | None
    payment: str
    usd_per_hour: float
    upfront_usd: float | None
    interruption_per_month_low: float | None
    interruption_per_month_high: float | None
    as_of: date | None
    as_of_precision: str
    age_days: int | None
    source: str
    citation: str


@dataclass(frozen=True, slots=True)
class Listing:
    """The cheapest offers that match, and how many there are in all."""

    offers: tuple[Offer, ...]
    matching: int
    catalog_id: str


def list_offers(
    catalog: Catalog,
    *,
    clouds: Sequence[str] = (),
    regions: Sequence[str] = (),
    accelerators: Sequence[str] = (),
    kinds: Sequence[str] = (),
    max_usd_per_hour: float | None = None,
    limit: int = 0,
    today: date | None = None,
) -> Listing:
    """Offers that match every filter given, cheapest first; ``limit`` 0 means all.

    Raises BadInput for a name no offer carries.
    """
    table = catalog.offers
    chosen = np.ones(len(table), bool)
    names = [_accelerator(catalog, name) for name in accelerators]
    filters = (
        ("--cloud", "cloud", clouds),
        ("--region", "region", regions),
        ("--accelerator", "accelerator", names),
        ("--kind", "kind", [_kind(kind) for kind in kinds]),
    )
    for flag, column, wanted in filters:
        for name in wanted:
            words = table.vocabularies[column]
            # A kind or accelerator that exists but is not offered matches nothing.
            if column in ("cloud", "region") and name not in words:
                close = nearest(name, words)
                remedy = (
                    f"did you mean {', '.join(close)}?" if close else "see planner catalog list"
                )
                raise BadInput(f"no offer has {column} {name!r}", where=flag, remedy=remedy)
        if wanted:
            chosen &= table.is_in(column, wanted)
    prices = table.numbers["usd_per_hour"]
    if max_usd_per_hour is not None:
        if not max_usd_per_hour > 0:
            raise BadInput(
                f"{max_usd_per_hour:g} is no price", where="--max-price", remedy="USD per hour"
            )
        chosen &= prices <= max_usd_per_hour
    rows = np.flatnonzero(chosen)
    rows = rows[np.argsort(prices[rows], kind="stable")]
    shown = rows[:limit] if limit else rows
    day = today or datetime.now(UTC).date()
    offers = tuple(_offer(catalog, int(row), day) for row in shown)
    return Listing(offers, len(rows), catalog.content_id)


def check(catalog: Catalog) -> list[Finding]:
    """What the integrity checks say about the published catalog."""
    return check_catalog(catalog)


def age_days(as_of: date | None, today: date) -> int | None:
    """Whole days since a source's date; never negative."""
    return None if as_of is None else max(0, (today - as_of).days)


def _accelerator(catalog: Catalog, name: str) -> str:
    if name.lower() == CPU:
        return ""
    try:
        return catalog.accelerator(name).name
    except UnknownName as error:
        raise BadInput(str(error), where="--accelerator") from None


def _kind(name: str) -> str:
    folded = name.lower().replace("-", "_")
    if folded not in set(PurchaseKind):
        known = ", ".join(PurchaseKind)
        raise BadInput(f"unknown kind {name!r}", where="--kind", remedy=f"known: {known}")
    return folded


def _offer(catalog: Catalog, row: int, today: date) -> Offer:
    table = catalog.offers
    source = catalog.sources.get(table.text("price_source", row))
    price, term = table.number("usd_per_hour", row), table.number("term_months", row)
    if price is None or source is None:
        raise CatalogError(
            "a price without value or source",
            path=catalog.path,
            field=table.text("instance_type", row),
            remedy="run `planner catalog check`",
        )
    return Offer(
        cloud=table.text("cloud", row),
        region=table.text("region", row),
        zone=table.text("zone", row),
        instance_type=table.text("instance_type", row),
        accelerator=table.text("accelerator", row),
        accelerator_count=table.number("accelerator_count", row),
        vcpus=table.number("vcpus", row),
        memory_gib=table.number("memory_gib", row),
        network_gbps=table.number("network_gbps", row),
        kind=table.text("kind", row),
        term_months=None if term is None else int(term),
        payment=table.text("payment", row),
        usd_per_hour=price,
        upfront_usd=table.number("upfront_usd", row),
        interruption_per_month_low=table.number("interruption_per_month_low", row),
        interruption_per_month_high=table.number("interruption_per_month_high", row),
        as_of=source.as_of,
        as_of_precision=source.as_of_precision,
        age_days=age_days(source.as_of, today),
        source=source.key,
        citation=source.citation,
    )
