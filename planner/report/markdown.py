"""A document as Markdown: charts as their tables."""

from __future__ import annotations

import re
from collections.abc import Iterator

from planner.report.document import (
    CODE,
    Block,
    Bullets,
    Chart,
    Commands,
    Document,
    Paragraph,
    Table,
)
from planner.report.drawing.markup import clean

# Characters that Markdown or the HTML within it would take for marks of their own.
_MARKS = re.compile(r"([\\`*_\[\]|#~]|^[-+>](?=\s)|^\d+(?=[.)]\s))", re.MULTILINE)


def to_markdown(document: Document) -> str:
    """The whole file as text."""
    return "\n".join(_lines(document)) + "\n"


def _lines(document: Document) -> Iterator[str]:
    yield f"# {escaped(document.title)}"
    yield ""
    yield escaped(document.lead)
    if document.facts:
        yield ""
        yield from (f"- {escaped(name)}: **{escaped(value)}**" for name, value in document.facts)
    for section in document.sections:
        yield ""
        yield f"## {escaped(section.title)}"
        for block in section.blocks:
            yield ""
            yield from _block(block)
    yield ""
    yield escaped(document.made)


def escaped(text: str) -> str:
    """On one line, with nothing in it that is markup."""
    line = " ".join(clean(text).split())
    parts = CODE.split(line)
    return "".join(f"`{part}`" if n % 2 else _plain(part) for n, part in enumerate(parts))


def _plain(text: str) -> str:
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _MARKS.sub(r"\\\1", text)


def _block(block: Block) -> Iterator[str]:
    if isinstance(block, Paragraph):
        yield escaped(block.text)
    elif isinstance(block, Bullets):
        yield from (f"- {escaped(line)}" for line in block.lines)
    elif isinstance(block, Commands):
        # indented, for a fence could be closed by what is in it
        for text in block.lines:
            yield from (f"    {clean(line)}" for line in text.splitlines())
    elif isinstance(block, Chart):
        yield f"{escaped(block.caption)}"
        yield ""
        yield from _table(block.table)
    else:
        yield from _table(block)


def _table(table: Table) -> Iterator[str]:
    yield "| " + " | ".join(map(escaped, table.columns)) + " |"
    yield "|" + "".join(" ---: |" if name in table.right else " --- |" for name in table.columns)
    for number, row in enumerate(table.rows):
        cells = [escaped(cell) for cell in row]
        if number == table.strong:
            cells = [f"**{cell}**" if cell else cell for cell in cells]
        yield "| " + " | ".join(cells) + " |"
