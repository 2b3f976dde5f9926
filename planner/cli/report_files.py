"""Where a page goes, and as what it is written."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

import typer
from pydantic import BaseModel

from planner.errors import BadInput


class Form(StrEnum):
    HTML = "html"
    MARKDOWN = "markdown"
    JSON = "json"


SUFFIXES = {
    ".html": Form.HTML, ".htm": Form.HTML, ".md": Form.MARKDOWN, ".markdown": Form.MARKDOWN,
    ".json": Form.JSON,
}  # fmt: skip


def form_of(out: Path | None, stated: Form | None, otherwise: Form = Form.MARKDOWN) -> Form:
    """The form asked for, else that of the file's name. Raises BadInput."""
    if stated is not None:
        return stated
    if out is None:
        return otherwise
    form = SUFFIXES.get(out.suffix.lower())
    if form is None:
        known = ", ".join(SUFFIXES)
        raise BadInput(
            f"{out.suffix or 'no ending'} is no form of a report",
            where=f"--out {out}",
            remedy=f"end the name in one of {known}, or say --format html",
        )
    return form


def refuse_place(out: Path | None, force: bool) -> None:
    """Said before a minute of computing, not after it. Raises BadInput."""
    from planner.actions.write_file import REMEDY

    if out is not None and out.is_dir():
        raise BadInput("is a directory", where=str(out), remedy="name a file in it")
    if out is not None and not out.absolute().parent.is_dir():
        raise BadInput("is in no folder that exists", where=str(out), remedy="make the folder")
    if out is not None and out.exists() and not force:
        raise BadInput("exists already", where=str(out), remedy=REMEDY)


def deliver(
    result: BaseModel,
    form: Form,
    out: Path | None,
    *,
    force: bool,
    file: str,
    made: str,
    quiet: bool,
) -> None:
    """Write the page to its file whole or not at all, or print it."""
    from planner.actions.write_file import write_text
    from planner.report.pages.rendered import rendered

    text = rendered(result, form.value, file=file, made=made)
    if out is None:
        typer.echo(text.rstrip("\n"))
        return
    write_text(out, text if text.endswith("\n") else text + "\n", force=force)
    if not quiet:
        typer.echo(f"wrote {out}", err=True)
