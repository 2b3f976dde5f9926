"""GPU against TPU on a transformer: published and own runs of one model beside what is expected."""

from __future__ import annotations

import re
import statistics
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, cast

import numpy as np

from catalog import UnknownName
from catalog.accelerators import Accelerator, AcceleratorKind
from catalog.model_shapes import ModelShape
from planner.actions.hardware.facts import Facts
from planner.actions.hardware.on_workload import machines_of
from planner.actions.report.own_bars import own_bars
from planner.actions.session import Session
from planner.amounts import money, plain
from planner.errors import BadInput
from planner.field_errors import shown
from planner.items import rounded
from planner.performance.devices import Machines
from planner.performance.learned.table import fold_model
from planner.performance.throughput import throughput_of
from planner.performance.work import transformer_work
from planner.results.benchmark import Basis, BenchmarkBar, BenchmarkReport
from planner.results.hardware import DevicePrice
from planner.workload import LanguageTraining, Precision

# Published on GPUs and TPUs by both of their makers, in MLPerf and in their recipes.
MODEL = "GPT-3-175B"
SEQUENCE = 2048
BATCH_TOKENS = 4_194_304.0  # 2,048 sequences: what most of the published runs take
TOKENS = 300e9  # those of the original
DEVICES = 256  # of estimates: as published runs begin with
ACCELERATORS = (
    "A100-80GB", "H100-80GB", "H200", "B200", "GB200", "MI300X", "MI355X", "Trainium2", "Gaudi3",
    "TPU-v4", "TPU-v5e", "TPU-v5p", "TPU-v6e", "TPU-v7x",
)  # fmt: skip
# How published runs name their arithmetic, and what it is called here. What MLPerf calls mixed is
# the submitter's choice: FP8 products on GPUs and int8 ones on TPUs among them.
BF16, MIXED = "bf16", "MLPerf mixed"
PRECISIONS = {"bf16": BF16, "amp-bf16": BF16, "mixed(mlperf)": MIXED}


def transformer(session: Session, *, model: str | None, today: date) -> BenchmarkReport:
    """Tokens/s and device, and dollars a million tokens, of pre-training one model.

    Raises BadInput for a model that is no decoder of the catalog.
    """
    shape = _shape(session, model or MODEL)
    workload = LanguageTraining(
        kind="pretrain",
        name="gpu-vs-tpu",
        model=shape.name,
        tokens=TOKENS,
        sequence_length=SEQUENCE,
        batch_tokens=BATCH_TOKENS,
        precision=Precision.BF16,
    )
    facts = Facts(session.catalog, today)
    bars, left_out = [], dict[str, str]()
    published = _published(session, shape)
    names = list(dict.fromkeys([*published, *ACCELERATORS]))
    for name in names:
        spec = session.catalog.accelerators.get(name)
        if spec is None:
            left_out[name] = "the catalog does not know it"
            continue
        estimate = _estimate(workload, shape, spec, session, facts)
        if isinstance(estimate, str):
            left_out[name] = estimate
        else:
            bars.append(estimate)
        for precision, runs in published.get(name, {}).items():
            same = precision == BF16 and isinstance(estimate, BenchmarkBar)
            expected = estimate.rate if same and isinstance(estimate, BenchmarkBar) else None
            bars.append(_measured(precision, runs, shape, spec, facts, expected))
    bars += own_bars(
        session, shape.name, TOKENS, lambda rate, spec, n: _peak_share(rate / n, shape, spec)
    )
    baseline = _baseline(bars)
    if baseline is not None:
        bars = [bar.model_copy(update={"speed_up": _ratio(bar, baseline)}) for bar in bars]
    bars.sort(key=lambda bar: bar.rate / bar.devices)
    return BenchmarkReport(
        exercise="transformer",
        model=shape.name,
        question=f"Pre-training {shape.name} on 300 billion tokens: is a GPU or a TPU faster, "
        "device by device, and which costs less a token?",
        answer=_answer(bars),
        unit="tokens_per_s",
        cost_unit="million tokens",
        baseline=None if baseline is None else baseline.device,
        bars=bars,
        left_out=left_out,
        notes=_notes(bars),
        commands=[
            "planner compare --a TPU-v6e --b H100-80GB examples/gpu-vs-tpu.yaml",
            "planner calibrate run transformer --on H100-80GB",
            "planner report benchmark transformer -o transformer.html --force",
        ],
    )


