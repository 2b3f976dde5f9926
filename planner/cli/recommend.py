"""``planner recommend``: a workload file or flags in, a recommendation out."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer


class Format(StrEnum):
    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    MARKDOWN = "markdown"


def register(app: typer.Typer) -> None:
    """Mount the command."""
    app.command("recommend")(recommend)


def recommend(
    file: Annotated[
        str | None,
        typer.Argument(metavar="[WORKLOAD.yaml]", help="Workload file, or - for stdin."),
    ] = None,
    model: Annotated[str | None, typer.Option(help="Model name, e.g. llama-3.1-8b.")] = None,
    finetune: Annotated[
        str | None, typer.Option(metavar="METHOD", help="Fine-tune: full, lora or qlora.")
    ] = None,
    pretrain: Annotated[bool, typer.Option("--pretrain", help="Pre-train the model.")] = False,
    tokens: Annotated[str | None, typer.Option(help="Tokens in total, e.g. 50M.")] = None,
    samples: Annotated[str | None, typer.Option(help="Images, for vision training.")] = None,
    epochs: Annotated[str | None, typer.Option(help="Passes over the images.")] = None,
    batch_size: Annotated[str | None, typer.Option(help="Images per step.")] = None,
    sequence_length: Annotated[str | None, typer.Option(help="Tokens a sequence.")] = None,
    precision: Annotated[str | None, typer.Option(help="fp32, tf32, fp16, bf16 or fp8.")] = None,
    deadline: Annotated[str | None, typer.Option(help="Time it may take, e.g. 24h.")] = None,
    budget: Annotated[str | None, typer.Option(help="Most it may cost, e.g. 500USD.")] = None,
    risk: Annotated[
        float | None, typer.Option(help="Probability with which limits must hold, 0.5 to 0.99.")
    ] = None,
    cloud: Annotated[list[str] | None, typer.Option(help="Cloud allowed; repeatable.")] = None,
    region: Annotated[list[str] | None, typer.Option(help="Region allowed; repeatable.")] = None,
    accelerator: Annotated[
        list[str] | None, typer.Option(help="Accelerator allowed, or cpu; repeatable.")
    ] = None,
    purchase: Annotated[
        list[str] | None, typer.Option(help="on_demand or spot; repeatable.")
    ] = None,
    max_nodes: Annotated[int | None, typer.Option(help="Largest number of machines.")] = None,
    top: Annotated[int, typer.Option(min=0, max=100, help="Alternatives shown.")] = 5,
    format: Annotated[Format, typer.Option(help="Form of the answer.")] = Format.TABLE,
    explain: Annotated[bool, typer.Option("--explain", help="Say why, with sources.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No messages on stderr.")] = False,
) -> int:
    """Recommend the cheapest configuration that meets the workload's constraints.

    Flags replace fields of the file. Exit codes: 0 answer, 2 bad input, 3 infeasible, 4 over
    budget.
    """
    from planner.actions.session import open_session

    flags: dict[str, Any] = {
        "model": model,
        "tokens": tokens,
        "samples": samples,
        "epochs": epochs,
        "batch_size": batch_size,
        "sequence_length": sequence_length,
        "precision": precision,
        "deadline": deadline,
        "budget": budget,
        "risk": risk,
    }
    if finetune is not None:
        flags |= {"kind": "finetune", "method": finetune}
    if pretrain:
        flags |= {"kind": "pretrain"}
    if samples is not None and file is None:
        flags |= {"kind": "vision-training"}
    place = {
        "clouds": cloud,
        "regions": region,
        "accelerators": accelerator,
        "purchase": purchase,
        "max_nodes": max_nodes,
    }
    session = open_session(say=None if quiet else _say)
    plan = session.recommend_from(file, None, flags, place, top=top)
    result = plan.recommendation
    if format is Format.TABLE:
        from rich.console import Console

        from planner.report.table import print_recommendation

        console = Console(soft_wrap=False, highlight=False)
        if not console.is_terminal:
            console = Console(width=100, highlight=False)
        print_recommendation(result, console, explain=explain)
    else:
        from planner.report.rows import to_csv, to_json, to_markdown

        write = {Format.JSON: to_json, Format.CSV: to_csv, Format.MARKDOWN: to_markdown}[format]
        typer.echo(write(result))
        if explain and format is not Format.JSON:
            for line in result.explanation:
                typer.echo(f"- {line}", err=True)
    if result.status == "over_budget":
        _say(f"over budget: {result.headline}")
        return 4
    return 0


def _say(line: str) -> None:
    typer.echo(line, err=True)
