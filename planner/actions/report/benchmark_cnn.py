"""A small CNN on MNIST on CPU, GPU and TPU: the first exercise of every course, made real."""

from __future__ import annotations

from datetime import date
from typing import cast

import numpy as np

from catalog.accelerators import Accelerator
from planner.actions.planning import Prepared, prepare
from planner.actions.report.own_bars import own_bars
from planner.actions.session import Session
from planner.amounts import hours, money
from planner.items import rounded
from planner.performance.work import VisionWork, vision_work
from planner.results.benchmark import Basis, BenchmarkBar, BenchmarkReport
from planner.workload import Precision, Purchase, VisionTraining, Where

MODEL = "MNIST-CNN-pytorch-examples"
SAMPLES, EPOCHS, BATCH = 60_000, 14, 64
# The cheapest machine of each size; speed-ups are against the first, what a course's notebook has.
CPU_SIZES = (8, 64)
# What most people can rent, from old to new; a device without a single-device offer is left out.
ACCELERATORS = (
    "T4", "L4", "A10G", "A100-40GB", "A100-80GB", "H100-80GB", "H200", "B200", "MI300X",
    "TPU-v2", "TPU-v3", "TPU-v4", "TPU-v5e", "TPU-v5p", "TPU-v6e", "Gaudi2", "Trainium1",
)  # fmt: skip


def cnn(session: Session, *, today: date) -> BenchmarkReport:
    """Estimates of rented machines with the fewest devices, and the user's own runs."""
    workload = VisionTraining(
        kind="vision-training",
        name="mnist-cnn",
        model=MODEL,
        samples=SAMPLES,
        epochs=EPOCHS,
        batch_size=BATCH,
        precision=Precision.FP32,
        decode_images=False,
        where=Where(max_nodes=1, purchase=(Purchase.ON_DEMAND,)),
    )
    prepared = prepare(workload, session.catalog, session.measured)
    work = vision_work(prepared.shape, None)
    assert work is not None
    bars, left_out = _estimates(prepared, work, session, today)

    def of_peak(rate: float, device: Accelerator, devices: float) -> float | None:
        peak = device.peak_tera_ops.get("fp32")
        return _peak_share(rate, work, None if peak is None else peak * 1e12, devices)

    own = own_bars(session, MODEL, SAMPLES * EPOCHS, of_peak)
    baseline = _baseline(bars)
    if baseline is not None:
        bars = [_against(bar, baseline) for bar in bars]
        own = [_against(bar, baseline) for bar in own]
    everything = sorted([*bars, *own], key=lambda bar: bar.rate)
    return BenchmarkReport(
        exercise="cnn",
        model=MODEL,
        question=f"A small CNN (1.2 million parameters) on MNIST: {SAMPLES:,} images, {EPOCHS} "
        f"epochs, batches of {BATCH}, fp32. How much faster and cheaper is a GPU or TPU?",
        answer=_answer(everything, baseline),
        unit="images_per_s",
        cost_unit="epoch",
        baseline=None if baseline is None else baseline.device,
        bars=everything,
        left_out=left_out,
        notes=_notes(everything),
        commands=[
            "planner calibrate run cnn --on local",
            "planner calibrate run cnn --on H100-80GB",
            "planner report benchmark cnn -o cnn.html --force",
        ],
    )


def _estimates(
    prepared: Prepared, work: VisionWork, session: Session, today: date
) -> tuple[list[BenchmarkBar], dict[str, str]]:
    """CPU machines of some sizes, and one machine of each accelerator."""
    c = prepared.candidates
    name_of = np.array([device.name for device in c.machines.devices])[c.config]
    rows = prepared.in_time
    # a part of a GPU is another device
    whole = np.array([d.is_cpu or d.share >= 1 for d in c.machines.devices])
    rows = rows[whole[c.config[rows]]]
    cpu = rows[c.machines.is_cpu[c.config[rows]]]
    chosen: dict[str, int] = {}
    for vcpus in CPU_SIZES:
        sized = cpu[c.machines.vcpus[c.config[cpu]] == vcpus]
        if len(sized):
            chosen[f"{vcpus} vCPU"] = int(sized[np.argmin(c.usd[sized])])
    left_out = {}
    for name in ACCELERATORS:
        mine = rows[name_of[rows] == name]
        if not len(mine):
            left_out[name] = _why(prepared, name_of, name)
            continue
        devices = c.machines.total[c.config[mine]]
        few = mine[devices == devices.min()]
        chosen[name] = int(few[np.argmin(c.usd[few])])
    return [_bar(label, i, prepared, work, session, today) for label, i in chosen.items()], left_out


