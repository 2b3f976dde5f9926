"""Checks on the published facts beside prices: names, places, abilities, platforms, devices."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np

from catalog.compiled import TABLES
from catalog.integrity import Effect, Finding
from catalog.offers import PurchaseKind
from catalog.regions import RESIDENCIES
from catalog.store import Catalog

ABILITIES = frozenset({"training", "llm-inference", "vision-inference", "diffusion", "generic"})
CONFIDENCES = frozenset({"", "document", "secondary", "derived", "volatile", "low"})
# A region of this name stands for every region of a cloud with one price for all.
EVERYWHERE = "all"
# Tables without a column ``source``, or whose column is not a key.
UNKEYED = ("sources", "accelerator_aliases", "observations")
# Checked row by row with the prices.
PRICED = ("offers", "purchase_options")


def check_facts(catalog: Catalog) -> list[Finding]:
    """Findings on the published whole; ``row`` marks a fault, ``note`` a remark."""
    return [
        *_unidentified(catalog),
        *_accelerators(catalog),
        *_named_accelerators(catalog),
        *_places(catalog),
        *_options(catalog),
        *_platforms(catalog),
        *_sources(catalog),
    ]


def _unidentified(catalog: Catalog) -> Iterator[Finding]:
    for name, count in catalog.unidentified.items():
        reason = f"{count} measurements of an accelerator without a spec or an alias"
        yield Finding("measured accelerator", Effect.NOTE, name, reason)


def _accelerators(catalog: Catalog) -> Iterator[Finding]:
    for name, accelerator in catalog.accelerators.items():
        for word in sorted(accelerator.can_run - ABILITIES):
            yield Finding("ability", Effect.ROW, name, f"unknown kind of work {word!r}")
        for word in sorted(accelerator.only_precisions - {"", *accelerator.peak_tera_ops}):
            # An FPGA's peak depends on the design that is put into it.
            reason = f"limited to {word}, whose peak is unknown"
            yield Finding("precision", Effect.NOTE, name, reason)


def _named_accelerators(catalog: Catalog) -> Iterator[Finding]:
    for table, what, column in (
        ("accelerator_aliases", "alias", "accelerator"),
        ("cpu_families", "pattern", "cpu"),
        ("onprem_systems", "system", "accelerator"),
        ("edge_devices", "name", "accelerator"),
    ):
        for row in catalog.rows(table):
            if row[column] and row[column] not in catalog.accelerators:
                reason = f"no facts about accelerator {row[column]!r}"
                yield Finding("accelerator", Effect.ROW, f"{table} {row[what]}", reason)


def _places(catalog: Catalog) -> Iterator[Finding]:
    jurisdictions = frozenset().union(*RESIDENCIES.values())
    for (cloud, name), region in catalog.regions.items():
        if region.jurisdiction not in jurisdictions:
            reason = f"unknown jurisdiction {region.jurisdiction!r}"
            yield Finding("residency", Effect.ROW, f"{cloud} {name}", reason)
    offered = Counter((row["cloud"], row["region"]) for row in catalog.rows("offers"))
    for place, count in offered.items():
        if place not in catalog.regions:
            everywhere = place[1] == EVERYWHERE
            reason = "one price for all regions" if everywhere else "a region without a country"
            finding = f"{count} offers of unknown residency: {reason}"
            yield Finding("residency", Effect.NOTE, " ".join(place), finding)


def _options(catalog: Catalog) -> Iterator[Finding]:
    seen: set[tuple[object, ...]] = set()
    for row in catalog.rows("purchase_options"):
        key = tuple(
            row[name]
            for name in (
                "cloud", "region", "zone", "instance_type", "kind", "term_months", "payment"
            )
        )  # fmt: skip
        where = " ".join(str(part) for part in key if part)
        if key in seen:
            yield Finding("duplicate", Effect.ROW, where, "the same way to buy a second time")
        seen.add(key)
        if row["kind"] not in set(PurchaseKind):
            yield Finding("kind", Effect.ROW, where, f"unknown purchase kind {row['kind']!r}")
        if row["confidence"] not in CONFIDENCES:
            reason = f"unknown confidence {row['confidence']!r}"
            yield Finding("confidence", Effect.ROW, where, reason)
        low, high = row["interruption_per_month_low"], row["interruption_per_month_high"]
        if low is not None and not 0 <= low <= (1 if high is None else high) <= 1:
            yield Finding("interruption", Effect.ROW, where, f"band {low} to {high} is none")
        if row["payment"] == "partial upfront" and not row["upfront_usd"]:
            yield Finding("upfront", Effect.ROW, where, "partial upfront without an amount")


def _platforms(catalog: Catalog) -> Iterator[Finding]:
    table = catalog.offers
    managed = ~table.is_in("platform", [""])
    usd = table.numbers["usd_per_hour"]
    for row in np.flatnonzero(managed & ~(np.isfinite(usd) & (usd > 0))).tolist():
        where = f"{table.text('region', row)} {table.text('instance_type', row)}"
        yield Finding("platform price", Effect.ROW, where, f"price {usd[row]:g} is not positive")
    unknown = [word for word in table.vocabularies["price_source"] if word not in catalog.sources]
    for row in np.flatnonzero(managed & table.is_in("price_source", unknown)).tolist():
        reason = f"unknown source {table.text('price_source', row)!r}"
        yield Finding("source", Effect.ROW, table.text("instance_type", row), reason)


def _sources(catalog: Catalog) -> Iterator[Finding]:
    for table in TABLES:
        if table in UNKEYED or table in PRICED:
            continue
        for key, count in Counter(row["source"] for row in catalog.rows(table)).items():
            if key not in catalog.sources:
                reason = f"{count} rows of unknown source {key!r}"
                yield Finding("source", Effect.ROW, table, reason)
