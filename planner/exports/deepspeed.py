"""A DeepSpeed configuration and the script that launches a program with it."""

from __future__ import annotations

import json
from typing import Any

from planner.exports.launch_scripts import launch_script, program_words
from planner.exports.subject import Subject, Wishes, refuse
from planner.performance.layouts import NO_RECOMPUTE

CONFIG = "ds_config.json"


def deepspeed(subject: Subject, wishes: Wishes) -> str:
    """A bash script that writes ``ds_config.json`` beside itself and starts DeepSpeed.

    The program gets ``--deepspeed --deepspeed_config ds_config.json``, as
    ``deepspeed.add_config_arguments`` reads them.
    """
    program_words(subject, wishes, "deepspeed")  # what is no job at all is said first
    text = json.dumps(config(subject), indent=2)
    before = f"cat > {CONFIG} <<'PLANNER_END'\n{text}\nPLANNER_END\n"
    extra = ("--deepspeed", "--deepspeed_config", CONFIG)
    return launch_script(subject, wishes, "deepspeed", extra=extra, before=before)


def config(subject: Subject) -> dict[str, Any]:
    """The layout in DeepSpeed's keys (https://www.deepspeed.ai/docs/config-json/, 2026-03).

    Pipeline, context and expert parallelism are the program's own in DeepSpeed (PipelineModule,
    Ulysses, deepspeed.moe): it reads the PLANNER_ variables. Raises BadInput for what DeepSpeed
    cannot combine.
    """
    if not subject.trains:
        raise refuse(
            subject,
            "deepspeed",
            f"it trains, and this is {subject.workload.kind}",
            "use --to torchrun",
        )
    layout = subject.layout
    stage = layout.zero or 0
    if (layout.pipeline or 1) > 1 and stage > 1:
        raise refuse(
            subject,
            "deepspeed",
            f"its pipeline engine goes with ZeRO 0 or 1, and the layout is "
            f"{subject.item.parallelism!r}",
            "plan with parallelism: zero1, or use --to torchrun --megatron",
        )
    if (layout.interleave or 1) > 1:
        raise refuse(
            subject,
            "deepspeed",
            f"its pipeline is not interleaved, and the layout is {subject.item.parallelism!r}",
            "plan with parallelism: vpp1, or use --to torchrun --megatron",
        )
    found: dict[str, Any] = {
        "train_micro_batch_size_per_gpu": layout.micro_batch or _even_share(subject),
        "gradient_accumulation_steps": subject.accumulation or 1,
        "zero_optimization": {"stage": stage},
        "bf16": {"enabled": subject.precision in ("bf16", "fp8")},
        "fp16": {"enabled": subject.precision == "fp16"},
    }
    if (layout.tensor or 1) > 1:
        found["tensor_parallel"] = {"autotp_size": layout.tensor}
    if layout.recompute and layout.recompute != NO_RECOMPUTE:
        found["activation_checkpointing"] = {
            "partition_activations": (layout.tensor or 1) > 1,
            "contiguous_memory_optimization": False,
        }
    return found


def _even_share(subject: Subject) -> int:
    """Samples of one device, where the layout does not say: an even share of the batch."""
    return max(1, (subject.global_batch or 1) // (subject.layout.data or 1))
