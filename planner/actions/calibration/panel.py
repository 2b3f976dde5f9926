"""Standard questions whose answers show what a measurement changes, and the answers' moves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from catalog import Catalog
from planner.actions.recommend.plan import recommend
from planner.errors import Infeasible
from planner.model_choice import shape_of
from planner.performance.efficiency import Measured
from planner.performance.tasks import task_of
from planner.results.calibration import Effect, Move
from planner.workload import Workload, parse

# One or two of each kind of work that a benchmark measures, of a size that people plan.
PANEL: Mapping[str, Mapping[str, Any]] = {
    "MNIST CNN, 14 epochs": {
        "kind": "vision-training", "model": "MNIST-CNN-pytorch-examples", "samples": 60000,
        "epochs": 14, "batch_size": 64, "decode_images": False,
    },
    "ResNet-50 on ImageNet": {
        "kind": "vision-training", "model": "resnet50", "samples": 1281167, "epochs": 90,
        "batch_size": 1024, "precision": "bf16", "deadline": "2d",
    },
    "LoRA of Llama-3.1-8B": {
        "kind": "finetune", "model": "llama-3.1-8b", "method": "lora", "tokens": "50M",
        "sequence_length": 4096, "precision": "bf16", "deadline": "24h",
    },
    "fine-tuning of Llama-3.1-70B": {
        "kind": "finetune", "model": "llama-3.1-70b", "tokens": "20M", "sequence_length": 4096,
        "precision": "bf16", "deadline": "3d",
    },
    "pre-training of 7B": {
        "kind": "pretrain", "model": "7B", "tokens": "100B", "sequence_length": 4096,
        "batch_tokens": "4M", "precision": "bf16", "deadline": "30d",
    },
    "serving of Llama-3.1-8B": {
        "kind": "serving", "model": "llama-3.1-8b", "requests_per_second": 5, "ttft_p95": "2s",
        "tpot_p95": "80ms", "precision": "bf16",
    },
    "serving of Llama-3.1-70B": {
        "kind": "serving", "model": "llama-3.1-70b", "requests_per_second": 5, "ttft_p95": "2s",
        "tpot_p95": "80ms", "precision": "fp8",
    },
    "scoring of 1B tokens": {
        "kind": "batch-inference", "model": "qwen2.5-7b", "tokens": "1B", "input_length": 512,
        "output_length": 1, "deadline": "24h", "precision": "bf16",
    },
    "ResNet-50 on 100M images": {
        "kind": "vision-inference", "model": "resnet50", "samples": "100M", "precision": "fp16",
        "decode_images": False, "deadline": "24h",
    },
}  # fmt: skip


def questions() -> dict[str, Workload]:
    """The panel, parsed."""
    return {name: parse(dict(fields), where=name) for name, fields in PANEL.items()}


def effect(
    catalog: Catalog,
    before: Sequence[Measured],
    after: Sequence[Measured],
    asked: Mapping[str, Workload] | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> Effect:
    """What the questions' answers are with one and the other set of own measurements."""
    asked = asked or questions()
    differ = {one.setup.task for one in {*before} ^ {*after}}
    moves = []
    for name, workload in asked.items():
        if task_of(workload, shape_of(catalog, workload, name)) not in differ:
            continue
        progress(f"planning {name}")
        first, second = _pick(workload, catalog, before), _pick(workload, catalog, after)
        moves.append(
            Move(
                question=name,
                before=first[0],
                after=second[0],
                cost_usd_before=first[1],
                cost_usd_after=second[1],
            )
        )
    changed = sum(move.changed for move in moves)
    return Effect(asked=len(asked), unchanged=len(asked) - changed, changed=changed, moves=moves)


def _pick(
    workload: Workload, catalog: Catalog, measured: Sequence[Measured]
) -> tuple[str, float | None]:
    try:
        found = recommend(workload, catalog, measured=measured, top=0).recommendation
    except Infeasible:
        return "", None
    if found.mix is not None:
        name = " + ".join(group.id for group in found.mix.groups)
        return name, found.mix.cost_usd
    return found.recommendation.id, found.recommendation.cost_usd
