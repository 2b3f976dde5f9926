"""What the learners see: logs and shares of the analytic parts, the device, the engine.

Names of accelerators, publishers and sources are never features; a device is its datasheet.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from catalog.records import dataclass
from planner.performance.learned.analytic import language_inference, language_training, samples
from planner.performance.learned.columns import Columns, FloatArray
from planner.performance.learned.names import TRAIT_NAMES
from planner.performance.learned.table import Table

# Features by name; log of analytic throughput; offset and sign of the row's metric.
_Built = tuple[dict[str, FloatArray], FloatArray, FloatArray, FloatArray, Columns]
LEARNERS = ("language_training", "language_inference", "training", "inference")
# Direct properties of the device: left out of the second forest, which then generalises to
# devices unlike those of the fitting set through the analytic shares alone.
DEVICE_FEATURES = frozenset(
    ("log_bandwidth", "log_peak", "log_peak_fp32", "year", "log_peak_over_bandwidth")
)
_PRECISIONS = ("fp32", "tf32", "fp16", "bf16", "fp8", "int8", "int4", "fp4")


@dataclass(frozen=True, slots=True)
class Features:
    """Rows of one learner. log(value) = offset + sign * (residual - log(seconds)).

    ``residual`` is what is learned: log(measured / analytic throughput).
    """

    learner: str
    rows: NDArray[np.int64]  # positions in the table
    names: list[str]
    matrix: FloatArray
    log_analytic: FloatArray  # log of analytic throughput, tokens or samples a second and device
    offset: FloatArray
    sign: FloatArray
    parts: Columns  # of the analytic time, as its core names them


def _log(values: FloatArray) -> FloatArray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.log(np.where(values > 0, values, np.nan)))


def _device(c: Columns) -> dict[str, FloatArray]:
    return {
        "log_bandwidth": _log(c["bandwidth"]),
        "log_peak": _log(c["peak"]),
        "log_peak_over_bandwidth": _log(c["peak"] / c["bandwidth"]),
        "log_peak_fp32": _log(c["peak_fp32"]),
        "year": c["year"],
        "consumer": c["consumer"],
        "pcie_only": c["pcie_only"],
        "native_fp8": c["native_fp8"],
        "compute_native": c["compute_native"],
        "kind_TPU": c["kind_TPU"],
        "kind_CPU": c["kind_CPU"],
        "kind_ASIC": c["kind_ASIC"],
        "amd": c["amd"],
        "apple": c["apple"],
    }


def _engine(c: Columns, names: tuple[str, ...]) -> dict[str, FloatArray]:
    found = {f"engine_{name}": c[f"engine_{name}"] for name in names}
    found |= {
        "engine_version": c["engine_version"],
        "compiled": c["compiled"],
        "eager": c["eager"],
        "channels_last": c["channels_last"],
        "nightly": c["nightly"],
        "precision_stated": c["precision_stated"],
        "precision_mixed": c["precision_mixed"],
        "weight_bits": c["weight_bits"],
    }
    found |= {f"is_{name}": c[f"is_{name}"] for name in _PRECISIONS}
    return found


def _language(c: Columns) -> dict[str, FloatArray]:
    return {
        "log_params": _log(c["params"]),
        "log_active": _log(c["active"]),
        "log_sparsity": _log(c["params"] / c["active"]),
        "log_layers": _log(c["layers"]),
        "log_hidden": _log(c["hidden"]),
        "log_experts": _log(c["experts"]),
        "log_expert_ffn": _log(np.where(c["experts"] > 1, c["expert_ffn"], c["ffn"])),
        "experts_per_token": c["experts_per_token"],
        "kv_heads": c["kv_heads"],
        "head_dim": c["head_dim"],
        "latent_attention": (c["kv_rank"] > 0).astype(np.float64),
        "windowed": (c["window"] > 0).astype(np.float64),
        "hybrid": c["hybrid"],
        "log_vocab": _log(c["vocab"]),
    }


def _language_training(c: Columns) -> _Built:
    parts = language_training.estimate(c)
    names = ("megatron", "maxtext", "llmfoundry", "pytorch", "mxnet")
    found = _device(c) | _engine(c, names) | _language(c)
    for name in (
        "data_parallel",
        "tensor_parallel",
        "expert_parallel",
        "optimizer",
        "launches",
        "traffic",
    ):
        found[f"log1p_{name}"] = np.log1p(parts[name])
    found |= {
        "bubble": parts["bubble"],
        "attention_share": parts["attention_share"],
        "log_tokens": _log(parts["tokens"]),
        "log_kernel_tokens": _log(parts["kernel_tokens"]),
        "batch_known": parts["batch_known"],
        "log_devices": _log(c["devices"]),
        "log_nodes": _log(c["nodes"]),
        "log_data": _log(parts["data"]),
        "log_sequence": _log(parts["sequence"]),
        "log_memory_share": _log(parts["memory_share"]),
        "log_batch_device": _log(c["batch_device"]),
        "log_tensor": _log(parts["tensor"]),
        "log_pipeline": _log(parts["pipeline"]),
        "log_expert": _log(parts["expert"]),
        "log_context": _log(parts["context"]),
        "log_interleave": _log(c["vp"]),
        "grad_accum": _log(c["grad_accum"]),
        "lora": c["lora"],
        "finetune": c["finetune"],
        "checkpointing": c["checkpointing"],
        "fsdp": c["fsdp"],
        "mlperf": c["mlperf"],
    }
    log_analytic = -_log(parts["seconds"])
    mfu = _log(language_training.tokens_per_second_of_mfu(c, parts))
    step = _log(1000.0 * parts["tokens"])
    offset = np.where(
        c["metric_mfu"] > 0, -mfu, np.where(c["metric_step"] + c["metric_ms"] > 0, step, 0.0)
    )
    sign = np.where(c["metric_step"] + c["metric_ms"] > 0, -1.0, 1.0)
    return found, log_analytic, offset, sign, parts


def _language_inference(c: Columns) -> _Built:
    parts = language_inference.estimate(c)
    names = ("trtllm", "vllm", "sglang", "llamacpp", "maxtext", "tensorrt", "pytorch")
    found = _device(c) | _engine(c, names) | _language(c)
    for name in (
        "prefill_share",
        "weights_share",
        "kv_share",
        "compute_share",
        "reduce_share",
        "overhead_share",
        "prefill_reduce_share",
        "touched",
        "memory_fill",
        "prefill_only",
    ):
        found[name] = parts[name]
    found |= {
        "log_step": _log(parts["step"]),
        "log_prefill": _log(parts["prefill"]),
        "log_batch": _log(parts["batch_effective"]),
        "log_batch_rank": _log(parts["batch_rank"]),
        "log_kv_pressure": _log(parts["kv_pressure"]),
        "log_replica": _log(parts["replica"]),
        "log_tensor": _log(parts["tensor"]),
        "log_pipeline": _log(parts["pipeline"]),
        "log_attention_dp": _log(parts["attention_dp"]),
        "log_expert_parallel": _log(c["ep"]),
        "log_moe_tp": _log(c["moe_tp"]),
        "log_prompt": _log(parts["prompt"]),
        "log_output": _log(parts["output"]),
        "log_context": _log(parts["context"]),
        "log_devices": _log(c["devices"]),
        "saturated": c["saturated"],
        "online": c["online"],
        "server": c["server"],
        "offline": c["offline"],
        "mlperf": c["mlperf"],
        "strict_accuracy": c["strict_accuracy"],
        "static_batching": c["static_batching"],
        "first_token": c["first_token"],
        "layer_split": c["layer_split"],
        "metric_ms": c["metric_ms"],
        "log_threads": _log(c["threads"]),
        "log_cores": _log(c["cores"]),
    }
    log_analytic = -_log(parts["seconds"])
    sign = np.where(c["metric_ms"] > 0, -1.0, 1.0)
    offset = np.where(
        c["metric_ms"] > 0, _log(1000.0 * language_inference.latency_factor(parts)), 0.0
    )
    return found, log_analytic, offset, sign, parts


def _samples(c: Columns, training: bool) -> _Built:
    parts = samples.estimate(c)
    names = (
        "tensorrt",
        "pytorch",
        "tensorflow",
        "mxnet",
        "openvino",
        "onnx",
        "tflite",
        "armnn",
        "llamacpp",
        "megatron",
        "other",
    )
    found = _device(c) | _engine(c, names)
    for name in ("compute_share", "traffic_share", "launch_share", "weights_share"):
        found[name] = parts[name]
    found |= {
        "log_gmacs": _log(parts["gmacs"]),
        "log_values": _log(parts["values"]),
        "log_params": _log(c["params"]),
        "log_gmacs_per_param": _log(parts["gmacs"] / c["params"]),
        "log_intensity": _log(parts["gmacs"] / parts["values"]),
        "log_image": _log(c["image"]),
        "log_batch": _log(parts["batch"]),
        "batch_stated": c["batch_stated"],
        "log_devices": _log(c["devices"]),
        "log_nodes": _log(c["nodes"]),
        "depth": _log(c["depth"]),
        "patch": _log(c["patch"]),
        "log_sequence": _log(c["seq"]),
        "edge": c["edge"],
        "log_cores": _log(c["cores"]),
        "log_core_share": _log(c["core_share"]),
        "log_peak_per_core": _log(c["peak_fp32"] / c["cores"]),
        "single_thread": c["single_thread"],
        "finetune": c["finetune"],
        "log_analytic": -_log(parts["seconds"]),
    }
    for name in (
        "online",
        "server",
        "offline",
        "single_stream",
        "multi_stream",
        "mlperf",
        "strict_accuracy",
        "unpadded",
        "pretraining_task",
        "includes_eval",
        "metric_ms",
        "per_image",
        "quantised_name",
        "wan_video",
        "known_network",
    ):
        found[name] = c[name]
    for name in ("seq2seq", "bert", "asr", "diffusion", "cnn", "vit", "detection"):
        found[f"class_{name}"] = c[f"class_{name}"]
    for name in TRAIT_NAMES:
        found[f"trait_{name}"] = c[f"trait_{name}"]
    log_analytic = -_log(parts["seconds"])
    time_like = c["metric_ms"] + c["metric_step"] > 0
    offset = np.where(time_like, _log(1000.0 * samples.latency_factor(c, parts)), 0.0)
    if training:
        found["log1p_reduce"] = np.log1p(parts["reduce_share"])
    return found, log_analytic, offset, np.where(time_like, -1.0, 1.0), parts


def build(table: Table, learner: str) -> Features:
    """Features of the rows that belong to one learner."""
    rows = np.array([i for i, name in enumerate(table.learners) if name == learner], dtype=np.int64)
    c = {name: values[rows] for name, values in table.columns.items()}
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        if learner == "language_training":
            built = _language_training(c)
        elif learner == "language_inference":
            built = _language_inference(c)
        else:
            built = _samples(c, learner == "training")
    found, log_analytic, offset, sign, parts = built
    names = list(found)
    matrix = (
        np.column_stack([found[name] for name in names]) if len(rows) else np.zeros((0, len(names)))
    )
    return Features(learner, rows, names, matrix, log_analytic, offset, sign, parts)
