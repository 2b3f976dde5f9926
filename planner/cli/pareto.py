"""``planner pareto``: what more speed costs, or what patience saves."""

from __future__ import annotations

from typing import Annotated

import typer

from planner.cli.answers import Format, front_notes, say, show_front
from planner.cli.workload_options import Given, with_workload


def register(app: typer.Typer) -> None:
    """Mount the command."""
    app.command("pareto")(pareto)


@with_workload
def pareto(
    given: Given,
    carbon: Annotated[
        bool, typer.Option("--carbon", help="Weigh kg CO2e as well, where it is known.")
    ] = False,
    format: Annotated[Format, typer.Option(help="Form of the answer.")] = Format.TABLE,
    quiet: Annotated[bool, typer.Option("--quiet", help="No messages on stderr.")] = False,
) -> int:
    """List the configurations that no other beats in both cost and time (a service: latency).

    With --carbon in cost, time and carbon: power of the devices x hours x PUE x the region's grid.

    Deadline and budget do not cut the list; every other constraint does.
    """
    from planner.actions.session import open_session

    session = open_session(say=None if quiet else say)
    front = session.front_from(given.file, None, given.fields, given.place, carbon=carbon)
    if not quiet:
        for line in front_notes(front):
            say(line)
    return show_front(front, format)
