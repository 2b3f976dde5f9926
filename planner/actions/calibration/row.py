"""From a benchmark's result to an observation as the catalog and the learner know them."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from catalog import Catalog
from catalog.model_shapes import ModelShape
from catalog.observations import Observation
from launchers.benchmarks import Benchmark
from launchers.errors import BenchmarkFailed
from launchers.hardware import describe_machine
from planner.actions.calibration.observed import CEILING, THIS_MACHINE
from planner.actions.device_names import accelerator_name, cpu_name

# The benchmark's words for a precision of training, to those of the observations: weights stay in
# fp32 and products run in 16 bit. Inference stores what it computes in.
MIXED = {"fp32": "fp32", "bf16": "amp-bf16", "fp16": "amp-fp16", "amp": "amp-fp16"}
RUNTIMES = ("onnxruntime", "openvino", "tvm", "torch_tensorrt", "vllm")


def observation(
    benchmark: Benchmark, document: Mapping[str, Any], on: str, catalog: Catalog
) -> tuple[Observation, str]:
    """The row of a result and the fingerprint of the machine that gave it.

    Raises BenchmarkFailed when the result lacks what a row needs.
    """
    try:
        return _observation(benchmark, document, on, catalog)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BenchmarkFailed(f"printed a bad result: {error!r}", where=on) from error


def _observation(
    benchmark: Benchmark, document: Mapping[str, Any], on: str, catalog: Catalog
) -> tuple[Observation, str]:
    config, task = document["config"], str(document["task"])
    machine, accelerator, cpu = _machine(document, on, catalog)
    model, shape = str(document["model"]), None
    if task != CEILING:
        if model not in benchmark.models:
            raise ValueError(f"{benchmark.name} does not run {model!r}")
        shape = catalog.model_shape(model)
    ranks = int(document.get("ranks", 1))
    # Processes on the CPUs of one machine share them: together they are one device.
    shared = document["device"] == "cpu"
    devices = 1 if shared else ranks
    batch = int(config.get("batch_size", 0)) * ranks
    value = float(document["value"])
    if not value > 0:
        raise ValueError(f"value is {value}")
    training = task in ("train", "finetune")
    counts_tokens = not training and "tokens" in _metric(document)
    precision = str(config["precision"])
    row = Observation(
        id="",
        task=task,
        model=model,
        params_b=None if shape is None else shape.parameters_billion,
        framework=_framework(document),
        precision=MIXED[precision] if training else precision,
        accelerator=accelerator,
        accelerators=float(devices),
        nodes=float(document.get("nodes", 1)),
        parallelism=_parallelism(config),
        seq_len=_number(config.get("sequence")) if training else None,
        input_len=_word(config.get("input_length", config.get("sequence")), not training),
        output_len=_word(config.get("output_length", 1), counts_tokens),
        batch_global=str(batch) if batch else "",
        batch_per_device=batch / devices if batch else None,
        metric=_metric(document),
        value=value * ranks if shared and task != CEILING else value,
        source=f"planner calibrate run {benchmark.name} --on {on}",
        source_date=datetime.now(UTC).date().isoformat(),
        notes=_notes(document),
        model_class=_model_class(shape),
        img_size=_number(document.get("image_size", None if shape is None else shape.image_size)),
        fwd_gmacs=None if shape is None else shape.forward_gmacs,
        ttft_ms=_median(document.get("ttft_ms")),
        tpot_ms=_median(document.get("tpot_ms")),
        host_cpu=cpu,
        source_id="own",
    )
    return row, machine


def _machine(document: Mapping[str, Any], on: str, catalog: Catalog) -> tuple[str, str, str]:
    """Fingerprint, accelerator and host CPU of the machine that was measured."""
    hardware, local = document["hardware"], on == "local"
    cpu = str(hardware.get("cpu_model_name", ""))
    if local:
        described = describe_machine()
        fingerprint, cpu = described.fingerprint, described.cpu_model or cpu
    else:
        fingerprint = _fingerprint(hardware)
    on_cpu = document["device"] == "cpu"
    gpu = "" if on_cpu else str(hardware.get("gpu") or "")
    if gpu:
        accelerator = accelerator_name(catalog, gpu) or gpu
    elif local:
        accelerator = THIS_MACHINE
    else:
        accelerator = cpu_name(catalog, cpu) or f"CPU-{cpu or 'unknown'}"
    return fingerprint, accelerator, cpu


def _metric(document: Mapping[str, Any]) -> str:
    return str(document["metric"])


def _framework(document: Mapping[str, Any]) -> str:
    """``pytorch2.13-eager``, ``onnxruntime1.32``: the runtime, its version, the way it ran."""
    versions, config = document["versions"], document["config"]
    for name in RUNTIMES:
        if versions.get(name):
            word = "tensorrt" if name == "torch_tensorrt" else name
            return f"{word}{_short(versions[name])}"
    compiled = config.get("compile") or config.get("runtime") == "compile"
    return f"pytorch{_short(versions['torch'])}-{'compile' if compiled else 'eager'}"


def _short(version: object) -> str:
    match = re.match(r"\d+\.\d+", str(version))
    return match[0] if match else ""


def _parallelism(config: Mapping[str, Any]) -> str:
    words = [str(config["parallel"])] if config.get("parallel") not in (None, "none") else []
    if config.get("recompute"):
        words.append("recompute")
    if int(config.get("tensor_parallel", 1)) > 1:
        words.append(f"tp{config['tensor_parallel']}")
    return " ".join(words)


def _model_class(shape: ModelShape | None) -> str:
    if shape is None:
        return ""
    return "llm" if shape.kind == "transformer" else "cnn" if shape.kind == "vision" else shape.kind


def _notes(document: Mapping[str, Any]) -> str:
    spread = document.get("rates") or document.get("images_per_s") or {}
    watched = document.get("utilisation") or {}
    facts = {
        "device": document["device"],
        "threads": document.get("threads"),
        "steps": len(document["step_seconds"]),
        "p10": f"{spread['p10']:.6g}" if "p10" in spread else None,
        "p90": f"{spread['p90']:.6g}" if "p90" in spread else None,
        "ranks": document.get("ranks"),
        "accuracy": document.get("accuracy"),
        "data": document["data"].get("kind"),
        "cpus": document["hardware"].get("logical_cpus"),
        "other_cpu": watched.get("other_cpu_share"),
        "gpu_energy_j": watched.get("gpu_energy_j"),
    }
    return ";".join(f"{name}={value}" for name, value in facts.items() if value is not None)


def _median(found: object) -> float | None:
    return float(found["median"]) if isinstance(found, Mapping) else None


def _number(value: object) -> float | None:
    return None if value is None else float(str(value))


def _word(value: object, wanted: bool) -> str:
    return "" if value is None or not wanted else str(value)


def _fingerprint(hardware: Mapping[str, Any]) -> str:
    """Equal for rented machines of one kind, by what the benchmark found there."""
    names = ("machine", "logical_cpus", "cpu_vendor_id", "cpu_model_name", "cpu_flags", "gpu")
    stable = {name: hardware.get(name) for name in names}
    return hashlib.sha256(json.dumps(stable, sort_keys=True).encode()).hexdigest()[:16]
