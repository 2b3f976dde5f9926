"""``planner sweep``: the same question in every combination of some fields."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from planner.cli.answers import OVER_BUDGET, Format, console, say

_SUFFIXES = {".json": Format.JSON, ".csv": Format.CSV, ".md": Format.MARKDOWN}


class Engine(StrEnum):
    LOCAL = "local"
    RAY = "ray"


def register(app: typer.Typer) -> None:
    """Mount the command."""
    app.command("sweep")(sweep)


def sweep(
    file: Annotated[
        str, typer.Argument(metavar="SWEEP.yaml", help="Base workload and values to try; or -.")
    ],
    engine: Annotated[Engine, typer.Option(help="Where to compute.")] = Engine.LOCAL,
    workers: Annotated[
        int | None, typer.Option(min=1, max=1024, help="Processes; as many as cores by default.")
    ] = None,
    address: Annotated[
        str | None, typer.Option(help="Of the Ray cluster; auto by default, local starts one.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Write the answer here, whole or not at all.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file of --out.")] = False,
    format: Annotated[
        Format | None, typer.Option(help="Form of the answer; by default that of --out's name.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No messages on stderr.")] = False,
) -> int:
    """Answer a workload in every combination of the values listed for its fields.

    One row a combination; what is infeasible or wrong says why in its row. Exit codes: 0 at least
    one answer, 2 nothing could be used, 3 all infeasible, 4 all over budget.
    """
    import gc

    from planner.actions.session import open_session
    from planner.actions.sweep.file import read_sweep
    from planner.actions.sweep.run import sweep as run
    from planner.actions.write_file import REMEDY, write_text
    from planner.cli.progress import counted
    from planner.errors import BadInput

    if address is not None and engine is not Engine.RAY:
        raise BadInput("goes with --engine ray", where="--address", remedy="leave it out")
    if out is not None and out.exists() and not force:
        # Said before an hour of computing, not after it.
        raise BadInput("exists already", where=str(out), remedy=REMEDY)
    form = format or (_SUFFIXES.get(out.suffix.lower(), Format.CSV) if out else Format.TABLE)
    if out is not None and form is Format.TABLE:
        raise BadInput("is for terminals", where="--format table", remedy="use csv or json")
    gc.enable()  # the command line switches it off for commands that live a second
    plan = read_sweep(file)
    session = open_session(say=None if quiet else say)
    with counted("combinations", quiet=quiet) as progress:
        result = run(
            plan,
            session,
            engine=engine.value,
            workers=workers,
            address=address or "auto",
            progress=progress,
        )
    if form is Format.TABLE:
        from planner.report.sweep import print_sweep

        print_sweep(result, console())
    else:
        from planner.report.rows import to_json
        from planner.report.sweep import to_csv, to_markdown

        write = {Format.JSON: to_json, Format.CSV: to_csv, Format.MARKDOWN: to_markdown}[form]
        if out is None:
            typer.echo(write(result))
        else:
            write_text(out, write(result) + "\n", force=force)
    if not quiet:
        parts = (f"{n} {status.replace('_', ' ')}" for status, n in result.counts.items())
        say(f"{len(result.rows)} combinations: {', '.join(parts)}")
    if result.counts.get("ok"):
        return 0
    if result.counts.get("over_budget"):
        return OVER_BUDGET
    return 3 if result.counts.get("infeasible") else 1
