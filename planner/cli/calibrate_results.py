"""``planner calibrate results|import|undo|keep|reopen``: what was measured, and its use."""

from __future__ import annotations

import json
from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from planner.cli.answers import console, say

if TYPE_CHECKING:
    from catalog.verdicts import Verdict
    from planner.actions.calibration.own import Examined
    from planner.actions.calibration.panel import Effect


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
    if format is Format.JSON:
        from planner.report.calibration import effect_json, run_json

        document = {
            "schema": "planner.calibration-results/1",
            "results": [run_json(run) for run in found.runs],
            "effect": effect_json(found.effect),
        }
        typer.echo(json.dumps(document, indent=2))
        return 0
    if not found.runs:
        say("nothing was measured yet; `planner calibrate run cnn` measures this machine")
        return 0
    _print(list(found.runs), found.effect)
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
    """New runs and what they change: the table on stdout, or JSON."""
    from planner.actions.calibration.results import effect_of
    from planner.actions.session import open_session
    from planner.report.calibration import effect_json, run_json

    catalog = open_session(say=None).catalog
    shown = [effect_of(name, catalog, _progress(quiet)) for name in ids]
    if format is Format.JSON:
        document = {
            "schema": "planner.calibration-results/1",
            "results": [run_json(run) for run, _ in shown],
            "effect": effect_json(shown[-1][1]),
        }
        typer.echo(json.dumps(document, indent=2))
        return
    _print([run for run, _ in shown], shown[-1][1])


def _print(runs: list[Examined], effect: Effect | None) -> None:
    from planner.report.calibration import print_effect, print_runs

    out = console()
    print_runs(runs, out)
    if effect is not None:
        print_effect(effect, out)


def _judge(id: str, verdict: Verdict, quiet: bool) -> int:
    from planner.actions.calibration.results import judge
    from planner.actions.session import open_session

    run = judge(id, verdict, open_session(say=None if quiet else say).catalog)
    if not quiet:
        say(f"{run.own.id} is {run.use.value}{': ' if run.reason else ''}{run.reason}")
    return 0


def _progress(quiet: bool) -> Callable[[str], None]:
    return (lambda _: None) if quiet else say
