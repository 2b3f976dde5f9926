"""Published answer of ``planner capacity --break-even``. Field names carry units."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from planner.results.base import Result


class BreakEvenPoint(Result):
    """Cost of one unit of demand, served for an hour, at one value of what is varied."""

    at: float
    usd_per_unit_hour: dict[str, float | None] = Field(
        description="by way; null where it cannot serve the demand"
    )


class BreakEvenFlip(Result):
    """``cheaper_below`` costs less under ``at``, ``cheaper_above`` over it."""

    at: float
    cheaper_below: str
    cheaper_above: str
    cause: Literal["cost", "only one way can"]


class BreakEven(Result):
    """From which demand, or which share of the time in use, another way is the cheaper one."""

    schema_: Literal["planner.break-even/1"] = Field(default="planner.break-even/1", alias="schema")
    name: str
    over: Literal["demand", "utilisation"] = Field(
        description="demand: all of it times a factor, the best plan of each way, all demand "
        "served; utilisation: share of the time that a machine works, its whole cost over that"
    )
    unit: str = Field(description="of demand")
    now: float | None = Field(
        description="demand: 1; utilisation: mean of the demand over its peak"
    )
    ways: list[str]
    points: list[BreakEvenPoint]
    flips: list[BreakEvenFlip]
    notes: list[str]
    solve_seconds: float
