"""Answers of ``planner catalog`` as JSON, CSV and Markdown; the last two have equal columns."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields
from datetime import date
from typing import Any

from planner.actions.catalog.facts import Fact, Section
from planner.actions.catalog.listing import Finding, Listing, Offer
from planner.actions.catalog.refresh import Outcome, Report

REPORT_COLUMNS = (
    "provider", "region", "kind", "status", "prices", "last_good_prices", "rejects", "findings",
    "seconds", "fetched_at", "reason", "remedy",
)  # fmt: skip


OFFER_COLUMNS = tuple(field.name for field in fields(Offer))

Table = tuple[Sequence[str], Iterable[Mapping[str, Any]]]


def listing_json(listing: Listing) -> str:
    return as_json(
        {
            "schema": "planner.catalog_list/1",
            "catalog": {"id": listing.catalog_id},
            "matching": listing.matching,
            "offers": [_flat(offer) for offer in listing.offers],
        }
    )


def sections_json(sections: Sequence[Section]) -> str:
    return as_json(
        {"schema": "planner.catalog_show/1", "sections": [asdict(part) for part in sections]}
    )


def findings_json(findings: Sequence[Finding], catalog_id: str) -> str:
    return as_json(
        {
            "schema": "planner.catalog_check/1",
            "catalog": {"id": catalog_id},
            "findings": [asdict(finding) for finding in findings],
        }
    )


def report_json(report: Report, skipped: Sequence[str]) -> str:
    slices = [
        _report_row(outcome)
        | {
            "rejects": [asdict(reject) for reject in outcome.rejects],
            "findings": [asdict(finding) for finding in outcome.findings],
        }
        for outcome in report.outcomes
    ]
    return as_json(
        {
            "schema": "planner.catalog_refresh/2",
            "seconds": round(report.seconds, 3),
            "slices": slices,
            "skipped": list(skipped),
            "set_aside": [str(path) for path in report.set_aside],
        }
    )


def listing_csv(listing: Listing) -> str:
    return as_csv(*_listing_rows(listing))


def listing_markdown(listing: Listing) -> str:
    return as_markdown(*_listing_rows(listing))


def _listing_rows(listing: Listing) -> Table:
    return OFFER_COLUMNS, map(_flat, listing.offers)


def _flat(offer: Offer) -> dict[str, Any]:
    """As ``asdict``, which copies every value, without the copies."""
    return {name: getattr(offer, name) for name in OFFER_COLUMNS}


def sections_csv(sections: Sequence[Section]) -> str:
    return as_csv(*_section_rows(sections))


def sections_markdown(sections: Sequence[Section]) -> str:
    return as_markdown(*_section_rows(sections))


def _section_rows(sections: Sequence[Section]) -> Table:
    names = ("fact_name" if field.name == "name" else field.name for field in fields(Fact))
    columns = ["kind", "name", *names]
    rows = []
    for section in sections:
        for fact in section.facts:
            cells = asdict(fact)
            cells["fact_name"] = cells.pop("name")
            rows.append({"kind": section.kind, "name": section.name, **cells})
    return columns, rows


def findings_csv(findings: Sequence[Finding]) -> str:
    return as_csv(*_finding_rows(findings))


def findings_markdown(findings: Sequence[Finding]) -> str:
    return as_markdown(*_finding_rows(findings))


def _finding_rows(findings: Sequence[Finding]) -> Table:
    return [field.name for field in fields(Finding)], map(asdict, findings)


def report_csv(report: Report) -> str:
    return as_csv(REPORT_COLUMNS, map(_report_row, report.outcomes))


def report_markdown(report: Report) -> str:
    return as_markdown(REPORT_COLUMNS, map(_report_row, report.outcomes))


def _report_row(outcome: Outcome) -> dict[str, Any]:
    values = (
        outcome.task.provider, outcome.task.region, outcome.task.kind, outcome.status.value,
        outcome.rows, outcome.last_good_rows, len(outcome.rejects), len(outcome.findings),
        round(outcome.seconds, 3), outcome.fetched_at, outcome.reason, outcome.remedy,
    )  # fmt: skip
    return dict(zip(REPORT_COLUMNS, values, strict=True))


def as_json(document: Mapping[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False, default=_iso)


def _iso(value: object) -> str:
    if isinstance(value, date):  # datetime too
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is no JSON")


def as_csv(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def as_markdown(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    lines = [columns, ["---"] * len(columns)]
    lines += [[_cell(row[name]) for name in columns] for row in rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    return text.replace("|", "\\|").replace("\n", " ")
