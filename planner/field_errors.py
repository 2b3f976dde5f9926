"""What is wrong with a field and what would be right, in words for the user."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

_LONGEST_SHOWN = 40

_EXPECTED: Mapping[str, str] = {
    "string_type": "text",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "tuple_type": "a list such as [a, b]",
    "dict_type": "a mapping such as {name: value}",
    "model_type": "a mapping of fields",
}


def shown(value: object) -> str:
    """A value short enough for one line; collections by their kind only."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, (list, tuple)):
        return "a list"
    text = repr(value) if isinstance(value, (str, int, float)) else str(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."


def some(names: Iterable[str], count: int = 12) -> str:
    """The first names in order, and how many more there are."""
    listed = sorted(name for name in names if name)
    more = f" and {len(listed) - count} more" if len(listed) > count else ""
    return ", ".join(listed[:count]) + more


def suggest(name: object, known: Sequence[str], otherwise: str = "") -> str:
    """The known name that was probably meant, or all of them."""
    # Only text is compared: the text of a collection of aliases may not fit into memory.
    close = difflib.get_close_matches(name, known, n=1) if isinstance(name, str) else []
    return f"did you mean {close[0]}?" if close else otherwise or f"use one of {', '.join(known)}"


def in_words(error: Mapping[str, Any], known: Sequence[str]) -> tuple[str, str]:
    """Problem and remedy of one pydantic error; ``known`` are the fields beside this one."""
    kind, value, context = str(error["type"]), error.get("input"), error.get("ctx", {})
    name = error["loc"][-1] if error["loc"] else ""
    if kind in ("extra_forbidden", "invalid_key"):
        return "unknown field", suggest(name, known, f"known fields: {', '.join(known)}")
    if kind == "missing":
        return "is missing", f"add `{name}:`"
    if kind in ("enum", "literal_error"):
        allowed = [word.strip("' ") for word in context["expected"].replace(" or ", ",").split(",")]
        return f"{shown(value)} is not one of the choices", suggest(value, allowed)
    if kind in ("greater_than_equal", "less_than_equal") and value == value:  # not NaN
        below = kind == "greater_than_equal"
        limit = context["ge" if below else "le"]
        return (
            f"{shown(value)} is {'below' if below else 'above'} {limit:g}",
            f"use {limit:g} or {'more' if below else 'less'}",
        )
    if kind in ("greater_than_equal", "less_than_equal", "finite_number"):
        return f"{shown(value)} is not a finite number", "use a number"
    if kind in ("too_short", "string_too_short"):
        return "is empty", "give at least one, or leave the field out"
    if kind == "string_too_long":
        most = context["max_length"]
        return f"{shown(value)} is longer than {most} characters", "shorten it"
    if kind in _EXPECTED:
        return f"{shown(value)} is not {_EXPECTED[kind]}", f"write {_EXPECTED[kind]}"
    problem, _, remedy = str(error["msg"]).removeprefix("Value error, ").partition("; ")
    return problem, remedy or "see `planner schema workload`"
