"""The SkyPilot task of a benchmark: what to rent, how to prepare it, what to run."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from launchers.base import BenchmarkRun
from launchers.cost_cap import Limits
from launchers.sky_client import RUN_LABEL
from launchers.stages import RUN_MARKER
from launchers.targets import SkyTarget
from launchers.templates import TEMPLATES, Cluster, Ranks

CPU_WHEELS = "https://download.pytorch.org/whl/cpu"
NODE_PYTHON = "$HOME/.planner-venv/bin/python"
FIND_PYTHON = f'p="{NODE_PYTHON}"; [ -x "$p" ] || p=python3'


def build_task(
    sky: Any,
    run: BenchmarkRun,
    target: SkyTarget,
    *,
    name: str,
    workdir: Path,
    python: str,
    max_hourly_usd: float | None,
    bounds: Limits,
) -> Any:
    """A ``sky.Task``. ``workdir`` holds the program; ``python`` is the node's interpreter or empty.

    The time limits of ``bounds`` are kept by the node itself. Raises what SkyPilot raises for
    a request it does not understand.
    """
    wanted = {
        "infra": target.infra,
        "accelerators": target.accelerators,
        "instance_type": target.instance_type,
        "cpus": target.cpus,
        "memory": target.memory,
        "use_spot": target.spot,
        "max_hourly_cost": max_hourly_usd,
        "labels": {RUN_LABEL: run.run_id},
    }
    threads = {}
    if run.threads:
        threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), str(run.threads))
    task = sky.Task(
        name=name,
        setup=None if python else _setup(bool(target.accelerators), bounds.setup_s),
        run=_command(run, target, python, bounds.program_s),
        num_nodes=target.nodes if target.nodes > 1 else None,
        envs={**threads, **run.environment},
        secrets=dict(run.secrets) or None,
        workdir=str(workdir),
    )
    task.set_resources(sky.Resources(**{key: value for key, value in wanted.items() if value}))
    return task


def _setup(has_accelerator: bool, limit_s: float) -> str:
    """Shell lines that give the node torch where its own Python has none.

    A virtual environment, because distributions refuse packages beside their own; where venv is
    not installed (conda images) the node's Python takes them.
    """
    install = "-m pip install --quiet torch"
    into_venv = f'"{NODE_PYTHON}" {install}'
    if not has_accelerator:  # the general wheels carry gigabytes of CUDA
        into_venv = f"{{ {into_venv} --index-url {CPU_WHEELS} || {into_venv}; }}"
    lines = (
        "python3 -c 'import torch' 2>/dev/null"
        f' || {{ python3 -m venv "$HOME/.planner-venv" && {into_venv}; }}'
        f" || python3 {install}"
    )
    return f"timeout -k 10 {limit_s:.0f} bash -c {shlex.quote(lines)}"


def _command(run: BenchmarkRun, target: SkyTarget, python: str, limit_s: float) -> str:
    """Shell lines that run the program, in the work folder, under its time limit."""
    chosen = f"p={shlex.quote(python)}" if python else FIND_PYTHON
    ranks = Ranks(target.nodes, run.ranks_per_node)
    words = [run.program.name, *run.arguments]
    if run.template:
        command = TEMPLATES[run.template].command(words, ranks, Cluster.SKYPILOT, '"$p"')
    else:
        command = f'"$p" -u {shlex.join(words)}'
    # One shell under the limit, because a template is more than one command.
    inner = shlex.quote(f"{chosen}\n{command}")
    return f"echo '{RUN_MARKER}'\ntimeout -k 10 {limit_s:.0f} bash -c {inner}"
