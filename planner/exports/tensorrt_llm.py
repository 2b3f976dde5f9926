"""The command that serves a plan's model with TensorRT-LLM, one machine's worth."""

from __future__ import annotations

from planner.exports.serving import (
    PORT,
    check_serves,
    fleet_notes,
    longest_request,
    model_word,
    most_in_flight,
)
from planner.exports.subject import Subject, Wishes, refuse
from planner.exports.words import comment


def tensorrt_llm(subject: Subject, wishes: Wishes) -> str:
    """A bash script with ``trtllm-serve``, once a copy of the model. Raises BadInput.

    Options as in TensorRT-LLM's ``tensorrt_llm/commands/serve.py`` (1.x).
    """
    check_serves(subject, "tensorrt-llm")
    if subject.vendor != "NVIDIA" or subject.is_cpu:
        raise refuse(
            subject,
            "tensorrt-llm",
            f"it runs on NVIDIA GPUs, and the plan is for {subject.item.accelerator}",
            "use --to vllm, or plan with where.accelerators",
        )
    layout = subject.layout
    devices = (layout.tensor or 1) * (layout.pipeline or 1)
    head = comment([*subject.summary, *fleet_notes(subject), *_notes(subject)])
    lines = [
        f"trtllm-serve {model_word(subject, wishes.model_id)}",
        "--host 0.0.0.0",
        f"--tp_size {layout.tensor or 1}",
        f"--pp_size {layout.pipeline or 1}",
        f"--max_seq_len {longest_request(subject)}",
    ]
    most = most_in_flight(subject, subject.replicas)
    if most is not None:
        lines.append(f"--max_batch_size {most}")
    if subject.replicas == 1:
        line = " \\\n  ".join([*lines, f"--port {PORT}"])
        return f"#!/usr/bin/env bash\n{head}set -e\nexec {line}\n"
    line = " \\\n    ".join([*lines, f'--port "$(({PORT} + copy))"'])
    last = subject.replicas - 1
    return (
        f"#!/usr/bin/env bash\n{head}set -e\ntrap 'kill 0' EXIT\n"
        f"# One server a copy of the model, on ports {PORT} to {PORT + last}.\n"
        f"for copy in $(seq 0 {last}); do\n"
        f"  first=$((copy * {devices}))\n"
        f'  CUDA_VISIBLE_DEVICES="$(seq -s , "$first" "$((first + {devices - 1}))")" \\\n'
        f"    {line} &\ndone\nwait -n\n"
    )


def _notes(subject: Subject) -> list[str]:
    found = ["Needs tensorrt-llm 1.0 or newer on the machine."]
    if subject.precision not in ("bf16", "fp16"):
        found.append(
            f"The plan is for {subject.precision}: name weights that are quantised so "
            "(NVIDIA Model Optimizer makes them)."
        )
    return found
