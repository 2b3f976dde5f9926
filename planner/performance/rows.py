"""Rows of measurements through the analytic model, corrected by the user's own runs.

Covers training of language models and of vision networks; other rows are refused with a reason.
Rows of published hardware are better served by ``planner.performance.learned``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from catalog import Catalog, UnknownName
from catalog.model_shapes import ModelShape
from planner.performance.devices import Device, Machines, from_accelerator, usual_network
from planner.performance.efficiency import Measured
from planner.performance.layouts import ANY_LAYOUT, Layout, parse_layout
from planner.performance.throughput import training_throughput
from planner.workload import LanguageTraining, Method, Precision, Training, VisionTraining

Row = Mapping[str, object]
Floats = NDArray[np.float64]
UNITS = {
    "tokens_per_s_per_device": "tokens_per_s",
    "images_per_s_per_device": "images_per_s",
    "samples_per_s_per_device": "images_per_s",
}
# Most publishers' machines hold eight accelerators; used where a row does not say.
USUAL_PER_NODE = 8
ENOUGH_WORK = 1e15  # throughput does not depend on the amount, as long as a step fits in it


@dataclass(frozen=True, slots=True)
class RowPrediction:
    """``predicted`` in the row's metric, per device; None with a ``reason`` when refused."""

    predicted: float | None
    p10: float | None
    p90: float | None
    basis: str
    feasible: bool
    reason: str


def predict_rows(
    rows: Sequence[Row],
    catalog: Catalog,
    measured: Sequence[Measured] = (),
    machine: Callable[[], Device] | None = None,
) -> list[RowPrediction]:
    """One prediction a row, in order; never raises for what a row says.

    ``machine`` describes the device of every row in place of the row's accelerator.
    """
    device = machine() if machine and rows else None
    return [_predict(row, catalog, measured, device) for row in rows]


def log_step_rates(
    rows: Sequence[Row], shapes: Sequence[ModelShape | None], catalog: Catalog
) -> Floats:
    """log of tokens/s and device of training runs by their step time, uncorrected, shape (n,).

    ``shapes`` are the networks'; NaN where one is None or no decoder, and where a row is refused.
    """
    found = np.full(len(rows), np.nan)
    for index, (row, shape) in enumerate(zip(rows, shapes, strict=True)):
        if shape is None or shape.kind != "transformer":
            continue
        asked = {**row, "metric": "tokens_per_s_per_device"}
        rate = _predict(asked, catalog, (), None, shape).predicted
        if rate is not None:
            found[index] = np.log(rate)
    return found


def _predict(
    row: Row,
    catalog: Catalog,
    measured: Sequence[Measured],
    device: Device | None,
    shape: ModelShape | None = None,
) -> RowPrediction:
    task, metric = _text(row, "task"), _text(row, "metric")
    if task not in ("train", "finetune"):
        return _refused(f"task {task or 'unknown'} is not covered yet: train and finetune are")
    if metric not in UNITS:
        return _refused(f"metric {metric or 'unknown'} is not covered yet")
    try:
        if device is None:
            accelerator = catalog.accelerator(_text(row, "accelerator"))
            if "training" not in accelerator.can_run:
                return _refused(f"{accelerator.name} cannot train")
            device = from_accelerator(accelerator, host_memory_gib=512.0)
        shape = shape or _shape(row, catalog)
    except UnknownName as error:
        return _refused(str(error))
    total = _number(row, "accelerators") or 1.0
    nodes = _number(row, "nodes") or float(np.ceil(total / USUAL_PER_NODE))
    nodes = max(1.0, min(nodes, total))
    workload = _workload(row, shape, device, total)
    if isinstance(workload, str):
        return _refused(workload)
    unknown = np.array([np.nan])
    machines = Machines(
        (device,),
        np.array([np.ceil(total / nodes)]),
        np.array([nodes]),
        np.array([usual_network(device, np.ceil(total / nodes))]),
        unknown,
        unknown,
    )
    found = training_throughput(workload, shape, machines, measured, _layout(row, total))
    if found.unit != UNITS[metric]:
        return _refused(f"metric {metric} does not go with {shape.name}")
    if found.why_not[0]:
        return _refused(found.why_not[0])
    devices = float(machines.total[0])
    return RowPrediction(
        float(found.median[0]) / devices,
        float(found.p10[0]) / devices,
        float(found.p90[0]) / devices,
        found.basis[0],
        True,
        "",
    )


