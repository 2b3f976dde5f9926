"""``planner accuracy``: how far predictions are off."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Form(StrEnum):
    TABLE = "table"
    JSON = "json"
    MARKDOWN = "markdown"


class LeaveOut(StrEnum):
    GROUPS = "groups"


def register(app: typer.Typer) -> None:
    """Mount the command."""
    app.command("accuracy")(accuracy)


def accuracy(
    cv: Annotated[
        LeaveOut | None,
        typer.Option(help="Cross-validate now, by whole groups (minutes; needs the extra fit)."),
    ] = None,
    format: Annotated[Form, typer.Option(help="Form of the answer.")] = Form.TABLE,
    plots: Annotated[
        Path | None, typer.Option(metavar="DIR", help="With --cv: write SVG plots there.")
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, max=64, help="Processes at work.")] = 2,
) -> int:
    """Show the prediction error by class, on groups that the fit never saw.

    Without --cv, the figures found when the model in use was fitted.
    """
    from planner.actions.estimate.accuracy import cross_validated, stored
    from planner.errors import BadInput
    from planner.report import accuracy as report

    if cv is None:
        if plots is not None:
            raise BadInput("goes with --cv only", where="--plots", remedy="add --cv groups")
        found = stored()
    else:
        from planner.actions.session import open_session
        from planner.cli.progress import left_out

        session = open_session(say=lambda line: typer.echo(line, err=True))
        with left_out() as progress:
            found = cross_validated(session.catalog, plots=plots, jobs=jobs, progress=progress)
    write = {Form.TABLE: report.text, Form.JSON: report.as_json, Form.MARKDOWN: report.markdown}
    typer.echo(write[format](found.reports, found.provenance))
    for path in found.plots:
        typer.echo(f"wrote {path}", err=True)
    return 0
