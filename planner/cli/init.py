"""``planner init``: asks what the work is and writes the workload file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from catalog import Catalog
    from planner.actions.init import Draft, Question


def register(app: typer.Typer) -> None:
    """Mount the command."""
    app.command("init")(init)


def init(
    kind: Annotated[str | None, typer.Option(help="Kind of work, e.g. finetune.")] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="FIELD=VALUE",
            help="A field, e.g. tokens=50M or where.clouds=aws,gcp; repeatable. Asks nothing then.",
        ),
    ] = None,
    out: Annotated[
        str | None, typer.Option(metavar="FILE", help="Where to write; - prints.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
) -> int:
    """Ask what the work is, check each answer, and write a workload file.

    With --kind and --set nothing is asked. Nothing is written before everything is known.
    """
    from catalog import Catalog
    from planner.actions.init import Draft
    from planner.actions.write_file import REMEDY, write_text
    from planner.errors import BadInput

    asks = not set_ and sys.stdin.isatty()
    if kind is None and not asks:
        raise BadInput(
            "stdin is not a terminal, so nothing can be asked"
            if not sys.stdin.isatty()
            else "the kind of work is missing",
            where="init",
            remedy="say --kind KIND --set model=NAME ... --out FILE",
        )
    if out not in (None, "-") and Path(out or "").exists() and not force:
        raise BadInput("exists already", where=str(out), remedy=REMEDY)
    catalog = Catalog.open()
    draft = _ask_kind(catalog) if kind is None else Draft(kind, catalog)
    if asks:
        for question in draft.questions:
            _ask(draft, question)
    else:
        for assignment in set_ or []:
            field, equals, value = assignment.partition("=")
            if not equals:
                raise BadInput(
                    f"{assignment!r} is not FIELD=VALUE", where="--set", remedy="write tokens=50M"
                )
            draft.answer(field.strip(), value)
        draft.fill_defaults()
    text = draft.text()
    if out == "-":
        typer.echo(text, nl=False)
        return 0
    name = out or draft.file_name()
    if asks and out is None:
        name = _prompt("File to write", name)
    write_text(Path(name), text, force=force)
    typer.echo(f"wrote {name}; next: planner recommend {name}", err=True)
    return 0


def _prompt(text: str, default: str) -> str:
    """One line from the user; the question goes to stderr, so that stdout holds the file only."""
    typer.echo(f"{text} [{default}]: " if default else f"{text}: ", nl=False, err=True)
    line = sys.stdin.readline()
    if not line:  # end of input: nobody answers any more
        raise typer.Abort
    return line.strip() or default


def _ask_kind(catalog: Catalog) -> Draft:
    from planner.actions.init import Draft, kinds
    from planner.errors import BadInput

    while True:
        kind = _prompt(f"Kind of work ({kinds()})", "finetune")
        try:
            return Draft(kind, catalog)
        except BadInput as error:
            typer.echo(f"  {error}", err=True)


def _ask(draft: Draft, question: Question) -> None:
    """Ask until the answer can be used."""
    from planner.actions.init import models_in_words
    from planner.errors import BadInput

    while True:
        answer = _prompt(question.text, question.default or "")
        if not answer:
            if question.default is None:
                continue
            draft.leave_out(question)
            return
        if question.field == "model" and answer.startswith("?"):
            found = draft.search(answer[1:].strip())
            typer.echo(f"  {models_in_words(found, draft.kind)}", err=True)
            continue
        try:
            draft.answer(question.field, answer)
            return
        except BadInput as error:
            typer.echo(f"  {error}", err=True)
