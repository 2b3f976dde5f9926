"""``planner schema``: the JSON schema of what goes in and what comes out."""

from __future__ import annotations

import json
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Mount the command."""
    app.command("schema")(schema)


def schema(
    subject: Annotated[
        str,
        typer.Argument(
            metavar="[SUBJECT]",
            help="workload, portfolio, a kind of work (finetune, serving, ...), recommendation or "
            "estimate.",
        ),
    ] = "workload",
) -> int:
    """Print the JSON schema of a workload file, of one kind of work, or of a result."""
    from planner.actions.schemas import SUBJECTS, json_schema
    from planner.errors import BadInput
    from planner.field_errors import shown, suggest

    if subject not in SUBJECTS:
        raise BadInput(
            f"{shown(subject)} has no schema", where="schema", remedy=suggest(subject, SUBJECTS)
        )
    typer.echo(json.dumps(json_schema(subject), indent=2))
    return 0
