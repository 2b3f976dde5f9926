"""Saved recommendations: read back, and their workload turned into a file's form again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, BeforeValidator, ValidationError

from planner import quantities
from planner.errors import BadInput
from planner.field_errors import shown
from planner.results import Recommendation
from planner.workload import MODELS, Workload, parse

SCHEMA = "planner.recommendation/1"
# Results hold numbers in the unit of the field; a file must say the unit where a bare number
# could be misread.
_UNITS: Mapping[object, str] = {
    quantities.hours: "h",
    quantities.gib: "GiB",
    quantities.seconds: "s",
    quantities.byte_count: "B",
    quantities.watts: "W",
    quantities.kilowatts: "kW",
}


def read_result(path: str) -> Recommendation:
    """A result saved by ``planner recommend --format json``. Raises BadInput."""
    found = read_saved(path, {SCHEMA: Recommendation})
    assert isinstance(found, Recommendation)
    return found


def read_saved(path: str, schemas: Mapping[str, type[BaseModel]]) -> BaseModel:
    """A saved result of one of these schemas. Raises BadInput."""
    try:
        text = Path(path).read_text(encoding="utf-8")
        data = json.loads(text, parse_constant=_no_number)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        raise BadInput(
            f"cannot be read ({reason})", where=path, remedy="name a saved result"
        ) from None
    except (ValueError, RecursionError) as error:
        raise BadInput(
            f"is no JSON ({error})".splitlines()[0],
            where=path,
            remedy="save one with planner recommend ... --format json",
        ) from None
    schema = data.get("schema") if isinstance(data, dict) else None
    if not isinstance(schema, str) or schema not in schemas:
        found = f"holds {shown(schema)}" if schema is not None else "holds no result"
        one_kind = "one workload's result with planner recommend"
        several = "one with planner recommend, compare, mix, capacity"
        if "planner.sweep/1" in schemas:
            several = f"{several}, estimate, pareto, sweep"
        remedy = one_kind if len(schemas) == 1 else several
        wanted = f"not {' or '.join(schemas)}" if len(schemas) < 6 else "which is not read here"
        raise BadInput(
            f"{found}, {wanted}",
            where=f"{path}: schema",
            remedy=f"save {remedy} ... --format json",
        )
    try:
        return schemas[schema].model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        raise BadInput(
            f"{first['msg']}".lower(),
            where=f"{path}: {field}",
            remedy="save the result again, it was changed by hand",
        ) from None


def _no_number(word: str) -> float:
    """NaN and Infinity are no JSON, though Python reads them."""
    raise ValueError(f"{word} is no number")


def workload_of(result: Recommendation, path: str) -> Workload:
    """The workload embedded in a result. Raises BadInput."""
    return workload_from_data(result.workload, path)


def workload_from_data(data: Mapping[str, Any], path: str) -> Workload:
    """A workload as results embed it. Raises BadInput."""
    model = MODELS.get(str(data.get("kind")))
    written = data if model is None else _written(data, model)
    return parse(written, where=f"{path}: workload")


def _written(data: Any, model: type[BaseModel]) -> Any:
    """``data``, as dumped from ``model``, with units on the numbers that need them."""
    if not isinstance(data, dict):
        return data
    rules = _rules(model)
    found: dict[str, Any] = {}
    for name, value in data.items():
        unit, part = rules.get(name, ("", None))
        if part is not None and isinstance(value, list):
            found[name] = [_written(item, part) for item in value]
        elif part is not None and isinstance(value, dict):
            found[name] = _written(value, part)
        elif unit and isinstance(value, (int, float)) and not isinstance(value, bool):
            found[name] = f"{value!r}{unit}"
        else:
            found[name] = value
    return found


@cache
def _rules(model: type[BaseModel]) -> dict[str, tuple[str, type[BaseModel] | None]]:
    """Of each field: the unit its numbers need, and the model of the mapping(s) it holds."""
    found: dict[str, tuple[str, type[BaseModel] | None]] = {}
    for name, field in model.model_fields.items():
        parts = [field.annotation, *field.metadata, *_within(field.annotation)]
        validators = [part.func for part in parts if isinstance(part, BeforeValidator)]
        unit = next((_UNITS[f] for f in validators if f in _UNITS), "")
        models = [p for p in parts if isinstance(p, type) and issubclass(p, BaseModel)]
        found[name] = (unit, models[0] if models else None)
    return found


def _within(annotation: object) -> list[Any]:
    """Everything an annotation is made of, to the bottom."""
    inner = list(get_args(annotation))
    return inner + [part for each in inner for part in _within(each)]
