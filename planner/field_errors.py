"""What is wrong with a field and what would be right, in words for the user."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from planner.errors import BadInput

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


def a(noun: str) -> str:
    """The noun with its article."""
    return f"{'an' if noun[:1] in 'aeiou' else 'a'} {noun}"


def is_close(name: str, known: str) -> bool:
    """Whether ``name`` may be ``known`` misspelt."""
    return bool(difflib.get_close_matches(name, [known], n=1))


# Bounds: pydantic's word, the key of its limit, how a value breaks it, what would be right.
_BOUNDS: Mapping[str, tuple[str, str, str]] = {
    "greater_than_equal": ("ge", "is below {0:g}", "use {0:g} or more"),
    "greater_than": ("gt", "is not above {0:g}", "use more than {0:g}"),
    "less_than_equal": ("le", "is above {0:g}", "use {0:g} or less"),
    "less_than": ("lt", "is not below {0:g}", "use less than {0:g}"),
}


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
    if kind == "finite_number" or (kind in _BOUNDS and value != value):  # NaN
        return f"{shown(value)} is not a finite number", "use a number"
    if kind in _BOUNDS:
        limit, problem, remedy = _BOUNDS[kind]
        bound = context[limit]
        number = f"{value:g}" if isinstance(value, float) else shown(value)
        return f"{number} {problem.format(bound)}", remedy.format(bound)
    if kind in ("too_short", "string_too_short"):
        return "is empty", "give at least one, or leave the field out"
    if kind == "string_too_long":
        most = context["max_length"]
        return f"{shown(value)} is longer than {most} characters", "shorten it"
    if kind == "too_long":
        return f"holds more than {context['max_length']}", "give fewer"
    if kind in _EXPECTED:
        return f"{shown(value)} is not {_EXPECTED[kind]}", f"write {_EXPECTED[kind]}"
    if kind == "string_pattern_mismatch":
        return f"{shown(value)} is not of the form asked for", "see `planner schema workload`"
    problem, _, remedy = str(error["msg"]).removeprefix("Value error, ").partition("; ")
    return problem, remedy or "see `planner schema workload`"


def amount(parse: Callable[[object], float], value: object, where: str) -> float:
    """What a parser of ``planner.quantities`` makes of ``value``. Raises BadInput."""
    try:
        return float(parse(value))
    except ValueError as error:
        problem, _, remedy = str(error).partition("; ")
        raise BadInput(problem, where=where, remedy=remedy) from None
