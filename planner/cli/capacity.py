"""``planner capacity``: a horizon of demand in, commitments, purchases and dispatch out."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from planner.cli.answers import OVER_BUDGET, Format, console, say

if TYPE_CHECKING:
    from planner.actions.capacity.question import Changes


class Front(StrEnum):
    """What cost is set against."""

    CARBON = "carbon"
    UNMET = "unmet"


class Over(StrEnum):
    """What is varied to find the break-even."""

    DEMAND = "demand"
    UTILISATION = "utilisation"


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
    break_even: Annotated[
        Over | None,
        typer.Option(help="Cost of cloud, on-prem and both (or of each way to pay) along this."),
    ] = None,
    demand_scale: Annotated[
        float | None, typer.Option(metavar="X", help="All demand times X.")
    ] = None,
    max_spot_share: Annotated[
        float | None, typer.Option(min=0.0, max=1.0, help="Most of a period's demand on spot.")
    ] = None,
    count: Annotated[
        list[str] | None,
        typer.Option(
            metavar="OFFER=WAY:COUNT",
            help="Exactly so many machines reserved-1y, reserved-3y or purchased; repeatable.",
        ),
    ] = None,
    points: Annotated[int, typer.Option(min=2, max=200, help="Plans on the front.")] = 30,
    quiet: Annotated[bool, typer.Option("--quiet", help="No messages on stderr.")] = False,
) -> int:
    """Plan a year of demand: what to commit, buy, rent on demand, run on spot or keep on-prem.

    Exit codes: 0 answer, 2 bad input, 3 infeasible, 4 over budget.
    """
    from planner.actions.capacity.question import changes_from

    changes = changes_from(demand_scale, max_spot_share, count or ())
    if front is not None or break_even is not None:
        flag = "--front" if front is not None else "--break-even"
        both = front is not None and break_even is not None
        _refuse(
            flag, {"--dispatch": dispatch, "--write-lp": write_lp, "--break-even": both or None}
        )
        if front is None:
            return _show_break_even(file, break_even or Over.DEMAND, changes, format)
        return _show_front(file, front, points, changes, format)
    from planner.actions.capacity.plan import capacity_from
    from planner.optimize.capacity.program import Settings

    answer = capacity_from(
        file, Settings(gap, time_limit, solver), changes=changes, write_lp=write_lp
    )
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


def _refuse(wanted: str, others: Mapping[str, object]) -> None:
    from planner.errors import BadInput

    for flag, given in others.items():
        if given is not None:
            raise BadInput(f"does not go with {wanted}", where=flag, remedy="leave one out")


def _show_break_even(file: str, over: Over, changes: Changes, form: Format) -> int:
    from planner.actions.capacity.break_even import break_even_from
    from planner.report.break_even import print_break_even, to_csv, to_markdown

    found = break_even_from(file, over.value, changes)
    if form is Format.TABLE:
        print_break_even(found, console())
    elif form is Format.JSON:
        from planner.report.rows import to_json

        typer.echo(to_json(found))
    else:
        typer.echo(to_csv(found) if form is Format.CSV else to_markdown(found))
    return 0


def _show_front(file: str, over: Front, points: int, changes: Changes, form: Format) -> int:
    from planner.actions.capacity.front import capacity_front
    from planner.report.capacity_front import print_front, to_csv, to_markdown

    found = capacity_front(file, over.value, points=points, changes=changes)
    if form is Format.TABLE:
        print_front(found, console())
    elif form is Format.JSON:
        from planner.report.rows import to_json

        typer.echo(to_json(found))
    else:
        typer.echo(to_csv(found) if form is Format.CSV else to_markdown(found))
    return 0
