"""``planner capacity``: a horizon of demand in, commitments, purchases and dispatch out."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from planner.cli.answers import OVER_BUDGET, Format, console, say


class Front(StrEnum):
    """What cost is set against."""

    CARBON = "carbon"
    UNMET = "unmet"


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
    front: Annotated[
        Front | None,
        typer.Option(help="List what less carbon, or less demand unserved, costs."),
    ] = None,
    points: Annotated[int, typer.Option(min=2, max=200, help="Plans on the front.")] = 30,
    quiet: Annotated[bool, typer.Option("--quiet", help="No messages on stderr.")] = False,
) -> int:
    """Plan a year of demand: what to commit, buy, rent on demand, run on spot or keep on-prem.

    Exit codes: 0 answer, 2 bad input, 3 infeasible, 4 over budget.
    """
    if front is not None:
        _refuse(dispatch, write_lp)
        return _show_front(file, front, points, format)
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


def _refuse(dispatch: Path | None, write_lp: str | None) -> None:
    from planner.errors import BadInput

    for flag, given in (("--dispatch", dispatch), ("--write-lp", write_lp)):
        if given is not None:
            raise BadInput("does not go with --front", where=flag, remedy="leave one out")


def _show_front(file: str, over: Front, points: int, form: Format) -> int:
    from planner.actions.capacity_front import capacity_front
    from planner.report.capacity_front import print_front, to_csv, to_markdown

    found = capacity_front(file, over.value, points=points)
    if form is Format.TABLE:
        print_front(found, console())
    elif form is Format.JSON:
        from planner.report.rows import to_json

        typer.echo(to_json(found))
    else:
        typer.echo(to_csv(found) if form is Format.CSV else to_markdown(found))
    return 0
