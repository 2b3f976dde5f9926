"""``planner schema``: the JSON schema of what goes in and what comes out."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated

import typer


class Subject(StrEnum):
    WORKLOAD = "workload"
    RECOMMENDATION = "recommendation"
    ESTIMATE = "estimate"
    CAPACITY = "capacity"
    CAPACITY_RESULT = "capacity-result"


def register(app: typer.Typer) -> None:
    """Mount the command."""
    app.command("schema")(schema)


def schema(
    subject: Annotated[Subject, typer.Argument(help="Which document.")] = Subject.WORKLOAD,
) -> int:
    """Print the JSON schema of a workload file or of a result."""
    from planner.actions.schemas import json_schema

    typer.echo(json.dumps(json_schema(subject.value), indent=2))
    return 0
