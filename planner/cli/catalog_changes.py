"""``planner catalog diff`` and ``planner catalog history``."""

from __future__ import annotations

from typing import Annotated

import typer

from planner.cli.catalog_options import Format, FormatOption, QuietOption, say


def register(app: typer.Typer) -> None:
    """Mount the commands."""
    app.command()(diff)
    app.command()(history)


def diff(
    since: Annotated[
        str,
        typer.Option(metavar="WHEN", help="snapshot (the embedded one), last (refresh) or a day."),
    ] = "snapshot",
    limit: Annotated[
        int | None,
        typer.Option(min=0, help="Rows shown, 0 = all. Tables show 40, JSON and CSV all."),
    ] = None,
    format: FormatOption = Format.TABLE,
    quiet: QuietOption = False,
) -> int:
    """Show what refreshes moved: largest price moves first, then new offers, then gone ones."""
    from planner.actions.catalog.changes import catalog_diff
    from planner.cli import catalog_moves

    found = catalog_diff(since)
    for_people = format in (Format.TABLE, Format.MARKDOWN)
    most = limit if limit is not None else (40 if for_people else 0)
    shown = found.moves[:most] if most else found.moves
    if format is Format.TABLE:
        catalog_moves.print_moves(shown)
    else:
        typer.echo(catalog_moves.moves_as(format.value, found, shown), nl=False)
    if not quiet:
        say(catalog_moves.summary(found, len(shown)))
    return 0


def history(
    name: Annotated[str, typer.Argument(help="Machine, as its cloud or platform names it.")],
    cloud: Annotated[list[str] | None, typer.Option(help="Cloud; repeatable.")] = None,
    region: Annotated[list[str] | None, typer.Option(help="Region; repeatable.")] = None,
    kind: Annotated[
        list[str] | None, typer.Option(help="on_demand, spot, reservation ...; repeatable.")
    ] = None,
    format: FormatOption = Format.TABLE,
    quiet: QuietOption = False,
) -> int:
    """Show a machine's price over time: the embedded snapshot's, then every change since."""
    from planner.actions.catalog.changes import price_history
    from planner.cli import catalog_moves

    found = price_history(name, clouds=cloud or (), regions=region or (), kinds=kind or ())
    if format is Format.TABLE:
        catalog_moves.print_history(found)
    else:
        typer.echo(catalog_moves.history_as(format.value, found), nl=False)
    if not quiet and not any(len(series.points) > 1 for series in found):
        say("no price of it has changed since the embedded snapshot: `planner catalog refresh`")
    return 0
