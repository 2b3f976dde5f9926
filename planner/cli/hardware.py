"""``planner hardware``: what devices can do, what they cost, and when to prefer which."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from planner.cli.answers import console, say

if TYPE_CHECKING:
    from planner.results.hardware import HardwareComparison, HardwareSheet

app = typer.Typer(help="Devices: peaks, memory, links, prices, rooflines.", no_args_is_help=True)


class ListForm(StrEnum):
    TABLE = "table"
    JSON = "json"
    CSV = "csv"


class PageForm(StrEnum):
    TABLE = "table"
    JSON = "json"
    MARKDOWN = "markdown"
    HTML = "html"


Format = Annotated[PageForm, typer.Option(help="Form of the answer.")]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out", "-o", help="Write a file: .svg the roofline, .html, .md or .json the whole."
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Replace the file of --out.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="No messages on stderr.")]


@app.command("list")
def list_(
    kind: Annotated[str | None, typer.Option(help="gpu, tpu, asic, fpga, npu or cpu only.")] = None,
    format: Annotated[ListForm, typer.Option(help="Form of the answer.")] = ListForm.TABLE,
) -> int:
    """List every device with its peaks and its cheapest price on demand."""
    from planner.actions.hardware.facts import Facts
    from planner.actions.session import open_session

    result = Facts(open_session(say=say).catalog).listed(kind)
    if format is ListForm.JSON:
        typer.echo(result.model_dump_json(by_alias=True, indent=2))
        return 0
    from planner.report.hardware import list_csv, print_list

    if format is ListForm.CSV:
        typer.echo(list_csv(result))
    else:
        print_list(result, console())
    return 0


@app.command("show")
def show(
    name: Annotated[str, typer.Argument(help="A device, e.g. H100-80GB.")],
    out: Out = None,
    format: Format = PageForm.TABLE,
    force: Force = False,
    quiet: Quiet = False,
) -> int:
    """Show one device: peaks by precision, memory, links, power, and its prices with their age."""
    from planner.actions.hardware.facts import Facts
    from planner.actions.session import open_session
    from planner.cli.report_files import refuse_place

    refuse_place(out, force)
    session = open_session(say=None if quiet else say)
    result = Facts(session.catalog).sheet(name)
    if out is None and format is PageForm.TABLE:
        from planner.report.hardware import print_sheet

        print_sheet(result, console())
        return 0
    from planner.actions.report.make import made_by

    _write(result, out, format, force=force, made=made_by(session), quiet=quiet)
    return 0


@app.command("compare")
def compare(
    names: Annotated[
        list[str],
        typer.Argument(help="Devices, families (H100) or kinds (gpu, tpu, asic, fpga, edge, cpu)."),
    ],
    workload: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Workload whose operators and costs are compared."),
    ] = None,
    axis: Annotated[
        list[str] | None,
        typer.Option(
            help="Vary this only; repeatable: model-size, batch, latency, rate, deadline."
        ),
    ] = None,
    out: Out = None,
    format: Format = PageForm.TABLE,
    force: Force = False,
    quiet: Quiet = False,
) -> int:
    """Compare devices; with a workload, where memory and where arithmetic binds, and who wins when.

    The sweeps plan the work anew on each side's real machines as its size, batch, latency, load or
    deadline is varied, and say where the cheapest side changes.
    """
    from planner.actions.hardware.compare import compare_hardware
    from planner.actions.session import open_session, workload_from
    from planner.cli.report_files import refuse_place

    refuse_place(out, force)
    found, where = None, "workload"
    if workload is not None:
        found, where = workload_from(workload, None, {}, {})
    session = open_session(say=None if quiet else say)
    result = compare_hardware(
        names, session.catalog, found, session.measured, axes=axis or (), where=where
    )
    if out is None and format is PageForm.TABLE:
        from planner.report.hardware import print_comparison

        print_comparison(result, console())
        return 0
    from planner.actions.report.make import made_by

    _write(result, out, format, force=force, made=made_by(session), quiet=quiet)
    return 0


def _write(
    result: HardwareSheet | HardwareComparison,
    out: Path | None,
    format: PageForm,
    *,
    force: bool,
    made: str,
    quiet: bool,
) -> None:
    from planner.cli.report_files import Form, deliver, form_of
    from planner.errors import BadInput

    if out is not None and out.suffix.lower() == ".svg":
        from planner.actions.write_file import write_text
        from planner.report.pages.hardware import roofline_svg

        text = roofline_svg(result)
        if text is None:
            raise BadInput(
                "cannot be drawn: peak, bandwidth or operators are unknown",
                where=str(out),
                remedy="leave --out out to see what is known",
            )
        write_text(out, text, force=force)
        if not quiet:
            say(f"wrote {out}")
        return
    stated = None if format is PageForm.TABLE else Form(format.value)
    form = form_of(out, stated)
    deliver(result, form, out, force=force, file="", made=made, quiet=quiet)
