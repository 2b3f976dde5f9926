"""The command that serves a plan's model with vLLM, one machine's worth."""

from __future__ import annotations

import json
import shlex

from planner.exports.serving import (
    PORT,
    check_serves,
    fleet_notes,
    longest_request,
    model_word,
    most_in_flight,
)
from planner.exports.subject import Subject, Wishes
from planner.exports.words import comment
from planner.workload import Serving

DTYPES = {"bf16": "bfloat16", "fp16": "float16", "fp32": "float32"}
# Precisions for which the weights themselves must be made: vLLM reads that from them.
IN_CHECKPOINT = ("int8", "int4", "fp4")
BUILT_IN = ("NVIDIA", "AMD")
_END = '"}'


def vllm(subject: Subject, wishes: Wishes) -> str:
    """A bash script with ``vllm serve`` and its flags."""
    head = comment([*subject.summary, *fleet_notes(subject), *_notes(subject)])
    return f"#!/usr/bin/env bash\n{head}set -e\nexec {command(subject, wishes)}\n"


def command(subject: Subject, wishes: Wishes) -> str:
    """One line; flags as in vLLM's ``vllm/engine/arg_utils.py``. Raises BadInput."""
    check_serves(subject, "vllm")
    words = [
        f"vllm serve {model_word(subject, wishes.model_id)}",
        f"--port {PORT}",
        *(f"{flag} {value}" for flag, value in _parallel(subject) if value > 1),
        f"--max-model-len {longest_request(subject)}",
    ]
    most = most_in_flight(subject, subject.replicas)
    if most is not None:
        words.append(f"--max-num-seqs {most}")
    if subject.precision in DTYPES:
        words.append(f"--dtype {DTYPES[subject.precision]}")
    elif subject.precision == "fp8":
        words.append("--quantization fp8")
    work = subject.workload
    if isinstance(work, Serving):
        if work.prefix_cache_hit > 0:
            words.append("--enable-prefix-caching")
        if work.speculative is not None:
            words.append(_speculative(work.speculative.draft_tokens))
    return " \\\n  ".join(words)


def _parallel(subject: Subject) -> list[tuple[str, int]]:
    layout = subject.layout
    return [
        ("--tensor-parallel-size", layout.tensor or 1),
        ("--pipeline-parallel-size", layout.pipeline or 1),
        ("--data-parallel-size", subject.replicas),
    ]


def _speculative(draft_tokens: int) -> str:
    """The flag's JSON; the draft's name is the user's to say."""
    before = json.dumps({"num_speculative_tokens": draft_tokens})[:-1] + ', "model": "'
    model = '"${DRAFT_MODEL:?is the name or path of the draft model}"'
    return f"--speculative-config {shlex.quote(before)}{model}{shlex.quote(_END)}"


def _notes(subject: Subject) -> list[str]:
    found = ["Needs vllm 0.10 or newer on the machine."]
    if subject.precision in IN_CHECKPOINT:
        found.append(f"The plan is for {subject.precision}: name weights that are quantised so.")
    if subject.vendor not in BUILT_IN and not subject.is_cpu:
        found.append(f"On {subject.item.accelerator} vLLM needs its vendor's plug-in.")
    return found
