"""A run's figures in Weights & Biases. Nothing leaves the machine unless the user says so:
without WANDB_MODE the run is written offline, to be sent with ``wandb sync``."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping
from typing import Any, Literal

from launchers.errors import LaunchRefused
from launchers.output import samples

Mode = Literal["offline", "online", "disabled", "shared"]
MODES: tuple[Mode, ...] = ("offline", "online", "disabled", "shared")


def check() -> None:
    """Raises LaunchRefused when W&B is not installed, or told something it does not know."""
    _mode()
    if importlib.util.find_spec("wandb") is None:
        raise LaunchRefused(
            "Weights & Biases is not installed",
            where="--wandb",
            remedy="pip install 'ai-capacity-planner[wandb]'",
        )


def export(project: str, run_id: str, target: str, document: Mapping[str, Any]) -> str:
    """Write the run with its samples; returns what went wrong, empty when nothing did."""
    import wandb

    config = document.get("config")
    facts = {name: document.get(name) for name in ("benchmark", "model", "task", "device")}
    described = {**facts, "target": target, **(dict(config) if isinstance(config, Mapping) else {})}
    try:
        run = wandb.init(
            project=project,
            id=run_id,
            name=run_id,
            config={name: value for name, value in described.items() if value is not None},
            mode=_mode(),
            settings=wandb.Settings(silent=True),
        )
        for sample in samples(document):
            run.log({f"utilisation/{name}": value for name, value in sample.items()})
        for number, seconds in enumerate(document.get("step_seconds", ())):
            run.log({"step": number, "step_seconds": seconds})
        run.summary[str(document.get("metric", "value"))] = document["value"]
        run.finish()
    except Exception as error:  # noqa: BLE001  # of a program not ours; the run was measured
        said = " ".join(str(error).split())[:200] or type(error).__name__
        return f"--wandb {project}: not written ({said}); `wandb offline` keeps it on this machine"
    return ""


def _mode() -> Mode:
    wanted = os.environ.get("WANDB_MODE", "offline")
    for mode in MODES:
        if mode == wanted:
            return mode
    raise LaunchRefused(
        f"WANDB_MODE is {wanted!r}", where="--wandb", remedy=f"set it to one of {', '.join(MODES)}"
    )
