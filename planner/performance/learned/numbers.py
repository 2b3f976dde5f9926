"""One row as numbers: what its cells, its device's datasheet and its network say.

Text is read here, once a row; everything after is vectorised. NaN is unknown.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from planner.performance.learned.devices import Device
from planner.performance.learned.names import TRAIT_NAMES, depth, patch, vision_traits
from planner.performance.learned.networks import LANGUAGE, Network
from planner.performance.learned.text import (
    ENGINE_NAMES,
    Notes,
    cell,
    framework,
    layout,
    length,
    notes,
    positive,
    precision,
)

MODEL_CLASSES = ("llm", "llm-moe", "seq2seq", "bert", "asr", "diffusion", "cnn", "vit", "detection")
KINDS = ("GPU", "TPU", "ASIC", "CPU")
_WIDE_CORES = re.compile(
    r"(Skylake|CascadeLake|CooperLake|IceLake|SapphireRapids|EmeraldRapids|GraniteRapids|Turin)-"
)
# Small layers are bound by loads, and the clock falls under 512-bit code: in sample networks wide
# units count as much as 256-bit ones do (assumption).
_OF_512_BIT = 0.5


def row_numbers(
    row: Mapping[str, object], device: Device, network: Network, cores: float = math.nan
) -> dict[str, float]:
    """Everything a row says, the batch as stated: ``batches.derive`` completes it.

    ``cores`` of a CPU socket that the run may use stand above the row's notes.
    """
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
    vision = network.model_class in ("cnn", "vit", "detection")
    traits = vision_traits(network.name) if vision else (0.0,) * len(TRAIT_NAMES)
    values |= zip((f"trait_{trait}" for trait in TRAIT_NAMES), traits, strict=True)
    for name in ("tp", "pp", "dp", "ep", "cp", "vp", "moe_tp"):
        values[name] = degrees.degree(name)
    values |= _device_numbers(device, cores if cores > 0 else note.value("cores/socket"))
    values["single_thread"] = float(_single_threaded(row, device, note))
    if device.kind == "CPU" and note.value("threads") < values["cores"]:
        for name in ("peak_fp32", "peak_16", "peak_8", "core_share"):
            # The first threads get the fastest cores and the highest clock.
            values[name] *= math.sqrt(note.value("threads") / values["cores"])
    elif values["single_thread"] and values["cores"] > 1:
        for name in ("peak_fp32", "peak_16", "peak_8", "core_share"):
            values[name] /= values["cores"]
    if _is_512_bit(device) and network.model_class not in LANGUAGE:
        for name in ("peak_fp32", "peak_16"):
            values[name] *= _OF_512_BIT
    values |= _network_numbers(network)
    values |= _precision_numbers(row, device, network, values)
    if values["single_thread"]:  # it does not know how many cores there are beside its own
        values["cores"] = values["core_share"] = 1.0
    values |= _stated(row, note)
    return values


def _single_threaded(row: Mapping[str, object], device: Device, note: Notes) -> bool:
    """TensorFlow Lite hands layers to XNNPACK, on one thread unless told more.

    Quantised layers run on all cores of Arm devices: so published runs imply (assumption).
    """
    text = cell(row, "framework").lower()
    if device.kind != "CPU" or "xnnpack" not in text or note.value("threads") > 0:
        return False
    quantised = re.search(r"int8|uint8", (cell(row, "precision") + cell(row, "model")).lower())
    return not quantised or _is_x86(device)


def _is_x86(device: Device) -> bool:
    return device.kind == "CPU" and device.vendor.startswith(("Intel", "AMD"))


def _is_512_bit(device: Device) -> bool:
    """Whether the datasheet's FP32 peak counts two 512-bit units a core (64 FLOP a cycle)."""
    return device.kind == "CPU" and bool(_WIDE_CORES.search(device.name))


def _device_numbers(device: Device, cores: float) -> dict[str, float]:
    # A row's "cores per socket" is what the publisher's machine let the run use.
    share = 1.0
    if cores > 0 and device.cores > 0:
        if cores > 2.0 * device.cores:  # hardware threads of all sockets were counted
            cores = device.cores
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
    elif (
        not stated
        and network.model_class not in LANGUAGE
        and (device.kind == "CPU" or values["engine_tflite"] or values["engine_armnn"])
    ):
        compute, bits = "fp32", 32.0
    elif not stated and network.model_class in ("cnn", "detection") and values["mlperf"]:
        compute, bits = "int8", 8.0
    if "fp32/tf32" in cell(row, "precision").lower():
        compute = "tf32" if device.peaks.get("tf32", 0) > 0 else "fp32"
    if device.kind == "CPU" and compute == "int4":
        compute = "bf16"  # weight-only: unpacked to 16 bits before the arithmetic
    peak = device.peak(compute) * values["core_share"]
    native = device.peaks.get(compute, 0) > device.peaks.get("fp32", 0)
    if _is_512_bit(device) and not native and network.model_class not in LANGUAGE:
        peak *= _OF_512_BIT
    if compute == "int8" and values["engine_tflite"] and _is_x86(device):
        # On x86 its kernels multiply in 16 bits (vpmaddwd), not with VNNI: twice the FP32 rate.
        peak = min(peak, 2.0 * values["peak_fp32"])
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


def _stated(row: Mapping[str, object], note: Notes) -> dict[str, float]:
    """Device counts, batch and lengths as the row states them; NaN where it does not."""
    batch = cell(row, "batch_global").lower()
    return {
        "stated_devices": positive(row, "accelerators"),
        "stated_nodes": positive(row, "nodes"),
        "stated_batch": positive(row, "batch_global"),
        "stated_per_device": positive(row, "batch_per_device"),
        "queue_full": float(batch.startswith("max") or batch == "inf"),
        "concurrency": note.value("concurrency"),
        "seq": positive(row, "seq_len"),
        "input": length(cell(row, "input_len"), output=False),
        "output": length(cell(row, "output_len"), output=True),
    }
