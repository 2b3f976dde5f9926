"""What a report is made of, whatever it is written as."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element

# Commands and words of files stand between backticks in a sentence. Nothing that is markup in
# Markdown may stand there, so that a name cannot use them.
CODE = re.compile(r"`(\w[\w .:/=,-]*)`")


@dataclass(frozen=True)
class Paragraph:
    text: str


@dataclass(frozen=True)
class Bullets:
    lines: Sequence[str]


@dataclass(frozen=True)
class Commands:
    """Lines for a shell."""

    lines: Sequence[str]


@dataclass(frozen=True)
class Table:
    """Cells as text; columns named in ``right`` are numbers."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    right: Sequence[str] = ()
    strong: int | None = None  # the row that matters


@dataclass(frozen=True)
class Chart:
    """A drawing with the figures in it beside; Markdown has the figures alone."""

    caption: str
    svg: Element
    table: Table


Block = Paragraph | Bullets | Commands | Table | Chart


@dataclass(frozen=True)
class Section:
    title: str
    blocks: Sequence[Block]


@dataclass(frozen=True)
class Document:
    """``lead`` is the answer in a sentence, ``facts`` are name and value, the few that count."""

    title: str
    lead: str
    facts: Sequence[tuple[str, str]]
    sections: Sequence[Section]
    made: str  # by what, when, from which catalog


@dataclass(frozen=True)
class Draft:
    """Sections as they come; empty ones are left out."""

    sections: list[Section]

    def add(self, title: str, *blocks: Block | None) -> None:
        found = [block for block in blocks if block is not None and not _is_empty(block)]
        if found:
            self.sections.append(Section(title, found))


def _is_empty(block: Block) -> bool:
    if isinstance(block, Table):
        return not block.rows
    if isinstance(block, (Bullets, Commands)):
        return not block.lines
    return isinstance(block, Paragraph) and not block.text
