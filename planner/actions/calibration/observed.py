"""The workload behind an observation, so that a plan's own estimator can be asked about it."""

from __future__ import annotations

import re

from pydantic import ValidationError

from catalog.model_shapes import ModelShape
from catalog.observations import Observation
from planner.workload import (
    BatchInference,
    LanguageTraining,
    Method,
    Precision,
    VisionInference,
    VisionTraining,
    Workload,
)

# Words of observations that are no name in the catalog.
THIS_MACHINE = "this-machine"
CEILING = "ceiling"
TRAINING = ("train", "finetune")
INFERENCE = ("infer_batch",)
# Throughput does not depend on the amount of work, as long as a batch fits in it.
ENOUGH_WORK = 1e12
# What a value counts, by the metric's name, and the units that plans use for it.
COUNTED = {
    "images_per_s_per_device": ("images_per_s", "samples_per_s"),
    "samples_per_s_per_device": ("images_per_s", "samples_per_s", "requests_per_s"),
    "tokens_per_s_per_device": ("tokens_per_s", "requests_per_s"),
}


def observed_workload(seen: Observation, shape: ModelShape, devices: float) -> Workload | None:
    """None for what no plan asks about: other tasks, and rows without what they need."""
    batch = _batch(seen, devices)
    try:
        if seen.task in TRAINING:
            return _training(seen, shape, batch)
        if seen.task in INFERENCE:
            return _inference(seen, shape, batch)
    except ValidationError:  # a batch or length beyond what a workload may have
        return None
    return None


def per_second(seen: Observation, unit: str, devices: float) -> float | None:
    """The observation in ``unit`` for all devices together; None where it counts something else."""
    if seen.value is None or unit not in COUNTED.get(seen.metric, ()):
        return None
    total = seen.value * devices
    if seen.metric.startswith("tokens") and unit == "requests_per_s":
        # One token out is scoring: what is counted then are the tokens of the prompts.
        generated = _whole(seen.output_len)
        counted = _whole(seen.input_len) if generated == 1 else generated
        return None if counted is None else total / counted
    return total


def framework_family(name: str) -> str:
    """``pytorch2.13-eager`` is pytorch, ``pytorch2.13-compile`` another way to run."""
    match = re.match(r"[a-zA-Z]+", name)
    family = match[0].lower() if match else name
    return f"{family}-compile" if name.endswith("-compile") else family


def precision_of(seen: Observation) -> Precision:
    """``amp-bf16`` is bf16; what nobody said is fp32, as frameworks have it."""
    plain = seen.precision.removeprefix("amp-")
    return Precision(plain) if plain in Precision._value2member_map_ else Precision.FP32


def _training(seen: Observation, shape: ModelShape, batch: int | None) -> Workload | None:
    framework, precision = framework_family(seen.framework), precision_of(seen)
    if shape.kind == "vision":
        return VisionTraining(
            kind="vision-training",
            model=shape.name,
            samples=ENOUGH_WORK,
            batch_size=batch or 1,
            image_size=None if seen.img_size is None else int(seen.img_size),
            precision=precision,
            framework=framework,
            decode_images=False,
        )
    if shape.kind != "transformer" or not seen.seq_len or batch is None:
        return None
    return LanguageTraining(
        kind="pretrain" if seen.task == "train" else "finetune",
        model=shape.name,
        method=Method.LORA if "lora" in seen.parallelism.lower() else Method.FULL,
        tokens=ENOUGH_WORK,
        sequence_length=int(seen.seq_len),
        batch_tokens=batch * int(seen.seq_len),
        precision=precision,
        framework=framework,
    )


def _inference(seen: Observation, shape: ModelShape, batch: int | None) -> Workload | None:
    framework, precision = framework_family(seen.framework), precision_of(seen)
    if shape.kind == "vision":
        return VisionInference(
            kind="vision-inference",
            model=shape.name,
            samples=ENOUGH_WORK,
            batch_size=batch,
            image_size=None if seen.img_size is None else int(seen.img_size),
            precision=precision,
            framework=framework,
            decode_images=False,
        )
    lengths = _whole(seen.input_len), _whole(seen.output_len)
    if shape.kind == "transformer":
        if None in lengths:
            return None
    elif shape.kind != "encoder":
        return None
    return BatchInference(
        kind="batch-inference",
        model=shape.name,
        samples=ENOUGH_WORK,
        input_length=lengths[0] or 512,
        output_length=lengths[1],
        batch_size=batch,
        precision=precision,
        framework=framework,
    )


def _batch(seen: Observation, devices: float) -> int | None:
    """Samples or sequences of all devices together."""
    stated = _whole(seen.batch_global)
    if stated is not None:
        return stated
    return None if not seen.batch_per_device else max(1, round(seen.batch_per_device * devices))


def _whole(text: str) -> int | None:
    match = re.fullmatch(r"\d+(?:\.0+)?", text.strip())
    return int(float(match[0])) or None if match else None