def _why(prepared: Prepared, name_of: np.ndarray, name: str) -> str:
    c = prepared.candidates
    reasons = [c.why_not[i] for i in np.flatnonzero(name_of == name).tolist() if i in c.why_not]
    reasons = [*reasons, *_blocked(prepared, name)]
    return reasons[0] if reasons else "no offer on demand in the catalog"


def _blocked(prepared: Prepared, name: str) -> list[str]:
    found = prepared.candidates.throughput
    devices = prepared.candidates.machines.devices
    return [why for d, why in zip(devices, found.why_not, strict=True) if d.name == name and why]


def _bar(
    label: str, index: int, prepared: Prepared, work: VisionWork, session: Session, today: date
) -> BenchmarkBar:
    c = prepared.candidates
    config, row = int(c.config[index]), int(c.row[index])
    device, found = c.machines.devices[config], c.throughput
    rate = float(found.median[config])
    devices = float(c.machines.total[config]) * device.share
    hourly = float(c.offers.numbers["usd_per_hour"][row])
    source = session.catalog.sources.get(c.offers.text("price_source", row))
    as_of = None if source is None else source.as_of
    name = f"{label}: {device.name.removeprefix('CPU-')}" if device.is_cpu else label
    place = (
        f"{c.offers.text('instance_type', row)}, {c.offers.text('cloud', row)} "
        f"{c.offers.text('region', row)}"
    )
    return BenchmarkBar(
        device=name,
        kind=device.kind.value,
        devices=rounded(devices),
        precision="fp32",
        on=place,
        basis=cast(Basis, found.basis[config]),
        rate=rounded(rate),
        rate_p10=rounded(found.p10[config]),
        rate_p90=rounded(found.p90[config]),
        hours=rounded(SAMPLES * EPOCHS / rate / 3600),
        speed_up=None,
        usd_per_hour=rounded(hourly),
        usd_per_unit=rounded(hourly * SAMPLES / rate / 3600),
        price_from="" if source is None else source.citation,
        price_age_days=None if as_of is None else (today - as_of).days,
        peak_share=_peak_share(rate, work, device.peak("fp32"), float(c.machines.total[config])),
    )


def _peak_share(rate: float, work: VisionWork, peak: float | None, devices: float) -> float | None:
    """Operations done over the peak in plain fp32: forward and twice as much backward."""
    if not peak:
        return None
    return rounded(rate * 3 * work.flops_forward / (peak * devices))


def _baseline(bars: list[BenchmarkBar]) -> BenchmarkBar | None:
    """The smaller CPU machine."""
    return next((bar for bar in bars if bar.kind == "CPU"), None)


def _against(bar: BenchmarkBar, baseline: BenchmarkBar) -> BenchmarkBar:
    return bar.model_copy(update={"speed_up": rounded(bar.rate / baseline.rate)})


def _answer(bars: list[BenchmarkBar], baseline: BenchmarkBar | None) -> str:
    fast = [bar for bar in bars if bar.kind != "CPU" and bar.usd_per_unit is not None]
    if baseline is None or not fast:
        return "No accelerator or no CPU of the catalog can be compared."
    ups = sorted(bar.speed_up or 0.0 for bar in fast)
    best = max(fast, key=lambda bar: bar.rate)
    cheap = min(
        (b for b in bars if b.usd_per_unit is not None), key=lambda bar: bar.usd_per_unit or 0.0
    )
    within = sum(5 <= up <= 50 for up in ups)
    return (
        f"Against {baseline.device} ({hours(baseline.hours)}), accelerators are {ups[0]:.1f} to "
        f"{ups[-1]:.1f} times as fast ({within} of {len(ups)} within the 5 to 50 that courses "
        f"promise); fastest is {best.device} with {hours(best.hours)}. An epoch is cheapest on "
        f"{cheap.device}: {money(cheap.usd_per_unit or 0.0)}."
    )


def _notes(bars: list[BenchmarkBar]) -> list[str]:
    notes = [
        "The network is so small that starting its kernels takes most of a step: larger devices "
        "stand idle, which the share of their peak shows. Larger batches change that.",
        "A machine is rented whole: the price is that of the smallest machine with the device. "
        "Boot and set-up are not in the hours here; `planner recommend` counts them.",
        "The model lets every core of a CPU work on one small batch; frameworks do not scale so "
        "far, so that bars of large CPUs are optimistic until one is measured.",
        "Images lie in host memory as tensors; nothing is decoded.",
    ]
    if not any(bar.basis == "measured" for bar in bars):
        notes.append("Nothing was measured on this account yet: the commands below do it.")
    return notes
