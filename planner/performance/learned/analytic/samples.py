"""Networks measured in samples: vision, BERT, speech, diffusion, translation.

Seconds a sample and device: roofline of arithmetic and activation traffic, plus weights and
kernel launches shared by the batch:
    sqrt((FLOPs / peak)^2 + (bytes / bandwidth)^2) + (weights / bandwidth + launches) / batch
Training takes three forward passes' work (Narayanan et al. 2021, Hoffmann et al. 2022).
"""

from __future__ import annotations

import numpy as np

from planner.performance.learned.analytic import links
from planner.performance.learned.columns import Columns, FloatArray

# Shares of the datasheet that well-fed kernels reach: convolutions 70% of arithmetic; traffic is
# counted once a fused operator, and unfused ones pass three times, hence a third of the bandwidth.
_COMPUTE_EFFICIENCY = 0.7
_TRAFFIC_EFFICIENCY = 0.33


def forward_gmacs(columns: Columns) -> FloatArray:
    """GMACs of one sample: stated, or N S + attention for BERT-like encoders."""
    c = columns
    sequence = _encoder_tokens(c)
    encoder = c["params"] * sequence + 2e-9 * c["layers"] * c["hidden"] * sequence**2
    # Translation is measured in tokens, each of which passes all parameters once.
    # An image is denoised in 20 steps (as MLPerf's), each with and without the prompt; training
    # takes one pass of it. What a row states is one pass.
    passes = np.where((c["class_diffusion"] > 0) & (c["training"] <= 0), 40.0, 1.0)
    gmacs = np.where(
        c["class_bert"] > 0,
        encoder,
        np.where(c["class_seq2seq"] > 0, c["params"], passes * c["gmacs"]),
    )
    return np.asarray(np.fmax(gmacs, 1e-4))


def _encoder_tokens(c: Columns) -> FloatArray:
    """Tokens of a sample that an encoder computes."""
    sequence = np.where(c["seq"] > 0, c["seq"], 384.0)
    # MLPerf feeds SQuAD unpadded: 384 tokens at most, about half of that in the mean. OpenVINO's
    # graphs have static shapes and pad (assumption: optional since 2022.1).
    unpadded = (c["unpadded"] > 0) & (c["engine_openvino"] <= 0)
    return np.asarray(np.where(unpadded, 0.47 * sequence, sequence))


def activations_million(columns: Columns, gmacs: FloatArray) -> FloatArray:
    """Values written in a forward pass, 1e6: 5.5 sqrt(GMACs) at 224 px for ResNet-like networks.

    The constants reproduce ResNet-50 (11), MobileNetV2 (6.7), EfficientNet-B4 (50) and ViT-B (17).
    """
    c = columns
    depthwise = c["trait_depthwise"] > 0
    transformer = c["class_vit"] > 0
    scale = np.where(c["image"] > 0, c["image"], 224.0) / 224.0
    constant = np.where(depthwise, 11.5, np.where(transformer, 4.0, 5.5))
    vision = constant * np.sqrt(gmacs) * np.where(c["class_detection"] > 0, np.sqrt(scale), scale)
    sequence = _encoder_tokens(c)
    encoder = 16.0 * c["layers"] * c["hidden"] * sequence / 1e6
    other = 2.0 * gmacs
    return np.asarray(
        np.where(
            c["class_bert"] > 0,
            encoder,
            np.where(c["class_vit"] + c["class_cnn"] + c["class_detection"] > 0, vision, other),
        )
    )


def estimate(columns: Columns) -> Columns:
    """Parts of the seconds a sample takes on one device and their sum as ``seconds``."""
    c = columns
    training = c["training"] > 0
    gmacs = forward_gmacs(c)
    work = 2e9 * gmacs * np.where(training, 3.0, 1.0)
    peak = c["peak"] * 1e12 * c["sustained"]
    compute = work / peak
    width = np.fmax(
        np.where(
            c["is_fp32"] + c["is_tf32"] > 0, 4.0, np.where(c["is_int8"] + c["is_fp8"] > 0, 1.0, 2.0)
        ),
        1.0,
    )
    fused = np.where(c["engine_tensorrt"] + c["engine_openvino"] + c["compiled"] > 0, 1.3, 2.5)
    values = activations_million(c, gmacs)
    traffic = values * 1e6 * width * np.where(training, 4.0, 1.0) * fused / (c["bandwidth"] * 1e9)
    batch = np.where(c["batch_device"] > 0, c["batch_device"], np.where(training, 64.0, 128.0))
    latency_row = (c["metric_ms"] > 0) & ~(c["per_image"] > 0)
    batch = np.where(latency_row & ~(c["batch_device"] > 0), 1.0, batch)
    # A single request uses one device of the system, however many it has.
    batch = np.where(latency_row & (c["batch"] > 0), c["batch"], batch)
    # Mobile runtimes take a multi-stream query's samples one by one and quote one sample's latency.
    serial = (c["multi_stream"] > 0) & (c["engine_tflite"] + c["engine_armnn"] > 0)
    batch = np.where(serial, 1.0, np.fmax(batch, 1e-2))
    weights = c["params"] * 1e9 * c["weight_bits"] / 8.0 / (c["bandwidth"] * 1e9)
    gpu = (c["kind_CPU"] <= 0) & (c["engine_tflite"] + c["engine_armnn"] <= 0)
    kernels = np.where(c["depth"] > 0, 3.0 * c["depth"], 180.0)
    kernels = np.where(c["class_bert"] > 0, 12.0 * np.nan_to_num(c["layers"], nan=24.0), kernels)
    # RNN-T steps through some 400 frames and 100 symbols one after the other, a dozen kernels each.
    kernels = np.where((c["class_asr"] > 0) & (c["params"] < 0.06), 6000.0, kernels)
    each = np.where(
        gpu,
        np.where(c["engine_tensorrt"] > 0, 3e-6, np.where(c["compiled"] > 0, 4e-6, 8e-6)),
        1.5e-6,
    )
    launches = kernels * each * np.where(training, 3.0, 1.0)
    gradient = 2.0 * 2.0 * c["params"] * 1e9
    reduce = np.where(training, links.all_reduce(c, gradient, np.fmax(c["devices"], 1.0)), 0.0)
    busy = np.hypot(compute / _COMPUTE_EFFICIENCY, traffic / _TRAFFIC_EFFICIENCY)
    shared = weights + launches + 0.3 * reduce
    seconds = busy + shared / batch
    return {
        "seconds": np.asarray(seconds),
        "gmacs": np.asarray(gmacs),
        "values": np.asarray(values),
        "compute_share": np.asarray(compute / _COMPUTE_EFFICIENCY / seconds),
        "traffic_share": np.asarray(traffic / _TRAFFIC_EFFICIENCY / seconds),
        "launch_share": np.asarray(launches / batch / seconds),
        "weights_share": np.asarray(weights / batch / seconds),
        "reduce_share": np.asarray(reduce / batch / seconds),
        "batch": np.asarray(batch),
        "width": np.asarray(width),
    }


def latency_factor(columns: Columns, parts: Columns) -> FloatArray:
    """Samples in one measured inference: latency = factor / (samples/s per device)."""
    return np.asarray(np.where(columns["per_image"] > 0, 1.0, parts["batch"]))
