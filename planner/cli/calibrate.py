"""``planner calibrate``: measure here or on rented machines, and list what was measured."""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from planner.cli import calibrate_plan, calibrate_results, calibrate_runs
from planner.cli.calibrate_results import Format as ResultFormat
from planner.cli.calibrate_results import show_stored
from planner.cli.calibrate_runs import bill_json, print_table, progress, signals_interrupt
from planner.cli.limit_options import max_hours_of
from planner.errors import BadInput
from planner.field_errors import amount

if TYPE_CHECKING:
    from catalog.observations import OwnObservation
    from launchers.base import CostEstimate

app = typer.Typer(
    help="Measure how fast hardware really is; measurements move the estimates.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
calibrate_plan.register(app)
calibrate_results.register(app)
calibrate_runs.register(app)


class Format(StrEnum):
    TABLE = "table"
    JSON = "json"


FormatOption = Annotated[Format, typer.Option(help="Form of the answer.")]


@app.command("run")
def run(
    benchmark: Annotated[str, typer.Argument(help="What to run: cnn, transformer, decode ...")],
    on: Annotated[
        str,
        typer.Option(
            metavar="TARGET",
            help="local, or skypilot:INFRA[,accelerators=L4:1][,instance=TYPE][,cpus=4+][,spot], "
            "e.g. skypilot:aws/us-east-1,accelerators=L4:1.",
        ),
    ] = "local",
    yes: Annotated[bool, typer.Option("--yes", help="Agree to the cost without a question.")] = (
        False
    ),
    max_cost: Annotated[
        str | None, typer.Option(metavar="USD", help="Refuse to cost more, e.g. 5USD.")
    ] = None,
    max_hours: Annotated[
        float | None,
        typer.Option(help="Hold a machine no longer than this; the run is stopped before."),
    ] = None,
    precision: Annotated[str | None, typer.Option(help="fp32, bf16, fp16; cnn: amp.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Samples or sequences a step.")] = None,
    device: Annotated[
        str | None, typer.Option(help="auto, cpu, cuda, rocm, mps, xla, hpu or neuron.")
    ] = None,
    threads: Annotated[int, typer.Option(help="CPU threads; 0 leaves it to torch.")] = 0,
    compile: Annotated[bool, typer.Option("--compile", help="Use torch.compile.")] = False,
    max_seconds: Annotated[
        float, typer.Option(help="The counted part ends after this long.")
    ] = 120.0,
    samples: Annotated[
        str | None, typer.Option(help="cnn: training images, e.g. 6000 or 60k.")
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="cnn: passes over the images.")] = None,
    data: Annotated[
        str | None,
        typer.Option(help="cnn: folder of MNIST idx files, or sklearn; digits are drawn without."),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="Any other argument of the benchmark; repeatable. `calibrate benchmarks NAME` "
            "lists them.",
        ),
    ] = None,
    python: Annotated[
        str, typer.Option(help="Python with torch on the machine measured; else found there.")
    ] = "",
    template: Annotated[
        str, typer.Option(help="Start as several processes: torchrun, deepspeed, ray-train ...")
    ] = "",
    ranks: Annotated[int, typer.Option(help="Processes a node, with --template.")] = 1,
    profile: Annotated[
        bool, typer.Option("--profile", help="Under Nsight Systems, on this machine.")
    ] = False,
    prometheus: Annotated[
        str, typer.Option(metavar="FILE|URL", help="Also for Prometheus: file or Pushgateway.")
    ] = "",
    wandb: Annotated[
        str, typer.Option(metavar="PROJECT", help="Also in Weights & Biases, offline.")
    ] = "",
    format: FormatOption = Format.TABLE,
    quiet: Annotated[bool, typer.Option("--quiet", help="No messages on stderr.")] = False,
) -> int:
    """Run a benchmark and store what it measured.

    Shows the estimated cost and asks before anything is rented. A rented machine is given back
    whatever happens. Exit codes: 0 measured, 1 failed, 2 bad input, 4 over
    --max-cost or --max-hours.
    """
    from planner.actions.calibration.run import CalibrationOptions, run_calibration
    from planner.actions.calibration.typed import dollars, settings_of
    from planner.quantities import whole_count

    said = {
        "precision": precision,
        "batch-size": batch_size,
        "device": device,
        "samples": None if samples is None else int(amount(whole_count, samples, "--samples")),
        "epochs": epochs,
        "data": data if data in (None, "sklearn") else str(Path(data).absolute()),
    }
    named = {name: str(value) for name, value in said.items() if value is not None}
    if compile:
        named["compile"] = ""
    options = CalibrationOptions(
        settings={**named, **settings_of(settings or [])},
        threads=threads,
        max_seconds=max_seconds,
        python=python,
        max_cost_usd=None if max_cost is None else dollars(max_cost, "--max-cost"),
        max_hours=max_hours_of(max_hours),
        template=template,
        ranks=ranks,
        profile=profile,
        prometheus=prometheus,
        wandb=wandb,
    )

    def confirm(estimate: CostEstimate) -> bool:
        progress(f"{on}: {estimate}")
        if yes:
            return True
        if not sys.stdin.isatty():
            raise BadInput(
                "nobody is here to confirm the cost", where=on, remedy="add --yes to agree to it"
            )
        return typer.confirm("Start it?", err=True)

    with signals_interrupt():
        outcome = run_calibration(
            benchmark,
            on,
            options,
            confirm,
            progress=_silent if quiet else progress,
            warn=progress,
        )
    if format is Format.JSON:
        document = {
            "schema": "planner.calibration/1",
            "run_id": outcome.run_id,
            "target": outcome.target,
            "seconds": round(outcome.seconds, 3),
            "estimated_cost_usd": outcome.estimate.usd,
            "bill": bill_json(outcome.bill, outcome.estimate.usd),
            **_own_json(outcome.own),
            "result": dict(outcome.document),
        }
        typer.echo(json.dumps(document, indent=2))
    else:
        show_stored([outcome.own.id], ResultFormat.TABLE, quiet)
    return 0


@app.command("benchmarks")
def benchmarks(
    name: Annotated[str | None, typer.Argument(help="Show the arguments of this one.")] = None,
) -> int:
    """List the benchmarks, or what one of them takes."""
    if name is not None:
        from planner.actions.calibration.run import options_text

        typer.echo(options_text(name), nl=False)
        return 0
    from launchers.benchmarks import BENCHMARKS

    rows = [
        [one.name, one.measures, ", ".join(("torch", *one.needs)), ", ".join(one.models)]
        for one in BENCHMARKS.values()
    ]
    print_table(["Benchmark", "Measures", "Needs", "Networks"], rows, right=set())
    return 0


def _own_json(own: OwnObservation) -> dict[str, Any]:
    return {
        "id": own.id,
        "measured_at": own.measured_at.isoformat(),
        "machine": own.machine,
        "observation": own.observation.to_row(),
    }


def _silent(line: str) -> None:
    del line
