"""Published answer of ``planner sweep``: one row a combination, in the order of the file."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from planner.results.base import Result

SweepStatus = Literal["ok", "over_budget", "infeasible", "bad_input", "failed"]


class SweepRow(Result):
    """What one combination came to; figures are null where there is no answer."""

    values: dict[str, Any] = Field(description="of the fields that vary, as the file has them")
    status: SweepStatus
    reason: str = Field(default="", description="why there is no answer")
    id: str | None = Field(default=None, description="of a mix: its groups, with a plus between")
    purchase: str | None = None
    accelerator: str | None = None
    accelerators: float | None = None
    nodes: int | None = None
    cost_usd: float | None = None
    cost_usd_at_risk: float | None = None
    cost_usd_per_hour: float | None = None
    usd_per_million_tokens: float | None = None
    hours: float | None = None
    hours_p10: float | None = None
    hours_p90: float | None = None
    throughput: float | None = None
    throughput_unit: str | None = None
    basis: str | None = None
    price_as_of: str | None = None
    mean_cost_usd: float | None = Field(default=None, description="in the scenarios")
    p90_cost_usd: float | None = Field(default=None, description="in the scenarios")
    deadline_met: float | None = Field(default=None, description="share of the scenarios")
    within_budget: float | None = Field(default=None, description="share of the scenarios")
    capacity_met: float | None = Field(default=None, description="share of the scenarios")
    regret_usd: float | None = Field(default=None, description="mean in the scenarios")


class Sweep(Result):
    """Answer of ``planner sweep``; the same whatever engine and however many workers ran it."""

    schema_: Literal["planner.sweep/1"] = Field(default="planner.sweep/1", alias="schema")
    name: str
    catalog: str = Field(description="content id of the catalog the answers were made with")
    fields: list[str] = Field(description="that vary, the last one fastest")
    counts: dict[SweepStatus, int]
    rows: list[SweepRow]
