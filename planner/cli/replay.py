"""``planner replay``: would a saved recommendation still be the answer?"""

from __future__ import annotations

from typing import Annotated

import typer

from planner.cli.answers import say
from planner.cli.diff import DIFFERS, DiffFormat, show


def register(app: typer.Typer) -> None:
    """Mount the command."""
    app.command("replay")(replay)


def replay(
    file: Annotated[str, typer.Argument(metavar="RESULT.json", help="Saved recommendation.")],
    format: Annotated[DiffFormat, typer.Option(help="Form of the answer.")] = DiffFormat.TABLE,
    quiet: Annotated[bool, typer.Option("--quiet", help="No messages on stderr.")] = False,
) -> int:
    """Answer the workload of a saved recommendation again, with the catalog at hand.

    Says whether the catalog is the one it was made with, and what differs. Exit codes: 0 the same
    choice, cost and time; 2 bad input; 3 infeasible now; 5 another answer.
    """
    from planner.actions.session import open_session

    session = open_session(say=None if quiet else say)
    result = session.replay(file)
    show(result, format)
    return 0 if result.same else DIFFERS
