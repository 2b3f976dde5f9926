"""``planner gate``: a check of cost for CI."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from planner.cli.answers import OVER_BUDGET, say
from planner.cli.diff import DIFFERS
from planner.cli.workload_options import Given, with_workload

if TYPE_CHECKING:
    from planner.results.gate import Gate

CODES = {"pass": 0, "over_cost": OVER_BUDGET, "over_regret": DIFFERS, "infeasible": 3}


class GateFormat(StrEnum):
    TABLE = "table"
    JSON = "json"
    MARKDOWN = "markdown"


def register(app: typer.Typer) -> None:
    """Mount the command."""
    app.command("gate")(gate)


@with_workload
def gate(
    given: Given,
    max_cost: Annotated[
        str | None,
        typer.Option(metavar="USD", help="The most it may cost; default: the budget it states."),
    ] = None,
    max_regret: Annotated[
        str | None,
        typer.Option(
            metavar="SHARE", help="How much dearer the baseline may be to keep, e.g. 10%."
        ),
    ] = None,
    baseline: Annotated[
        str | None, typer.Option(metavar="RESULT.json", help="The plan that is kept, saved before.")
    ] = None,
    comment: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the body of a pull request's comment there."),
    ] = None,
    format: Annotated[GateFormat, typer.Option(help="Form of the answer.")] = GateFormat.TABLE,
    quiet: Annotated[bool, typer.Option("--quiet", help="No messages on stderr.")] = False,
) -> int:
    """Check in CI that a workload's cheapest plan is within a cost, and a kept plan worth keeping.

    Exit codes: 0 within both; 2 bad input; 3 infeasible; 4 over --max-cost; 5 within it, but the
    baseline is dearer than --max-regret allows, or cannot do the work any more. The comment is
    written whatever the verdict.
    """
    from planner.actions.gate import Limits
    from planner.actions.gate import gate as gated
    from planner.actions.session import open_session
    from planner.field_errors import amount
    from planner.quantities import share, usd

    limits = Limits(
        max_cost_usd=None if max_cost is None else amount(usd, max_cost, "--max-cost"),
        max_regret=None if max_regret is None else amount(share, max_regret, "--max-regret"),
        baseline=baseline,
    )
    session = open_session(say=None if quiet else say)
    result = gated(session, given.file, None, given.fields, given.place, limits)
    if comment is not None:
        from planner.actions.write_file import write_text
        from planner.report.gate import to_markdown

        write_text(comment, to_markdown(result), force=True)
    _show(result, format)
    return CODES[result.verdict]


def _show(result: Gate, form: GateFormat) -> None:
    if form is GateFormat.JSON:
        from planner.report.rows import to_json

        typer.echo(to_json(result))
    elif form is GateFormat.MARKDOWN:
        from planner.report.gate import to_markdown

        typer.echo(to_markdown(result), nl=False)
    else:
        from planner.report.gate import lines

        for line in lines(result):
            typer.echo(line)
