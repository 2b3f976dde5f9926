"""Rows as columns of numbers, the form in which all formulas and learners read them.

Text is read once per row here; everything after is vectorised. NaN is unknown.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from catalog import Catalog
from planner.performance.learned.devices import Device, DeviceBook
from planner.performance.learned.names import TRAIT_NAMES, depth, patch, vision_traits
from planner.performance.learned.networks import LANGUAGE, Network, NetworkBook
from planner.performance.learned.text import (
    ENGINE_NAMES,
    cell,
    framework,
    layout,
    length,
    notes,
    positive,
    precision,
)

NAN = math.nan
FloatArray = NDArray[np.float64]
Columns = dict[str, FloatArray]
MODEL_CLASSES = ("llm", "llm-moe", "seq2seq", "bert", "asr", "diffusion", "cnn", "vit", "detection")
KINDS = ("GPU", "TPU", "ASIC", "CPU")


@dataclass(frozen=True, slots=True)
class Table:
    """``columns`` hold one number a row; ``reasons`` is empty where the row can be predicted."""

    columns: Columns
    reasons: list[str]
    learners: list[str]  # language_training, language_inference, training, inference
    classes: list[str]  # the yardstick's classes
    models: list[str]  # model names, folded: the unit of the model effect
    accelerators: list[str]

    def __len__(self) -> int:
        return len(self.reasons)


def read_rows(rows: Sequence[Mapping[str, object]], catalog: Catalog) -> Table:
    """Parse every row; a row that cannot be predicted keeps its place, with its reason."""
    devices, networks = DeviceBook(catalog), NetworkBook(catalog)
    parsed: list[dict[str, float]] = []
    reasons, learners, classes, models, names = [], [], [], [], []
    for row in rows:
        device = devices.find(cell(row, "accelerator"))
        network = networks.find(row)
        models.append(fold_model(cell(row, "model")))
        if device is None or network is None:
            missing = "accelerator" if device is None else "model"
            given = cell(row, missing) or "(empty)"
            remedy = (
                "it has no datasheet in the catalog"
                if device is None
                else "give params_b or fwd_gmacs, nothing known says how much work it is"
            )
            reasons.append(f"unknown {missing} {given!r}: {remedy}")
            parsed.append({})
            learners.append("")
            classes.append("other")
            names.append(cell(row, "accelerator"))
            continue
        values = _numbers(row, device, network)
        reasons.append("")
        parsed.append(values)
        names.append(device.name if device.known else cell(row, "accelerator"))
        learner, class_name = _learner_and_class(values, device, network)
        learners.append(learner)
        classes.append(class_name)
    keys = sorted({key for values in parsed for key in values})
    columns = {
        key: np.array([values.get(key, NAN) for values in parsed], dtype=np.float64) for key in keys
    }
    return Table(columns, reasons, learners, classes, models, names)


def fold_model(name: str) -> str:
    """A model's name without what varies between rows of one network: precision, resolution."""
    lowered = name.lower().split("/")[-1].replace("_", "-")
    lowered = re.sub(r"-precision-(float|uint8)|(?<=efficientnet)-(fp32|int8)", "", lowered)
    lowered = re.sub(r"^llama-3(\.\d)?-", "llama-3-", lowered)
    return re.sub(r"[^a-z0-9.]+", "-", lowered)


def _learner_and_class(
    values: Mapping[str, float], device: Device, network: Network
) -> tuple[str, str]:
    training = values["training"] > 0
    language = network.model_class in LANGUAGE
    kind = "TPU" if device.kind == "TPU" else "CPU" if device.kind == "CPU" else "GPU"
    if language:
        learner = "language_training" if training else "language_inference"
        if network.model_class == "seq2seq":
            return "training" if training else "language_inference", "other"
        if training:
            return learner, f"LLM train {'TPU' if kind == 'TPU' else 'GPU'}"
        if kind == "CPU":
            return learner, "LLM decode CPU"
        return learner, "LLM decode GPU" if values["requests"] <= 1 else "LLM serve GPU"
    learner = "training" if training else "inference"
    if network.model_class == "bert":
        return learner, f"BERT {'train' if training else 'infer'} GPU"
    if network.model_class == "diffusion":
        return learner, "diffusion"
    if network.model_class in ("cnn", "vit", "detection"):
        if training:
            return learner, "vision train GPU"
        where = "edge" if device.edge else "CPU" if kind == "CPU" else "GPU"
        return learner, f"vision infer {where}"
    return learner, "other"


