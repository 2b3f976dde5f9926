"""``planner calibrate plan|basis``: which runs are worth their price, and what is known now."""

from __future__ import annotations

from typing import Annotated

import typer

from planner.cli.answers import Format, console, say
from planner.cli.workload_options import Given, with_workload

FormatOption = Annotated[Format, typer.Option(help="Form of the answer.")]
QuietOption = Annotated[bool, typer.Option("--quiet", help="No messages on stderr.")]


def register(app: typer.Typer) -> None:
    """Mount the commands."""
    app.command("plan")(plan)
    app.command("basis")(basis)


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
    format: FormatOption = Format.TABLE,
    quiet: QuietOption = False,
) -> int:
    """Rank calibration runs by the expected regret they remove per dollar.

    Exit codes: 0 answer (also when no run is worth its price), 2 bad input, 3 infeasible.
    """
    from planner.actions.calibration.typed import dollars
    from planner.actions.session import open_session, workload_from

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


@with_workload
def basis(given: Given, format: FormatOption = Format.TABLE, quiet: QuietOption = False) -> int:
    """Show what the estimates of a workload stand on: measured here, calibrated or analytic.

    One line an accelerator that can do the work, whatever deadline and budget say.
    """
    from planner.actions.session import open_session, workload_from

    session = open_session(say=None if quiet else say)
    workload, where = workload_from(given.file, None, given.fields, given.place)
    found = session.calibration_basis(workload, where=where)
    if format is Format.TABLE:
        from planner.report.calibration_basis import print_basis

        print_basis(found, console())
    else:
        from planner.report.calibration_basis import to_csv, to_markdown
        from planner.report.rows import to_json

        write = {Format.JSON: to_json, Format.CSV: to_csv, Format.MARKDOWN: to_markdown}[format]
        typer.echo(write(found))
    return 0
