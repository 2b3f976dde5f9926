"""YAML files from people: read, parsed and refused with file, line and remedy."""

from __future__ import annotations

import sys
from dataclasses import field
from pathlib import Path
from typing import Any

from catalog.records import dataclass
from planner.errors import BadInput

# A workload file has a few lines; more is a mistake (or a device such as /dev/zero).
MAX_BYTES = 1 << 20
# The parser recurses in C: unlimited nesting would overflow its stack and kill the process.
MAX_DEPTH = 40


def load(path: str, text: str | None = None) -> object:
    """The content of a YAML file, unchecked; ``-`` is stdin. Raises BadInput.

    ``text`` stands for the file's content. Values are shared, not copied, where aliases repeat
    them: never print one whole.
    """
    import yaml

    if not path:
        raise BadInput("the file name is empty", where="command line", remedy="name a file")
    where = "stdin" if path == "-" else path
    if text is None:
        text = read_text(path, where)
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        _check_structure(text, where, loader)
        return yaml.load(text, Loader=loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{where}: line {mark.line + 1}, column {mark.column + 1}" if mark else where
        problem = getattr(error, "problem", None) or "is not YAML text"
        raise BadInput(str(problem), where=place, remedy="correct the YAML") from None
    except (RecursionError, ValueError, OverflowError) as error:
        # From the conversion of scalars: dates such as 2026-99-99, integers of 5,000 digits.
        problem = str(error).split(":")[0]
        raise BadInput(problem, where=where, remedy="put text in quotes") from None


def read_text(path: str, where: str, max_bytes: int = MAX_BYTES) -> str:
    """The text of a file, ``-`` is stdin. Raises BadInput."""
    try:
        if path == "-":
            raw = sys.stdin.buffer.read(max_bytes + 1)
        else:
            with Path(path).open("rb") as stream:
                raw = stream.read(max_bytes + 1)
    except FileNotFoundError:
        raise BadInput("no such file", where=where, remedy="check the path") from None
    except IsADirectoryError:
        raise BadInput("is a directory", where=where, remedy="name a YAML file in it") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise BadInput(
            f"cannot be read ({reason})", where=where, remedy="name a file that can"
        ) from None
    if len(raw) > max_bytes:
        size = f"{max_bytes >> 20} MiB"
        raise BadInput(f"is larger than {size}", where=where, remedy="name a workload file")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(
            f"byte {error.start} is not UTF-8 text", where=where, remedy="save it as UTF-8 text"
        ) from None


@dataclass
class _Open:
    """A collection whose end has not come yet."""

    is_mapping: bool
    anchor: str | None = None
    keys: set[str] = field(default_factory=set)
    at_key: bool = True


def _check_structure(text: str, where: str, loader: Any) -> None:
    """Refuse what YAML accepts but nobody means.

    That is a field given twice, a value inside itself, bottomless nesting.
    """
    import yaml

    within: list[_Open] = []
    for event in yaml.parse(text, Loader=loader):
        mark = event.start_mark
        place = where if mark is None else f"{where}: line {mark.line + 1}"
        if isinstance(event, yaml.CollectionEndEvent):
            within.pop()
            continue
        if not isinstance(event, yaml.NodeEvent):
            continue
        if isinstance(event, yaml.AliasEvent) and any(o.anchor == event.anchor for o in within):
            raise BadInput(
                f"*{event.anchor} stands inside what it names",
                where=place,
                remedy="write the value out",
            )
        around = within[-1] if within else None
        if around is not None and around.is_mapping:
            if around.at_key and isinstance(event, yaml.ScalarEvent):
                if event.value in around.keys:
                    raise BadInput(
                        "is given twice", where=f"{place}: {event.value}", remedy="keep one"
                    )
                around.keys.add(event.value)
            around.at_key = not around.at_key
        if isinstance(event, yaml.CollectionStartEvent):
            if len(within) == MAX_DEPTH:
                raise BadInput("is nested too deeply", where=place, remedy="correct the YAML")
            within.append(_Open(isinstance(event, yaml.MappingStartEvent), event.anchor))
