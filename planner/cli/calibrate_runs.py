"""``planner calibrate status|resume|stop|orphans``: runs that were begun, and what they cost."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from planner.cli.answers import say
from planner.errors import BadInput

if TYPE_CHECKING:
    from launchers.base import Bill
    from launchers.ledger import RunRecord
    from launchers.orphans import Orphan

FOUND = 5


class Format(StrEnum):
    TABLE = "table"
    JSON = "json"


FormatOption = Annotated[Format, typer.Option(help="Form of the answer.")]
TakeOver = Annotated[
    bool, typer.Option("--take-over", help="Also runs of planners on other hosts, if surely gone.")
]


def register(app: typer.Typer) -> None:
    """Mount the commands."""
    app.command("status")(status)
    app.command("resume")(resume)
    app.command("stop")(stop)
    app.command("orphans")(orphans)


def status(format: FormatOption = Format.TABLE) -> int:
    """List every run, what it cost against its estimate, and what may still cost money."""
    from planner.actions.calibration.runs import status as runs

    records = runs()
    if format is Format.JSON:
        rows = [_run_json(record) for record in records]
        typer.echo(json.dumps({"schema": "planner.calibration-status/1", "runs": rows}, indent=2))
    elif records:
        _print_runs(records)
    else:
        say("no run was started yet")
    for record in records:
        if record.is_kept:
            say(
                f"note: {record.resource} is up as asked and costs money; `planner calibrate stop "
                f"{record.run_id}` takes it down"
            )
        elif record.may_cost_money and record.planner_is_alive is not True:
            say(
                f"warning: {record.resource} may still cost money; `planner calibrate resume "
                f"{record.run_id}` fetches its result, `planner calibrate stop {record.run_id}` "
                "takes it down"
            )
    return 0


def resume(
    run_id: Annotated[
        str | None, typer.Argument(help="As `calibrate status` lists it; all without.")
    ] = None,
    take_over: TakeOver = False,
    format: FormatOption = Format.TABLE,
) -> int:
    """Bring runs of a planner that was killed to their end. Nothing is launched.

    A result is fetched, or waited for where the job still runs; what is left is taken down. Exit
    code 1 when something could not be taken down.
    """
    from planner.actions.calibration.runs import resume as resume_runs

    with signals_interrupt():
        done = resume_runs(run_id, progress, take_over=take_over)
    if format is Format.JSON:
        rows = [
            {
                **_run_json(one.record),
                "observation_id": None if one.own is None else one.own.id,
                "problem": one.problem,
            }
            for one in done
        ]
        typer.echo(json.dumps({"schema": "planner.calibration-resume/1", "runs": rows}, indent=2))
    elif not done:
        say("no run was left behind")
    for one in done if format is Format.TABLE else ():
        ending = one.problem or (f"stored as {one.own.id}" if one.own else "had been stored before")
        typer.echo(f"{one.record.run_id}: {one.record.state.value}; {ending}")
    return 0 if all(one.is_over for one in done) else 1


def stop(
    run_id: Annotated[str | None, typer.Argument(help="As `calibrate status` lists it.")] = None,
    all: Annotated[
        bool, typer.Option("--all", help="Every run, those of living planners included.")
    ] = False,
) -> int:
    """Take down what runs left behind; a result that was seen is stored first."""
    from planner.actions.calibration.runs import stop as stop_run
    from planner.actions.calibration.runs import stop_all

    if all is (run_id is not None):
        raise BadInput("name one run, or say --all", where="calibrate stop")
    with signals_interrupt():
        if run_id is not None:
            stop_run(run_id, progress)
            return 0
        failed = stop_all(progress)
    unsure = f"not known to have ended, see above: {', '.join(failed)}"
    say(unsure if failed else "all runs have ended")
    return 1 if failed else 0


def orphans(
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help=f"End with {FOUND} when something is found.")
    ] = False,
    format: FormatOption = Format.TABLE,
) -> int:
    """List what nobody looks after and may cost money, with the command that ends it.

    Compares the runs known here with what SkyPilot says exists under our names and labels.
    """
    from planner.actions.calibration.runs import orphans as find

    found, unasked = find()
    if format is Format.JSON:
        document = {
            "schema": "planner.calibration-orphans/1",
            "skypilot_asked": not unasked,
            "orphans": [_orphan_json(one) for one in found],
        }
        typer.echo(json.dumps(document, indent=2))
    if unasked:
        say(f"warning: only the ledger was looked at: {unasked}")
    if format is Format.TABLE:
        for one in found:
            cost = "" if one.usd_so_far is None else f", about {one.usd_so_far:.2f} USD so far"
            since = "" if one.since is None else f" since {one.since:%Y-%m-%d %H:%M} UTC"
            typer.echo(f"{one.cluster} ({one.where}, {one.state}{since}{cost}): {one.reason}")
            typer.echo(f"  {one.command}")
        if not found:
            say("nothing is left behind")
    return FOUND if found and exit_code else 0


def progress(line: str) -> None:
    """What a run says on the way; its result line is for the program, not for people."""
    from planner.actions.calibration.run import is_for_people

    if is_for_people(line):
        say(line)


@contextmanager
def signals_interrupt() -> Iterator[None]:
    """Let a polite kill or a lost terminal end a run as Ctrl-C does: with everything given back."""

    is_ending = False

    def interrupt(_number: int, _frame: object) -> None:
        nonlocal is_ending
        if not is_ending:  # a second one would come while the first is being dealt with
            is_ending = True
            raise KeyboardInterrupt

    signals = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    # What is ignored stays ignored: `nohup planner calibrate run` outlives its terminal.
    taken = [number for number in signals if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, interrupt) for number in taken}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def bill_json(bill: Bill | None, estimated_usd: float | None) -> dict[str, Any] | None:
    """``ratio`` is billed over estimated, None where either has no price or nothing was due."""
    if bill is None:
        return None
    return {
        "usd": bill.usd,
        "ratio": bill.usd / estimated_usd if bill.usd is not None and estimated_usd else None,
        "held_seconds": round(bill.held_s, 3),
        "basis": bill.basis,
    }


def print_table(header: list[str], rows: list[list[str]], right: set[int]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for column, name in enumerate(header):
        table.add_column(name, justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*row)
    # No markup: an error may hold square brackets.
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console = Console(width=140, highlight=False, markup=False)
    console.print(table)


def _run_json(record: RunRecord) -> dict[str, Any]:
    return {
        "run_id": record.run_id,
        "benchmark": record.benchmark,
        "target": record.target,
        "resource": record.resource,
        "state": record.state.value,
        "estimated_cost_usd": record.terms.cost_usd,
        "bill": bill_json(record.bill, record.terms.cost_usd),
        "started_at": record.started_at.isoformat(),
        "changed_at": record.changed_at.isoformat(),
        "may_cost_money": record.may_cost_money,
        "abandoned": record.is_abandoned,
        "problem": record.problem,
    }


def _orphan_json(one: Orphan) -> dict[str, Any]:
    return {
        "cluster": one.cluster,
        "run_id": one.run_id,
        "where": one.where,
        "state": one.state,
        "since": None if one.since is None else one.since.isoformat(),
        "usd_so_far": one.usd_so_far,
        "exists": one.exists,
        "reason": one.reason,
        "command": one.command,
    }


def _print_runs(records: list[RunRecord]) -> None:
    rows = [
        [
            record.run_id,
            record.started_at.strftime("%Y-%m-%d %H:%M"),
            record.target,
            f"{record.state.value} (abandoned)" if record.is_abandoned else record.state.value,
            _usd(record.terms.cost_usd),
            "" if record.bill is None else _usd(record.bill.usd),
            _ratio(record),
            "yes" if record.may_cost_money else "no",
            record.problem,
        ]
        for record in records
    ]
    header = ["Run", "UTC", "On", "State", "USD, estimated", "USD, billed", "Ratio", "May cost"]
    print_table([*header, "Problem"], rows, right={4, 5, 6})


def _usd(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.2f}"


def _ratio(record: RunRecord) -> str:
    bill = bill_json(record.bill, record.terms.cost_usd)
    return "" if bill is None or bill["ratio"] is None else f"{bill['ratio']:.2f}"
