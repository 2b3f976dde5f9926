"""The fitted model on disk: one compressed npz, loaded without any learning library."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, fields
from functools import cache
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from catalog.observations import data_dir
from catalog.records import dataclass
from planner.errors import PlannerError
from planner.performance.learned.first_token import FirstToken
from planner.performance.learned.forest import Forest
from planner.performance.learned.learner import Blend, Learner
from planner.performance.learned.linear import Linear
from planner.performance.learned.report import Report

SCHEMA = "planner.performance.learned/2"
ARTEFACT = Path(__file__).parent / "artefact.npz"
_LINEAR = ("median", "mean", "scale", "weights")


@dataclass(frozen=True, slots=True)
class Artefact:
    """Learners by name, interval quantiles by "class|familiarity", and what they were fitted on."""

    learners: Mapping[str, Learner]
    quantiles: Mapping[str, tuple[float, float]]
    provenance: Mapping[str, str]
    reports: tuple[Report, ...] = ()  # cross-validations at fit time
    first_token: FirstToken | None = None


def save(artefact: Artefact, path: Path) -> None:
    """Write the artefact beside its name, then rename: a reader sees the old or the new one.

    Equal artefacts give equal bytes. Raises OSError.
    """
    arrays: dict[str, Any] = {}
    about: dict[str, Any] = {
        "schema": SCHEMA,
        "provenance": dict(artefact.provenance),
        "quantiles": {name: list(pair) for name, pair in artefact.quantiles.items()},
        "reports": [report.to_json() for report in artefact.reports],
        "first_token": None if artefact.first_token is None else asdict(artefact.first_token),
        "learners": {},
    }
    for name, learner in artefact.learners.items():
        for part, forest in (("with", learner.with_device), ("without", learner.without_device)):
            for field in fields(Forest):
                arrays[f"{name}.{part}.{field.name}"] = getattr(forest, field.name)
        for array in _LINEAR:
            arrays[f"{name}.linear.{array}"] = getattr(learner.linear, array).astype(np.float32)
        about["learners"][name] = {
            "features": list(learner.features),
            "intercept": learner.linear.intercept,
            "effects": dict(sorted(learner.linear.effects.items())),
            "accelerators": sorted(learner.accelerators),
            "models": sorted(learner.models),
            "blend": [list(learner.blend.familiar), list(learner.blend.unseen)],
        }
    arrays["about"] = np.frombuffer(json.dumps(about, sort_keys=True).encode(), dtype=np.uint8)
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        with temporary.open("wb") as file:
            np.savez_compressed(file, **arrays)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def load(path: Path = ARTEFACT) -> Artefact:
    """Read an artefact. Raises PlannerError for a missing, damaged or foreign file; what is wrong
    with the arrays of a learner shows when it is first used.
    """
    about = json.loads(_arrays(path, "about")["about"].tobytes())
    if about.get("schema") != SCHEMA:
        raise PlannerError(
            f"{path}: schema {about.get('schema')!r}, expected {SCHEMA}; run planner fit"
        )
    learners = _Learners(path, about["learners"])
    quantiles = {name: (pair[0], pair[1]) for name, pair in about["quantiles"].items()}
    reports = tuple(Report.from_json(stored) for stored in about["reports"])
    first = about["first_token"]
    first_token = None
    if first is not None:
        first_token = FirstToken(
            tuple(first["weights"]), tuple(first["low"]), tuple(first["high"]), first["log_sd"]
        )
    return Artefact(learners, quantiles, about["provenance"], reports, first_token)


class _Learners(Mapping[str, Learner]):
    """Learners by name, each read when first asked for: a workload needs one of them."""

    def __init__(self, path: Path, facts: Mapping[str, Any]) -> None:
        self._path, self._facts = path, facts
        self._read: dict[str, Learner] = {}

    def __iter__(self) -> Iterator[str]:
        return iter(self._facts)

    def __len__(self) -> int:
        return len(self._facts)

    def __getitem__(self, name: str) -> Learner:
        if name not in self._read:
            facts = self._facts[name]
            self._read[name] = _learner(self._path, name, facts)
        return self._read[name]


def _learner(path: Path, name: str, facts: Mapping[str, Any]) -> Learner:
    arrays = _arrays(path, f"{name}.")
    try:
        forests = [
            Forest(*(arrays[f"{name}.{part}.{field.name}"] for field in fields(Forest)))
            for part in ("with", "without")
        ]
        linear = {a: arrays[f"{name}.linear.{a}"].astype(np.float64) for a in _LINEAR}
    except KeyError as error:
        raise _unreadable(path, error) from error
    return Learner(
        name,
        tuple(facts["features"]),
        forests[0],
        forests[1],
        Linear(**linear, intercept=facts["intercept"], effects=facts["effects"]),
        frozenset(facts["accelerators"]),
        frozenset(facts["models"]),
        Blend(*(tuple(part) for part in facts["blend"])),
    )


def _arrays(path: Path, prefix: str) -> dict[str, NDArray[Any]]:
    """The arrays of a file whose names begin so."""
    try:
        with np.load(path) as stored:
            found = {name: stored[name] for name in stored.files if name.startswith(prefix)}
    except (OSError, ValueError, KeyError, BadZipFile) as error:
        raise _unreadable(path, error) from error
    if not found:
        raise _unreadable(path, f"it has no {prefix.rstrip('.')}")
    return found


def _unreadable(path: Path, why: object) -> PlannerError:
    return PlannerError(
        f"{path}: unreadable performance model ({why}); reinstall or run planner fit"
    )


def user_file() -> Path:
    """Where ``planner fit`` writes; what lies there is used in place of the shipped artefact."""
    return data_dir() / "performance-model.npz"


def current() -> Artefact:
    """The user's own fit where there is one, else the artefact of this installation."""
    own = user_file()
    return _read(own if own.exists() else ARTEFACT)


@cache
def _read(path: Path) -> Artefact:
    return load(path)
