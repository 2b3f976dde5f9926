"""``planner catalog rates``."""

from __future__ import annotations

from typing import Annotated

import typer

from planner.cli.catalog_options import Format, FormatOption, QuietOption, say


def register(app: typer.Typer) -> None:
    """Mount the command."""
    app.command()(rates)


def rates(
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Ask the European Central Bank first.")
    ] = False,
    format: FormatOption = Format.TABLE,
    quiet: QuietOption = False,
) -> int:
    """List exchange rates for `recommend --currency`, each with its day."""
    from catalog.exchange_rates import fetch_rates, kept_rates
    from catalog.sources.base import FetchFailed
    from planner.cli.catalog_formats import as_csv, as_json, as_markdown
    from planner.cli.catalog_tables import console_of, table_of

    if refresh:
        try:
            fetch_rates()
        except FetchFailed as error:
            say(f"error: {error.problem}; {error.remedy}")
            return 1
    columns = ("currency", "per_usd", "as_of", "source")
    rows = [
        {"currency": r.currency, "per_usd": r.per_usd, "as_of": r.as_of, "source": r.source}
        for r in sorted(kept_rates().values(), key=lambda rate: rate.currency)
    ]
    if format is Format.JSON:
        typer.echo(as_json({"schema": "planner.exchange_rates/1", "rates": rows}))
    elif format is Format.CSV:
        typer.echo(as_csv(columns, rows), nl=False)
    elif format is Format.MARKDOWN:
        typer.echo(as_markdown(columns, rows), nl=False)
    elif rows:
        table = table_of(columns, right=("per_usd",))
        for row in rows:
            table.add_row(*(f"{row[n]:.6g}" if n == "per_usd" else str(row[n]) for n in columns))
        console_of(100).print(table)
    if not rows and not quiet:
        say("no rates yet; run planner catalog rates --refresh")
    return 0
