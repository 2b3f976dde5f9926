"""``planner launch``: start what a saved result recommends."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from planner.cli.answers import say
from planner.cli.export import (
    AlternativeNumber,
    GroupNumber,
    ModelId,
    ResultFile,
    Template,
    WorkloadName,
)
from planner.cli.limit_options import max_hours_of
from planner.errors import BadInput
from planner.field_errors import amount

if TYPE_CHECKING:
    from launchers.base import CostEstimate
    from planner.actions.launch import LaunchOutcome


def register(app: typer.Typer) -> None:
    """Mount the command."""
    app.command("launch")(launch)


def launch(
    result: ResultFile,
    command: Annotated[
        str, typer.Option(metavar="LINE", help="What to run, as a shell line on every node.")
    ] = "",
    task: Annotated[
        str,
        typer.Option(metavar="TASK.yaml", help="A SkyPilot task; its resources are the plan's."),
    ] = "",
    workdir: Annotated[
        str, typer.Option(metavar="DIR", help="Folder carried to every machine; it runs there.")
    ] = "",
    template: Template = "",
    model_id: ModelId = "",
    secret: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Environment variable handed on unseen; repeatable."),
    ] = None,
    max_cost: Annotated[
        str | None, typer.Option(metavar="USD", help="The most it may cost; stopped before.")
    ] = None,
    max_hours: Annotated[
        float | None, typer.Option(help="The longest machines are held; stopped before.")
    ] = None,
    max_age: Annotated[
        str | None, typer.Option(metavar="AGE", help="Refuse a price that is older, e.g. 7d.")
    ] = None,
    keep_up: Annotated[
        bool,
        typer.Option("--keep-up", help="Services: leave it running, and paid for, without end."),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Agree to the cost shown.")] = False,
    workload: WorkloadName = "",
    group: GroupNumber = None,
    alternative: AlternativeNumber = None,
    as_json: Annotated[bool, typer.Option("--json", help="The outcome as JSON.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No messages on stderr.")] = False,
) -> int:
    """Rent a saved result's machines through SkyPilot and run something there.

    Shows the cost and asks before anything is rented. Machines are given back when the job ends,
    fails or meets a limit, and on Ctrl-C; a service stays up only with --keep-up. Exit codes: 0
    done, up, or a service taken down at --max-hours; 1 failed; 2 bad input or not confirmed; 4 over
    --max-cost, or a job at --max-hours.
    """
    from planner.actions.exports import Which
    from planner.actions.launch import LaunchOptions
    from planner.actions.launch import launch as launched
    from planner.cli.calibrate_runs import signals_interrupt
    from planner.quantities import usd

    options = LaunchOptions(
        which=Which(workload, group, alternative),
        command=command,
        template=template,
        workdir=workdir,
        task_file=task,
        model_id=model_id,
        secrets=tuple(secret or ()),
        max_cost_usd=None if max_cost is None else amount(usd, max_cost, "--max-cost"),
        max_hours=max_hours_of(max_hours),
        max_age=max_age,
        keep_up=keep_up,
    )

    def confirm(estimate: CostEstimate) -> bool:
        say(_cost_line(estimate, keep_up))
        if yes:
            return True
        if not sys.stdin.isatty():
            raise BadInput(
                "nobody is here to confirm the cost",
                where=result,
                remedy="add --yes to agree to it",
            )
        return typer.confirm("Start it?", err=True)

    with signals_interrupt():
        outcome = launched(result, options, confirm, progress=_silent if quiet else say)
    _show(outcome, as_json)
    return 0


def _cost_line(estimate: CostEstimate, keep_up: bool) -> str:
    rate = estimate.usd_per_hour or 0.0
    if keep_up:
        return (
            f"{rate:.4g} USD an hour, about {estimate.usd or 0.0:,.0f} USD in {estimate.hours:.0f} "
            "h, and on until you stop it: nothing takes it down by itself"
        )
    return f"{estimate.usd or 0.0:.2f} USD at most, {rate:.4g} USD an hour ({estimate.basis})"


def _show(outcome: LaunchOutcome, as_json: bool) -> None:
    stop = f"planner calibrate stop {outcome.run_id}"
    if as_json:
        from planner.cli.calibrate_runs import bill_json

        document = {
            "schema": "planner.launch/1",
            "run_id": outcome.run_id,
            "cluster": outcome.cluster,
            "target": outcome.target,
            "estimated_cost_usd": outcome.estimate.usd,
            "usd_per_hour": outcome.estimate.usd_per_hour,
            "kept_up": outcome.kept_up,
            "seconds": round(outcome.seconds, 3),
            "bill": bill_json(outcome.bill, outcome.estimate.usd),
            "stop": stop if outcome.kept_up else None,
        }
        typer.echo(json.dumps(document, indent=2))
    elif outcome.kept_up:
        typer.echo(f"{outcome.cluster} is up and costs {outcome.estimate.usd_per_hour:.4g} USD/h")
        typer.echo(f"address: sky status --ip {outcome.cluster}; end it: {stop}")
    else:
        cost = outcome.bill.usd if outcome.bill is not None else None
        paid = "" if cost is None else f", {cost:.2f} USD"
        typer.echo(f"{outcome.run_id}: done{paid}; machines given back")


def _silent(line: str) -> None:
    del line
