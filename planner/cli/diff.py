"""``planner diff``: what changed between two saved recommendations."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from planner.cli.answers import console

if TYPE_CHECKING:
    from planner.results.diff import Replay, ResultDiff

DIFFERS = 5


class DiffFormat(StrEnum):
    TABLE = "table"
    JSON = "json"
    MARKDOWN = "markdown"


def register(app: typer.Typer) -> None:
    """Mount the command."""
    app.command("diff")(diff)


def diff(
    a: Annotated[str, typer.Argument(metavar="RESULT_A.json", help="Saved recommendation.")],
    b: Annotated[str, typer.Argument(metavar="RESULT_B.json", help="The later one.")],
    format: Annotated[DiffFormat, typer.Option(help="Form of the answer.")] = DiffFormat.TABLE,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="End with 5 when anything differs.")
    ] = False,
) -> int:
    """Show what changed: workload, catalog and prices, choice, cost lines, time.

    Results are those of `planner recommend --format json`. Exit codes: 0 answer, 2 bad input,
    5 they differ (with --exit-code).
    """
    from planner.actions.diff import diff_files

    result = diff_files(a, b)
    show(result, format)
    return DIFFERS if exit_code and result.differences else 0


def show(result: ResultDiff | Replay, form: DiffFormat) -> None:
    """Print differences."""
    if form is DiffFormat.TABLE:
        from planner.report.diff import print_diff

        print_diff(result, console())
    elif form is DiffFormat.JSON:
        from planner.report.rows import to_json

        typer.echo(to_json(result))
    else:
        from planner.report.diff import to_markdown

        typer.echo(to_markdown(result))
