"""``planner catalog refresh``."""

from __future__ import annotations

from typing import Annotated

import typer

from planner.cli.catalog_options import Format, FormatOption, QuietOption, say


def register(app: typer.Typer) -> None:
    """Mount the command."""
    app.command()(refresh)


def refresh(
    only: Annotated[
        str,
        typer.Option(metavar="SOURCE,...", help="Sources to ask; all that are not opt-in."),
    ] = "",
    regions: Annotated[
        str, typer.Option(metavar="REGION,...", help="Regions to ask; those the catalog knows.")
    ] = "",
    kinds: Annotated[
        str,
        typer.Option(metavar="KIND,...", help="on_demand, spot, quotas ...; all a source has."),
    ] = "",
    accept_jumps: Annotated[
        bool, typer.Option("--accept-jumps", help="Publish prices that moved beyond belief.")
    ] = False,
    deadline: Annotated[
        float, typer.Option(metavar="SECONDS", help="Most the whole refresh may take.")
    ] = 300.0,
    rejects: Annotated[
        bool, typer.Option("--rejects", help="Name every row left out, not just their number.")
    ] = False,
    format: FormatOption = Format.TABLE,
    quiet: QuietOption = False,
) -> int:
    """Fetch live prices; what fails or looks wrong keeps its last good rows.

    Most sources need an extra and credentials: `planner doctor` names them. Exit codes: 0 all
    published, 1 some slice kept its last good rows or failed, 2 bad input or nothing to ask with,
    130 interrupted (what was published by then stays, the rest is as it was).
    """
    from planner.actions.catalog.refresh import refresh_catalog, words_of
    from planner.cli import catalog_formats, refresh_tables

    with refresh_tables.shown(quiet=quiet) as seen:
        try:
            result = refresh_catalog(
                only=words_of(only),
                regions=words_of(regions),
                kinds=words_of(kinds),
                accept_jumps=accept_jumps,
                deadline_s=deadline,
                say=None if quiet else say,
                started=seen.started,
                progress=seen.progress,
            )
        except KeyboardInterrupt:
            say(seen.interrupted)
            return 130
    for line in result.skipped:
        say(f"skipped {line}")
    if format is Format.TABLE:
        refresh_tables.print_report(result.report, name_rejects=rejects)
    elif format is Format.JSON:
        typer.echo(catalog_formats.report_json(result.report, result.skipped))
    elif format is Format.MARKDOWN:
        typer.echo(catalog_formats.report_markdown(result.report), nl=False)
    else:
        typer.echo(catalog_formats.report_csv(result.report), nl=False)
    if result.logged and not quiet:
        say(f"what was left out, and why: {result.rejects_log} ({result.logged} lines added)")
    return 0 if result.complete else 1
