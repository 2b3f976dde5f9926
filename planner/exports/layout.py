"""The chosen parallel layout as programs read it: environment variables and Megatron arguments."""

from __future__ import annotations

from planner.exports.subject import Subject, refuse
from planner.performance.layouts import FULL_RECOMPUTE, SELECTIVE
from planner.workload import LanguageTraining

RECOMPUTE = {0: "none", SELECTIVE: "selective", FULL_RECOMPUTE: "full"}
MEGATRON_SHARDING = {2: "optim_grads", 3: "optim_grads_params"}


def environment(subject: Subject) -> dict[str, str]:
    """The layout as variables that any program can read; only what the layout says is there."""
    layout = subject.layout
    sizes = {
        "PLANNER_TENSOR_PARALLEL": layout.tensor,
        "PLANNER_PIPELINE_PARALLEL": layout.pipeline,
        "PLANNER_PIPELINE_INTERLEAVE": layout.interleave,
        "PLANNER_CONTEXT_PARALLEL": layout.context,
        "PLANNER_EXPERT_PARALLEL": layout.expert,
        "PLANNER_DATA_PARALLEL": layout.data,
        "PLANNER_ZERO_STAGE": layout.zero,
        "PLANNER_MICRO_BATCH": layout.micro_batch,
        "PLANNER_GRADIENT_ACCUMULATION": subject.accumulation,
        "PLANNER_GLOBAL_BATCH": subject.global_batch,
    }
    found = {name: str(size) for name, size in sizes.items() if size is not None}
    if isinstance(subject.workload, LanguageTraining):
        found["PLANNER_SEQUENCE_LENGTH"] = str(subject.workload.sequence_length)
        found["PLANNER_RECOMPUTE"] = RECOMPUTE[layout.recompute or 0]
    if subject.trains:
        found["PLANNER_PRECISION"] = subject.precision
    return found


def megatron_arguments(subject: Subject) -> list[str]:
    """The layout as arguments of Megatron-LM's ``pretrain_gpt.py``; the network's own are not here.

    Names as in ``megatron/training/arguments.py`` of Megatron-LM core 0.14 (2025). Raises
    BadInput for work that Megatron-LM does not do.
    """
    work, layout = subject.workload, subject.layout
    if not isinstance(work, LanguageTraining) or work.method != "full":
        raise refuse(
            subject,
            "Megatron-LM's arguments",
            "it trains language models whole",
            "leave out --megatron",
        )
    arguments = [
        "--tensor-model-parallel-size", str(layout.tensor or 1),
        "--pipeline-model-parallel-size", str(layout.pipeline or 1),
        "--micro-batch-size", str(layout.micro_batch or 1),
        "--global-batch-size", str(_whole_batch(subject)),
        "--seq-length", str(work.sequence_length),
    ]  # fmt: skip
    if (layout.interleave or 1) > 1:
        arguments += ["--num-virtual-stages-per-pipeline-rank", str(layout.interleave)]
    if (layout.context or 1) > 1:
        arguments += ["--context-parallel-size", str(layout.context)]
    if (layout.expert or 1) > 1:
        arguments += ["--expert-model-parallel-size", str(layout.expert)]
    if (layout.tensor or 1) > 1:
        arguments += ["--sequence-parallel"]
    if layout.zero:
        arguments += ["--use-distributed-optimizer"]
    if layout.zero in MEGATRON_SHARDING:
        arguments += [
            "--use-megatron-fsdp",
            "--data-parallel-sharding-strategy", MEGATRON_SHARDING[layout.zero],
            "--no-gradient-accumulation-fusion",
            "--ckpt-format", "fsdp_dtensor",
        ]  # fmt: skip
    if layout.recompute == SELECTIVE:
        arguments += ["--recompute-granularity", "selective"]
        # The plan recomputes norms and activation functions; Megatron names the latter in experts.
        arguments += ["--recompute-modules", "layernorm"]
        arguments += ["moe_act"] if (layout.expert or 1) > 1 else []
    elif layout.recompute == FULL_RECOMPUTE:
        arguments += ["--recompute-granularity", "full", "--recompute-method", "uniform"]
        arguments += ["--recompute-num-layers", "1"]
    if subject.precision in ("bf16", "fp16"):
        arguments += [f"--{subject.precision}"]
    elif subject.precision == "fp8":
        arguments += ["--bf16", "--fp8-format", "hybrid"]
    return arguments


def _whole_batch(subject: Subject) -> int:
    """The global batch, rounded up to whole micro-batches of every replica, as Megatron asks."""
    layout, steps = subject.layout, subject.accumulation
    if steps is None:
        return subject.global_batch or 1
    return steps * (layout.micro_batch or 1) * (layout.data or 1)
