"""``planner doctor``: what works, what is missing and how to fix it."""

from __future__ import annotations

from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Mount the command."""
    app.command("doctor")(doctor)


def doctor(
    online: Annotated[
        bool, typer.Option("--online", help="Ask each live source that can be asked once.")
    ] = False,
) -> int:
    """Check the installation: packages, solver, catalog, own files, live sources, extras.

    Without --online nothing is asked of the network.
    """
    from planner.actions.doctor.installation import Verdict
    from planner.actions.doctor.installation import doctor as run

    checks = run(online=online)
    for check in checks:
        remedy = f"; {check.remedy}" if check.remedy else ""
        typer.echo(f"{check.verdict.value:4}  {check.name}: {check.finding}{remedy}")
    return 1 if any(check.verdict is Verdict.FAIL for check in checks) else 0
