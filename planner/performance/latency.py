"""Latencies of a service at its operating point."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
from numpy.typing import NDArray

from catalog.records import dataclass

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Latency:
    """Medians of the model, shape (n,), seconds; None where a figure does not apply, NaN where
    the configuration cannot run.

    ``ttft`` is time to first token, ``tpot`` time per output token after it, ``latency_p95`` that
    of a whole request or frame. ``concurrency`` counts requests in flight on one serving unit,
    ``utilisation_limit`` is its load over what it carries when saturated (the rest is head-room
    for queues), ``output_tokens_per_s`` what the unit generates.
    """

    ttft_p50: Floats | None = None
    ttft_p95: Floats | None = None
    ttft_p99: Floats | None = None
    tpot_p50: Floats | None = None
    tpot_p95: Floats | None = None
    tpot_p99: Floats | None = None
    latency_p95: Floats | None = None
    concurrency: Floats | None = None
    utilisation_limit: Floats | None = None
    output_tokens_per_s: Floats | None = None

    def take(self, rows: NDArray[np.intp]) -> Latency:
        """The chosen configurations, repeated where asked for more than once."""
        columns = {field.name: getattr(self, field.name) for field in fields(self)}
        return Latency(**{k: None if v is None else v[rows] for k, v in columns.items()})
