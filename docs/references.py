"""The reference pages that follow from the code: commands with their flags, documents with their
fields, keys of the screen. ``docs/generate.py`` writes them.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator
from contextlib import redirect_stdout
from typing import Any

WIDTH = "100"


def commands() -> str:
    """Every command's own help: single ones, then groups, in the order of ``planner --help``."""
    from planner.cli.main import COMMANDS, GROUPS, build

    lines = [
        "# Commands",
        "",
        "Made from the commands themselves by `docs/generate.py`. Results go to stdout, everything",
        "else to stderr; a flag replaces the file's field.",
        "",
        *_fenced(["--help"]),
    ]
    for name in COMMANDS:
        lines += ["", f"## planner {name}", "", *_fenced([name, "--help"])]
    for group in GROUPS:
        lines += ["", f"## planner {group}", "", *_fenced([group, "--help"])]
        for name in _subcommands(build([group]), group):
            lines += ["", f"### planner {group} {name}", "", *_fenced([group, name, "--help"])]
    return "\n".join(lines) + "\n"


def tui_keys() -> str:
    """Every key of the terminal interface: what a config file may move."""
    from tui.app import keys_and_meanings

    lines = [
        "# Keys of the terminal interface",
        "",
        "Made from the screens by `docs/generate.py`. The first column is the name in the config",
        "file ([how](../tui.md#settings)).",
        "",
        "| name | key | does |",
        "| --- | --- | --- |",
    ]
    for id_, (keys, does) in keys_and_meanings().items():
        lines.append(f"| {id_} | `{keys}` | {does} |")
    return "\n".join(lines) + "\n"


def documents() -> str:
    """Every document users write or read, with its fields; nested ones stand once."""
    from planner.actions.schemas import FILES, RESULTS, json_schema

    lines = [
        "# JSON and YAML",
        "",
        "Made from the types themselves by `docs/generate.py`. `planner schema NAME` prints the",
        "JSON schema of each. Units are in the names; an unknown is null, never 0.",
    ]
    told: set[str] = set()
    for title, subjects in (("Files you write", FILES), ("Answers you read", RESULTS)):
        lines += ["", f"## {title}"]
        for subject in subjects:
            schema = json_schema(subject)
            if "properties" not in schema:  # one of several kinds, each with a section of its own
                continue
            lines += ["", f"### {subject}", "", *_about(schema), *_fields(schema)]
            for name, nested in schema.get("$defs", {}).items():
                key = name + json.dumps(nested, sort_keys=True)
                if key in told or "properties" not in nested:
                    continue
                told.add(key)
                lines += ["", f"#### {name} (of {subject})", "", *_about(nested), *_fields(nested)]
    return "\n".join(lines) + "\n"


def _fenced(words: list[str]) -> list[str]:
    from planner.cli.main import run

    out = io.StringIO()
    kept = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = WIDTH
    try:
        with redirect_stdout(out):
            run(words)
    finally:
        if kept is None:
            del os.environ["COLUMNS"]
        else:
            os.environ["COLUMNS"] = kept
    return ["```text", *(line.rstrip() for line in out.getvalue().strip().splitlines()), "```"]


def _subcommands(app: Any, group: str) -> Iterator[str]:
    from typer.main import get_command

    root: Any = get_command(app)
    found = root.commands.get(group, root)
    yield from found.commands


def _about(schema: dict[str, Any]) -> list[str]:
    text = " ".join(str(schema.get("description", "")).split())
    return [text.replace("``", "`"), ""] if text else []


def _fields(schema: dict[str, Any]) -> list[str]:
    lines = ["| field | type | meaning |", "| --- | --- | --- |"]
    needed = set(schema.get("required", ()))
    for name, field in schema["properties"].items():
        shown = f"`{name}`" + (" (needed)" if name in needed else "")
        meaning = " ".join(str(field.get("description", "")).split())
        lines.append(f"| {shown} | {_type(field)} | {meaning} |".replace("``", "`"))
    return [_cell(line) for line in lines]


def _cell(line: str) -> str:
    return line.replace("<", "&lt;")


def _type(field: dict[str, Any]) -> str:
    if "$ref" in field:
        return str(field["$ref"]).rpartition("/")[2]
    if "const" in field:
        return f"`{field['const']}`"
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"])
    for several in ("anyOf", "oneOf"):
        if several in field:
            return " or ".join(dict.fromkeys(_type(one) for one in field[several]))
    if field.get("type") == "array":
        inner = field.get("items", {})
        return f"list of {_type(inner)}" if inner else "list"
    if field.get("type") == "object":
        inner = field.get("additionalProperties")
        return f"mapping to {_type(inner)}" if isinstance(inner, dict) and inner else "mapping"
    return str(field.get("type", "any"))
