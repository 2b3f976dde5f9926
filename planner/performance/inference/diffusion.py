"""Diffusion: a denoiser run many times for an image, then a decoder once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from catalog import Catalog
from catalog.model_shapes import ModelShape
from planner.performance.devices import Machines
from planner.performance.efficiency import Measured
from planner.performance.fitted import engine as known_engine
from planner.performance.fitted import fitted_on
from planner.performance.inference.answers import (
    bandwidth_efficiency,
    correction,
    impossible,
    kernel_efficiency,
)
from planner.performance.inference.batches import (
    BATCHES,
    BatchTimes,
    SampleWork,
    batch_times,
    choose,
    latency_of,
)
from planner.performance.inference.precision import LANGUAGE_DEFAULTS, arithmetic
from planner.performance.inference.sample_fit import samples_expected
from planner.performance.inference.vision import UNKNOWN_WORK, engine
from planner.performance.throughput import Throughput
from planner.workload import BatchInference

Floats = NDArray[np.float64]

DEFAULT_STEPS = 50  # of the schedulers in diffusers
DISTILLED_STEPS = 4  # schnell, turbo and lightning models (FLUX.1-schnell model card)
DISTILLED = ("schnell", "turbo", "lightning", "lcm")
# Published runs (MLPerf Inference, SDXL) take 20 steps. The fitted model does not see the number:
# the two models are compared at this one, and the analytic one carries the rest. For the same
# reason the fit knows nothing of other denoisers.
PUBLISHED_STEPS = 20
# Classifier-free guidance runs the denoiser with and without the prompt (Ho and Salimans 2022);
# FLUX models and distilled ones are trained to do without.
GUIDED_PASSES = 2.0
# Decoder of Stable Diffusion's autoencoder: 1.24e12 multiply-accumulates for 512 x 512 pixels.
# Assumption (profiled by others; within a few per cent of the total at 50 steps).
DECODER_MACS_PER_PIXEL = 1.24e12 / 512**2
# Text encoders and autoencoder beside the denoiser, as a share of its weights. Assumption.
OTHER_WEIGHTS = 0.35
# Values written in a pass, per multiply-accumulate: large convolutions and attention write less
# than a classifier's layers; and the share of them that lives at once. Assumptions.
VALUES_PER_MAC = 0.8e-3
LIVE_SHARE = 0.05
# Kernels of one pass of a denoiser, before fusion into ``kernels_per_layer`` a layer. Assumption.
LAYERS_PER_PASS = 300.0
DEFAULT_PIXELS = 1024
_MOST_BATCH = 64.0


def diffusion_throughput(
    workload: BatchInference,
    shape: ModelShape,
    machines: Machines,
    measured: Sequence[Measured] = (),
    catalog: Catalog | None = None,
) -> Throughput:
    """Images/s of all devices of a unit, each with its own batches."""
    task = "diffusion"
    work = diffusion_work(shape, workload.image_size, workload.denoising_steps)
    if work is None:
        return impossible("images_per_s", machines, UNKNOWN_WORK)
    framework = workload.framework or "pytorch"
    style = engine(framework)
    stated = workload.precision.value if workload.precision else None
    runs = arithmetic(stated, LANGUAGE_DEFAULTS, machines)
    batch = float(workload.batch_size or 0)
    sizes = np.array([batch]) if batch else BATCHES[BATCHES <= _MOST_BATCH]
    launch_s = style.kernels_per_layer * np.where(
        machines.is_cpu, style.launch_cpu_s, style.launch_s
    )

    def timed(work: SampleWork) -> BatchTimes:
        return batch_times(
            work,
            machines,
            runs,
            sizes,
            kernel_efficiency=kernel_efficiency(task, machines),
            bandwidth_efficiency=bandwidth_efficiency(task, machines),
            launch_s=launch_s,
            speed=np.ones(len(machines)),
        )

    times = timed(work)
    expected = asked = None
    as_published = diffusion_work(shape, workload.image_size, PUBLISHED_STEPS)
    if catalog is not None and as_published is not None and fitted_on(shape.name, "inference"):
        expected, asked = samples_expected(
            timed(as_published),
            as_published,
            choose(times, machines, runs, service=False).batch,
            machines,
            runs,
            shape,
            task=task,
            template={"img_size": str(workload.image_size or "")},
            frameworks=[known_engine(framework, "pytorch")] * len(machines),
            catalog=catalog,
        )
    fix = correction(task, shape.name, runs.stored, framework, batch, machines, measured, expected)
    found = choose(times.at_speed(fix.ratio), machines, runs, service=False)
    return Throughput(
        "images_per_s",
        found.rate,
        fix.log_sd,
        fix.basis,
        found.step,
        found.reasons,
        latency_of(found, machines, service=False),
        fix.log_sd_above,
        asked,
        fix.setups,
    )


def denoising_steps(shape: ModelShape, stated: int | None) -> int:
    if stated is not None:
        return stated
    distilled = any(word in shape.name.lower() for word in DISTILLED)
    return DISTILLED_STEPS if distilled else DEFAULT_STEPS


def diffusion_work(
    shape: ModelShape, image_size: int | None, steps: int | None
) -> SampleWork | None:
    """Work of one image; None when the denoiser's operations are unknown.

    Work grows with the pixels. A transformer without a published figure does one
    multiply-accumulate a parameter and token, of 16 x 16 pixels each (an 8-fold autoencoder and
    patches of 2, as FLUX and Stable Diffusion 3 have).
    """
    parameters = shape.parameters_billion * 1e9
    count = denoising_steps(shape, steps)
    name = f"{shape.family} {shape.name}".lower()
    transformer = shape.forward_gmacs is None
    if transformer and "flux" not in name:
        return None
    pixels = float(image_size or shape.image_size or DEFAULT_PIXELS)
    if transformer:
        macs = parameters * (pixels / 16) ** 2
    else:
        scale = (pixels / (shape.image_size or pixels)) ** 2
        macs = (shape.forward_gmacs or 0.0) * 1e9 * scale
    unguided = "flux" in name or any(word in name for word in DISTILLED)
    passes = count * (1.0 if unguided else GUIDED_PASSES)
    decoder = DECODER_MACS_PER_PIXEL * pixels**2
    return SampleWork(
        parameters=parameters * (1 + OTHER_WEIGHTS),
        flops=2 * (passes * macs + decoder),
        moved_values=VALUES_PER_MAC * (passes * macs + decoder),
        live_values=LIVE_SHARE * VALUES_PER_MAC * max(macs, decoder),
        kernels=LAYERS_PER_PASS,
        # guidance doubles the batch, not the passes over the weights
        passes=float(count),
    )
