"""A run's figures in Prometheus' text format: a file for node_exporter, or a Pushgateway.

Format: https://prometheus.io/docs/instrumenting/exposition_formats/ ; pushing:
https://github.com/prometheus/pushgateway#url . Neither takes past samples (a scrape has one value,
the Pushgateway refuses timestamps), so a series goes in as its mean, maximum and last value.
"""

from __future__ import annotations

import math
import os
import re
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from launchers.errors import LaunchRefused
from launchers.output import samples, watched

JOB = "planner_calibrate"
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
TIMEOUT_S = 10.0
# A sample's name in the result, to the metric's name with the base unit that Prometheus asks for,
# and the factor to it.
SERIES = {
    "cpu_percent": ("cpu_utilization_ratio", 0.01),
    "memory_used_gib": ("memory_used_bytes", 2.0**30),
    "gpu_percent": ("gpu_utilization_ratio", 0.01),
    "gpu_memory_mib": ("gpu_memory_used_bytes", 2.0**20),
    "gpu_watts": ("gpu_power_watts", 1.0),
    "gpu_celsius": ("gpu_temperature_celsius", 1.0),
    "gpu_mhz": ("gpu_clock_hertz", 1e6),
    "tpu_percent": ("tpu_duty_cycle_ratio", 0.01),
    "tpu_memory_gib": ("tpu_memory_used_bytes", 2.0**30),
}
HELP = {
    "value": "What the benchmark measured; label metric says what and in which unit.",
    "step_seconds": "Median duration of a step.",
    "gpu_energy_joules": "Energy that the first GPU took during the run.",
}


def check(where: str) -> None:
    """Raises LaunchRefused for what can be neither written nor pushed to."""
    if "://" in where:
        parts = urlsplit(where)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise LaunchRefused(
                f"{where!r} is not a Pushgateway",
                where="--prometheus",
                remedy="say http://HOST:9091 or a file name",
            )
        return
    folder = Path(where).absolute().parent
    if Path(where).is_dir() or not folder.is_dir() or not os.access(folder, os.W_OK):
        raise LaunchRefused(
            f"{where} cannot be written",
            where="--prometheus",
            remedy="name a file in a folder that exists and may be written to",
        )


def export(where: str, run_id: str, target: str, document: Mapping[str, Any]) -> str:
    """Write or push; returns what went wrong, empty when nothing did."""
    text = exposition(run_id, target, document)
    try:
        if "://" in where:
            return _push(where, run_id, text)
        _write(Path(where), text)
    except OSError as error:
        return f"--prometheus {where}: not written ({error.strerror}); free space or name another"
    return ""


def exposition(run_id: str, target: str, document: Mapping[str, Any]) -> str:
    """The figures as text, each metric with its HELP and TYPE."""
    labels = {
        "run_id": run_id,
        "target": target,
        **{name: str(document.get(name, "")) for name in ("benchmark", "model", "device")},
    }
    config = document.get("config")
    if isinstance(config, Mapping) and config.get("precision"):
        labels["precision"] = str(config["precision"])
    lines: list[str] = []

    def gauge(name: str, values: Iterable[tuple[dict[str, str], float]]) -> None:
        said = HELP.get(name, f"{name.replace('_', ' ')} while the benchmark ran.")
        lines.append(f"# HELP planner_calibration_{name} {said}")
        lines.append(f"# TYPE planner_calibration_{name} gauge")
        for more, value in values:
            lines.append(f"planner_calibration_{name}{_labels(labels | more)} {_number(value)}")

    gauge("value", [({"metric": str(document.get("metric", ""))}, float(document["value"]))])
    steps = sorted(float(step) for step in document.get("step_seconds", ()))
    if steps:
        gauge("step_seconds", [({}, steps[len(steps) // 2])])
    energy_j = watched(document).get("gpu_energy_j")
    if isinstance(energy_j, (int, float)):
        gauge("gpu_energy_joules", [({}, float(energy_j))])
    for name, (metric, factor) in SERIES.items():
        series = [
            float(sample[name]) * factor
            for sample in samples(document)
            if isinstance(sample.get(name), (int, float))
        ]
        if series:
            summed = {"mean": math.fsum(series) / len(series), "max": max(series)}
            summed["last"] = series[-1]
            gauge(metric, [({"over": over}, value) for over, value in summed.items()])
    return "\n".join(lines) + "\n"


def _push(base: str, run_id: str, text: str) -> str:
    import httpx

    url = f"{base.rstrip('/')}/metrics/job/{JOB}/instance/{quote(run_id, safe='')}"
    try:
        answer = httpx.put(
            url, content=text.encode(), headers={"Content-Type": CONTENT_TYPE}, timeout=TIMEOUT_S
        )
    except httpx.HTTPError as error:
        return f"--prometheus {base}: not pushed ({_plain(error)}); is a Pushgateway there?"
    if answer.is_success:
        return ""
    said = " ".join(answer.text.split())[:200]
    return f"--prometheus {base}: refused with {answer.status_code} ({said}); check its log"


def _write(path: Path, text: str) -> None:
    """In one step: node_exporter may read at any moment."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.absolute().parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).chmod(0o644)  # node_exporter is another user
        Path(name).replace(path)
    finally:
        Path(name).unlink(missing_ok=True)


def _labels(labels: Mapping[str, str]) -> str:
    escaped = (
        f'{re.sub(r"[^a-zA-Z0-9_]", "_", name)}="{_escape(value)}"'
        for name, value in labels.items()
    )
    return "{" + ",".join(escaped) + "}"


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return repr(value)


def _plain(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
