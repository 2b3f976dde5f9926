"""``planner fit``: fit the performance model anew."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Mount the command."""
    app.command("fit")(fit)


def fit(
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE.npz", help="Where to write; else used from now on."),
    ] = None,
    own: Annotated[
        bool, typer.Option("--own", help="Fit on your own calibration runs as well.")
    ] = False,
    jobs: Annotated[int, typer.Option(min=1, max=64, help="Processes at work.")] = 2,
) -> int:
    """Fit the performance model on the catalog's measurements (minutes; needs the extra fit).

    Cross-validates first: weights and intervals come from groups left out, and so do the figures
    that are printed and that `planner accuracy` shows from then on.
    """
    from planner.actions.estimate.fit import fit as run
    from planner.actions.session import open_session
    from planner.cli.progress import left_out
    from planner.report.accuracy import headline

    session = open_session(say=lambda line: typer.echo(line, err=True))
    with left_out() as progress:
        fitted = run(session.catalog, out=out, own=own, jobs=jobs, progress=progress)
    if own:
        typer.echo(
            f"{fitted.own} own runs among the rows; {fitted.own_left_out} of devices without a "
            "datasheet correct estimates one by one instead",
            err=True,
        )
    typer.echo(f"{fitted.path}: {fitted.bytes / 1e6:.2f} MB, fitted on {fitted.rows:,} rows")
    for report in fitted.reports:
        typer.echo(headline(report))
    return 0
