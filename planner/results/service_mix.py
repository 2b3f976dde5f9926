"""Who serves which requests in a mix, and how that was checked."""

from __future__ import annotations

from pydantic import Field

from planner.results.base import Result


class RequestClass(Result):
    """Requests of similar size, and which groups of the mix serve them."""

    input_length: float = Field(description="prompt tokens, mean")
    output_length: float = Field(description="generated tokens, mean")
    share: float = Field(description="of all requests")
    requests_per_second: float | None = Field(default=None, description="services")
    requests: float | None = Field(default=None, description="batches: in total")
    by_group: list[float] = Field(
        description="share of them that each group serves, in the order of `groups`"
    )


class SimulatedGroup(Result):
    """Percentiles of one group in the simulation, at the speed that the risk asked for allows."""

    requests: int
    ttft_p50_s: float
    ttft_p95_s: float
    ttft_p99_s: float
    tpot_p50_s: float | None = None
    tpot_p95_s: float | None = None
    tpot_p99_s: float | None = None
    wait_p95_s: float = Field(description="for a place and for the prompts before")


class ServiceSimulation(Result):
    """Arrivals, queues and batches, drawn and run through the mix."""

    seed: int
    requests: int = Field(description="arrivals, warm-up included")
    burstiness: float
    groups: list[SimulatedGroup | None] = Field(description="null: hardly any request goes there")
    met: bool | None = Field(description="whether every group keeps every target; null: no target")
    tightened: int = Field(description="times that the mix was solved again for more head-room")
