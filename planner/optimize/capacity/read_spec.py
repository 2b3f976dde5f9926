"""Spec files: read, checked, and refused in one line that names file and field."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from planner.errors import BadInput
from planner.field_errors import in_words, shown, suggest
from planner.optimize.capacity import spec as fields
from planner.optimize.capacity.plans_from_spec import check_plans
from planner.optimize.capacity.spec import CapacitySpec
from planner.yaml_file import load


def read_spec(path: str, text: str | None = None) -> CapacitySpec:
    """Read one spec, YAML or JSON; ``-`` is stdin. Raises BadInput."""
    where = "stdin" if path == "-" else path
    if path.lower().endswith(".json"):
        return parse_spec(_json(path, text), where=where)
    return parse_spec(load(path, text), where=where)


def _json(path: str, text: str | None) -> object:
    """JSON is nearly YAML, but for tabs; and a year of figures parses ten times as fast."""
    try:
        if text is None:
            text = Path(path).read_text(encoding="utf-8-sig")
        return json.loads(text, object_pairs_hook=lambda pairs: _once(pairs, path))
    except json.JSONDecodeError as error:
        raise BadInput(
            error.msg,
            where=f"{path}: line {error.lineno}, column {error.colno}",
            remedy="correct the JSON",
        ) from None
    except (OSError, UnicodeDecodeError, RecursionError, ValueError):
        return load(path, text)  # which says what is wrong


def _once(pairs: list[tuple[str, Any]], path: str) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise BadInput("is given twice", where=f"{path}: {twice}", remedy="keep one")
    return found


def parse_spec(data: object, *, where: str) -> CapacitySpec:
    """Check a spec given as a mapping. Raises BadInput naming ``where`` and the field."""
    if not isinstance(data, dict):
        raise BadInput(
            f"holds {shown(data)}, not a capacity spec",
            where=where,
            remedy="write `demand:` and `offers:` as a mapping; see `planner schema capacity`",
        )
    try:
        spec = CapacitySpec.model_validate(data)
    except ValidationError as error:
        raise _bad_input(error, data, where) from None
    _check_workloads(spec, where)
    _check_offers(spec, where)
    check_plans(spec, where)
    return spec


def workloads_of(spec: CapacitySpec) -> tuple[fields.WorkloadSpec, ...]:
    """The workloads, a single ``demand:`` under the spec's name."""
    if spec.workloads:
        return spec.workloads
    return (
        fields.WorkloadSpec(
            name=spec.name,
            demand=spec.demand if spec.demand is not None else (),
            unmet_usd_per_unit_hour=spec.unmet_usd_per_unit_hour,
            deferrable_hours=spec.deferrable_hours,
            migration=spec.migration,
        ),
    )


def _check_workloads(spec: CapacitySpec, where: str) -> None:
    if not spec.workloads and spec.demand is None:
        raise BadInput("is missing", where=f"{where}: demand", remedy="add `demand:`")
    if spec.workloads:
        alone = ("demand", "unmet_usd_per_unit_hour", "deferrable_hours", "migration")
        for name in alone:
            if name in spec.model_fields_set:
                raise BadInput(
                    "does not go with workloads",
                    where=f"{where}: {name}",
                    remedy="say it for each of the workloads",
                )
    _refuse_twins([w.name for w in spec.workloads], f"{where}: workloads")


def _check_offers(spec: CapacitySpec, where: str) -> None:
    _refuse_twins([offer.name for offer in spec.offers], f"{where}: offers")
    names = [workload.name for workload in workloads_of(spec)]
    for number, offer in enumerate(spec.offers):
        place = f"{where}: offers.{number}"
        if isinstance(offer.throughput, dict):
            for name in offer.throughput:
                if name not in names:
                    raise BadInput(
                        f"unknown workload {shown(name)}",
                        where=f"{place}.throughput",
                        remedy=suggest(name, names),
                    )
        elif spec.workloads and len(names) > 1:
            raise BadInput(
                "is one figure for several workloads",
                where=f"{place}.throughput",
                remedy=f"write {{{names[0]}: {offer.throughput:g}, ...}}; 0 where it cannot serve",
            )


