"""From a benchmark's result to an observation as the catalog and the learner know them."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from catalog import Catalog
from catalog.observations import Observation
from launchers.benchmarks import Benchmark
from launchers.errors import BenchmarkFailed
from launchers.hardware import describe_machine
from planner.actions.device_names import accelerator_name, cpu_name

THIS_MACHINE = "this-machine"
# The benchmark's words for a precision, to those of the observations.
PRECISIONS = {"fp32": "fp32", "bf16": "amp-bf16", "amp": "amp-fp16"}


def observation(
    benchmark: Benchmark, document: Mapping[str, Any], on: str, catalog: Catalog
) -> tuple[Observation, str]:
    """The row of a result and the fingerprint of the machine that gave it.

    Raises BenchmarkFailed when the result lacks what a row needs.
    """
    try:
        return _observation(benchmark, document, on, catalog)
    except (KeyError, TypeError, ValueError) as error:
        raise BenchmarkFailed(f"printed a bad result: {error!r}", where=on) from error


def _observation(
    benchmark: Benchmark, document: Mapping[str, Any], on: str, catalog: Catalog
) -> tuple[Observation, str]:
    config, hardware = document["config"], document["hardware"]
    local = on == "local"
    cpu = str(hardware.get("cpu_model_name", ""))
    if local:
        machine = describe_machine()
        fingerprint, cpu = machine.fingerprint, machine.cpu_model or cpu
    else:
        fingerprint = _fingerprint(hardware)
    if gpu := hardware.get("gpu"):
        accelerator = accelerator_name(catalog, str(gpu)) or str(gpu)
    elif local:
        accelerator = THIS_MACHINE
    else:
        accelerator = cpu_name(catalog, cpu) or f"CPU-{cpu or 'unknown'}"
    shape = catalog.model_shape(benchmark.model)
    return (
        Observation(
            id="",
            task=benchmark.task,
            model=benchmark.model,
            params_b=shape.parameters_billion,
            framework=_framework(document),
            precision=PRECISIONS[str(config["precision"])],
            accelerator=accelerator,
            accelerators=1.0,
            nodes=1.0,
            batch_global=str(int(config["batch_size"])),
            batch_per_device=float(config["batch_size"]),
            metric=benchmark.metric,
            value=float(document["value"]),
            source=f"planner calibrate run {benchmark.name} --on {on}",
            source_date=datetime.now(UTC).date().isoformat(),
            notes=_notes(document),
            model_class=benchmark.model_class,
            img_size=None if shape.image_size is None else float(shape.image_size),
            fwd_gmacs=shape.forward_gmacs,
            host_cpu=cpu,
            source_id="own",
        ),
        fingerprint,
    )


def _framework(document: Mapping[str, Any]) -> str:
    version = re.match(r"\d+\.\d+", str(document["versions"]["torch"]))
    mode = "compile" if document["config"].get("compile") else "eager"
    return f"pytorch{version[0] if version else ''}-{mode}"


def _notes(document: Mapping[str, Any]) -> str:
    spread = document.get("images_per_s", {})
    facts = {
        "device": document["device"],
        "threads": document.get("threads"),
        "steps": len(document["step_seconds"]),
        "p10": f"{spread['p10']:.6g}" if "p10" in spread else None,
        "p90": f"{spread['p90']:.6g}" if "p90" in spread else None,
        "accuracy": document.get("accuracy"),
        "data": document["data"].get("kind"),
        "cpus": document["hardware"].get("logical_cpus"),
    }
    return ";".join(f"{name}={value}" for name, value in facts.items() if value is not None)


def _fingerprint(hardware: Mapping[str, Any]) -> str:
    """Equal for rented machines of one kind, by what the benchmark found there."""
    names = ("machine", "logical_cpus", "cpu_vendor_id", "cpu_model_name", "cpu_flags", "gpu")
    stable = {name: hardware.get(name) for name in names}
    return hashlib.sha256(json.dumps(stable, sort_keys=True).encode()).hexdigest()[:16]
