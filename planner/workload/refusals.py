"""From a pydantic error to one line: file and field, what is wrong, what would be right."""

from __future__ import annotations

from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from planner.errors import BadInput
from planner.field_errors import in_words, is_close
from planner.workload.model import FORMS
from planner.workload.where import Where


def bad_input(
    error: ValidationError, model: type[BaseModel], where: str, extra: tuple[str, ...] = ()
) -> BadInput:
    """The most telling problem. ``extra`` are fields that are known beside those of ``model``."""
    return _refusal(_most_telling(error), model, where, extra)[1]


def refusals(
    error: ValidationError, model: type[BaseModel], where: str
) -> list[tuple[str, bool, BadInput]]:
    """Every problem: the path of its field, whether that is merely missing, and the line."""
    found = []
    for each in error.errors(include_url=False):
        path, line = _refusal(each, model, where, ())
        found.append((place("", path).removeprefix(": "), each["type"] == "missing", line))
    return found


def _refusal(
    first: Any, model: type[BaseModel], where: str, extra: tuple[str, ...]
) -> tuple[list[int | str], BadInput]:
    located = _without_forms(first["loc"])
    is_value_error = str(first["type"]) == "value_error"
    known = [*_fields_at(model, located[:-1]), *extra]
    problem, remedy = in_words({**first}, sorted(known))
    if (
        first["type"] == "extra_forbidden"
        and len(located) == 1
        and located[0] in Where.model_fields
    ):
        remedy = f"write it under `where:`, as where.{located[0]}"
    if not located or is_value_error:
        # a check of several fields together begins with the name of one
        field, _, rest = problem.partition(" ")
        if field in _fields_at(model, located):
            located, problem = [*located, field], rest
    if str(first["type"]) in ("extra_forbidden", "invalid_key") and located:
        located[-1] = str(located[-1])
    return located, BadInput(problem, where=place(where, located), remedy=remedy)


def place(where: str, path: list[int | str]) -> str:
    """File and field as people write them: ``job.yaml: where.on_prem[0].accelerator``."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part or repr(part)}" if text else part or repr(part)
    return f"{where}: {text}" if text else where


def _most_telling(error: ValidationError) -> Any:
    """The first error; but a misspelt field before the missing one that it was meant to be."""
    errors = error.errors(include_url=False)
    for missing in errors:
        if missing["type"] != "missing":
            continue
        *parent, name = missing["loc"]
        for other in errors:
            if other["type"] == "extra_forbidden" and [*other["loc"][:-1]] == parent:
                given = str(other["loc"][-1])
                if is_close(given, str(name)):
                    return other
    return errors[0]


def _without_forms(loc: tuple[int | str, ...]) -> list[int | str]:
    """The path without what is no field: the form of a model, the mark of a mapping's key."""
    path = [part for part in loc if part != "[key]"]
    if path[:1] == ["model"] and path[1:2] and path[1] in FORMS:
        del path[1]
    return path


def _fields_at(model: type[BaseModel], path: list[int | str]) -> list[str]:
    """Field names of the mapping at ``path`` inside ``model``; none where there is no such."""
    current: type[BaseModel] = model
    for part in path:
        if isinstance(part, int):
            continue
        field = current.model_fields.get(part)
        nested = None if field is None else _model_in(field.annotation)
        if nested is None:
            return []
        current = nested
    return sorted(current.model_fields)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for part in get_args(annotation):
        found = _model_in(part)
        if found is not None:
            return found
    return None
