"""Published answers of ``planner diff`` and ``planner replay``."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from planner.results.base import Result

Value = str | float | int | bool | None
Section = Literal["workload", "catalog", "price", "choice", "cost", "time", "speed"]


class Difference(Result):
    """One field that is not the same in both results; null: not there."""

    section: Section
    field: str
    a: Value
    b: Value
    change: float | None = Field(default=None, description="b - a, of numbers")
    change_share: float | None = Field(default=None, description="b / a - 1, of numbers")


class ResultDiff(Result):
    """What changed from one saved recommendation to another."""

    schema_: Literal["planner.diff/1"] = Field(default="planner.diff/1", alias="schema")
    a: str = Field(description="name of the first file")
    b: str
    same_workload: bool
    same_catalog: bool
    same_choice: bool
    headline: str
    differences: list[Difference]


class Replay(Result):
    """A saved recommendation answered again with the catalog at hand."""

    schema_: Literal["planner.replay/1"] = Field(default="planner.replay/1", alias="schema")
    file: str
    same_catalog: bool = Field(description="the catalog is the one the result was made with")
    same: bool = Field(description="choice, cost and time are as saved")
    headline: str
    diff: ResultDiff
