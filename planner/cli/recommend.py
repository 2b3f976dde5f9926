"""``planner recommend``: a workload file or flags in, a recommendation out."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from planner.cli.workload_options import Given, with_workload


class Format(StrEnum):
    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    MARKDOWN = "markdown"


def register(app: typer.Typer) -> None:
    """Mount the command."""
    app.command("recommend")(recommend)


@with_workload
def recommend(
    given: Given,
    top: Annotated[int, typer.Option(min=0, max=100, help="Alternatives shown.")] = 5,
    format: Annotated[Format, typer.Option(help="Form of the answer.")] = Format.TABLE,
    explain: Annotated[bool, typer.Option("--explain", help="Say why, with sources.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No messages on stderr.")] = False,
) -> int:
    """Recommend the cheapest configuration that meets the workload's constraints.

    Flags replace fields of the file. Exit codes: 0 answer, 2 bad input, 3 infeasible, 4 over
    budget.
    """
    from planner.actions.session import open_session

    session = open_session(say=None if quiet else _say)
    plan = session.recommend_from(given.file, None, given.fields, given.place, top=top)
    result = plan.recommendation
    if format is Format.TABLE:
        from rich.console import Console

        from planner.report.table import print_recommendation

        console = Console(soft_wrap=False, highlight=False)
        if not console.is_terminal:
            console = Console(width=100, highlight=False)
        print_recommendation(result, console, explain=explain)
    else:
        from planner.report.rows import to_csv, to_json, to_markdown

        write = {Format.JSON: to_json, Format.CSV: to_csv, Format.MARKDOWN: to_markdown}[format]
        typer.echo(write(result))
        if explain and format is not Format.JSON:
            for line in result.explanation:
                typer.echo(f"- {line}", err=True)
    if result.status == "over_budget":
        _say(f"over budget: {result.headline}")
        return 4
    return 0


def _say(line: str) -> None:
    typer.echo(line, err=True)
