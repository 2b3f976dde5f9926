"""Moves and histories of prices as tables, plots, JSON, CSV and Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import Any

import typer
from rich.text import Text

from planner.actions.catalog.changes import Move, Moves, Series
from planner.cli.catalog_formats import as_csv, as_json, as_markdown
from planner.cli.catalog_tables import console_of, table_of
from planner.report.offers import buy, change, known_price
from planner.report.price_plot import MARKS, plot

POINT_COLUMNS = (
    "cloud", "region", "platform", "kind", "zone", "instance_type", "term_months", "payment",
    "at", "usd_per_hour",
)  # fmt: skip
SERIES_SHOWN = 20


def print_moves(moves: Sequence[Move]) -> None:
    table = table_of(
        ("cloud", "region", "machine", "buy", "was USD/h", "is USD/h", "change"),
        right=("was USD/h", "is USD/h", "change"),
    )
    for move in moves:
        table.add_row(
            move.cloud,
            move.zone or move.region,
            Text(move.instance_type),
            buy(move.kind, move.term_months, move.platform),
            known_price(move.old_usd_per_hour),
            known_price(move.new_usd_per_hour),
            change(move.what.value, move.change),
        )
    if moves:
        console_of(100).print(table)


def summary(found: Moves, shown: int) -> str:
    hidden = f"; {shown:,} shown, --limit 0 shows all" if shown < len(found.moves) else ""
    return f"{found.sentence}{hidden}"


def moves_as(format: str, found: Moves, shown: Sequence[Move]) -> str:
    columns = [field.name for field in fields(Move)]
    if format == "json":
        document = {
            "schema": "planner.catalog_diff/1",
            "since": found.since,
            "compared": found.compared,
            "moves": [asdict(move) for move in shown],
        }
        return as_json(document) + "\n"
    rows = (asdict(move) for move in shown)
    return as_csv(columns, rows) if format == "csv" else as_markdown(columns, rows)


def print_history(found: Sequence[Series]) -> None:
    shown = found[:SERIES_SHOWN]
    table = table_of(
        ("", "cloud", "region", "buy", "first", "USD/h", "last change", "is USD/h", "changes"),
        right=("USD/h", "is USD/h", "changes"),
    )
    plotted = [one for one in shown if len(one.points) > 1][: len(MARKS)] or list(shown[:1])
    for one in shown:
        key, (first, usd), (last, now) = one.key, one.points[0], one.points[-1]
        table.add_row(
            MARKS[plotted.index(one)] if one in plotted else "",
            key.cloud,
            key.zone or key.region,
            buy(key.kind, key.term_months, key.platform),
            f"{first:%Y-%m-%d}",
            known_price(usd),
            f"{last:%Y-%m-%d}",
            known_price(now),
            str(len(one.points) - 1),
        )
    console_of(100).print(table)
    if len(found) > len(shown):
        typer.echo(f"{len(found) - len(shown)} more series; --region and --kind narrow them down")
    if any(len(one.points) > 1 for one in plotted):
        typer.echo("\nUSD/h")
        for line in plot([(_name(one), one.points) for one in plotted]):
            typer.echo(line)


def history_as(format: str, found: Sequence[Series]) -> str:
    rows: list[dict[str, Any]] = [
        asdict(one.key) | {"at": at, "usd_per_hour": usd} for one in found for at, usd in one.points
    ]
    if format == "json":
        series = [
            asdict(one.key)
            | {"points": [{"at": at, "usd_per_hour": usd} for at, usd in one.points]}
            for one in found
        ]
        return as_json({"schema": "planner.catalog_history/1", "series": series}) + "\n"
    return as_csv(POINT_COLUMNS, rows) if format == "csv" else as_markdown(POINT_COLUMNS, rows)


def _name(one: Series) -> str:
    return (
        f"{one.key.cloud} {one.key.zone or one.key.region} "
        f"{buy(one.key.kind, one.key.term_months, one.key.platform)}"
    )
