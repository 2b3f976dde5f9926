"""The SkyPilot task of a benchmark: what to rent, how to prepare it, what to run."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from launchers.base import BenchmarkRun
from launchers.targets import SkyTarget

CPU_WHEELS = "https://download.pytorch.org/whl/cpu"
NODE_PYTHON = "$HOME/.planner-venv/bin/python"


def build_task(
    sky: Any,
    run: BenchmarkRun,
    target: SkyTarget,
    *,
    name: str,
    workdir: Path,
    python: str,
    max_hourly_usd: float | None,
) -> Any:
    """A ``sky.Task``. ``workdir`` holds the program; ``python`` is the node's interpreter or empty.

    Raises what SkyPilot raises for a request it does not understand.
    """
    wanted = {
        "infra": target.infra,
        "accelerators": target.accelerators,
        "instance_type": target.instance_type,
        "cpus": target.cpus,
        "memory": target.memory,
        "use_spot": target.spot,
        "max_hourly_cost": max_hourly_usd,
    }
    threads = {}
    if run.threads:
        threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), str(run.threads))
    task = sky.Task(
        name=name,
        setup=None if python else _setup(bool(target.accelerators)),
        run=_command(run, python),
        envs={**threads, **run.environment},
        secrets=dict(run.secrets) or None,
        workdir=str(workdir),
    )
    task.set_resources(sky.Resources(**{key: value for key, value in wanted.items() if value}))
    return task


def _setup(has_accelerator: bool) -> str:
    """Shell lines that give the node torch where its own Python has none.

    A virtual environment, because distributions refuse packages beside their own; where venv is
    not installed (conda images) the node's Python takes them.
    """
    install = "-m pip install --quiet torch"
    into_venv = f'"{NODE_PYTHON}" {install}'
    if not has_accelerator:  # the general wheels carry gigabytes of CUDA
        into_venv = f"{{ {into_venv} --index-url {CPU_WHEELS} || {into_venv}; }}"
    return (
        "python3 -c 'import torch' 2>/dev/null"
        f' || {{ python3 -m venv "$HOME/.planner-venv" && {into_venv}; }}'
        f" || python3 {install}"
    )


def _command(run: BenchmarkRun, python: str) -> str:
    """Shell lines that run the program, in the work folder, under its time limit."""
    words = " ".join(shlex.quote(word) for word in (run.program.name, *run.arguments))
    limit = f"timeout -k 10 {run.timeout_s:.0f}"
    if python:
        return f"{limit} {shlex.quote(python)} -u {words}"
    return f'p="{NODE_PYTHON}"; [ -x "$p" ] || p=python3\n{limit} "$p" -u {words}'