def _numbers(row: Mapping[str, object], device: Device, network: Network) -> dict[str, float]:
    task = cell(row, "task").lower()
    note = notes(cell(row, "notes"))
    engine = framework(cell(row, "framework"))
    degrees = layout(cell(row, "parallelism"))
    metric = cell(row, "metric").lower()
    values: dict[str, float] = {
        "training": float(task in ("train", "finetune", "pretrain", "training")),
        "finetune": float(task == "finetune" or degrees.lora or degrees.sft),
        "online": float(task == "serve"),
        "lora": float(degrees.lora or note.has("lora")),
        "checkpointing": float(degrees.checkpointing),
        "fsdp": float(degrees.fsdp),
        "layer_split": float(degrees.layer_split),
        "metric_ms": float(metric == "ms_per_inference"),
        "metric_step": float(metric == "ms_per_step"),
        "metric_mfu": float(metric == "mfu"),
        "numa": float(
            note.has("dual socket") or bool(re.search(r"CPU-2x", cell(row, "accelerator")))
        ),
        "prefill_only": float(note.has("prefill")),
        "per_image": float(note.has("per image")),
        "single_stream": float(note.has("singlestream")),
        "multi_stream": float(note.has("scenario=multistream")),
        "offline": float(note.has("scenario=offline")),
        "server": float(note.has("scenario=server")),
        "mlperf": float(note.has("scenario=", "method=")),
        "strict_accuracy": float(note.has("99.9")),
        "unpadded": float(note.has("unpadded")),
        "pretraining_task": float(note.has("pretrain", "lamb")),
        "includes_eval": float(note.has("eval")),
        "static_batching": float(note.has("static")),
        "first_token": float(note.has("first-token", "first token")),
        "grad_accum": note.value("grad_accum"),
        "threads": note.value("threads"),
        "tokens_per_step_note": note.value("tokens_per_step"),
        "engine_version": engine.version,
        "compiled": float(engine.compiled),
        "eager": float(engine.eager),
        "channels_last": float(engine.channels_last),
        "nightly": float(engine.nightly),
    }
    for name in (*ENGINE_NAMES, "other"):
        values[f"engine_{name}"] = float(engine.engine == name)
    for name in MODEL_CLASSES:
        values[f"class_{name}"] = float(network.model_class == name)
    for name in KINDS:
        values[f"kind_{name}"] = float(device.kind == name)
    for trait, present in zip(TRAIT_NAMES, vision_traits(network.name), strict=True):
        values[f"trait_{trait}"] = (
            present if network.model_class in ("cnn", "vit", "detection") else 0.0
        )
    for name in ("tp", "pp", "dp", "ep", "cp", "vp", "moe_tp"):
        values[name] = degrees.degree(name)
    values |= _device_numbers(device, note.value("cores/socket"))
    if device.kind == "CPU" and note.value("threads") < values["cores"]:
        for name in ("peak_fp32", "peak_16", "peak_8", "core_share"):
            # The first threads get the fastest cores and the highest clock.
            values[name] *= math.sqrt(note.value("threads") / values["cores"])
    values |= _network_numbers(network)
    values |= _precision_numbers(row, device, network, values)
    values |= _batch_numbers(row, values)
    return values


def _device_numbers(device: Device, cores: float) -> dict[str, float]:
    # A row's "cores per socket" is what the publisher's machine let the run use.
    share = 1.0
    if cores > 0 and device.cores > 0:
        share = cores / device.cores
    return {
        "bandwidth": device.bandwidth,
        "memory": device.memory,
        "link": device.link,
        "domain": device.domain,
        "year": device.year,
        "tdp": device.tdp,
        "cores": cores if cores > 0 else device.cores,
        "core_share": share,
        "edge": float(device.edge),
        "known_device": float(device.known),
        "amd": float(device.vendor.startswith("AMD") and device.kind == "GPU"),
        "nvidia": float(device.vendor.startswith("NVIDIA")),
        "apple": float("Apple" in device.vendor or "Apple" in device.name),
        "pcie_only": float(device.link < 200),
        "peak_fp32": device.peak("fp32") * share,
        "peak_16": device.peak("bf16") * share,
        "peak_8": device.peak("int8") * share,
        "native_fp8": float(device.peaks.get("fp8", 0) > 0),
        "native_bf16": float(device.peaks.get("bf16", 0) > 0),
        "consumer": float(bool(re.match(r"RTX\d|RTX-PRO|RTX7|RX\d|GTX", device.name))),
    }


