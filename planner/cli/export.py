"""``planner export``: a saved result as text that another tool reads."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from planner.cli.answers import say
from planner.errors import BadInput


class Target(StrEnum):
    """A test holds it against ``planner.actions.exports.TARGETS``."""

    SKYPILOT = "skypilot"
    KUBERNETES = "kubernetes"
    KARPENTER = "karpenter"
    TORCHRUN = "torchrun"
    DEEPSPEED = "deepspeed"
    RAY_TRAIN = "ray-train"
    HOROVOD = "horovod"
    VLLM = "vllm"
    TENSORRT_LLM = "tensorrt-llm"
    COMMITMENTS = "commitments"
    FOCUS = "focus"


ResultFile = Annotated[
    str, typer.Argument(metavar="RESULT.json", help="Saved with planner recommend --format json.")
]
WorkloadName = Annotated[str, typer.Option(metavar="NAME", help="Which of a portfolio.")]
GroupNumber = Annotated[int | None, typer.Option(metavar="N", help="One group of a mix, from 1.")]
AlternativeNumber = Annotated[
    int | None, typer.Option(metavar="N", help="An alternative in place of the recommendation.")
]
Template = Annotated[
    str, typer.Option(help="Start --command as ranks: torchrun, deepspeed, ray-train ...")
]
ModelId = Annotated[str, typer.Option(metavar="NAME", help="Serving: name or path of the weights.")]


def register(app: typer.Typer) -> None:
    """Mount the command."""
    app.command("export")(export)


def export(
    result: ResultFile,
    to: Annotated[Target, typer.Option(help="What is to read it.")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="Instead of stdout.")
    ] = None,
    command: Annotated[
        str, typer.Option(metavar="LINE", help="What runs; for launchers a Python program.")
    ] = "",
    template: Template = "",
    model_id: ModelId = "",
    image: Annotated[str, typer.Option(metavar="IMAGE", help="Kubernetes: container image.")] = "",
    megatron: Annotated[
        bool, typer.Option("--megatron", help="Give the layout as Megatron-LM's arguments.")
    ] = False,
    workload: WorkloadName = "",
    group: GroupNumber = None,
    alternative: AlternativeNumber = None,
    start: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], metavar="DATE", help="FOCUS: first day; default today."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No messages on stderr.")] = False,
) -> int:
    """Write a saved result for another tool: task, manifest, launch script, list or cost rows.

    Of a mix all groups: as one YAML for kubernetes and karpenter, else as a file for each. Nothing
    is started. Exit codes: 0 written; 2 bad input, also a result that the target cannot
    take.
    """
    from planner.actions.exports import Which, export_saved
    from planner.exports.subject import Wishes

    texts = export_saved(
        result,
        to.value,
        Which(workload, group, alternative),
        Wishes(command, template, image, model_id, megatron),
        start=None if start is None else start.date(),
    )
    if output is None:
        if len(texts) > 1:
            raise _one_file_each(result, to, len(texts))
        typer.echo(texts[0], nl=False)
        return 0
    from planner.actions.write_file import write_all

    places = [output]
    if len(texts) > 1:
        places = [output.with_stem(f"{output.stem}-{n}") for n in range(1, len(texts) + 1)]
    write_all(dict(zip(places, texts, strict=True)), force=force)
    for place in places if not quiet else []:
        say(f"written: {place}")
    return 0


def _one_file_each(result: str, to: Target, groups: int) -> BadInput:
    return BadInput(
        f"is a mix of {groups} configurations, and {to.value} takes a file for each",
        where=result,
        remedy="say -o FILE for FILE-1, FILE-2 ..., or --group N for one of them",
    )
