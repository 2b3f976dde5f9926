"""What the commands of ``planner catalog`` share: options, messages, the opened catalog."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from catalog import Catalog


class Format(StrEnum):
    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    MARKDOWN = "markdown"


FormatOption = Annotated[Format, typer.Option(help="Form of the answer.")]
QuietOption = Annotated[bool, typer.Option("--quiet", help="No messages on stderr.")]


def open_catalog(quiet: bool) -> Catalog:
    from planner.actions.session import open_session

    return open_session(say=None if quiet else say).catalog


def say(line: str) -> None:
    typer.echo(line, err=True)
