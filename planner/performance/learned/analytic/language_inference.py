"""Language-model inference: prefill bound by compute, decode by bytes, batched continuously.

A replica of ``tp x pp x dp`` devices serves ``requests`` at once. One request costs its prefill
and ``output`` decode steps shared by the batch:
    seconds = prefill + output * step(batch) / batch
Decode step: the weights touched (for a mixture of experts the expected number of distinct
experts, E (1 - (1 - k/E)^b)) and the key-value cache stream from memory; two all-reduces a
layer cross the link. The batch is bounded by key-value memory.
"""

from __future__ import annotations

import numpy as np

from planner.performance.learned.analytic import links
from planner.performance.learned.columns import Columns, FloatArray

_MEMORY_EFFICIENCY = 0.75
_COMPUTE_EFFICIENCY = 0.55
_CPU_COMPUTE_EFFICIENCY = 0.3
_CPU_TILE_EFFICIENCY = 0.15  # tile units (AMX) wait for memory more than vector units do
_CPU_MEMORY_EFFICIENCY = 0.65
_CPU_BATCH_ONLINE = 4.0  # under a latency limit
_CPU_BATCH = 16.0  # runtimes on CPUs keep small batches, whatever host memory would allow


def estimate(columns: Columns) -> Columns:
    """Parts of the seconds a request takes of its replica, and ``seconds`` per token and device.

    Tokens are output tokens, or prompt tokens where a row measures only the prefill.
    """
    c = columns
    devices = c["devices"]
    tensor = np.where(c["tp"] > 0, c["tp"], np.nan)
    pipeline = np.where(c["pp"] > 0, c["pp"], 1.0)
    split = c["layer_split"] > 0
    pipeline = np.where(split, devices, pipeline)
    need = c["params"] * c["weight_bits"] / 8.0 * 1.15  # GiB, roughly, with buffers
    default = np.exp2(np.ceil(np.log2(np.fmax(need / np.fmax(c["memory"], 1.0), 1.0))))
    default = np.where(c["kind_CPU"] > 0, 1.0, np.fmin(default, devices))
    tensor = np.where(split, 1.0, np.where(np.isnan(tensor), default, tensor))
    attention_dp = np.where(c["dp"] > 0, c["dp"], 1.0)
    stated = (c["tp"] > 0) | split
    replica = np.fmax(tensor * pipeline * attention_dp, 1.0)
    replica = np.where(
        stated, np.fmin(np.fmax(replica, 1.0), np.fmax(devices, 1.0)), np.fmin(replica, devices)
    )
    replicas = np.fmax(devices / replica, 1.0)

    prompt = np.where(c["input"] >= 0, c["input"], np.where(c["requests"] <= 1, 0.0, 512.0))
    output = np.where(c["output"] >= 0, c["output"], 256.0)
    prefill_only = (
        (c["prefill_only"] > 0) | ((c["output"] <= 1) & (prompt > 1)) | (c["first_token"] > 0)
    )
    context = prompt + 0.5 * output

    weight_bytes = c["weight_bits"] / 8.0
    attention_params = (
        c["layers"] * c["hidden"] * c["head_dim"] * (2.0 * c["heads"] + 2.0 * c["kv_heads"]) / 1e9
    )
    attention_params = np.fmin(attention_params, 0.6 * c["active"])
    expert_params = np.fmax(
        c["params"] - attention_params - 2e-9 * c["vocab"] * c["hidden"], 0.2 * c["params"]
    )
    moe = c["experts"] > 1
    kv_values = np.where(
        c["kv_rank"] > 0, c["kv_rank"] + c["rope_dim"], 2.0 * c["kv_heads"] * c["head_dim"]
    )
    kv_layers = np.where(c["hybrid"] > 0, 0.25 * c["layers"], c["layers"])
    kv_bytes = np.where((c["is_fp8"] > 0) | (c["is_fp4"] > 0), 1.0, 2.0)
    kv_token = kv_values * kv_layers * kv_bytes  # bytes a token of the whole model
    kv_token_device = kv_token / np.where(
        c["kv_rank"] > 0,
        attention_dp * pipeline,
        np.fmin(tensor, np.fmax(c["kv_heads"], 1.0)) * pipeline * attention_dp,
    )
    window_context = np.where(
        c["window"] > 0, 0.5 * (context + np.fmin(context, c["window"])), context
    )

    free = np.fmax(
        0.9 * c["memory"] * 1.0737e9 - c["params"] * 1e9 * weight_bytes / replica,
        0.03 * c["memory"] * 1e9,
    )
    kv_limit = np.fmax(free / np.fmax(kv_token_device * (prompt + output), 1.0), 1.0)
    kv_limit = np.fmin(
        kv_limit,
        np.where(
            c["kind_CPU"] > 0, np.where(c["server"] > 0, _CPU_BATCH_ONLINE, _CPU_BATCH), 2048.0
        ),
    )
    asked = np.where(c["requests"] < 1e8, c["requests"] / replicas, 1e9)
    batch = np.fmax(np.fmin(asked, kv_limit), np.fmin(asked, 1.0))
    batch = np.fmax(batch, 1e-3)
    batch_rank = np.fmax(batch / attention_dp, 1.0)

    touched = np.where(
        moe,
        1.0 - (1.0 - np.fmin(c["experts_per_token"] / c["experts"], 1.0)) ** np.fmax(batch, 1.0),
        1.0,
    )
    dense_bytes = (
        (attention_params + 1e-9 * c["vocab"] * c["hidden"])
        * 1e9
        * weight_bytes
        / (tensor * pipeline)
    )
    routed_bytes = (
        np.where(moe, expert_params * touched, np.fmax(c["params"] - attention_params, 0.0))
        * 1e9
        * weight_bytes
    )
    routed_bytes = routed_bytes / np.where(moe, replica, tensor * pipeline)
    cpu = c["kind_CPU"] > 0
    bandwidth = c["bandwidth"] * 1e9 * np.where(cpu, _CPU_MEMORY_EFFICIENCY, _MEMORY_EFFICIENCY)
    # Two sockets run as one device fetch half of the weights over the socket link.
    bandwidth = np.where(c["numa"] > 0, 0.5, 1.0) * bandwidth
    weights_time = (dense_bytes + routed_bytes) / bandwidth
    kv_time = batch_rank * window_context * kv_token_device * attention_dp / bandwidth
    tiles = c["peak_16"] > 8.0 * c["peak_fp32"]
    cpu_efficiency = np.where(tiles, _CPU_TILE_EFFICIENCY, _CPU_COMPUTE_EFFICIENCY)
    peak = c["peak"] * 1e12 * c["sustained"] * np.where(cpu, cpu_efficiency, _COMPUTE_EFFICIENCY)
    attention_work = 4.0 * c["layers"] * c["heads"] * c["head_dim"]
    decode_work = batch * (2.0 * c["active"] * 1e9 + attention_work * window_context)
    compute_time = decode_work / replica / peak
    size = batch_rank * c["hidden"] * 2.0
    reduce_time = 2.0 * c["layers"] / pipeline * links.all_reduce(c, size, tensor)
    overhead = c["layers"] * np.where(moe, 25e-6, 12e-6) + 1.5e-3
    overhead = np.where(c["kind_CPU"] > 0, c["layers"] * 40e-6, overhead)
    stage = (weights_time**2 + compute_time**2) ** 0.5 + kv_time + reduce_time + overhead / pipeline
    passes = np.where(split | (batch < pipeline), pipeline, 1.0)
    step = stage * np.where(batch >= pipeline, pipeline, passes)
    # With enough requests every stage of the pipeline is busy with another microbatch.
    per_step = np.where(batch >= 2.0 * pipeline, batch * pipeline, batch)

    prefill_work = prompt * 2.0 * c["active"] * 1e9 + 0.5 * attention_work * prompt * prompt
    prefill_devices = np.where(
        split, 1.0, tensor * attention_dp * np.where(asked > 4, pipeline, 1.0)
    )
    prefill_compute = prefill_work / prefill_devices / peak
    prefill_reduce = (
        2.0
        * c["layers"]
        * links.all_reduce(c, np.fmax(prompt, 1.0) * c["hidden"] * 2.0, tensor)
        / attention_dp
    )
    prefill_floor = np.fmax(weights_time, 0.0) * np.where(asked <= 1, 1.0, 0.0)
    prefill = prefill_compute + prefill_reduce + np.where(asked <= 1, overhead + prefill_floor, 0.0)
    prefill = np.where(prompt > 0, prefill, 0.0)

    decode = output * step / np.fmax(per_step, 1e-6)
    request = np.where(prefill_only, prefill, prefill + decode)
    tokens = np.where(prefill_only, np.fmax(prompt, 1.0), np.fmax(output, 1.0))
    # Row metrics count tokens per device of the system, whose replicas work side by side.
    seconds = request * replica / tokens
    return {
        "seconds": np.asarray(seconds),
        "prefill_share": np.asarray(prefill / np.fmax(request, 1e-12)),
        "weights_share": np.asarray(weights_time / stage),
        "kv_share": np.asarray(kv_time / stage),
        "compute_share": np.asarray(compute_time / stage),
        "reduce_share": np.asarray(reduce_time / stage),
        "overhead_share": np.asarray(overhead / pipeline / stage),
        "prefill_reduce_share": np.asarray(prefill_reduce / np.fmax(prefill, 1e-12)),
        "batch_effective": np.asarray(batch),
        "batch_rank": np.asarray(batch_rank),
        "kv_pressure": np.asarray(np.fmin(asked, 1e6) / kv_limit),
        "kv_limit": np.asarray(kv_limit),
        "requests_per_replica": np.asarray(asked),
        "touched": np.asarray(touched),
        "step": np.asarray(step),
        "prefill": np.asarray(prefill),
        "replica": np.asarray(replica),
        "tensor": np.asarray(tensor),
        "pipeline": np.asarray(pipeline),
        "attention_dp": np.asarray(attention_dp),
        "prompt": np.asarray(prompt),
        "output": np.asarray(output),
        "context": np.asarray(context),
        "prefill_only": np.asarray(prefill_only.astype(np.float64)),
        "decode_share": np.asarray(np.where(prefill_only, 0.0, decode / np.fmax(request, 1e-12))),
        "memory_fill": np.asarray(c["params"] * weight_bytes / replica / np.fmax(c["memory"], 1.0)),
    }


def between_tokens(parts: Columns) -> FloatArray:
    """Seconds between two tokens of one request under continuous batching.

    In a steady state each token of the batch waits for one step and its share of the prefills of
    the requests that enter meanwhile: one a request's output, on average.
    """
    batch = parts["batch_effective"]
    others = batch - np.fmin(batch, 1.0)
    return np.asarray(parts["step"] + others * parts["prefill"] / np.fmax(parts["output"], 1.0))


def latency_factor(parts: Columns) -> FloatArray:
    """Tokens times replicas' devices in one inference: seconds = factor / (tokens/s per device)."""
    tokens = np.where(
        parts["prefill_only"] > 0, np.fmax(parts["prompt"], 1.0), np.fmax(parts["output"], 1.0)
    )
    return np.asarray(tokens / parts["replica"])
