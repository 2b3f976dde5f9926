"""``planner calibrate results|import|undo|keep|reopen``: what was measured, and its use."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from planner.cli.answers import console, say

if TYPE_CHECKING:
    from catalog.verdicts import Verdict
    from planner.results.calibration import CalibrationResults


class Format(StrEnum):
    TABLE = "table"
    JSON = "json"


FormatOption = Annotated[Format, typer.Option(help="Form of the answer.")]
QuietOption = Annotated[bool, typer.Option("--quiet", help="No messages on stderr.")]
IdArgument = Annotated[
    str, typer.Argument(metavar="ID", help="As `calibrate results` lists it; its start will do.")
]


def register(app: typer.Typer) -> None:
    """Mount the commands."""
    app.command("results")(results)
    app.command("import")(import_)
    app.command("undo")(undo)
    app.command("keep")(keep)
    app.command("reopen")(reopen)


def results(
    workloads: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[WORKLOAD.yaml]...", help="Show what changes for these; standard ones without."
        ),
    ] = None,
    effect: Annotated[
        bool, typer.Option("--effect/--no-effect", help="Plan with and without the runs.")
    ] = True,
    format: FormatOption = Format.TABLE,
    quiet: QuietOption = False,
) -> int:
    """List everything measured so far, oldest first, against what was expected.

    Runs that contradict each other, or that nobody would expect, are held back and say so.
    """
    from planner.actions.calibration.results import results as measured
    from planner.actions.session import open_session, workload_from

    session = open_session(say=None if quiet else say)
    asked = {name: workload_from(name, None, {}, {})[0] for name in workloads or ()}
    found = measured(
        session.catalog, with_effect=effect, asked=asked or None, progress=_progress(quiet)
    )
    if not found.results and format is Format.TABLE:
        say("nothing was measured yet; `planner calibrate run cnn` measures this machine")
        return 0
    _print(found, format)
    return 0


def import_(
    file: Annotated[str, typer.Argument(metavar="RESULT.json", help="What a benchmark printed.")],
    on: Annotated[
        str, typer.Option(help="Where it was run; `local` for this very machine.")
    ] = "imported",
    format: FormatOption = Format.TABLE,
    quiet: QuietOption = False,
) -> int:
    """Store results of benchmarks that were run by hand; the estimates move at once."""
    from planner.actions.calibration.imported import import_results, read
    from planner.actions.session import open_session

    session = open_session(say=None if quiet else say)
    stored = import_results(file, read(file), session.catalog, on=on)
    show_stored([own.id for own in stored], format, quiet)
    return 0


def undo(id: IdArgument, quiet: QuietOption = False) -> int:
    """Leave a run out of the estimates; it stays stored, and `reopen` brings it back."""
    from catalog.verdicts import Verdict

    return _judge(id, Verdict.UNDONE, quiet)


def keep(id: IdArgument, quiet: QuietOption = False) -> int:
    """Use a run although it contradicts others or looks wrong."""
    from catalog.verdicts import Verdict

    return _judge(id, Verdict.KEPT, quiet)


def reopen(id: IdArgument, quiet: QuietOption = False) -> int:
    """Take back `undo` or `keep`: the checks decide again."""
    from catalog.verdicts import Verdict

    return _judge(id, Verdict.OPEN, quiet)


def show_stored(ids: list[str], format: Format, quiet: bool) -> None:
    """New runs and what they change, on stdout."""
    from planner.actions.calibration.results import effect_of
    from planner.actions.session import open_session

    catalog = open_session(say=None).catalog
    _print(effect_of(ids, catalog, _progress(quiet)), format)


def _print(found: CalibrationResults, format: Format) -> None:
    if format is Format.JSON:
        from planner.report.rows import to_json

        typer.echo(to_json(found))
    else:
        from planner.report.calibration import print_results

        print_results(found, console())


def _judge(id: str, verdict: Verdict, quiet: bool) -> int:
    from planner.actions.calibration.results import judge
    from planner.actions.session import open_session

    run = judge(id, verdict, open_session(say=None if quiet else say).catalog)
    if not quiet:
        say(f"{run.id} is {run.use}{': ' if run.reason else ''}{run.reason}")
    return 0


def _progress(quiet: bool) -> Callable[[str], None]:
    return (lambda _: None) if quiet else say
