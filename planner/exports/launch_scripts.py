"""Scripts that start training or a job with torchrun, Ray Train or Horovod on every machine.

The lines that find the nodes and start the processes are ``launchers.templates``; here come the
plan, the layout and the user's program.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence

from launchers.templates import TEMPLATES, Cluster, Ranks
from planner.errors import BadInput
from planner.exports.layout import environment, megatron_arguments
from planner.exports.subject import ON_PREM, Subject, Wishes, refuse, refuse_places
from planner.exports.words import comment

# What stands for the user's program until there is one.
TRAINING_PROGRAM, OTHER_PROGRAM = "train.py", "run.py"
PYTHONS = ("python", "python3")


def torchrun(subject: Subject, wishes: Wishes) -> str:
    """A bash script for ``torchrun``."""
    return launch_script(subject, wishes, "torchrun")


def ray_train(subject: Subject, wishes: Wishes) -> str:
    """A bash script that starts Ray on the machines and runs the program under Ray Train."""
    return launch_script(subject, wishes, "ray-train")


def horovod(subject: Subject, wishes: Wishes) -> str:
    """A bash script for ``horovodrun``. Raises BadInput for layouts beyond data parallelism."""
    layout = subject.layout
    beyond = [
        word
        for word, size in (
            ("tensor", layout.tensor),
            ("pipeline", layout.pipeline),
            ("context", layout.context),
            ("expert", layout.expert),
        )
        if (size or 1) > 1
    ]
    if layout.zero:
        beyond.append(f"ZeRO {layout.zero}")
    if beyond:
        raise refuse(
            subject,
            "horovod",
            f"its layout {subject.item.parallelism!r} has {' and '.join(beyond)} parallelism, and "
            "Horovod copies the whole model to each device",
            "plan with parallelism: ddp, or use --to torchrun or deepspeed",
        )
    return launch_script(subject, wishes, "horovod")


def launch_script(
    subject: Subject,
    wishes: Wishes,
    launcher: str,
    *,
    extra: Sequence[str] = (),
    before: str = "",
    needs: str = "",
) -> str:
    """The whole script: the plan, the layout as variables, then the launcher's own lines.

    ``extra`` are words after the program's own, ``before`` lines before the launch.
    """
    refuse_places(subject, launcher, on_prem=True)
    words = [*program_words(subject, wishes, launcher), *extra]
    ranks = ranks_of(subject)
    where = "on this machine"
    if ranks.nodes > 1:
        where = (
            f"on each of the {ranks.nodes} machines; SkyPilot and Slurm tell a node the others, "
            "else set NODE_IPS and NODE_RANK"
        )
    head = comment(
        [
            *subject.summary,
            *notes(subject, wishes),
            f"Run it {where}. Needs {needs or TEMPLATES[launcher].needs}.",
        ]
    )
    body = start_lines(subject, words, launcher, Cluster.ANY)
    return f"#!/usr/bin/env bash\n{head}{exports(environment(subject))}{before}{body}\n"


def start_lines(subject: Subject, words: Sequence[str], launcher: str, cluster: Cluster) -> str:
    """The launcher's lines alone, e.g. for the ``run`` of a SkyPilot task."""
    return TEMPLATES[launcher].command(words, ranks_of(subject), cluster)


def run_lines(subject: Subject, wishes: Wishes, cluster: Cluster) -> str:
    """What a task or manifest runs on every node: the user's line as it is, or under a launcher."""
    if wishes.command and not wishes.template:
        return wishes.command
    launcher = wishes.template or "torchrun"
    return start_lines(subject, program_words(subject, wishes, launcher), launcher, cluster)


def ranks_of(subject: Subject) -> Ranks:
    """A process a device; independent groups of a job are ranks of one world."""
    return Ranks(subject.item.nodes, subject.devices_per_node)


def program_words(subject: Subject, wishes: Wishes, launcher: str) -> list[str]:
    """The program and its arguments, without the interpreter, which the launcher brings.

    Raises BadInput for a service, for devices that the launcher does not start processes on, and
    for a command that is no Python program.
    """
    if launcher not in TEMPLATES:
        raise BadInput(
            f"unknown launch template {launcher!r}",
            where="--template",
            remedy=f"use one of {', '.join(TEMPLATES)}",
        )
    if subject.is_service:
        raise refuse(
            subject,
            launcher,
            "it is a service, not a job that ends",
            "use --to vllm, tensorrt-llm, kubernetes or skypilot",
        )
    if subject.is_tpu:
        raise refuse(
            subject,
            launcher,
            "a TPU program is started once a host by JAX or torch_xla themselves",
            "use --to skypilot with --command",
        )
    try:
        words = shlex.split(wishes.command) if wishes.command else [_placeholder(subject)]
    except ValueError as error:
        raise BadInput(f"is no shell command ({error})", where="--command") from None
    if words and words[0] in PYTHONS:
        words = words[1:]
    if not words or words[0].startswith("-") or not words[0].endswith(".py"):
        raise BadInput(
            f"{launcher} starts a Python program, not {' '.join(words)[:60]!r}",
            where="--command",
            remedy="say --command 'train.py --epochs 3'",
        )
    return [*words, *(megatron_arguments(subject) if wishes.megatron else ())]


def _placeholder(subject: Subject) -> str:
    return TRAINING_PROGRAM if subject.trains else OTHER_PROGRAM


def exports(variables: Mapping[str, str]) -> str:
    """Shell lines that set variables."""
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in variables.items())


def notes(subject: Subject, wishes: Wishes) -> list[str]:
    """What a reader has to know before running it."""
    found = []
    if not wishes.command:
        name = _placeholder(subject)
        found.append(f"{name} stands for your program: put it there, or export with --command.")
    if subject.trains and subject.item.parallelism != "single device":
        found.append("The program must lay itself out as the PLANNER_ variables say.")
    batch, steps, layout = subject.global_batch, subject.accumulation, subject.layout
    if steps is not None and batch is not None:
        made = steps * (layout.micro_batch or 1) * (layout.data or 1)
        if made != batch:
            found.append(f"A step takes {made} samples, not {batch}: whole micro-batches only.")
    if subject.item.accelerator.startswith("Trainium"):
        found.append("A device of the plan is a chip; each NeuronCore of it is a process.")
    if subject.item.purchase == "spot":
        found.append("Spot machines are taken away: write checkpoints, and start again from them.")
    if subject.item.cloud == ON_PREM:
        found.append(f"The machines are those of the site {subject.item.region}.")
    return found
