"""``planner estimate``: how fast a workload, or each row of a CSV file, runs on given hardware."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer


class Format(StrEnum):
    TABLE = "table"
    JSON = "json"


def register(app: typer.Typer) -> None:
    """Mount the command."""
    app.command("estimate")(estimate)


def estimate(
    file: Annotated[
        str | None,
        typer.Argument(metavar="[WORKLOAD.yaml]", help="Workload file, or - for stdin."),
    ] = None,
    on: Annotated[
        str,
        typer.Option(metavar="HARDWARE", help="local, or ACCELERATOR[:COUNT][xNODES]."),
    ] = "local",
    format: Annotated[Format, typer.Option(help="Form of the answer.")] = Format.TABLE,
    batch: Annotated[
        str | None,
        typer.Option(metavar="IN.csv", help="Predict every row of a CSV file, or - for stdin."),
    ] = None,
    out: Annotated[
        str | None, typer.Option(metavar="OUT.csv", help="Where --batch writes; else stdout.")
    ] = None,
    exclude_measured: Annotated[
        bool,
        typer.Option(
            "--exclude-measured",
            help="With --batch: predict also what was measured in this very configuration.",
        ),
    ] = False,
    explain: Annotated[
        bool,
        typer.Option(
            "--explain", help="Name the published observations that weigh most in the estimate."
        ),
    ] = False,
) -> int:
    """Estimate the speed of a workload on this machine or on named accelerators.

    With --batch, one row in is one row out: id, predicted, p10, p90, basis, feasible, reason.
    """
    from planner.actions.session import open_session, workload_from
    from planner.errors import BadInput

    if batch is not None:
        if file is not None:
            raise BadInput("a workload and --batch exclude each other", remedy="give one of them")
        return _batch(batch, out, exclude_measured, explain)
    for flag, given in (
        ("--out", out is not None),
        ("--exclude-measured", exclude_measured),
    ):
        if given:
            raise BadInput("goes with --batch only", where=flag, remedy="add --batch IN.csv")
    if file is None:
        raise BadInput("no workload given", remedy="name a workload file, or --batch IN.csv")
    session = open_session(say=lambda line: typer.echo(line, err=True))
    workload, where = workload_from(file, None, {}, {})
    result = session.estimate(workload, on, explain=explain, where=where)
    if format is Format.JSON:
        typer.echo(result.model_dump_json(by_alias=True, indent=2))
        return 0
    from planner.amounts import hours, seconds

    t = result.throughput
    typer.echo(f"{t.value:,.6g} {t.unit} on {on} ({result.parallelism}), basis {t.basis}")
    typer.echo(f"80% range {t.p10:,.6g} to {t.p90:,.6g} {t.unit}")
    if result.hours is not None and result.hours_p10 is not None and result.hours_p90 is not None:
        typer.echo(
            f"work takes {hours(result.hours)} "
            f"({hours(result.hours_p10)} to {hours(result.hours_p90)}), without set-up"
        )
    for name, value in result.latency or ():
        if value is not None and name != "concurrency":
            typer.echo(f"{name.removesuffix('_s').replace('_', ' ')}: {seconds(value)}")
    memory = "unknown" if result.memory_gib is None else f"{result.memory_gib:.1f}"
    typer.echo(f"needs {result.memory_need_gib:.1f} GiB of {memory} GiB a device")
    for part in result.weighed:
        typer.echo(f"own measurement {part.observation}: {part.weight:.0%} of the correction")
    for line in result.observations:
        typer.echo(f"published measurement {line}")
    return 0


def _batch(path: str, out: str | None, exclude_measured: bool, explain: bool) -> int:
    import sys

    from planner.actions.estimate.batch import write
    from planner.actions.session import open_session

    session = open_session(say=lambda line: typer.echo(line, err=True))
    found = session.estimate_batch(
        path,
        sys.stdin.read() if path == "-" else None,
        exclude_measured=exclude_measured,
        explain=explain,
    )
    if out is None:
        typer.echo(found.to_csv(), nl=False)
    else:
        write(found, out)
    answered = sum(prediction.predicted is not None for prediction in found.predictions)
    typer.echo(f"{answered} of {len(found.predictions)} rows answered", err=True)
    for reason, count in found.refused.most_common(5):
        typer.echo(f"  refused {count}: {reason}", err=True)
    return 0
