"""The best layout of each serving unit at its operating point, as an answer."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from catalog.records import dataclass
from planner.performance.devices import Machines
from planner.performance.efficiency import Posterior
from planner.performance.fitted import Setups
from planner.performance.inference.answers import SPREAD_NOT_NEEDED, why_not
from planner.performance.inference.operating_point import Batching, State, Target
from planner.performance.inference.precision import Arithmetic
from planner.performance.inference.replicas import Replicas, describe
from planner.performance.inference.step_times import LanguageTimes
from planner.performance.latency import Latency
from planner.performance.throughput import Throughput
from planner.performance.training import StepTimes

Floats = NDArray[np.float64]
Running = Callable[[Floats], Floats]


@dataclass(frozen=True)
class LanguageUnits:
    """A workload on serving units, before an operating point is chosen.

    ``times`` has the seconds of a prompt (``prefill_s``) and of a decode step (``decode_step_s``)
    of every layout of every configuration.
    ``one_machine_fits`` marks configurations whose model fits one of their machines.
    """

    machines: Machines
    arithmetic: Arithmetic
    layouts: Replicas
    one_machine_fits: NDArray[np.bool_]
    times: LanguageTimes
    correction: Posterior
    asked: Setups | None = None  # what the fitted model was asked


def answer(
    units: LanguageUnits,
    batching: Batching,
    state: State,
    unit: str,
    otherwise: list[str],
    *,
    service: bool,
) -> Throughput:
    """The layout with the highest rate of each configuration; ties go to fewer devices a replica.

    ``state`` has shape (n, layouts), NaN where a layout cannot run; ``otherwise`` says why not
    where the catalog's figures and the memory would allow it.
    """
    machines, layouts = units.machines, units.layouts
    rate = np.where(layouts.fits, state.rate * layouts.count, np.nan)
    best = best_layout(layouts, state)
    rows = np.arange(len(machines))
    cells = cells_of(best, layouts)
    few, at = batching.among(cells), state.among(cells)
    short = np.where(layouts.any_fits(), 0.0, layouts.shortfall())
    reasons = why_not(
        rate[rows, best],
        machines,
        units.arithmetic.peak,
        units.arithmetic.stored,
        short,
        otherwise,
    )
    spread = (machines.nodes > 1) & units.one_machine_fits
    reasons = [
        SPREAD_NOT_NEEDED if alone else reason
        for alone, reason in zip(spread.tolist(), reasons, strict=True)
    ]
    stopped = np.array([bool(reason) for reason in reasons], bool)

    def running(values: Floats | float) -> Floats:
        return np.where(stopped, np.nan, values)

    parts = (
        few.times.decode(1 + at.decoding, few.mix.held)
        if few.steps
        else few.times.prefill(few.mix.new, few.mix.cached)
    )
    smallest = np.where(layouts.valid, layouts.need, np.inf).min(axis=1)
    step = StepTimes(
        compute_s=running(parts.device),
        communication_s=running(parts.communication),
        overhead_s=running(parts.overhead),
        bubble_s=running(np.where(few.times.pipeline > 1, np.nan, 0.0)),
        input_s=np.full(len(machines), np.nan),
        layout=[
            "" if stop else describe(*(float(v[i, b]) for v in _layout_columns(layouts)))
            for i, (b, stop) in enumerate(zip(best.tolist(), stopped.tolist(), strict=True))
        ],
        memory_need=np.where(stopped, smallest, layouts.need[cells]),
        shortfall=short,
    )
    fix = units.correction
    return Throughput(
        unit,
        running(rate[cells]),
        fix.log_sd,
        fix.basis,
        step,
        reasons,
        _latency(few, at, running, service=service),
        fix.log_sd_above,
        units.asked,
        fix.setups,
    )


def best_layout(layouts: Replicas, state: State) -> NDArray[np.intp]:
    """The layout with the highest rate of each configuration, the first where none runs."""
    rate = np.where(layouts.fits, state.rate * layouts.count, np.nan)
    return np.asarray(np.argmax(np.nan_to_num(rate, nan=-1.0), axis=1), np.intp)


def cells_of(best: NDArray[np.intp], layouts: Replicas) -> NDArray[np.bool_]:
    """The one layout of each configuration, marked, shape (n, layouts)."""
    cells = np.zeros(layouts.valid.shape, bool)
    cells[np.arange(len(best)), best] = True
    return cells


def _layout_columns(layouts: Replicas) -> tuple[Floats, Floats, Floats]:
    return layouts.tensor, layouts.pipeline, layouts.count


def _latency(batching: Batching, state: State, running: Running, *, service: bool) -> Latency:
    """Of one layout of each configuration, shape (n,)."""
    count, mix = batching.count, batching.mix
    generated = running(state.rate * count * mix.output) if batching.steps else None
    if not service:
        together = 1 + state.decoding if batching.steps else batching.together
        return Latency(
            concurrency=running(together * count),
            output_tokens_per_s=generated,
            replicas=running(count),
        )
    ttft = {q: batching.ttft_s(state, q) for q in (0.5, 0.95, 0.99)}
    tpot = {q: running(batching.tpot_s(state, q)) if batching.steps else None for q in ttft}
    in_flight = (state.decoding + state.rate * ttft[0.5]) * count
    whole = ttft[0.95] + batching.steps * np.nan_to_num(batching.tpot_s(state, 0.95))
    return Latency(
        ttft_p50=running(ttft[0.5]),
        ttft_p95=running(ttft[0.95]),
        ttft_p99=running(ttft[0.99]),
        tpot_p50=tpot[0.5],
        tpot_p95=tpot[0.95],
        tpot_p99=tpot[0.99],
        latency_p95=running(whole),
        concurrency=running(in_flight),
        utilisation_limit=running(state.rate / batching.saturated),
        output_tokens_per_s=generated,
        replicas=running(count),
        decoding=running(state.decoding),
        places=running(batching.cap),
        prompt_s=running(batching.prompt_s(state)),
        first_token_s=running(batching.first_token_s(state, mix.new)),
    )


def missed(
    units: LanguageUnits, batching: Batching, targets: tuple[Target, ...], slack: Floats
) -> list[str]:
    """Which latency target even a single request misses on the quickest layout, and by how much."""
    fits = units.layouts.fits & (batching.cap >= 1)
    few, slack = batching.among(fits), np.broadcast_to(slack, fits.shape)[fits]
    idle = few.state(np.zeros(len(slack)))
    reasons = [""] * len(units.machines)
    for target in targets:
        late = np.full(fits.shape, np.inf)
        late[fits] = few.latency_s(idle, target) * slack
        quickest = late.min(axis=1)
        over = np.isfinite(quickest) & (quickest > target.seconds)
        for index in np.flatnonzero(over).tolist():
            reasons[index] = reasons[index] or (
                f"{target.name} of {1e3 * target.seconds:.4g} ms missed: "
                f"{1e3 * quickest[index]:.3g} ms at one request in flight"
            )
    return [
        reason or "no layout meets all latency targets at once" if targets else reason
        for reason in reasons
    ]
