"""Serving and batch inference of language models and encoders on one serving unit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from catalog import Catalog
from catalog.model_shapes import ModelShape
from planner.performance.devices import Machines
from planner.performance.efficiency import Measured
from planner.performance.inference.answers import (
    bandwidth_efficiency,
    correction,
    kernel_efficiency,
    take,
)
from planner.performance.inference.language_answer import (
    LanguageUnits,
    answer,
    best_layout,
    missed,
)
from planner.performance.inference.language_work import language_work
from planner.performance.inference.operating_point import (
    HALVINGS,
    Batching,
    RequestMix,
    State,
)
from planner.performance.inference.precision import LANGUAGE_DEFAULTS, arithmetic
from planner.performance.inference.queueing import normal_quantile
from planner.performance.inference.replicas import replicas
from planner.performance.inference.request_sizes import batch_mix, request_mix, targets_of
from planner.performance.inference.step_times import language_times
from planner.performance.throughput import Throughput
from planner.workload import BatchInference, Serving

Floats = NDArray[np.float64]

# Engines that keep the KV cache in 8 bit when the model is quantised to floating point.
_EIGHT_BIT_CACHE = ("trtllm", "tensorrt-llm")
# Halvings that find the load at which the fitted model is asked: to 1/1024 of the cache's.
_ROUGHLY = 10
# How often: the second time at the load that the first answer allows, which is then near the last.
_PASSES = 2


def serving_throughput(
    workload: Serving,
    shape: ModelShape,
    machines: Machines,
    measured: Sequence[Measured] = (),
    catalog: Catalog | None = None,
) -> Throughput:
    """Requests/s at which the latency targets hold with the probability ``workload.risk``."""
    first, member = machines.distinct()
    few = machines.take(first)
    mix = request_mix(workload, generates=shape.kind != "encoder")
    units = language_units(workload, shape, few, measured, mix)
    targets = targets_of(workload)
    together = _fitting_requests(units, mix.held)

    def loaded(units: LanguageUnits, halvings: int) -> tuple[Batching, State, Floats]:
        batching = Batching(units.times, mix, units.layouts.count, together)
        slack = np.exp(normal_quantile(workload.risk) * units.correction.log_sd)[:, None]
        return batching, batching.state(batching.highest_load(targets, slack, halvings)), slack

    if catalog is not None:
        for _ in range(_PASSES):
            _, state, _ = loaded(units, _ROUGHLY)
            units = _fitted(units, workload, shape, mix, state, state.decoding, measured, catalog)
    batching, state, slack = loaded(units, HALVINGS)
    reasons = missed(units, batching, targets, slack)
    found = answer(units, batching, state, "requests_per_s", reasons, service=True)
    return take(found, member)


def batch_throughput(
    workload: BatchInference,
    shape: ModelShape,
    machines: Machines,
    measured: Sequence[Measured] = (),
    catalog: Catalog | None = None,
) -> Throughput:
    """Requests/s of saturated replicas: as many requests together as memory or the user allows."""
    first, member = machines.distinct()
    few = machines.take(first)
    mix = batch_mix(workload, shape)
    units = language_units(workload, shape, few, measured, mix)
    together = _fitting_requests(units, mix.held)
    if workload.batch_size is not None:
        together = np.minimum(together, float(workload.batch_size))
    batching = Batching(units.times, mix, units.layouts.count, together)
    if catalog is not None:
        units = _fitted(
            units, workload, shape, mix, batching.full(), batching.cap, measured, catalog
        )
        batching = Batching(units.times, mix, units.layouts.count, together)
    unit = "samples_per_s" if shape.kind == "encoder" else "requests_per_s"
    found = answer(units, batching, batching.full(), unit, [""] * len(few), service=False)
    return take(found, member)


def language_units(
    workload: Serving | BatchInference,
    shape: ModelShape,
    machines: Machines,
    measured: Sequence[Measured],
    mix: RequestMix,
) -> LanguageUnits:
    """Layouts that the longest request fits, and their times."""
    work = language_work(shape)
    task = _task(workload, shape)
    stated = workload.precision.value if workload.precision else None
    runs = arithmetic(stated, LANGUAGE_DEFAULTS, machines, weight_only=True)
    plain = arithmetic(None, LANGUAGE_DEFAULTS, machines)
    framework = _framework(workload, shape)
    narrow = framework.lower().startswith(_EIGHT_BIT_CACHE)
    kv_bytes = np.array([1.0 if narrow and name in ("fp8", "fp4") else 2.0 for name in runs.stored])
    speculative = workload.speculative if isinstance(workload, Serving) else None
    layouts, alone = (
        replicas(
            work,
            some,
            weight_bytes=runs.weight_bytes,
            kv_bytes=kv_bytes,
            request_tokens=mix.most,
            chunk_tokens=mix.chunk,
            extra_weights=speculative.draft_cost if speculative else 0.0,
        )
        for some in (machines, replace(machines, nodes=np.ones(len(machines))))
    )
    fix = correction(task, shape.name, runs.stored, framework, mix.most, machines, measured)
    times = language_times(
        work,
        machines,
        layouts,
        peak=runs.peak,
        attention_peak=np.fmin(runs.peak, plain.peak),
        kernel_efficiency=kernel_efficiency(task, machines),
        bandwidth_efficiency=bandwidth_efficiency(task, machines),
        weight_bytes=runs.weight_bytes,
        kv_bytes=kv_bytes,
        speed=fix.ratio,
    )
    if speculative is not None and speculative.draft_tokens > 0:
        times = times.speculative(
            speculative.draft_tokens, speculative.acceptance, speculative.draft_cost
        )
    return LanguageUnits(machines, runs, layouts, alone.any_fits(), times, fix)


def _fitted(
    units: LanguageUnits,
    workload: Serving | BatchInference,
    shape: ModelShape,
    mix: RequestMix,
    state: State,
    requests: Floats,
    measured: Sequence[Measured],
    catalog: Catalog,
) -> LanguageUnits:
    """The same units, as fast as the fitted model expects them near a state of the analytic one."""
    from planner.performance.inference.language_fit import Kernels, language_expected

    task, framework = _task(workload, shape), _framework(workload, shape)
    kernels = Kernels(
        kernel_efficiency(task, units.machines), bandwidth_efficiency(task, units.machines)
    )
    plain = replace(units, times=replace(units.times, speed=np.ones_like(units.times.speed)))
    expected, asked = language_expected(
        plain,
        shape,
        mix,
        best_layout(units.layouts, state),
        requests,
        task=task,
        framework=framework,
        kernels=kernels,
        catalog=catalog,
    )
    fix = correction(
        task,
        shape.name,
        units.arithmetic.stored,
        framework,
        mix.most,
        units.machines,
        measured,
        expected,
    )
    times = replace(units.times, speed=fix.ratio[:, None])
    return replace(units, times=times, correction=fix, asked=asked)


def _framework(workload: Serving | BatchInference, shape: ModelShape) -> str:
    return workload.framework or ("pytorch" if shape.kind == "encoder" else "vllm")


def _task(workload: Serving | BatchInference, shape: ModelShape) -> str:
    if shape.kind == "encoder":
        return "encoder-inference"
    return "llm-serving" if isinstance(workload, Serving) else "llm-batch"


def _fitting_requests(units: LanguageUnits, held: float) -> Floats:
    """Requests whose keys and values a replica holds together."""
    with np.errstate(invalid="ignore"):
        found = units.layouts.kv_tokens / max(held, 1.0)
    return np.where(units.layouts.fits, found, 0.0)
