"""Training and fine-tuning of language models: seconds a token and device.

Work per token: 6 N_active + 6 L h S (causal attention halves 12 L h S), Kaplan et al. 2020
and Narayanan et al. 2021; full recomputation adds a forward pass (8 N); LoRA drops weight
gradients (4 N). Communication as in ``links``; a pipeline idles (p-1)/(m v) of its time.
"""

from __future__ import annotations

import numpy as np

from planner.performance.learned.analytic import links
from planner.performance.learned.columns import Columns, FloatArray


def estimate(columns: Columns) -> Columns:
    """Parts of the time a token takes on one device, by name, and their sum as ``seconds``."""
    c = columns
    devices = c["devices"]
    tensor = np.fmax(np.nan_to_num(c["tp"], nan=1.0), 1.0)
    pipeline = np.fmax(np.nan_to_num(c["pp"], nan=1.0), 1.0)
    context = np.fmax(np.nan_to_num(c["cp"], nan=1.0), 1.0)
    expert = np.fmax(np.nan_to_num(c["ep"], nan=1.0), 1.0)
    interleave = np.fmax(np.nan_to_num(c["vp"], nan=1.0), 1.0)
    data = np.fmax(devices / (tensor * pipeline * context), 1.0)
    sequence = np.where(c["seq"] > 0, c["seq"], 2048.0)
    batch = np.where(c["batch"] > 0, c["batch"], np.nan)
    batch = np.where(np.isnan(batch), c["tokens_per_step_note"] / sequence, batch)
    stated = batch > 0
    batch = np.where(stated, batch, np.fmax(4.0 * devices / (tensor * pipeline), 1.0))
    tokens = batch * sequence / devices  # per device and step

    passes = np.where(c["lora"] > 0, 4.0, 6.0) + 2.0 * (c["checkpointing"] > 0)
    attention_span = np.fmin(sequence, np.where(c["window"] > 0, 0.5 * sequence, sequence))
    attention = passes * c["layers"] * c["heads"] * c["head_dim"] * attention_span
    work = passes * c["active"] * 1e9 + attention
    peak = c["peak"] * 1e12 * c["sustained"]
    compute = work / peak

    weights = 2.0 * c["params"] * 1e9 / (tensor * pipeline)
    trained = np.where(c["lora"] > 0, 0.01, 1.0)
    accumulate = np.fmax(np.nan_to_num(c["grad_accum"], nan=1.0), 1.0)
    sharded = (c["fsdp"] > 0) | (tensor * pipeline * expert <= 1.0)
    gather = (np.where(sharded, 3.0 * accumulate, 2.0)) * trained
    data_parallel = gather * links.all_gather(c, weights, data) / tokens
    per_layer = 2.0 * c["hidden"]
    # A device of a tensor group sees the tokens of all of it, in its share of the layers. Two
    # all-reduces a layer and pass (Shoeybi et al. 2019), each moving its message twice.
    all_reduces = 4.0 + 2.0 * (c["checkpointing"] > 0)
    tensor_parallel = (
        2.0 * all_reduces * c["layers"] * per_layer * (tensor - 1.0)
    ) / links.bytes_per_second(c, tensor)
    exchange = (
        8.0
        * c["layers"]
        * per_layer
        * np.where(c["experts"] > 1, c["experts_per_token"], 0.0)
        * (expert - 1.0)
        / expert
    )
    expert_parallel = exchange / links.bytes_per_second(c, expert)
    microbatches = np.fmax(batch / data, 1.0)
    bubble = (pipeline - 1.0) / (microbatches * interleave)
    # Optimizer: 16 bytes a parameter read and written once a step by the shard that owns it.
    optimizer = (
        trained
        * 2.0
        * 16.0
        * c["params"]
        * 1e9
        / np.fmax(devices, 1.0)
        / (c["bandwidth"] * 1e9)
        / tokens
    )
    # Kernels: about 30 a layer and pass, 4 us each, once per microbatch on a device.
    kernel_tokens = np.fmax(tokens * tensor * pipeline * context / microbatches, 1.0)
    launches = 90.0 * 4e-6 * c["layers"] * tensor / kernel_tokens
    # Activations: 34 values of hidden width a layer, read and written in 16 bits.
    traffic = 60.0 * 2.0 * c["layers"] * c["hidden"] / (c["bandwidth"] * 1e9)
    seconds = (
        compute * 1.6
        + 0.5 * traffic
        + 0.4 * (data_parallel + tensor_parallel)
        + 0.15 * expert_parallel
        + optimizer
        + launches
    ) * (1.0 + bubble)
    return {
        "seconds": np.asarray(seconds),
        "compute": np.asarray(compute),
        "attention_share": np.asarray(attention / work),
        "data_parallel": np.asarray(data_parallel / compute),
        "tensor_parallel": np.asarray(tensor_parallel / compute),
        "expert_parallel": np.asarray(expert_parallel / compute),
        "optimizer": np.asarray(optimizer / compute),
        "launches": np.asarray(launches / compute),
        "traffic": np.asarray(traffic / compute),
        "bubble": np.asarray(bubble),
        "tokens": np.asarray(tokens),
        "kernel_tokens": np.asarray(kernel_tokens),
        "batch_known": np.asarray(stated.astype(np.float64)),
        "data": np.asarray(data),
        "work": np.asarray(work),
        "sequence": np.asarray(sequence),
        "memory_share": np.asarray(
            16.0 * c["params"] / np.fmax(devices, 1.0) / np.fmax(c["memory"], 1.0)
        ),
        "tensor": np.asarray(tensor),
        "pipeline": np.asarray(pipeline),
        "expert": np.asarray(expert),
        "context": np.asarray(context),
    }


def tokens_per_second_of_mfu(columns: Columns, parts: Columns) -> FloatArray:
    """Tokens a second and device at 100% model FLOP utilisation (recomputation not counted)."""
    plain = (
        6.0 * columns["active"] * 1e9
        + 6.0 * columns["layers"] * columns["hidden"] * parts["sequence"]
    )
    return np.asarray(columns["peak"] * 1e12 / plain)