def _workload(row: Row, shape: ModelShape, device: Device, devices: float) -> Training | str:
    batch = _number(row, "batch_global") or (_number(row, "batch_per_device") or 0.0) * devices
    precision = _precision(_text(row, "precision"), device)
    try:
        if shape.kind == "vision":
            return VisionTraining(
                kind="vision-training",
                model=shape.name,
                samples=ENOUGH_WORK,
                batch_size=int(max(batch or 64 * devices, devices)),
                image_size=int(_number(row, "img_size") or 0) or None,
                precision=precision,
                decode_images=False,
            )
        if shape.kind != "transformer":
            return f"training of {shape.kind} models is not covered yet"
        layout = _text(row, "parallelism").lower()
        sequence = int(_number(row, "seq_len") or 2048)
        return LanguageTraining(
            kind="finetune",
            model=shape.name,
            method=Method.LORA if "lora" in layout else Method.FULL,
            tokens=ENOUGH_WORK,
            sequence_length=sequence,
            batch_tokens=max(batch, devices) * sequence,
            precision=precision,
        )
    except ValidationError as error:
        return str(error.errors()[0]["msg"]).removeprefix("Value error, ")


def _shape(row: Row, catalog: Catalog) -> ModelShape:
    """From the zoo; a vision network that is not in it from the row's own figures."""
    name = _text(row, "model")
    try:
        return catalog.model_shape(name)
    except UnknownName:
        gmacs, parameters = _number(row, "fwd_gmacs"), _number(row, "params_b")
        if gmacs is None or parameters is None or _text(row, "model_class") not in ("cnn", "vit"):
            raise
        size = int(_number(row, "img_size") or 224)
        return ModelShape(
            name,
            _text(row, "model_class"),
            "vision",
            parameters,
            parameters,
            forward_gmacs=gmacs,
            image_size=size,
        )


def _precision(text: str, device: Device) -> Precision:
    """The arithmetic behind a publisher's word; without a type, the device's 16-bit one."""
    for word, precision in (
        ("fp8", Precision.FP8),
        ("float8", Precision.FP8),
        ("bf16", Precision.BF16),
        ("fp16", Precision.FP16),
        ("tf32", Precision.TF32),
        ("fp32", Precision.FP32),
    ):
        if word in text.lower():
            return precision
    has = device.peaks
    return Precision.BF16 if "bf16" in has else Precision.FP16 if "fp16" in has else Precision.FP32


def _layout(row: Row, devices: float) -> Layout:
    """The layout a row states; what does not divide its devices is taken as unstated."""
    said = parse_layout(f"{_text(row, 'parallelism')} {_text(row, 'notes')}")
    degrees = (said.tensor or 1) * (said.pipeline or 1) * (said.context or 1)
    if devices % degrees or (said.data or devices // degrees) * degrees != devices:
        return ANY_LAYOUT
    return said


def _text(row: Row, name: str) -> str:
    value = row.get(name)
    return "" if value is None else str(value).strip()


def _number(row: Row, name: str) -> float | None:
    match = re.fullmatch(r"\d+(?:\.\d+)?(?:[eE][+-]?\d+)?", _text(row, name))
    value = float(match[0]) if match else 0.0
    return value if 0 < value < 1e15 else None


def _refused(reason: str) -> RowPrediction:
    return RowPrediction(None, None, None, "analytic", False, reason)
