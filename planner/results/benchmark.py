"""Published answer of ``planner report benchmark``, ``planner.benchmark/1``."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from planner.results.base import Result

Basis = Literal["measured", "measured elsewhere", "calibrated", "analytic"]


class BenchmarkBar(Result):
    """One device: how fast it trains the network, and what that costs."""

    device: str
    kind: str = Field(description="CPU, GPU, TPU, ASIC")
    devices: float = Field(description="that work together; sockets of CPUs")
    precision: str
    on: str = Field(description="the machine and where it is rented, or how it was measured")
    basis: Basis = Field(
        description="measured: own runs here; measured elsewhere: published; else an estimate"
    )
    rate: float = Field(description="units a second of all devices together")
    rate_p10: float
    rate_p90: float
    hours: float = Field(description="of the whole training, set-up not counted")
    speed_up: float | None = Field(description="against the baseline; null: it is unknown")
    usd_per_hour: float | None = Field(description="all devices; null: nothing rents it")
    usd_per_unit: float | None = Field(description="an epoch, or a million tokens")
    price_from: str = ""
    price_age_days: int | None = None
    peak_share: float | None = Field(description="operations done over the datasheet's peak")
    busy: str = Field(default="", description="what meters saw while it was measured")
    source: str = Field(default="", description="of the measurement")
    held_back: str = Field(default="", description="why no estimate uses this own run")
    expected: float | None = Field(
        default=None, description="of a measurement: what the model expects, in the same unit"
    )


class BenchmarkReport(Result):
    """A classic exercise on several devices, slowest first."""

    schema_: Literal["planner.benchmark/1"] = Field(default="planner.benchmark/1", alias="schema")
    exercise: Literal["cnn", "transformer"]
    model: str
    question: str
    answer: str
    unit: str = Field(description="of the rate: images_per_s or tokens_per_s")
    cost_unit: str = Field(description="epoch or million tokens")
    baseline: str | None = Field(description="device that speed-ups are against")
    bars: list[BenchmarkBar]
    left_out: dict[str, str] = Field(description="devices that cannot, and why")
    notes: list[str]
    commands: list[str] = Field(description="that make more of it measured")
