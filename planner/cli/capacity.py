"""``planner capacity``: a horizon of demand in, commitments, purchases and dispatch out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from planner.cli.answers import OVER_BUDGET, Format, console, say


def register(app: typer.Typer) -> None:
    """Mount the command."""
    app.command("capacity")(capacity)


def capacity(
    file: Annotated[
        str, typer.Argument(metavar="SPEC.yaml", help="Capacity spec, YAML or JSON; - for stdin.")
    ],
    format: Annotated[
        Format, typer.Option(help="Form of the answer; csv is the dispatch by period.")
    ] = Format.TABLE,
    gap: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Largest relative distance to the bound.")
    ] = 1e-4,
    time_limit: Annotated[float, typer.Option(min=0.1, help="Seconds for the search.")] = 60.0,
    solver: Annotated[str, typer.Option(help="HiGHS, CBC or any that PuLP knows.")] = "HiGHS",
    dispatch: Annotated[
        Path | None, typer.Option(metavar="FILE.csv", help="Write the dispatch table here too.")
    ] = None,
    write_lp: Annotated[
        str | None, typer.Option(metavar="FILE.lp", help="Write the program in LP format.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No messages on stderr.")] = False,
) -> int:
    """Plan a year of demand: what to commit, buy, rent on demand, run on spot or keep on-prem.

    Exit codes: 0 answer, 2 bad input, 3 infeasible, 4 over budget.
    """
    from planner.actions.capacity import capacity_from
    from planner.optimize.capacity.program import Settings

    answer = capacity_from(file, Settings(gap, time_limit, solver), write_lp=write_lp)
    result = answer.result
    if dispatch is not None:
        from planner.errors import BadInput
        from planner.report.capacity import to_csv

        try:
            dispatch.write_text(to_csv(answer.dispatch) + "\n", encoding="utf-8")
        except OSError as error:
            raise BadInput(
                f"cannot be written ({error.strerror})",
                where=str(dispatch),
                remedy="name another file",
            ) from None
    if format is Format.TABLE:
        from planner.report.capacity import print_capacity

        print_capacity(result, console())
    else:
        from planner.report.capacity import to_csv, to_json, to_markdown

        if format is Format.CSV:
            typer.echo(to_csv(answer.dispatch))
        else:
            typer.echo(to_json(result) if format is Format.JSON else to_markdown(result))
    if result.status == "over_budget":
        if not quiet:
            budget = result.budget_usd or 0.0
            say(f"over budget: {result.cost_usd:.2f} USD of {budget:.2f}")
        return OVER_BUDGET
    return 0
