"""Serving units as the fitted model reads them.

The fit is asked for the best layout of a unit near its operating point and read as one factor on
all times; the operating point is then solved again with it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from catalog import Catalog
from catalog.model_shapes import ModelShape
from catalog.records import dataclass
from planner.performance.efficiency import Expected, by_prior
from planner.performance.fitted import Setups, engine, fit, overlay, sockets
from planner.performance.inference.language_answer import LanguageUnits, cells_of
from planner.performance.inference.operating_point import Batching, RequestMix
from planner.performance.inference.step_times import LanguageTimes

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]

# Networks that the fitted model was taught the inference of.
_FITTED = ("transformer", "encoder")


@dataclass(frozen=True)
class Kernels:
    """Shares of peak and of bandwidth that the analytic times assume, shape (n,)."""

    compute: Floats
    bandwidth: Floats


def language_expected(
    units: LanguageUnits,
    shape: ModelShape,
    mix: RequestMix,
    best: Rows,
    requests: Floats,
    *,
    task: str,
    framework: str,
    kernels: Kernels,
    catalog: Catalog,
) -> tuple[Expected, Setups | None]:
    """What the fit expects of each unit with its layout ``best`` and that many ``requests`` in
    flight on a replica, shape (n, layouts); the prior where it says nothing.

    Benchmarks keep requests in flight, send none from a cache and draft nothing: so are both models
    asked, with sizes at their means.
    """
    machines, rows = units.machines, np.arange(len(best))
    prior = by_prior(task, [device.kind for device in machines.devices])
    if shape.kind not in _FITTED:
        return prior, None
    layouts = units.layouts
    count = layouts.count[rows, best]
    generates = mix.output > 1
    plain = replace(
        mix,
        new=mix.new + mix.cached,
        cached=0.0,
        held=mix.new + mix.cached + (mix.output / 2 if generates else 0.0),
    )
    cells = cells_of(best, layouts)
    times = replace(units.times, verified=1.0, accepted=1.0, draft=0.0).among(cells)
    one = np.ones(len(best))
    if generates:
        asked = np.broadcast_to(requests, cells.shape)[cells]
        together = one = np.fmax(np.where(np.isnan(asked), 1.0, asked), 1.0)
    else:
        together = np.full(len(best), max(1.0, plain.chunk / plain.new))
    tokens = mix.output if generates else plain.new
    units_a_request = 1.0 if shape.kind == "encoder" else tokens
    # The host's share of a request stays as it is: the factor is for the replica's own time.
    busy = Batching(times, replace(plain, request_s=0.0), count, np.ones(len(best)))
    own_s = 1 / busy.closed_rate(one)
    most = _ideal_rate(times, plain, one, kernels)
    setups = _setups(units, shape, plain, best, together * count, framework, task)
    wanted = layouts.fits[rows, best] & np.isfinite(own_s)
    found = fit(catalog, shape, setups, wanted)
    # requests/s of one replica -> seconds a request without the host
    log_rate = found.log_total - np.log(count * units_a_request)
    with np.errstate(invalid="ignore"):
        whole_s = np.exp(-log_rate)
        without_host = np.where(whole_s > 2 * mix.request_s, whole_s - mix.request_s, whole_s)
    found = replace(found, log_total=-np.log(without_host))
    return overlay(found, -np.log(own_s), np.log(most), prior), setups


def _ideal_rate(
    times: LanguageTimes, mix: RequestMix, requests: Floats, kernels: Kernels
) -> Floats:
    """Requests/s of a replica at the datasheet's peak and bandwidth, all else for nothing.

    Of one layout of each configuration, shape (n,).
    """
    compute, bandwidth = kernels.compute, kernels.bandwidth
    ideal = replace(
        times,
        compute_rate=times.compute_rate / compute,
        attention_rate=times.attention_rate / compute,
        memory_rate=times.memory_rate / bandwidth,
    )
    prompt_s = ideal.prefill(mix.new, 0.0, max(mix.chunk / mix.new, 1.0)).device / times.pipeline
    steps = max(mix.output - 1, 0.0)
    step_s = ideal.decode(requests, mix.held).device if steps else 0.0
    result: Floats = requests / (steps * step_s + requests * prompt_s)
    return result


def _setups(
    units: LanguageUnits,
    shape: ModelShape,
    mix: RequestMix,
    best: Rows,
    in_flight: Floats,
    framework: str,
    task: str,
) -> Setups:
    machines, layouts, rows = units.machines, units.layouts, np.arange(len(best))
    whole, share = sockets(machines)
    tensor, pipeline = layouts.tensor[rows, best], layouts.pipeline[rows, best]
    columns = {
        "devices": tensor * pipeline * layouts.count[rows, best] * whole,
        "nodes": machines.nodes,
        "share": share,
        "batch": in_flight,
    }
    template = {"model": shape.name}
    if shape.kind == "encoder":
        template |= {"task": "infer_batch", "seq_len": f"{mix.new:.0f}"}
        template["framework"] = engine(framework, "pytorch")
    else:
        template["task"] = "serve" if task == "llm-serving" else "infer_batch"
        template["framework"] = engine(framework, "vllm")
        # Sockets of a CPU are replicas of their own to the fit unless it is told otherwise.
        columns["tp"] = np.where(machines.is_cpu, np.nan, tensor)
        columns["pp"] = pipeline
        columns["input"] = np.full(len(best), mix.new)
        columns["output"] = np.full(len(best), mix.output)
    return Setups(
        template,
        [device.name for device in machines.devices],
        {"precision": units.arithmetic.stored},
        columns,
    )
