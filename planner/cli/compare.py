"""``planner compare``: two accelerators, clouds or ways to pay, and when which is cheaper."""

from __future__ import annotations

from typing import Annotated

import typer

from planner.cli.answers import OVER_BUDGET, Format, console, say
from planner.cli.workload_options import Given, with_workload


def register(app: typer.Typer) -> None:
    """Mount the command."""
    app.command("compare")(compare)


@with_workload
def compare(
    given: Given,
    a: Annotated[
        str,
        typer.Option(
            help="One side: an accelerator or family, gpu, tpu, cpu, a cloud, cloud, on-prem, "
            "hybrid, spot, on-demand, or key=value of where."
        ),
    ],
    b: Annotated[str, typer.Option(help="The other side.")],
    axis: Annotated[
        list[str] | None,
        typer.Option(
            help="Search crossings along this axis only; repeatable: model-size, "
            "sequence-length, price-a, price-b, utilisation, deadline."
        ),
    ] = None,
    format: Annotated[Format, typer.Option(help="Form of the answer.")] = Format.TABLE,
    quiet: Annotated[bool, typer.Option("--quiet", help="No messages on stderr.")] = False,
) -> int:
    """Compare two sides in cost and time, and find where the cheaper one flips.

    Exit codes: 0 answer, 2 bad input, 3 neither side can do it, 4 both over budget.
    """
    from planner.actions.session import open_session, workload_from

    session = open_session(say=None if quiet else say)
    workload, where = workload_from(given.file, None, given.fields, given.place)
    result = session.compare(workload, a, b, axes=axis or (), where=where)
    if format is Format.TABLE:
        from planner.report.compare import print_comparison

        print_comparison(result, console())
    else:
        from planner.report.compare import to_csv, to_markdown
        from planner.report.rows import to_json

        write = {Format.JSON: to_json, Format.CSV: to_csv, Format.MARKDOWN: to_markdown}[format]
        typer.echo(write(result))
    if "ok" not in (result.a.status, result.b.status):
        say(f"over budget: {result.headline}")
        return OVER_BUDGET
    return 0
