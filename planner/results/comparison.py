"""The published answer of ``planner compare``, ``planner.compare/1``."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from planner.results import CatalogInfo, Item, Mix
from planner.results.base import Result

SideName = Literal["a", "b", "equal"]


class ComparedSide(Result):
    """The cheapest plan of one side, or why it has none."""

    name: str = Field(description="as asked for, e.g. TPU-v5p")
    status: Literal["ok", "over_budget", "infeasible"]
    why_not: list[str] = Field(default_factory=list)
    headline: str | None = None
    plan: Item | None = Field(default=None, description="a mix: its largest group")
    mix: Mix | None = None
    cost_usd: float | None = None
    cost_usd_p10: float | None = Field(default=None, description="null: of a mix, unknown")
    cost_usd_p90: float | None = None
    hours: float | None = Field(default=None, description="null: a service")
    cost_usd_per_hour: float | None = Field(default=None, description="services")
    candidates: int = Field(default=0, description="that meet every limit")


class FlipPoint(Result):
    """Where the cheaper side flips. With 80% probability it does so within ``low``..``high``."""

    at: float
    low: float | None = Field(description="null: below what was searched, if at all")
    high: float | None = Field(description="null: above what was searched, if at all")
    cheaper_below: SideName
    cheaper_above: SideName
    cause: Literal["cost", "only one side can"]


class CurvePoint(Result):
    """Cost of both sides at one value of an axis."""

    at: float
    a_usd: float | None = Field(description="of a job, or over a service's horizon; null: cannot")
    b_usd: float | None
    ratio_p10: float | None = Field(description="80% interval of the cost of a over that of b")
    ratio_p90: float | None


class Axis(Result):
    """One quantity that was varied while all else stayed as asked."""

    axis: Literal["model_size", "sequence_length", "price_a", "price_b", "utilisation", "deadline"]
    unit: str
    now: float | None = Field(description="its value in the question; null: not given")
    searched_from: float | None
    searched_to: float | None
    answered_from: float | None = Field(description="where one side at least can do the work")
    answered_to: float | None
    crossings: list[FlipPoint]
    curve: list[CurvePoint] = Field(description="what was searched, ascending")
    sentence: str


class Comparison(Result):
    """Two sides of one question: cost, time, and where the cheaper one flips."""

    schema_: Literal["planner.compare/1"] = Field(default="planner.compare/1", alias="schema")
    workload: dict[str, Any]
    catalog: CatalogInfo
    headline: str
    a: ComparedSide
    b: ComparedSide
    cheaper: SideName = Field(description="`equal`: both have the same cost")
    cost_ratio: float | None = Field(description="cost of a over cost of b")
    probability: float | None = Field(description="that the side which looks cheaper is cheaper")
    axes: list[Axis]
    not_searched: dict[str, str] = Field(description="axes left out, and why")
    seconds: float
