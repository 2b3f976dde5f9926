"""What the learner calls a workload: errors of one task say something about each other."""

from __future__ import annotations

from catalog.model_shapes import ModelShape
from planner.performance.devices import Machines
from planner.performance.efficiency import Setup
from planner.performance.throughput import setups_of as training_setups
from planner.workload import (
    Edge,
    Generic,
    LanguageTraining,
    Serving,
    VisionInference,
    VisionTraining,
    Workload,
)


def task_of(workload: Workload, shape: ModelShape) -> str:
    """The task that priors and own measurements are filed under."""
    if isinstance(workload, VisionTraining):
        return "vision-training"
    if isinstance(workload, LanguageTraining):
        return "language-training"
    if isinstance(workload, Generic):
        return "generic"
    if isinstance(workload, Edge):
        return "edge"
    if shape.kind == "diffusion":
        return "diffusion"
    if isinstance(workload, VisionInference):
        return "vision-inference"
    if shape.kind == "encoder":
        return "encoder-inference"
    return "llm-serving" if isinstance(workload, Serving) else "llm-batch"


def setups_of(workload: Workload, shape: ModelShape, machines: Machines) -> list[Setup]:
    """What the learner knows each configuration by, for any workload.

    The batch of an inference workload follows from its load: it is left out, so that no run counts
    as an exact repeat of it.
    """
    if isinstance(workload, (LanguageTraining, VisionTraining)):
        return training_setups(workload, shape, machines)
    stated = getattr(workload, "precision", None)
    framework = getattr(workload, "framework", None) or ""
    return [
        Setup(
            task_of(workload, shape),
            device.kind,
            device.name,
            shape.name,
            "" if stated is None else stated.value,
            framework,
            0.0,
            float(total) * device.share,
        )
        for device, total in zip(machines.devices, machines.total, strict=True)
    ]
