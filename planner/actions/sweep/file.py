"""Sweep files: a base workload and lists of values for some of its fields."""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError, model_validator

from planner.errors import BadInput
from planner.results.risk import Objective
from planner.workload import parse
from planner.workload.part import Part
from planner.workload.refusals import bad_input
from planner.yaml_file import load

MOST_COMBINATIONS = 100_000
# Fields of the question rather than of the workload; they may vary as well.
ASKED = ("scenarios", "seed", "objective")


class Asked(Part):
    """How each combination is answered."""

    scenarios: int | None = Field(
        default=None, ge=100, le=200_000, description="drawn for each combination; empty: none"
    )
    seed: int = Field(default=0, ge=0, description="of the scenarios")
    objective: Objective = Field(
        default="median-cost", description="p90-cost and expected-cost draw scenarios"
    )


class SweepFile(Asked):
    """A sweep as it is written."""

    name: str = Field(default="sweep", min_length=1, max_length=100)
    base: str | None = Field(
        default=None, description="workload file, relative to the folder of this one"
    )
    workload: dict[str, Any] | None = Field(default=None, description="in place of `base`")
    vary: dict[str, list[Any]] = Field(
        min_length=1,
        description="values by field, e.g. {deadline: [12h, 24h], where.max_nodes: [1, 4]}; "
        "scenarios, seed and objective may vary too",
    )

    @model_validator(mode="after")
    def _check(self) -> SweepFile:
        if self.base is None and self.workload is None:
            raise ValueError("base is missing; name a workload file, or write `workload:`")
        if self.base is not None and self.workload is not None:
            raise ValueError("base excludes workload; give one of them")
        for name, values in self.vary.items():
            if not values:
                raise ValueError(f"vary.{name} lists no value; give at least one")
        return self


@dataclass(frozen=True)
class Combination:
    """One question: the values that make it, the whole workload unchecked, and how to answer."""

    values: dict[str, Any]
    workload: dict[str, Any]
    asked: dict[str, Any]


@dataclass(frozen=True)
class SweepPlan:
    """A checked file: its combinations are made one by one."""

    file: SweepFile
    base: dict[str, Any]
    where: str

    def __len__(self) -> int:
        return math.prod(len(values) for values in self.file.vary.values())

    def __iter__(self) -> Iterator[Combination]:
        names = list(self.file.vary)
        for values in itertools.product(*self.file.vary.values()):
            yield self.combination(dict(zip(names, values, strict=True)))

    def combination(self, values: dict[str, Any]) -> Combination:
        """The question with these values. Raises BadInput where a field is inside no mapping."""
        data = copy.deepcopy(self.base)
        asked = {name: getattr(self.file, name) for name in ASKED}
        for name, value in values.items():
            if name in ASKED:
                asked[name] = value
            else:
                _put(data, name, copy.deepcopy(value), f"{self.where}: vary")
        return Combination(values, data, asked)


def read_sweep(path: str, text: str | None = None) -> SweepPlan:
    """Read and check a sweep file. Raises BadInput, also when no value of a field can be used."""
    where = "stdin" if path == "-" else path
    data = load(path, text)
    if not isinstance(data, dict):
        raise BadInput(
            "holds no sweep", where=where, remedy="write `base:` and `vary:`, as in the docs"
        )
    try:
        file = SweepFile.model_validate(data)
    except ValidationError as error:
        raise bad_input(error, SweepFile, where) from None
    base = file.workload
    if file.base is not None:
        folder = Path() if path == "-" else Path(path).parent
        base_data = load(str(folder / file.base))
        if not isinstance(base_data, dict) or "workloads" in base_data:
            raise BadInput(
                f"{file.base} does not hold one workload",
                where=f"{where}: base",
                remedy="name a file of one workload",
            )
        base = base_data
    plan = SweepPlan(file, base or {}, where)
    if len(plan) > MOST_COMBINATIONS:
        raise BadInput(
            f"makes {len(plan):,} combinations, more than {MOST_COMBINATIONS:,}",
            where=f"{where}: vary",
            remedy="sweep in several files",
        )
    _check_fields(plan)
    return plan


def check_asked(asked: dict[str, Any], where: str) -> Asked:
    """Scenarios, seed and objective of one combination. Raises BadInput."""
    try:
        return Asked.model_validate(asked)
    except ValidationError as error:
        raise bad_input(error, Asked, where) from None


def _check_fields(plan: SweepPlan) -> None:
    """Refuse a field none of whose values can be used, beside the first values of the others.

    Single values that cannot be used are rows of the answer; a misspelt field is a mistake.
    """
    first = {name: values[0] for name, values in plan.file.vary.items()}
    for name, values in plan.file.vary.items():
        refused: BadInput | None = None
        for value in values:
            try:
                found = plan.combination({**first, name: value})
                parse(found.workload, where=plan.where)
                check_asked(found.asked, f"{plan.where}: vary")
            except BadInput as error:
                refused = refused or error
            else:
                break
        else:
            assert refused is not None
            raise refused


def _put(data: dict[str, Any], path: str, value: Any, where: str) -> None:
    *parents, last = path.split(".")
    for part in parents:
        below = data.setdefault(part, {})
        if not isinstance(below, dict):
            raise BadInput(
                f"{part} of the base is no mapping",
                where=f"{where}.{path}",
                remedy=f"vary {part} as a whole",
            )
        data = below
    data[last] = value
