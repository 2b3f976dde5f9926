"""A model given by the profile that ``planner trace`` wrote: ``model: {profile: net.yaml}``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import GetJsonSchemaHandler

from planner.errors import BadInput
from planner.field_errors import shown
from planner.yaml_file import load, read_text

# One line a layer: a network of 10,000 modules takes 3 MB.
MAX_BYTES = 64 << 20
SCHEMA = "planner.profile/1"


def with_profile(data: dict[str, Any], where: str) -> dict[str, Any]:
    """``data`` with the model of the profile it names; other fields of ``model`` replace the
    profile's. Raises BadInput.
    """
    model = data.get("model")
    if not isinstance(model, dict) or "profile" not in model:
        return data
    name = model["profile"]
    place = f"{where}: model.profile"
    if not isinstance(name, str) or not name or name == "-":
        raise BadInput(f"{shown(name)} is no file", where=place, remedy="name a profile's file")
    try:
        content = load(name, read_text(name, name, MAX_BYTES))
    except BadInput as error:
        remedy = error.remedy
        if error.problem == "no such file":
            remedy = "write it with `planner trace package.module:factory --input ... --out FILE`"
        raise BadInput(f"{error.where}: {error.problem}", where=place, remedy=remedy) from None
    found = content.get("model") if isinstance(content, dict) else None
    if not isinstance(content, dict) or content.get("schema") != SCHEMA:
        raise BadInput(
            f"{shown(name)} is no {SCHEMA}", where=place, remedy="name a file of `planner trace`"
        )
    if not isinstance(found, dict) or "profile" in found:
        raise BadInput(f"{shown(name)} holds no model", where=place, remedy="trace the model again")
    said = {field: value for field, value in model.items() if field != "profile"}
    return {**data, "model": {**found, **said}}


def beside(data: object, file: str) -> object:
    """``data`` of a workload ``file`` with the profiles it names looked for beside that file."""
    if not isinstance(data, dict) or file == "-":
        return data
    model, listed = data.get("model"), data.get("workloads")
    if isinstance(model, dict) and isinstance(model.get("profile"), str):
        path = str(Path(file).parent / model["profile"])
        data = {**data, "model": {**model, "profile": path}}
    if isinstance(listed, list):
        data = {**data, "workloads": [beside(each, file) for each in listed]}
    return data


class OrProfile:
    """Adds the form ``{profile: FILE}`` to the published schema of a model's mapping."""

    def __get_pydantic_json_schema__(
        self, core_schema: Any, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        shape = handler(core_schema)
        if handler.mode == "serialization":
            return shape
        named = {"type": "string", "minLength": 1, "description": "written by planner trace"}
        return {
            "anyOf": [
                shape,
                {"type": "object", "properties": {"profile": named}, "required": ["profile"]},
            ]
        }
