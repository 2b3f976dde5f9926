"""Refreshed slices put in place of the snapshot's rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from catalog.attributes import convert_row
from catalog.platforms import plain_type
from catalog.refreshed import Slice

Rows = list[dict[str, Any]]
Place = tuple[str, str, str, str]
INTERRUPTION = ("interruption_per_month_low", "interruption_per_month_high", "interruption_source")
# Tables that only slices fill: managed platforms' own prices, and their machines that the cloud
# does not sell under a name of its own.
PLATFORM_OPTIONS = "platform_options"
PLATFORM_OFFERS = "platform_offers"


def place_of(part: Slice) -> Place:
    return part.cloud, part.region, part.kind, part.platform


def newest(slices: Iterable[Slice]) -> list[Slice]:
    """One slice a place, oldest first: of two providers for one place, the later one's is used."""
    ordered = sorted(slices, key=lambda part: (part.fetched_at, part.provider))
    return sorted(
        {place_of(part): part for part in ordered}.values(), key=lambda part: part.fetched_at
    )


def source_key(part: Slice) -> str:
    return f"refreshed-{part.provider}-{part.cloud}-{part.region}-{part.kind}"


def apply_slices(slices: Iterable[Slice], tables: dict[str, Rows]) -> None:
    """Replace the rows of each slice's cloud, region, purchase kind and platform.

    Raises CatalogError for a row that does not fit the attribute table.
    """
    tables[PLATFORM_OPTIONS], tables[PLATFORM_OFFERS] = [], []
    parts = newest(slices)
    if not parts:
        return
    places = {place_of(part)[:3] for part in parts if not part.platform}
    replaced: dict[tuple[Any, ...], dict[str, Any]] = {}
    kept: Rows = []
    for row in tables["purchase_options"]:
        place = row["cloud"], row["region"], row["kind"]
        if place in places:
            replaced[*place, *_option_key(row)] = row
        else:
            kept.append(row)
    tables["purchase_options"] = kept
    known = {_offer_key(row): row for row in tables["offers"]}
    keys = {row["source"] for row in tables["sources"]}
    for part in parts:
        _apply(part, tables, known, replaced, keys)


def _apply(
    part: Slice,
    tables: dict[str, Rows],
    known: dict[tuple[Any, ...], dict[str, Any]],
    replaced: Mapping[tuple[Any, ...], dict[str, Any]],
    keys: set[str],
) -> None:
    source, path = source_key(part), Path(part.file_name)
    tables["sources"].append(_source_row(source, part.source, part))
    for raw in part.offers:
        row = convert_row("offers", {**raw, "source": source}, path=path, where="offers")
        old = known.get(_offer_key(row))
        if part.platform:
            tables[PLATFORM_OFFERS].append(row)
        elif old is None:
            tables["offers"].append(row)
            known[_offer_key(row)] = row
        else:  # a live fact replaces an old one, an unknown replaces nothing
            old.update({name: value for name, value in row.items() if value not in (None, "")})
    citations: dict[str, str] = {}
    for raw in part.options:
        row = convert_row("purchase_options", {**raw, "source": source}, path=path, where="options")
        if part.platform:
            row["platform"] = part.platform
            row["plain_type"] = plain_type(part.platform, str(row["instance_type"]))
            tables[PLATFORM_OPTIONS].append(row)
            continue
        old = replaced.get((part.cloud, part.region, part.kind, *_option_key(row)), {})
        if all(row[name] in (None, "") for name in INTERRUPTION):
            # Prices and interruptions have sources of their own; a new price voids no band.
            row.update({name: old[name] for name in INTERRUPTION if name in old})
        elif (citation := str(row["interruption_source"] or part.source)) not in keys:
            key = citations.setdefault(citation, f"{source}-interruptions-{len(citations)}")
            row["interruption_source"] = key
        tables["purchase_options"].append(row)
    for citation, key in citations.items():
        tables["sources"].append(_source_row(key, citation, part))


def _source_row(key: str, citation: str, part: Slice) -> dict[str, Any]:
    return {
        "source": key,
        "citation": citation,
        "as_of": part.true_at.date().isoformat(),
        "as_of_precision": "day",
        "as_of_note": part.fetched_at.isoformat(),
    }


def _offer_key(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return row["cloud"], row["region"], row["zone"], row["instance_type"]


def _option_key(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return row["zone"], row["instance_type"], row["term_months"], row["payment"]
