"""What all workloads share: precision, deadline, budget, risk, and where they may run."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator, Field, model_validator

from planner.field_errors import shown
from planner.quantities import Gib, Hours, Usd
from planner.workload.part import Part
from planner.workload.where import Where

# Beyond any use: they catch a missing or doubled suffix.
MAX_TOKENS = 100_000_000  # of one sequence or request
MAX_BATCH = 1_000_000_000  # samples handled together
MAX_PIXELS = 100_000  # a side


class Precision(StrEnum):
    FP64 = "fp64"
    FP32 = "fp32"
    TF32 = "tf32"
    FP16 = "fp16"
    BF16 = "bf16"
    FP8 = "fp8"
    INT8 = "int8"
    INT4 = "int4"
    FP4 = "fp4"


def _place(value: str) -> str:
    if not re.fullmatch(r"[^/\s]+(/[^/\s]+)?", value):
        raise ValueError(f"{shown(value)} is not a place; write cloud/region, e.g. aws/us-east-1")
    return value


PlaceName = Annotated[str, AfterValidator(_place)]


class Data(Part):
    """What is stored and moved beside the computation. Empty: only weights and samples."""

    at: PlaceName | None = Field(
        default=None,
        description="where the input lies, as cloud or cloud/region, e.g. aws/us-east-1",
    )
    input: Gib | None = Field(
        default=None, description="read once by every machine group, e.g. 2TB"
    )
    output: Gib | None = Field(default=None, description="sent back to `at` at the end, e.g. 50GiB")
    stored: Gib | None = Field(
        default=None, description="kept in object storage while the work lasts, e.g. 500GiB"
    )


class WorkloadBase(Part):
    name: str = Field(default="workload", min_length=1, max_length=100)
    precision: Precision | None = Field(
        default=None, description="arithmetic; default bf16 for language models, fp32 else"
    )
    framework: str = Field(default="pytorch", max_length=60, description="software that runs it")
    deadline: Hours | None = Field(default=None, description="hours from now, e.g. 24h")
    budget: Usd | None = Field(
        default=None, description="most it may cost in total (a service: over its horizon)"
    )
    risk: float = Field(
        default=0.9,
        ge=0.5,
        le=0.99,
        description="probability with which deadline, budget and latencies must hold",
    )
    data: Data = Data()
    where: Where = Where()

    @model_validator(mode="after")
    def _can_be_spread(self) -> WorkloadBase:
        why = self.why_one
        if self.where.spread is not None and why:
            raise ValueError(f"where has a spread, but {why}; leave out where.spread, or that")
        return self

    @property
    def why_one(self) -> str:
        """What keeps it on machines of one configuration; empty where several may share it."""
        return f"kind {getattr(self, 'kind', '')} runs on machines of one configuration"

    def stays(self) -> str:
        """What keeps work that could be shared out in one place, on one configuration."""
        if self.where.mix == "none":
            return "mix is none"
        for name in ("at", "stored"):
            if getattr(self.data, name) is not None:
                return f"data.{name} keeps it in one place"
        return ""

    @property
    def subject(self) -> str:
        """What runs, in a word: the model's name."""
        model = getattr(self, "model", None)
        return str(getattr(model, "name", model) or self.name)


class ServiceBase(WorkloadBase):
    """Work that goes on: it has a cost per hour and a horizon, not an end."""

    horizon: Hours = Field(
        default=730.0, description="how long it is paid for, e.g. 30d; default a month, 730 h"
    )

    @model_validator(mode="before")
    @classmethod
    def _on_demand_unless_asked(cls, data: Any) -> Any:
        """Spot machines are taken back while users wait: a service has them only when asked."""
        if not isinstance(data, dict) or "samples" in data:
            return data
        where = data.get("where", {})
        if not isinstance(where, dict) or "purchase" in where:
            return data
        return {**data, "where": {**where, "purchase": ["on_demand"]}}

    def refuse_deadline(self, instead: str) -> None:
        """A service has no end. Raises ValueError that names the field to use ``instead``."""
        if self.deadline is not None:
            kind = getattr(self, "kind", "")
            raise ValueError(f"deadline does not go with kind {kind}; use {instead}")
