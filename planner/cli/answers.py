"""Results on stdout in the form asked for, and the exit code they end with."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from planner.results import Front, PortfolioResult, Recommendation

OVER_BUDGET = 4


class Format(StrEnum):
    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    MARKDOWN = "markdown"


def show(result: Recommendation | PortfolioResult, form: Format, explain: bool) -> int:
    """Print a recommendation or a portfolio; returns the exit code."""
    from planner.results import Recommendation

    if form is Format.TABLE:
        from planner.report.table import print_portfolio, print_recommendation

        if isinstance(result, Recommendation):
            print_recommendation(result, console(), explain=explain)
            if result.display is not None:
                from planner.actions.currency import in_words

                typer.echo(in_words(result.display))
            if result.risk is not None and not explain:  # else it is among the reasons
                from planner.report.risk import print_risk

                print_risk(result, console())
        else:
            print_portfolio(result, console(), explain=explain)
    else:
        from planner.report.rows import to_csv, to_json, to_markdown

        write = {Format.JSON: to_json, Format.CSV: to_csv, Format.MARKDOWN: to_markdown}[form]
        typer.echo(write(result))
        if isinstance(result, Recommendation) and result.display and form is not Format.JSON:
            from planner.actions.currency import in_words

            say(in_words(result.display))
        if explain and form is not Format.JSON:
            for line in result.explanation:
                say(f"- {line}")
        elif isinstance(result, Recommendation) and result.risk and form is not Format.JSON:
            from planner.report.risk import sentences

            for line in sentences(result, result.risk):
                say(f"- {line}")
    if result.status == "over_budget":
        say(f"over budget: {result.headline}")
        return OVER_BUDGET
    return 0


def show_front(result: Front, form: Format) -> int:
    """Print a front; returns the exit code."""
    if form is Format.TABLE:
        from planner.report.table import print_front

        print_front(result, console())
        return 0
    from planner.report.rows import front_csv, front_markdown, to_json

    write = {Format.JSON: to_json, Format.CSV: front_csv, Format.MARKDOWN: front_markdown}[form]
    typer.echo(write(result))
    return 0


def front_notes(result: Front) -> list[str]:
    """What the list leaves out."""
    notes = []
    if len(result.points) < result.on_front:
        notes.append(f"note: {len(result.points)} of {result.on_front} points of the front shown")
    if result.carbon_known is not None and result.carbon_known < result.candidates:
        unknown = result.candidates - result.carbon_known
        notes.append(
            f"note: carbon is unknown for {unknown:,} of {result.candidates:,} candidates (power, "
            "PUE or grid not in the catalog); they count as the worst in carbon"
        )
    return notes


def console() -> Console:
    """As wide as the terminal; 100 columns into a file or pipe."""
    from rich.console import Console

    found = Console(soft_wrap=False, highlight=False)
    return found if found.is_terminal else Console(width=100, highlight=False)


def say(line: str) -> None:
    """Messages go to stderr; stdout is for results."""
    typer.echo(line, err=True)
