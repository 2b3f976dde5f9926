"""``planner trace``: the user's own torch model in, a workload profile out."""

from __future__ import annotations

from typing import Annotated

import typer

from planner.cli.answers import Format, console, say


def register(app: typer.Typer) -> None:
    """Mount the command."""
    app.command("trace")(trace)


def trace(
    target: Annotated[
        str,
        typer.Argument(
            metavar="MODULE:FACTORY",
            help="Function that returns the model: package.module:factory or file.py:factory.",
        ),
    ],
    input: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[NAME=]SHAPE[:TYPE]",
            help="What forward takes, of one sample: 3x224x224, ids=1024:int64; repeatable.",
        ),
    ] = None,
    dtype: Annotated[
        list[str] | None,
        typer.Option(help="Type of the inputs' values, float32 by default; once or for each."),
    ] = None,
    batch: Annotated[int, typer.Option(help="Samples in the pass; figures are of one.")] = 1,
    kind: Annotated[
        str | None, typer.Option(help="transformer, encoder, diffusion or vision; else guessed.")
    ] = None,
    out: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Write the profile too: YAML, or JSON for FILE.json."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
    format: Annotated[Format, typer.Option(help="Form of the answer.")] = Format.TABLE,
    quiet: Annotated[bool, typer.Option("--quiet", help="No messages on stderr.")] = False,
) -> int:
    """Count a torch model's operations, parameters and activations, layer by layer.

    The model runs on torch's meta device: no weights are needed, no GPU, hardly any memory. Only
    the factory and forward are called. Needs the extra torch.
    """
    from planner.actions.trace import check_out, save_profile, trace_model

    if out is not None:
        check_out(out, force=force)
    profile = trace_model(target, input or [], dtypes=dtype or [], batch=batch, kind=kind)
    if out is not None:
        save_profile(profile, out, force=force)
    if format is Format.JSON:
        from planner.trace.profile import to_json

        typer.echo(to_json(profile))
    elif format is Format.TABLE:
        from planner.report.trace import print_profile

        print_profile(profile, console())
    else:
        from planner.report.trace import to_csv, to_markdown

        typer.echo(to_csv(profile) if format is Format.CSV else to_markdown(profile))
    for line in [] if quiet else profile.notes:
        say(f"note: {line}")
    if out is not None and not quiet:
        say(f"wrote {out}; next: planner recommend --model-profile {out} ...")
    return 0
