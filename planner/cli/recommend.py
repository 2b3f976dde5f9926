"""``planner recommend``: a workload file or flags in, a recommendation out."""

from __future__ import annotations

from typing import Annotated

import typer

from planner.cli.answers import Format, say, show
from planner.cli.workload_options import Given, with_workload


def register(app: typer.Typer) -> None:
    """Mount the command."""
    app.command("recommend")(recommend)


@with_workload
def recommend(
    given: Given,
    top: Annotated[int, typer.Option(min=0, max=100, help="Alternatives shown.")] = 5,
    format: Annotated[Format, typer.Option(help="Form of the answer.")] = Format.TABLE,
    explain: Annotated[
        bool, typer.Option("--explain", help="Say why, with sources, and what relaxing saves.")
    ] = False,
    near: Annotated[
        str | None,
        typer.Option(metavar="SHARE", help="Other plans within this share of the cost, e.g. 5%."),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No messages on stderr.")] = False,
) -> int:
    """Recommend the cheapest configuration that meets the workload's constraints.

    Flags replace fields of the file. Exit codes: 0 answer, 2 bad input, 3 infeasible, 4 over
    budget.
    """
    from planner.actions.session import open_session

    within = None if near is None else _share(near)
    session = open_session(say=None if quiet else say)
    result = session.answer_from(
        given.file, None, given.fields, given.place, top=top, explain=explain, near=within
    )
    return show(result, format, explain)


def _share(text: str) -> float:
    from planner.errors import BadInput
    from planner.quantities import share

    try:
        return share(text)
    except ValueError as error:
        problem, _, remedy = str(error).partition("; ")
        raise BadInput(problem, where="--near", remedy=remedy) from None