def _refuse_twins(names: list[str], where: str) -> None:
    for number, name in enumerate(names):
        if name in names[:number]:
            raise BadInput(
                f"{shown(name)} is given twice", where=f"{where}.{number}", remedy="rename one"
            )


def _bad_input(error: ValidationError, data: dict[str, Any], where: str) -> BadInput:
    """The first problem as one line: where, what is wrong, what would be right."""
    first = error.errors(include_url=False)[0]
    path = _fields_of(first["loc"], data)
    if first["type"] in ("union_tag_invalid", "union_tag_not_found"):
        kinds = [str(kind) for kind in str(first["ctx"].get("expected_tags", "")).split(", ")]
        kinds = [kind.strip("'") for kind in kinds if kind]
        given = first["input"].get("shape") if isinstance(first["input"], dict) else None
        return BadInput(
            f"{shown(given)} is not a named shape",
            where=f"{where}: {'.'.join([*path, 'shape'])}",
            remedy=suggest(given, kinds),
        )
    known = sorted(_known_fields(first))
    problem, remedy = in_words({**first, "loc": tuple(path) or ("",)}, known)
    if first["type"] == "value_error" and problem.split(" ")[0].isidentifier():
        name, _, rest = problem.partition(" ")
        if name in known and name != (path[-1] if path else ""):
            path, problem = [*path, name], rest
    remedy = remedy.replace("planner schema workload", "planner schema capacity")
    return BadInput(problem, where=f"{where}: {'.'.join(path)}".rstrip(": "), remedy=remedy)


def _fields_of(loc: tuple[int | str, ...], data: object) -> list[str]:
    """The path in the user's file: pydantic's also names the members of unions."""
    path: list[str] = []
    at: Any = data
    for position, part in enumerate(loc):
        inside = part in at if isinstance(at, Mapping) else False
        if isinstance(at, (list, tuple)):
            inside = isinstance(part, int) and part < len(at)
        new = position == len(loc) - 1 and isinstance(at, Mapping)
        if inside:
            at = at[part]
        elif not new or str(part).startswith("("):
            continue
        path.append(str(part))
    return path


def _known_fields(error: Mapping[str, Any]) -> set[str]:
    """Fields beside the one that is wrong: those of the smallest part that has its siblings."""
    loc = error["loc"] if error["type"] == "value_error" else error["loc"][:-1]
    tags = [part for part in loc if isinstance(part, str)]
    for tag in reversed(tags):
        if tag in _parts_by_tag():
            return _parts_by_tag()[tag]
    return set(CapacitySpec.model_fields) - {"schema_"} | {"schema"}


@cache
def _parts_by_tag() -> dict[str, set[str]]:
    """Fields of each part by the name that leads to it in an error's path."""
    parts: dict[str, type[BaseModel]] = {
        "diurnal": fields.Diurnal,
        "weekly": fields.Weekly,
        "growth": fields.Growth,
        "launch-spike": fields.LaunchSpike,
        "(sum)": fields.Sum,
        "(series)": fields.Series,
        "workloads": fields.WorkloadSpec,
        "offers": fields.OfferSpec,
        "reserved_1y": fields.Reserved,
        "reserved_3y": fields.Reserved,
        "held": fields.Held,
        "purchase": fields.Purchase,
        "power": fields.PowerSpec,
        "catalog": fields.FromCatalog,
        "savings_plans": fields.SavingsPlan,
        "resource_commitments": fields.ResourceCommitment,
        "limits": fields.Limits,
        "migration": fields.Migration,
        "(several)": fields.Series,
    }
    return {tag: set(part.model_fields) for tag, part in parts.items()}
