"""``planner calibrate plan``: which runs are worth their price for a workload."""

from __future__ import annotations

from typing import Annotated

import typer

from planner.cli.answers import Format, console, say
from planner.cli.workload_options import Given, with_workload
from planner.errors import BadInput


def register(app: typer.Typer) -> None:
    """Mount the command."""
    app.command("plan")(plan)


@with_workload
def plan(
    given: Given,
    budget: Annotated[
        str, typer.Option(metavar="USD", help="Most that all runs may cost together.")
    ] = "20USD",
    repeats: Annotated[
        float, typer.Option(help="How often the workload will be run by this choice.")
    ] = 1.0,
    late_cost: Annotated[
        str | None,
        typer.Option(metavar="USD", help="What missing the deadline costs. [default: the run]"),
    ] = None,
    format: Annotated[Format, typer.Option(help="Form of the answer.")] = Format.TABLE,
    quiet: Annotated[bool, typer.Option("--quiet", help="No messages on stderr.")] = False,
) -> int:
    """Rank calibration runs by the expected regret they remove per dollar.

    Exit codes: 0 answer (also when no run is worth its price), 2 bad input, 3 infeasible.
    """
    from planner.actions.session import open_session, workload_from
    from planner.quantities import usd

    def dollars(text: str, flag: str) -> float:
        try:
            return float(usd(text))
        except ValueError as error:
            raise BadInput(str(error), where=flag, remedy="say 20USD") from error

    spend = dollars(budget, "--budget")
    late = None if late_cost is None else dollars(late_cost, "--late-cost")
    session = open_session(say=None if quiet else say)
    workload, where = workload_from(given.file, None, given.fields, given.place)
    result = session.calibration_plan(
        workload, budget_usd=spend, repeats=repeats, late_usd=late, where=where
    )
    if format is Format.TABLE:
        from planner.report.calibration_plan import print_plan

        print_plan(result, console())
    else:
        from planner.report.calibration_plan import to_csv, to_markdown
        from planner.report.rows import to_json

        write = {Format.JSON: to_json, Format.CSV: to_csv, Format.MARKDOWN: to_markdown}[format]
        typer.echo(write(result))
    return 0
