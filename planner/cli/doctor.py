"""``planner doctor``: what works, what is missing and how to fix it."""

from __future__ import annotations

import typer


def register(app: typer.Typer) -> None:
    """Mount the command."""
    app.command("doctor")(doctor)


def doctor() -> int:
    """Check the installation: packages, solver, catalog, own measurements, extras."""
    from planner.actions.doctor import Verdict
    from planner.actions.doctor import doctor as run

    checks = run()
    for check in checks:
        remedy = f"; {check.remedy}" if check.remedy else ""
        typer.echo(f"{check.verdict.value:4}  {check.name}: {check.finding}{remedy}")
    return 1 if any(check.verdict is Verdict.FAIL for check in checks) else 0