def _shape(session: Session, name: str) -> ModelShape:
    try:
        shape = session.catalog.model_shape(name)
    except UnknownName as error:
        close = ", ".join(error.suggestions)
        raise BadInput(
            f"unknown model {shown(name)}",
            where="--model",
            remedy=f"did you mean {close}?" if close else f"say {MODEL}",
        ) from None
    if shape.kind != "transformer":
        raise BadInput(
            f"{shape.name} is no decoder-only language model",
            where="--model",
            remedy=f"say {MODEL}",
        )
    return shape


def _published(
    session: Session, shape: ModelShape
) -> Mapping[str, Mapping[str, list[Mapping[str, Any]]]]:
    """Published training runs by device and precision, full training only."""
    found: dict[str, dict[str, list[Mapping[str, Any]]]] = {}
    wanted = fold_model(shape.name)
    for row in session.catalog.rows("observations", "value > 0 AND task = 'train'"):
        if row["metric"] != "tokens_per_s_per_device" or fold_model(str(row["model"])) != wanted:
            continue
        precision = PRECISIONS.get(str(row["precision"] or ""))
        if precision is None:
            continue
        try:
            name = session.catalog.accelerator(str(row["accelerator"])).name
        except UnknownName:
            name = str(row["accelerator"])
        found.setdefault(name, {}).setdefault(precision, []).append(row)
    return found


def _machines(spec: Accelerator) -> Machines:
    """The tried numbers of devices up to DEVICES, the last of them DEVICES."""
    every = machines_of(spec)
    return every.take(np.flatnonzero(every.total <= DEVICES))


def _estimate(
    workload: LanguageTraining, shape: ModelShape, spec: Accelerator, session: Session, facts: Facts
) -> BenchmarkBar | str:
    """The model's view of DEVICES of them; why not as text."""
    if "training" not in spec.can_run:
        return "it cannot train"
    machines = _machines(spec)
    found = throughput_of(workload, shape, machines, session.measured, catalog=session.catalog)
    last = len(machines) - 1
    if found.why_not[last]:
        return found.why_not[last]
    devices = float(machines.total[last])
    rate = float(found.median[last])
    price = facts.on_demand(spec)
    return BenchmarkBar(
        device=spec.name,
        kind=spec.kind.value,
        devices=devices,
        precision=BF16,
        on=found.step.layout[last],
        basis=cast(Basis, found.basis[last]),
        rate=rounded(rate),
        rate_p10=rounded(found.p10[last]),
        rate_p90=rounded(found.p90[last]),
        hours=rounded(TOKENS / rate / 3600),
        speed_up=None,
        peak_share=_peak_share(rate / devices, shape, spec),
        **_priced(price, rate, devices),
    )


def _measured(
    precision: str,
    runs: Sequence[Mapping[str, Any]],
    shape: ModelShape,
    spec: Accelerator,
    facts: Facts,
    expected: float | None,
) -> BenchmarkBar:
    """The median of the published runs, and their range."""
    values = sorted(float(row["value"]) for row in runs)
    counts = [float(row["accelerators"] or 1.0) for row in runs]
    nearest = min(counts, key=lambda count: abs(count - DEVICES))
    at = [float(r["value"]) for r in runs if float(r["accelerators"] or 1.0) == nearest]
    sizes = f"{min(counts):,.0f}" + (f" to {max(counts):,.0f}" if max(counts) > min(counts) else "")
    dates = sorted(str(row["source_date"]) for row in runs)
    rate = statistics.median(at)
    sources = sorted({re.split(r"[ /]", str(row["source"]))[0] for row in runs})
    return BenchmarkBar(
        device=spec.name,
        kind=spec.kind.value,
        devices=nearest,
        precision=precision,
        on=f"{len(runs)} published runs on {sizes} devices, {plain(values[0])} to "
        f"{plain(values[-1])} tokens/s and device; the bar is the size nearest to the estimate",
        basis="measured elsewhere",
        rate=rounded(rate * nearest),
        rate_p10=rounded(values[0] * nearest),
        rate_p90=rounded(values[-1] * nearest),
        hours=rounded(TOKENS / (rate * nearest) / 3600),
        speed_up=None,
        peak_share=_peak_share(rate, shape, spec),
        source=f"{', '.join(sources)} ({dates[0]} to {dates[-1]})",
        expected=None if expected is None else rounded(expected),
        **_priced(facts.on_demand(spec), rate * nearest, nearest),
    )


