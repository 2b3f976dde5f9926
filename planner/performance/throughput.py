"""Throughput of a workload on hardware configurations, with interval and basis."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from catalog import Catalog
from catalog.accelerators import AcceleratorKind
from catalog.model_shapes import ModelShape
from catalog.records import dataclass
from planner.performance.devices import BYTES, Machines
from planner.performance.efficiency import Z90, Measured, Setup, by_prior, posterior, prior
from planner.performance.fitted import Setups
from planner.performance.latency import Latency
from planner.performance.layouts import ANY_LAYOUT, Layout, parse_layout
from planner.performance.training import StepTimes, transformer_step
from planner.performance.vision import DECODE_IMAGES_PER_S_PER_VCPU, vision_step
from planner.performance.work import VisionWork, transformer_work, vision_work
from planner.workload import Generic, LanguageTraining, Training, VisionTraining, Workload

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Throughput:
    """Units of work per second on each configuration, shape (n,); NaN where it cannot run.

    ``unit`` is tokens_per_s or images_per_s. ``log_sd`` is the standard deviation of the log of
    the true value below ``median``, ``log_sd_above`` above it (None: the same). ``why_not`` is
    empty where it can run. ``setups`` is what the fitted model was asked, where it was;
    ``known_as`` what the learner knows each configuration by (of training only where something was
    measured: ``performance.tasks`` has it always).
    """

    unit: str
    median: Floats
    log_sd: Floats
    basis: list[str]
    step: StepTimes
    why_not: list[str]
    latency: Latency | None = None
    log_sd_above: Floats | None = None
    setups: Setups | None = None
    known_as: Sequence[Setup] = ()

    def quantile(self, z: float) -> Floats:
        """Throughput at ``z`` standard deviations above the median (below when negative)."""
        sd = self.log_sd if z < 0 or self.log_sd_above is None else self.log_sd_above
        result: Floats = self.median * np.exp(z * sd)
        return result

    @cached_property
    def p10(self) -> Floats:
        return self.quantile(-Z90)

    @cached_property
    def p90(self) -> Floats:
        return self.quantile(Z90)


def throughput_of(
    workload: Workload,
    shape: ModelShape,
    machines: Machines,
    measured: Sequence[Measured] = (),
    *,
    catalog: Catalog | None = None,
) -> Throughput:
    """Estimate any workload on every configuration.

    The model fitted on published measurements is laid over the analytic one where a ``catalog`` is
    given; it knows the devices and networks of the catalog.
    """
    if isinstance(workload, (LanguageTraining, VisionTraining)):
        return training_throughput(workload, shape, machines, measured, catalog=catalog)
    from planner.performance.inference import generic_throughput, inference_throughput

    if isinstance(workload, Generic):
        return generic_throughput(workload, machines, measured)
    return inference_throughput(workload, shape, machines, measured, catalog=catalog)


def training_precision(workload: Training) -> str:
    if workload.precision is not None:
        return workload.precision.value
    return "fp32" if isinstance(workload, VisionTraining) else "bf16"


def training_throughput(
    workload: Training,
    shape: ModelShape,
    machines: Machines,
    measured: Sequence[Measured] = (),
    layout: Layout | None = None,
    *,
    catalog: Catalog | None = None,
) -> Throughput:
    """Estimate training throughput on every configuration.

    ``layout`` fixes the parts of a transformer's parallel layout that are decided; without it the
    workload's own ``parallelism`` does.
    """
    precision = training_precision(workload)
    task = "vision-training" if isinstance(workload, VisionTraining) else "language-training"
    kernel = kernel_efficiency(task, machines)
    if isinstance(workload, VisionTraining):
        work = vision_work(shape, workload.image_size)
        if work is None:
            unknown = ["operations of this model are unknown"] * len(machines)
            nan = np.full(len(machines), np.nan)
            step = StepTimes(nan, nan, nan, nan, nan, [""] * len(machines), nan, nan)
            return Throughput("images_per_s", nan, nan, ["analytic"] * len(machines), step, unknown)
        step = vision_step(
            work,
            machines,
            precision=precision,
            batch_size=workload.batch_size,
            bytes_per_value=BYTES[precision],
            decode_images=workload.decode_images,
            kernel_efficiency=kernel,
        )
        units, unit = float(workload.batch_size), "images_per_s"
        most = _most_images(workload, work, machines, precision)
    else:
        layout = layout or parse_layout(workload.parallelism or "")
        step, flops = _language_step(workload, shape, machines, precision, kernel, layout)
        most = machines.peak(precision) * machines.total / flops
        units = max(workload.step_tokens, float(workload.sequence_length))
        unit = "tokens_per_s"
    kinds = [device.kind for device in machines.devices]
    expected, asked = by_prior(task, kinds), None
    if catalog is not None:
        from planner.performance.training_fit import training_expected

        expected, asked = training_expected(
            workload,
            shape,
            machines,
            step,
            precision,
            log_analytic=np.log(units / step.total_s),
            log_most=np.log(most),
            prior=expected,
            catalog=catalog,
        )
    setups = setups_of(workload, shape, machines) if measured else []
    correction = posterior(setups, measured, expected)
    median = units / step.total_s * correction.ratio
    stated = layout is not None and layout != ANY_LAYOUT
    why_not = _why_not(step, machines, precision, median, stated)
    median = np.where([bool(reason) for reason in why_not], np.nan, median)
    return Throughput(
        unit,
        median,
        correction.log_sd,
        correction.basis,
        step,
        why_not,
        log_sd_above=correction.log_sd_above,
        setups=asked,
        known_as=setups,
    )


def kernel_efficiency(task: str, machines: Machines) -> Floats:
    """Share of the peak that kernels reach before any measurement, shape (n,)."""
    known = {kind: prior(task, kind).kernel_efficiency for kind in AcceleratorKind}
    return np.array([known[device.kind] for device in machines.devices])


def setups_of(workload: Training, shape: ModelShape, machines: Machines) -> list[Setup]:
    """What the learner knows each configuration by."""
    precision = training_precision(workload)
    if isinstance(workload, VisionTraining):
        task, batch = "vision-training", float(workload.batch_size)
    else:
        task = "language-training"
        batch = max(workload.step_tokens, float(workload.sequence_length))
    return [
        Setup(
            task,
            device.kind,
            device.name,
            shape.name,
            precision,
            workload.framework,
            batch,
            float(total) * device.share,
        )
        for device, total in zip(machines.devices, machines.total, strict=True)
    ]


def log_ratio(throughput: Throughput, measured_value: float, index: int = 0) -> float | None:
    """log(measured / estimated) of one configuration; None when it could not be estimated."""
    estimate = float(throughput.median[index])
    if not math.isfinite(estimate) or estimate <= 0 or measured_value <= 0:
        return None
    return math.log(measured_value / estimate)


def _language_step(
    workload: LanguageTraining,
    shape: ModelShape,
    machines: Machines,
    precision: str,
    kernel: Floats,
    layout: Layout,
) -> tuple[StepTimes, float]:
    """Times of a step, and operations of a token."""
    width = BYTES[precision]
    # fp8 training keeps weights and activations in 16 bit and casts before products
    stored = 2.0 if precision == "fp8" else width
    work = transformer_work(
        shape,
        sequence_length=workload.sequence_length,
        method=workload.method.value,
        lora_rank=workload.lora_rank,
        bytes_per_value=stored,
    )
    first, member = machines.distinct()
    step = transformer_step(
        work,
        machines.take(first),
        precision=precision,
        sequence_length=workload.sequence_length,
        step_tokens=workload.step_tokens,
        kernel_efficiency=kernel[first],
        layout=layout,
    )
    return step.take(member), work.flops_forward + work.flops_backward


def _most_images(
    workload: VisionTraining, work: VisionWork, machines: Machines, precision: str
) -> Floats:
    """Images/s at the peak, and no more than the hosts decode.

    Frameworks compute fp32 convolutions in TF32 where a GPU has it.
    """
    peak = machines.peak(precision)
    if precision == "fp32":
        peak = np.fmax(peak, machines.peak("tf32"))
    most = peak * machines.total / (3 * work.flops_forward)
    if not workload.decode_images:
        return most
    return np.fmin(most, DECODE_IMAGES_PER_S_PER_VCPU * machines.vcpus * machines.nodes)


def _why_not(
    step: StepTimes, machines: Machines, precision: str, median: Floats, layout_stated: bool
) -> list[str]:
    reasons = [""] * len(machines)
    memory = machines.memory
    peak = machines.peak(precision)
    with np.errstate(invalid="ignore"):
        runs = np.isfinite(median) & (median > 0) & ~np.isnan(peak) & ~np.isnan(memory)
    for index in np.flatnonzero(~runs).tolist():
        if np.isnan(peak[index]):
            reasons[index] = f"no {precision} arithmetic in the datasheet"
        elif np.isnan(memory[index]):
            reasons[index] = "memory size unknown"
        elif step.shortfall[index] > 0 and math.isfinite(step.shortfall[index]):
            reasons[index] = f"memory: short of {step.shortfall[index] / 2**30:.1f} GiB a device"
        elif layout_stated:
            reasons[index] = "the layout asked for does not divide these devices, model and batch"
        else:
            reasons[index] = "more devices than the batch has samples for"
    return reasons
