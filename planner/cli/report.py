"""``planner report``: a saved result, or a classic exercise, as a page for others to read."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from pydantic import BaseModel

from planner.cli.answers import say
from planner.cli.report_files import Form, deliver, form_of, refuse_place

BENCHMARK = "benchmark"


class Exercise(StrEnum):
    CNN = "cnn"
    TRANSFORMER = "transformer"


def register(app: typer.Typer) -> None:
    """Mount the command."""
    app.command("report")(report)


def report(
    what: Annotated[
        str,
        typer.Argument(
            metavar="RESULT.json|benchmark",
            help="A result saved with --format json, of recommend, compare, mix, capacity, "
            "estimate, pareto, sweep or hardware; or the word benchmark.",
        ),
    ],
    which: Annotated[
        Exercise | None, typer.Argument(help="Which exercise, after benchmark.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Write it here, whole or not at all: plan.html, plan.md."),
    ] = None,
    format: Annotated[
        Form | None, typer.Option(help="Form; by default that of --out's name, else Markdown.")
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="Of benchmark transformer: another language model.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file of --out.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No messages on stderr.")] = False,
) -> int:
    """Write a result as one HTML or Markdown file: why, what else, what if, how sure, from where.

    The HTML needs no network and no script, and prints well. A recommendation is answered again
    with today's catalog: the page says whether it still holds. Mixes and capacity plans are
    planned again for what would change their cost. `report benchmark cnn` is a small
    CNN on MNIST on CPU, GPU and TPU, `report benchmark transformer` compares GPUs and TPUs:
    measured where somebody measured, estimated elsewhere.
    """
    from planner.actions.report.make import made_by, report_on
    from planner.actions.session import open_session
    from planner.errors import BadInput

    form = form_of(out, format)
    refuse_place(out, force)
    if what == BENCHMARK and which is None:
        raise BadInput(
            "needs the name of an exercise",
            where="report benchmark",
            remedy="say cnn or transformer (a file of that name is ./benchmark)",
        )
    if what != BENCHMARK and which is not None:
        raise BadInput(
            f"{which.value} goes with benchmark",
            where="report",
            remedy=f"say benchmark {which.value}",
        )
    if model is not None and which is not Exercise.TRANSFORMER:
        raise BadInput("goes with benchmark transformer", where="--model", remedy="leave it out")
    session = open_session(say=None if quiet else say)
    if which is not None:
        from planner.actions.report.benchmark import benchmark

        result: BaseModel = benchmark(which.value, session, model=model)
    else:
        result = report_on(what, session)
    made = made_by(session)
    deliver(result, form, out, force=force, file=what, made=made, quiet=quiet)
    return 0
