"""``planner tui``: the same planning, interactively."""

from __future__ import annotations

import sys
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Mount the command."""
    app.command("tui")(tui)


def tui(
    file: Annotated[
        str | None,
        typer.Argument(metavar="[WORKLOAD.yaml]", help="Workload file; default: an example."),
    ] = None,
) -> int:
    """Explore cost against time on a full screen: change limits, see what they buy."""
    from planner.errors import BadInput

    # The screen is drawn on stderr, sized from stdout and typed into on stdin.
    for name, stream in (("stdin", sys.stdin), ("stdout", sys.stdout), ("stderr", sys.stderr)):
        if not stream.isatty():
            raise BadInput(
                f"{name} is not a terminal",
                where="planner tui",
                remedy="run it in a terminal without redirection; scripts use `planner recommend`",
            )
    from tui.app import run

    return run(file)
