"""Drive one run through its states, writing each to the ledger before and after it is made."""

from __future__ import annotations

from collections.abc import Callable

from catalog.errors import CatalogError
from launchers.base import BenchmarkRun, Launcher, OnLine, RunResult
from launchers.errors import TearDownFailed
from launchers.ledger import RunLedger, RunState
from launchers.output import redact


def execute(
    launcher: Launcher,
    run: BenchmarkRun,
    ledger: RunLedger,
    *,
    confirmed: bool,
    on_line: OnLine,
    on_result: Callable[[RunResult], None] = lambda _: None,
) -> RunResult:
    """Launch, stream, collect, tear down. Tears down whatever happens, Ctrl-C included.

    ``on_result`` stores the result before the machine is given back: a tear-down that fails
    then loses no measurement. Raises LaunchError; TearDownFailed wins over an earlier error,
    because it may cost money.
    """
    ledger.plan(
        run.run_id,
        benchmark=run.benchmark,
        target=launcher.target,
        resource=launcher.resource,
        cost_usd=launcher.estimate_cost(run).usd,
    )
    problem = "interrupted"
    end = RunState.FAILED
    try:
        ledger.record(run.run_id, RunState.LAUNCHING)
        job = launcher.launch(run, on_line, confirmed=confirmed)
        ledger.record(run.run_id, RunState.RUNNING, job=job)
        launcher.stream(on_line)
        ledger.record(run.run_id, RunState.COLLECTING)
        result = launcher.collect()
        on_result(result)
        ledger.record(run.run_id, RunState.COLLECTED)
        problem, end = "", RunState.DONE
        return result
    except Exception as error:
        problem = redact(str(error), run.secrets.values())
        raise
    finally:
        tear_down(launcher, run.run_id, ledger, end=end, problem=problem)


def tear_down(
    launcher: Launcher, run_id: str, ledger: RunLedger, *, end: RunState, problem: str
) -> None:
    """Tear down and say so in the ledger, in that order of importance.

    Raises TearDownFailed, or CatalogError when only the ledger could not be written.
    """
    unwritten: CatalogError | None = None
    try:
        ledger.record(run_id, RunState.TEARING_DOWN)
    except CatalogError as error:  # a full disk must not keep a machine running
        unwritten = error
    try:
        launcher.tear_down()
    except TearDownFailed as error:
        if unwritten is None:
            ledger.record(run_id, RunState.TEAR_DOWN_FAILED, problem=str(error))
        raise
    if unwritten is not None:
        raise unwritten
    ledger.record(run_id, end, problem=problem)
