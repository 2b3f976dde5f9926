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
    workload: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Which workload of a file that holds several."),
    ] = None,
    session: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Open what was saved with ctrl+s."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Open what was on the screen last.")
    ] = False,
    ascii_only: Annotated[
        bool, typer.Option("--ascii", help="Draw with ASCII signs; PLANNER_ASCII=1 does, too.")
    ] = False,
    list_keys: Annotated[
        bool,
        typer.Option("--list-keys", help="Print a config file with every key, to be changed."),
    ] = False,
    serve: Annotated[
        bool, typer.Option("--serve", help="Show it in a browser on this computer.")
    ] = False,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Of --serve.")] = 8000,
) -> int:
    """Explore cost against time on a full screen: change limits, see what they buy."""
    import os

    from planner.errors import BadInput

    given = [
        name
        for name, is_given in (
            ("WORKLOAD.yaml", file is not None),
            ("--session", session is not None),
            ("--resume", resume),
        )
        if is_given
    ]
    if len(given) > 1:
        raise BadInput(
            f"{given[0]} and {given[1]} exclude each other",
            where="planner tui",
            remedy="a saved session holds its workload; give one of them",
        )
    if workload is not None and file is None:
        raise BadInput(
            "names one of several workloads, and no file is given",
            where="planner tui: --workload",
            remedy="name the file that holds them",
        )
    if list_keys:
        from tui.app import keys_and_meanings
        from tui.config import template

        typer.echo(template(keys_and_meanings()), nl=False)
        return 0
    if serve:
        from tui.browser.start import serve as serve_it

        return serve_it(
            file,
            workload=workload,
            session=session,
            resume=resume,
            ascii_only=ascii_only,
            port=port,
            say=_say,
        )
    # The screen is drawn on stderr, sized from stdout and typed into on stdin; in a browser there
    # is no terminal behind any of them.
    streams = (("stdin", sys.stdin), ("stdout", sys.stdout), ("stderr", sys.stderr))
    for name, stream in streams if "TEXTUAL_DRIVER" not in os.environ else ():
        if not stream.isatty():
            raise BadInput(
                f"{name} is not a terminal",
                where="planner tui",
                remedy="run it in a terminal without redirection; scripts use `planner recommend`",
            )
    from tui.app import run

    return run(file, workload=workload, session=session, resume=resume, ascii_only=ascii_only)


def _say(line: str) -> None:
    typer.echo(line, err=True)
