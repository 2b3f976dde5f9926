"""Parsers of what servers send: bounded, and no text of a feed is ever run or used as a path.

Each raises FetchFailed with the feed's name (``what``), never with the body.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from catalog.sources.base import FetchFailed, Reject

# Nesting of the deepest JSON a provider sends is under ten.
MAX_DEPTH = 40
MAX_ROWS = 3_000_000
LATER = "try again later; if it lasts, the provider changed its format: please report it"


def parse_json(body: bytes, what: str, *, max_depth: int = MAX_DEPTH) -> Any:
    """The document. NaN, Infinity, deep nesting and other texts than JSON raise FetchFailed."""
    try:
        document = json.loads(body.decode("utf-8-sig"), parse_constant=_no_constant)
    except RecursionError:
        raise FetchFailed(f"{what}: JSON nested too deep", LATER) from None
    except ValueError:
        raise FetchFailed(f"{what}: {_not_json(body)}", LATER) from None
    if _deeper_than(max_depth, document):
        raise FetchFailed(f"{what}: JSON nested deeper than {max_depth}", LATER)
    return document


def parse_csv(
    body: bytes | Iterable[str],
    what: str,
    *,
    required: Sequence[str],
    rejects: list[Reject] | None = None,
    skip_lines: int = 0,
    max_rows: int = MAX_ROWS,
    whole_lines: bool = False,
) -> Iterator[dict[str, str]]:
    """Rows by column name, as they are read. ``body`` is UTF-8 bytes or lines of text.

    ``skip_lines`` before the header are left out (AWS price files have five). A row of another
    width goes to ``rejects``. ``whole_lines`` is of feeds whose last line ends too: bytes that end
    within a line are cut off. Raises FetchFailed when a ``required`` column is not in the header,
    when nothing follows it, when there are more than ``max_rows``, and for text that is not CSV.
    """
    if whole_lines and isinstance(body, bytes) and not body.endswith(b"\n"):
        raise FetchFailed(f"{what}: empty, cut off or another text", LATER)
    try:
        lines: Iterable[str] = (
            io.StringIO(body.decode("utf-8-sig"), newline="") if isinstance(body, bytes) else body
        )
        reader = csv.reader(_after(lines, skip_lines), strict=True)
        header = next(reader, [])
        lacking = [column for column in required if column not in header]
        if lacking:
            raise FetchFailed(f"{what}: no column {', '.join(lacking)}", LATER)
        count = 0
        for row in reader:
            count += 1
            if count > max_rows:
                raise FetchFailed(f"{what}: more than {max_rows} rows", LATER)
            if len(row) == len(header):
                yield dict(zip(header, row, strict=True))
            elif row and rejects is not None:
                reason = f"{len(row)} fields under {len(header)} columns"
                rejects.append(Reject(f"{what} line {reader.line_num + skip_lines}", reason))
        if count == 0:
            raise FetchFailed(f"{what}: no rows", LATER)
    except (csv.Error, UnicodeDecodeError):
        raise FetchFailed(f"{what}: not readable as CSV", LATER) from None


def positive(value: object) -> float | None:
    """A finite number above zero, also from its text; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and number > 0 else None


def mapping(value: object) -> dict[str, Any]:
    """``value`` where it is a JSON object, else an empty one: feeds put null for absent."""
    return value if isinstance(value, dict) else {}


def sequence(value: object) -> list[Any]:
    """``value`` where it is a JSON array, else an empty one."""
    return value if isinstance(value, list) else []


def _deeper_than(limit: int, document: Any) -> bool:
    """By levels, not by recursion: a document may be nested deeper than Python's stack."""
    level = [document] if isinstance(document, dict | list) else []
    for _ in range(limit):
        level = [
            child
            for node in level
            for child in (node.values() if isinstance(node, dict) else node)
            if isinstance(child, dict | list)
        ]
    return bool(level)


def _after(lines: Iterable[str], skip: int) -> Iterator[str]:
    for number, line in enumerate(lines):
        if number >= skip:
            yield line


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _not_json(body: bytes) -> str:
    start = body[:200].lstrip().lower()
    if not start:
        return "empty answer"
    if start.startswith((b"<!doctype html", b"<html")):
        return "an HTML page in place of data (a proxy's login page?)"
    return "not JSON, or cut off"
