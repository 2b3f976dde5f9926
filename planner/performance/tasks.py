"""What the learner calls a workload: errors of one task say something about each other."""

from __future__ import annotations

from collections.abc import Sequence

from catalog.model_shapes import ModelShape
from planner.performance.devices import Machines
from planner.performance.efficiency import Setup
from planner.performance.throughput import Throughput
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
    if isinstance(workload, VisionInference) or shape.kind == "vision":
        return "vision-inference"
    if shape.kind == "encoder":
        return "encoder-inference"
    return "llm-serving" if isinstance(workload, Serving) else "llm-batch"


def setups_of(
    workload: Workload, shape: ModelShape, machines: Machines, found: Throughput
) -> Sequence[Setup]:
    """What the learner knows each configuration of an estimate by; empty where nothing can run."""
    if isinstance(workload, (LanguageTraining, VisionTraining)):
        return training_setups(workload, shape, machines)
    return found.known_as
