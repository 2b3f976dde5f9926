"""Results of benchmarks that were run by hand, or by another planner, brought into the store."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from catalog import Catalog
from catalog.observations import OwnObservation, OwnObservations
from launchers.output import MARKER, SCHEMA, problem_of
from planner.actions.calibration.row import observation
from planner.errors import BadInput

# A result with all its samples is some tens of kB.
MOST_BYTES = 20_000_000


def import_results(
    path: str, text: str, catalog: Catalog, *, on: str = "imported"
) -> list[OwnObservation]:
    """Store every result in a file: the program's JSON, its whole output with marker lines, or the
    answer of ``calibrate run --format json``.

    ``on`` says where they were run, ``local`` for this very machine. Nothing is stored unless all
    can be. Raises BadInput for what is no result, and for one that is in the store already.
    """
    from launchers.benchmarks import find_benchmark
    from launchers.errors import BenchmarkFailed, LaunchRefused

    documents = _documents(path, text)
    store = OwnObservations()
    known = {own.result_json for own in store.all()}
    rows = []
    for number, document in enumerate(documents, 1):
        where = path if len(documents) == 1 else f"{path}: result {number}"
        printed = json.dumps(document, sort_keys=True)
        if printed in known or json.dumps(document) in known:
            raise BadInput(
                "is in the store already", where=where, remedy="see `planner calibrate results`"
            )
        known.add(printed)
        try:
            benchmark = find_benchmark(str(document.get("benchmark", "")))
            if problem := problem_of(document):
                raise BenchmarkFailed(f"is a bad result: {problem}", where=on)
            row, machine = observation(benchmark, document, on, catalog)
        except LaunchRefused as error:
            raise BadInput(
                error.problem, where=f"{where}: benchmark", remedy=error.remedy
            ) from None
        except BenchmarkFailed as error:
            raise BadInput(error.problem, where=where, remedy="give the result unchanged") from None
        rows.append((row, machine, printed))
    return [store.append(row, machine=machine, result_json=text) for row, machine, text in rows]


def read(path: str) -> str:
    """The file's text. Raises BadInput."""
    try:
        raw = Path(path).read_bytes()
    except OSError as error:
        raise BadInput(
            f"cannot be read ({error.strerror})", where=path, remedy="check the path"
        ) from None
    if len(raw) > MOST_BYTES:
        raise BadInput(f"is over {MOST_BYTES:,} bytes", where=path, remedy="give one run's result")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise BadInput("is not UTF-8 text", where=path, remedy="give the JSON result") from None


def _documents(path: str, text: str) -> list[dict[str, Any]]:
    marked = [line[len(MARKER) :] for line in text.splitlines() if line.startswith(MARKER)]
    found = [_parsed(path, line) for line in marked or [text]]
    documents = [
        one["result"]
        if one.get("schema") == "planner.calibration/1" and isinstance(one.get("result"), dict)
        else one
        for one in found
    ]
    for one in documents:
        if one.get("schema") != SCHEMA:
            raise BadInput(
                f"is {one.get('schema')!r}, not {SCHEMA!r}",
                where=f"{path}: schema",
                remedy="give what a benchmark program printed, or `calibrate run --format json`",
            )
    return documents


def _parsed(path: str, text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadInput(
            f"is not JSON ({error})", where=path, remedy="give a benchmark's result"
        ) from None
    if not isinstance(found, dict):
        raise BadInput("is not a JSON object", where=path, remedy="give a benchmark's result")
    return found