def _network_numbers(network: Network) -> dict[str, float]:
    return {
        "params": network.params,
        "active": network.active,
        "layers": network.layers,
        "hidden": network.hidden,
        "heads": network.heads,
        "kv_heads": network.kv_heads,
        "head_dim": network.head_dim,
        "ffn": network.ffn,
        "vocab": network.vocab,
        "experts": network.experts,
        "experts_per_token": network.experts_per_token,
        "expert_ffn": network.expert_ffn,
        "kv_rank": network.kv_rank,
        "rope_dim": network.rope_dim,
        "window": network.window,
        "hybrid": float(network.hybrid),
        "gmacs": network.gmacs,
        "image": network.image,
        "known_network": float(network.known),
        "depth": depth(network.name),
        "patch": patch(network.name),
        "quantised_name": float(bool(re.search(r"uint8|int8", network.name.lower()))),
        "wan_video": float("wan" in network.name.lower()),
    }


def _precision_numbers(
    row: Mapping[str, object], device: Device, network: Network, values: Mapping[str, float]
) -> dict[str, float]:
    label = precision(cell(row, "precision"))
    compute, bits, stated = label.compute, label.weight_bits, label.stated
    name = network.name.lower()
    if not stated and re.search(r"uint8|int8", name):
        compute, bits = "int8", 8.0
    elif not stated and values["training"]:
        # Submitters use the narrowest format that converges: FP8 for transformers since Hopper.
        narrow = (
            device.peaks.get("fp8", 0) > 0
            and device.kind != "TPU"
            and network.model_class in ("llm", "llm-moe", "bert")
        )
        compute, bits = ("fp8", 8.0) if narrow and device.vendor == "NVIDIA" else ("bf16", 16.0)
    elif not stated and device.kind == "CPU" and network.model_class not in LANGUAGE:
        compute, bits = "fp32", 32.0
    elif not stated and network.model_class in ("cnn", "detection") and values["mlperf"]:
        compute, bits = "int8", 8.0
    if "fp32/tf32" in cell(row, "precision").lower():
        compute = "tf32" if device.peaks.get("tf32", 0) > 0 else "fp32"
    if device.kind == "CPU" and compute == "int4":
        compute = "bf16"  # weight-only: unpacked to 16 bits before the arithmetic
    peak = device.peak(compute) * values["core_share"]
    # Under sustained load power caps the clock: a device with little power for its peak runs slower
    # than its datasheet, one with plenty keeps its boost. Exponent from clock ~ power^(1/3).
    watts = device.tdp / device.peak("bf16")
    power = min(1.4, max(0.6, watts**0.4)) if device.kind == "GPU" and watts > 0 else 1.0
    numbers = {
        "peak": peak,
        "sustained": power,
        "weight_bits": bits,
        "precision_stated": float(stated),
        "precision_mixed": float(label.mixed),
        "compute_native": float(device.peaks.get(compute, 0) > 0),
    }
    for one in ("fp32", "tf32", "fp16", "bf16", "fp8", "int8", "int4", "fp4"):
        numbers[f"is_{one}"] = float(compute == one)
    return numbers


def _batch_numbers(row: Mapping[str, object], values: Mapping[str, float]) -> dict[str, float]:
    devices = positive(row, "accelerators")
    devices = devices if devices >= 1 else 1.0
    nodes = positive(row, "nodes")
    batch_text = cell(row, "batch_global").lower()
    saturated = float(batch_text.startswith("max") or batch_text == "inf")
    batch = positive(row, "batch_global")
    per_device = positive(row, "batch_per_device")
    language_inference = not values["training"] and (values["class_llm"] or values["class_llm-moe"])
    if not batch > 0 and per_device > 0:
        batch = per_device * devices
    if not per_device > 0 and batch > 0:
        per_device = batch / devices
    requests = batch
    if not requests > 0:
        concurrency = notes(cell(row, "notes")).value("concurrency")
        requests = concurrency if concurrency > 0 else NAN
        saturated = saturated if requests > 0 else 1.0
    return {
        "devices": devices,
        "nodes": nodes if nodes > 0 else max(1.0, math.ceil(devices / 8.0)),
        "batch": batch,
        "batch_device": per_device,
        "batch_stated": float(batch > 0),
        "saturated": saturated if language_inference else float(not batch > 0),
        "requests": requests if requests > 0 else 1e9,
        "seq": positive(row, "seq_len"),
        "input": length(cell(row, "input_len"), output=False),
        "output": length(cell(row, "output_len"), output=True),
    }
