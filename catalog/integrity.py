"""Checks on prices: on a slice before it is published, and on the published whole.

A finding says what it costs. A ``note`` is only told; a ``row`` leaves that row out; a
``slice`` keeps the last good slice in place of the whole new one.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from catalog.attributes import convert_row
from catalog.errors import CatalogError
from catalog.records import dataclass
from catalog.refreshed import Row, Slice
from catalog.store import Catalog

# A slice with fewer rows than this share of the last good one is taken for a cut-off answer.
MINIMUM_ROW_SHARE = 0.7
# Largest believable change of a price, as a factor either way. AWS has cut a price by 44% in a
# day; spot prices follow demand. Anything beyond is more often a wrong unit.
JUMP_FACTOR = {"spot": 8.0}
DEFAULT_JUMP_FACTOR = 2.0
# How many offending rows a finding about a whole slice names.
NAMED = 3


class Effect(StrEnum):
    NOTE = "note"
    ROW = "row"
    SLICE = "slice"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing wrong or remarkable. ``where`` names the row, ``reason`` says why."""

    check: str
    effect: Effect
    where: str
    reason: str


OptionKey = tuple[str, str, int, str]


def option_key(row: Mapping[str, Any]) -> OptionKey:
    """What tells one price of a region and kind from another."""
    return (
        row.get("zone") or "",
        row["instance_type"],
        int(row.get("term_months") or 0),
        row.get("payment") or "",
    )


class LastGood:
    """What the published catalog knows of the place a slice is for."""

    def __init__(self, catalog: Catalog, cloud: str, region: str, kind: str) -> None:
        self.accelerators = catalog.accelerators
        place = "cloud = ? AND region = ?"
        options = catalog.rows("purchase_options", place, cloud, region)
        self.prices = {option_key(r): r["usd_per_hour"] for r in options if r["kind"] == kind}
        self.on_demand = {
            r["instance_type"]: r["usd_per_hour"] for r in options if r["kind"] == "on_demand"
        }
        offers = catalog.rows("offers", place, cloud, region)
        self.machines = {(r["zone"], r["instance_type"]) for r in offers}


def check_slice(
    part: Slice, last_good: LastGood, *, accept_jumps: bool = False
) -> tuple[Slice, list[Finding]]:
    """The slice without its bad rows, and all findings.

    It must not be published when a finding's effect is ``slice``.
    """
    offers, findings = _checked(part.offers, lambda row: _offer_faults(row, last_good))
    machines = last_good.machines | {(r.get("zone") or "", r["instance_type"]) for r in offers}
    seen: set[OptionKey] = set()
    options, more = _checked(part.options, lambda row: _option_faults(row, part, machines, seen))
    findings += more
    kept = replace(part, offers=offers, options=options)
    findings += _row_count(kept, last_good)
    findings += _jumps(kept, last_good, accept_jumps)
    if part.kind == "spot":
        findings += [
            Finding("spot price", Effect.NOTE, row["instance_type"], reason)
            for row in options
            if (reason := _over(row["usd_per_hour"], last_good.on_demand.get(row["instance_type"])))
        ]
    return kept, findings


def _checked(
    rows: Iterable[Row], faults: Callable[[Row], Iterator[tuple[str, str]]]
) -> tuple[tuple[Row, ...], list[Finding]]:
    kept: list[Row] = []
    findings: list[Finding] = []
    for number, row in enumerate(rows):
        where = f"row {number} ({row.get('instance_type', '?')})"
        found = [Finding(check, Effect.ROW, where, reason) for check, reason in faults(row)]
        findings += found
        if not found:
            kept.append(row)
    return tuple(kept), findings


def _offer_faults(row: Row, last_good: LastGood) -> Iterator[tuple[str, str]]:
    if fault := _type_fault("offers", row):
        yield "columns", fault
        return
    name, count = row.get("accelerator") or "", row.get("accelerator_count")
    if name and name not in last_good.accelerators:
        yield "accelerator", f"no facts about accelerator {name!r}"
    yield from (("count", fault) for fault in _count_faults(name, count))


def _count_faults(name: str, count: float | None) -> Iterator[str]:
    if name and (count is None or count <= 0):
        yield f"{name} without a count"
    if not name and count:
        yield f"{count:g} accelerators without a name"
    if count and count > 1 and count != int(count):
        yield f"{count:g} is neither a number of whole devices nor a part of one"


def _option_faults(
    row: Row, part: Slice, machines: set[tuple[str, str]], seen: set[OptionKey]
) -> Iterator[tuple[str, str]]:
    if fault := _type_fault("purchase_options", row):
        yield "columns", fault
        return
    if (row["cloud"], row["region"], row["kind"]) != (part.cloud, part.region, part.kind):
        yield "place", f"belongs to {row['cloud']} {row['region']} {row['kind']}"
    if (row.get("zone") or "", row["instance_type"]) not in machines:
        yield "machine", "a price without a machine"
    if fault := _price_fault(row["usd_per_hour"]):
        yield "price", fault
    if option_key(row) in seen:
        yield "duplicate", "the same machine and purchase kind a second time"
    seen.add(option_key(row))