def _priced(price: DevicePrice | None, rate: float, devices: float) -> dict[str, Any]:
    if price is None:
        return {"usd_per_hour": None, "usd_per_unit": None}
    hourly = price.usd_per_hour * devices
    return {
        "usd_per_hour": rounded(hourly),
        "usd_per_unit": rounded(hourly / (rate * 3600) * 1e6),
        "price_from": f"{price.machine}, {price.cloud} {price.region}: {price.source}",
        "price_age_days": price.age_days,
    }


def _peak_share(rate: float, shape: ModelShape, spec: Accelerator) -> float | None:
    """Model operations of one device over its dense 16-bit peak; recomputation is not counted."""
    peak = spec.peak_tera_ops.get("bf16", spec.peak_tera_ops.get("fp16"))
    if not peak:
        return None
    work = transformer_work(
        shape, sequence_length=SEQUENCE, method="full", lora_rank=16, bytes_per_value=2.0
    )
    return rounded(rate * (work.flops_forward + work.flops_backward) / (peak * 1e12))


def _baseline(bars: Sequence[BenchmarkBar]) -> BenchmarkBar | None:
    """H100, measured if somebody did: what most compare with."""
    mine = [bar for bar in bars if bar.device == "H100-80GB"]
    return next(
        (bar for bar in mine if bar.basis == "measured elsewhere"), mine[0] if mine else None
    )


def _ratio(bar: BenchmarkBar, baseline: BenchmarkBar) -> float:
    return rounded(bar.rate / bar.devices / (baseline.rate / baseline.devices))


def _answer(bars: Sequence[BenchmarkBar]) -> str:
    """Fastest and cheapest of both kinds, measured figures where there are any."""
    best: dict[str, dict[str, BenchmarkBar]] = {}
    measured = {bar.device for bar in bars if bar.basis == "measured elsewhere"}
    used = [b for b in bars if b.device not in measured or b.basis == "measured elsewhere"]
    for kind in (AcceleratorKind.GPU, AcceleratorKind.TPU):
        mine = [bar for bar in used if bar.kind == kind.value]
        priced = [bar for bar in mine if bar.usd_per_unit is not None]
        if mine and priced:
            best[kind.value] = {
                "fast": max(mine, key=lambda bar: bar.rate / bar.devices),
                "cheap": min(priced, key=lambda bar: bar.usd_per_unit or 0.0),
            }
    if len(best) < 2:
        return "Only one of GPU and TPU can be compared on this model."
    gpu, tpu = best["GPU"], best["TPU"]
    fast = gpu["fast"].rate / gpu["fast"].devices / (tpu["fast"].rate / tpu["fast"].devices)
    lead = (
        f"Device by device the fastest GPU ({_known(gpu['fast'])}) does {fast:.2g} times what the "
        f"fastest TPU ({_known(tpu['fast'])}) does"
    )
    costs = gpu["cheap"].usd_per_unit or 0.0, tpu["cheap"].usd_per_unit or 0.0
    return (
        f"{lead}; a million tokens cost {money(costs[0])} on {_known(gpu['cheap'])} "
        f"and {money(costs[1])} on {_known(tpu['cheap'])} at their cheapest on-demand prices."
    )


def _known(bar: BenchmarkBar) -> str:
    """A device, in which arithmetic, and whether that was measured."""
    return f"{bar.device}, {bar.precision}, {bar.basis}"


def _notes(bars: Sequence[BenchmarkBar]) -> list[str]:
    off = [
        f"{bar.device} {plain(bar.expected / DEVICES)} of {DEVICES}, "
        f"{plain(bar.rate / bar.devices)} of {bar.devices:,.0f}"
        for bar in bars
        if bar.expected is not None and bar.basis == "measured elsewhere"
    ]
    return [
        f"Estimates are of {DEVICES} devices, a batch of {BATCH_TOKENS:,.0f} tokens and sequences "
        f"of {SEQUENCE:,}; published runs have their own sizes.",
        *([f"Tokens/s and device, expected and published: {'; '.join(off)}."] if off else []),
        "Prices are of one device on demand, times the devices: what so many cost together is a "
        "matter of negotiation and of having them.",
        "The share of the peak is the model's operations over the dense 16-bit peak (MFU). Mixed "
        "precision in MLPerf is the submitter's choice, FP8 or int8 products among them: those "
        "bars are no 16-bit runs, and their share can be more than 16 bit could reach.",
    ]
