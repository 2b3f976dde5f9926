"""The output of a benchmark: its result line, and what must not be shown."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Iterable, Mapping
from typing import Any

from launchers.errors import BenchmarkFailed

MARKER = "@@PLANNER_RESULT "
# Before what the machine does just now, which programs print when this variable is set.
SAMPLE_MARKER = "@@PLANNER_SAMPLE "
SAMPLES_WANTED = "PLANNER_SAMPLES"
SCHEMA = "planner.benchmark/1"
TEXTS = ("benchmark", "model", "task", "metric", "device")
SECTIONS = ("hardware", "versions", "config", "data")
# Environment variables whose values nobody may see: clouds' SDKs put some of them into errors.
SECRET_NAMES = re.compile(r"(?i)SECRET|TOKEN|PASSW|API_?KEY|ACCESS_KEY|CREDENTIAL")
SHORTEST_SECRET = 8
REMEDY = "see its output above; the run is in `planner calibrate status`"


def find_result(lines: Iterable[str], where: str) -> tuple[dict[str, Any], str]:
    """The last result among the lines, parsed and as printed.

    Log systems put a prefix before the marker and colour codes after the JSON; both are
    ignored. Raises BenchmarkFailed for no marker, broken JSON, another schema or a speed that is
    no positive number.
    """
    marked = [line.split(MARKER, 1)[1] for line in lines if MARKER in line]
    if not marked:
        raise BenchmarkFailed("ended without a result", where=where, remedy=REMEDY)
    text = marked[-1].lstrip()
    try:
        document, end = json.JSONDecoder().raw_decode(text)
    except ValueError as error:
        raise BenchmarkFailed(
            f"printed a result that is not JSON ({error})", where=where, remedy=REMEDY
        ) from error
    problem = problem_of(document)
    if problem:
        raise BenchmarkFailed(f"printed a bad result: {problem}", where=where, remedy=REMEDY)
    return document, text[:end]


def sample_of(line: str) -> dict[str, float] | None:
    """The sample in a line of output (``second``, ``cpu_percent``, ...); None where it is none."""
    if SAMPLE_MARKER not in line:
        return None
    try:
        found, _ = json.JSONDecoder().raw_decode(line.split(SAMPLE_MARKER, 1)[1].lstrip())
    except ValueError:  # cut by another rank's line: the next one comes in a second
        return {}
    if not isinstance(found, dict):
        return {}
    return {str(name): float(v) for name, v in found.items() if isinstance(v, (int, float))}


def problem_of(document: object) -> str:
    """Why a document is no result of a benchmark; empty when it is one."""
    if not isinstance(document, dict):
        return "not an object"
    if document.get("schema") != SCHEMA:
        return f"schema is {document.get('schema')!r}, expected {SCHEMA!r}"
    for name in TEXTS:
        if not isinstance(document.get(name), str):
            return f"{name} is missing"
    for name in SECTIONS:
        if not isinstance(document.get(name), dict):
            return f"{name} is missing"
    steps = document.get("step_seconds")
    if not isinstance(steps, list) or not steps or not all(map(_is_positive, steps)):
        return "step_seconds is not a list of positive numbers"
    if not _is_positive(document.get("value")):
        return f"value is {document.get('value')!r}, expected a positive number"
    return ""


def watched(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the meters of a run saw; empty where there were none, or they said something odd."""
    found = document.get("utilisation")
    return found if isinstance(found, Mapping) else {}


def samples(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The meters' samples, oldest first."""
    found = watched(document).get("samples")
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []


def _is_positive(value: object) -> bool:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return number and math.isfinite(float(str(value))) and float(str(value)) > 0


def redact(text: str, secrets: Iterable[str]) -> str:
    """The text with every secret value replaced, those in this process' environment too."""
    known = {*secrets, *_of_environment()}
    for secret in sorted(known, key=len, reverse=True):
        if secret:
            text = text.replace(secret, "[secret]")
    return text


def _of_environment() -> list[str]:
    return [
        value
        for name, value in os.environ.items()
        if len(value) >= SHORTEST_SECRET and SECRET_NAMES.search(name)
    ]