def _type_fault(table: str, row: Row) -> str | None:
    try:
        convert_row(table, {**row, "source": "slice"}, path=Path(table), where=table)
    except CatalogError as error:
        return f"{error.field}: {error.problem}"
    return None


def _price_fault(usd_per_hour: Any) -> str | None:
    if not isinstance(usd_per_hour, (int, float)) or not math.isfinite(usd_per_hour):
        return f"price {usd_per_hour!r} is not a number"
    return None if usd_per_hour > 0 else f"price {usd_per_hour:g} is not positive"


def _over(spot_usd: float, on_demand_usd: float | None) -> str | None:
    if on_demand_usd is None or spot_usd <= on_demand_usd:
        return None
    return f"spot {spot_usd:g} USD/h is above on demand {on_demand_usd:g} USD/h"


def _row_count(part: Slice, last_good: LastGood) -> Iterator[Finding]:
    where, before, now = part.file_name, len(last_good.prices), len(part.options)
    if not now:
        yield Finding("row count", Effect.SLICE, where, "no usable price")
    elif now < before * MINIMUM_ROW_SHARE:
        yield Finding(
            "row count",
            Effect.SLICE,
            where,
            f"{now} prices where the last good had {before}; under {MINIMUM_ROW_SHARE:.0%}",
        )


def _jumps(part: Slice, last_good: LastGood, accepted: bool) -> Iterator[Finding]:
    factor = JUMP_FACTOR.get(part.kind, DEFAULT_JUMP_FACTOR)
    for row in part.options:
        old, new = last_good.prices.get(option_key(row)), row["usd_per_hour"]
        if old and not 1 / factor <= new / old <= factor:
            yield Finding(
                "price jump",
                Effect.NOTE if accepted else Effect.SLICE,
                row["instance_type"],
                f"{old:g} -> {new:g} USD/h is more than a factor of {factor:g}",
            )


def blocking_reason(findings: Iterable[Finding]) -> str | None:
    """One line why a slice is not published; None when it may be."""
    blocking = [finding for finding in findings if finding.effect is Effect.SLICE]
    if not blocking:
        return None
    named = "; ".join(f"{f.where}: {f.reason}" for f in blocking[:NAMED])
    more = f"; and {len(blocking) - NAMED} more" if len(blocking) > NAMED else ""
    jumps = Counter(f.check for f in blocking)["price jump"] == len(blocking)
    hint = " (publish with --accept-jumps if they are real)" if jumps else ""
    return f"{named}{more}{hint}"


def check_catalog(catalog: Catalog) -> list[Finding]:
    """Findings on the published whole; ``row`` marks a fault, ``note`` a remark."""
    findings: list[Finding] = []
    offers = catalog.rows("offers")
    machines = set()
    for row in offers:
        where = " ".join(filter(None, (row["cloud"], row["region"], row["instance_type"])))
        machines.add((row["cloud"], row["region"], row["zone"], row["instance_type"]))
        if row["accelerator"] and row["accelerator"] not in catalog.accelerators:
            reason = f"no facts about accelerator {row['accelerator']!r}"
            findings.append(Finding("accelerator", Effect.ROW, where, reason))
        for fault in _count_faults(row["accelerator"], row["accelerator_count"]):
            # The snapshot's sources leave some counts out; the planner does not guess them.
            unknown = row["accelerator_count"] is None
            findings.append(Finding("count", Effect.NOTE if unknown else Effect.ROW, where, fault))
    options = catalog.rows("purchase_options")
    on_demand = {
        (r["cloud"], r["region"], r["zone"], r["instance_type"]): r["usd_per_hour"]
        for r in options
        if r["kind"] == "on_demand"
    }
    for row in options:
        key = (row["cloud"], row["region"], row["zone"], row["instance_type"])
        where = " ".join(filter(None, (*key, row["kind"])))
        if price := _price_fault(row["usd_per_hour"]):
            findings.append(Finding("price", Effect.ROW, where, price))
        if key not in machines:
            findings.append(Finding("machine", Effect.ROW, where, "a price without a machine"))
        if row["kind"] == "spot" and (over := _over(row["usd_per_hour"], on_demand.get(key))):
            findings.append(Finding("spot price", Effect.NOTE, where, over))
    findings += _unknown_sources(catalog, {"offers": offers, "purchase_options": options})
    return findings


def _unknown_sources(
    catalog: Catalog, tables: Mapping[str, Iterable[Mapping[str, Any]]]
) -> Iterator[Finding]:
    for table, rows in tables.items():
        keys = Counter(row["source"] for row in rows)
        for key, count in keys.items():
            if key not in catalog.sources:
                yield Finding(
                    "source", Effect.ROW, table, f"{count} rows of unknown source {key!r}"
                )
