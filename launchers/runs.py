"""Drive one run through its states, writing each to the ledger before and after it is made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import InitVar, dataclass, field
from typing import TypeVar

from catalog.errors import CatalogError
from launchers.base import BenchmarkRun, Bill, Launcher, OnLine, RunResult, RunTerms
from launchers.errors import (
    BenchmarkFailed,
    LaunchError,
    LaunchRefused,
    LedgerNotWritten,
    ResultNotStored,
)
from launchers.interrupts import Interrupts
from launchers.ledger import RunLedger, RunRecord, RunState
from launchers.onlooker import Onlooker
from launchers.output import find_result, redact, sample_of
from launchers.spending import Spending
from launchers.spool import Spool, rescue
from launchers.stages import RUN_MARKER, Stage, Stages

T = TypeVar("T")
GIVING_BACK = "giving everything back first; Ctrl-C once more abandons it"
OnResult = Callable[[RunResult], None]
OnSample = Callable[[Mapping[str, float]], None]


@dataclass
class Drive:
    """What every step of one run needs. ``on_result`` stores the result; it must not store the
    same run twice. ``terms`` are those of the estimate unless more was agreed. ``on_sample`` gets
    what the machine does, where the program was asked to tell. ``on_warning`` gets what must be
    said to somebody who wants to hear nothing else; ``on_line`` gets it without one."""

    launcher: Launcher
    run: BenchmarkRun
    ledger: RunLedger
    on_line: OnLine
    on_result: OnResult
    terms: RunTerms
    spending: Spending
    stages: Stages
    spool: Spool = field(default_factory=Spool)
    unwritten: CatalogError | None = None
    is_stored: bool = False
    is_spool_needed: bool = False
    is_given_up: bool = False
    on_sample: OnSample = lambda _: None
    on_warning: InitVar[OnLine | None] = None
    warn: OnLine = field(init=False)

    def __post_init__(self, on_warning: OnLine | None) -> None:
        self.on_line = Onlooker(self.on_line)
        self.warn = Onlooker(on_warning or self.on_line)

    def take(self, line: str) -> None:
        if RUN_MARKER in line:
            self.stages.enter(Stage.RUN)
            return
        sample = sample_of(line)
        if sample is not None:
            if sample:
                self.on_sample(sample)
            return
        if self.launcher.resource:  # a local program writes there itself
            self.spool.keep(self.run.run_id, line)
        self.on_line(line)

    def note(self, state: RunState, **detail: object) -> None:
        """Write a state once something runs: a ledger that cannot be written any more, full or
        locked, must neither lose the result nor keep the machine. Said at the end, unless it could
        be written again by then: the last state holds what counts."""
        try:
            self.ledger.record(self.run.run_id, state, **detail)
        except CatalogError as error:
            self.unwritten = error
        else:
            self.unwritten = None


def execute(
    launcher: Launcher,
    run: BenchmarkRun,
    ledger: RunLedger,
    *,
    confirmed: bool,
    on_line: OnLine,
    on_result: OnResult = lambda _: None,
) -> RunResult:
    """``carry_out`` without limits and without words about stages."""
    estimate = launcher.estimate_cost(run)
    terms = RunTerms(estimate.usd, estimate.usd_per_hour, timeout_s=run.timeout_s)
    spending = Spending(terms)
    stages = Stages(lambda _: None, spending)
    return carry_out(
        Drive(launcher, run, ledger, on_line, on_result, terms, spending, stages),
        confirmed=confirmed,
    )


def carry_out(drive: Drive, *, confirmed: bool) -> RunResult:
    """Launch, stream, collect, tear down. Tears down whatever happens, Ctrl-C included.

    ``on_result`` stores the result before the machine is given back: a tear-down that fails
    then loses no measurement. Raises LaunchError; TearDownFailed wins over an earlier error,
    because it may cost money, and LedgerNotWritten because something is left to do; the earlier
    one is said then. Raises CatalogError when the ledger cannot be written before anything is
    started.
    """
    launcher, run, ledger = drive.launcher, drive.run, drive.ledger
    ledger.plan(
        run.run_id,
        benchmark=run.benchmark,
        target=launcher.target,
        resource=launcher.resource,
        terms=drive.terms,
    )

    def go() -> RunResult:
        job = _launch(drive, confirmed=confirmed)
        # With the rate of what was really taken: whoever takes the run over watches its cost.
        drive.note(RunState.RUNNING, job=job, usd_per_hour=drive.spending.usd_per_hour)
        return _finish(drive)

    return _guarded(drive, go)


def leave_up(drive: Drive, *, confirmed: bool) -> str:
    """Launch, and leave it running: returns the job. What was begun is torn down when the launch
    fails or is interrupted. Raises LaunchError, CatalogError."""
    drive.ledger.plan(
        drive.run.run_id,
        benchmark=drive.run.benchmark,
        target=drive.launcher.target,
        resource=drive.launcher.resource,
        terms=drive.terms,
    )
    with Interrupts(drive.on_line, GIVING_BACK) as interrupts:
        try:
            try:
                job = _launch(drive, confirmed=confirmed)
                # Before the user is told: what is not in the ledger is found by nobody.
                drive.ledger.record(drive.run.run_id, RunState.KEPT, job=job)
            finally:
                interrupts.hold()
        except BaseException as error:
            problem = redact(str(error), drive.run.secrets.values()) or "interrupted"
            _tear_down(drive, end=RunState.FAILED, problem=problem)
            raise
    return job


def resume(drive: Drive, record: RunRecord) -> RunResult | None:
    """Bring a run to its end that this planner has claimed from a dead one. Launches nothing.

    The result of a job that ended is collected and stored, one that still runs is waited for, and
    what is left is torn down. None when the result had been stored before. Raises LaunchError
    when there is none, as ``execute`` does.
    """
    if record.launched_at is not None:
        drive.spending.start(record.held_s)

    if record.state is not RunState.PLANNED:
        drive.launcher.adopt(drive.run, record.job)  # whatever follows: it is torn down

    def go() -> RunResult | None:
        if record.state is RunState.PLANNED:
            raise LaunchRefused(
                "the planner ended before it launched anything",
                where=record.run_id,
                remedy="start it again",
            )
        if record.is_stored:
            drive.is_stored = True
            return None
        kept = _kept(drive)
        if kept is not None:
            return _store(drive, kept)
        if record.state in (RunState.TEARING_DOWN, RunState.TEAR_DOWN_FAILED):
            raise LaunchError(
                record.problem or "the planner ended while giving the machine back",
                where=record.run_id,
                remedy="it is given back now; run the benchmark again for a result",
            )
        drive.launcher.rejoin(drive.run, record.job, record.request, drive.take)
        drive.note(RunState.RUNNING)
        return _finish(drive)

    return _guarded(drive, go)


def _launch(drive: Drive, *, confirmed: bool) -> str:
    def on_request(name: str) -> None:
        drive.note(RunState.LAUNCHING, request=name)

    drive.ledger.record(drive.run.run_id, RunState.LAUNCHING)
    drive.spending.start()
    drive.stages.enter(Stage.PROVISION, drive.launcher.target)
    return drive.launcher.launch(drive.run, drive.take, confirmed=confirmed, on_request=on_request)


def _finish(drive: Drive) -> RunResult:
    drive.stages.enter(Stage.SET_UP if drive.launcher.resource else Stage.RUN)
    drive.launcher.stream(drive.take)
    drive.note(RunState.COLLECTING)
    drive.stages.enter(Stage.COLLECT)
    return _store(drive, drive.launcher.collect())


def _store(drive: Drive, result: RunResult) -> RunResult:
    try:
        drive.on_result(result)
    except Exception as error:  # whatever it is, this was paid for
        drive.is_spool_needed = isinstance(error, CatalogError)  # the store may take it later
        drive.is_given_up = True
        kept = _rescued(drive, result)
        if isinstance(error, BenchmarkFailed):
            raise type(error)(error.problem, where=error.where, remedy=kept) from error
        raise ResultNotStored(
            f"measured, but the result could not be stored ({error})",
            where=drive.run.run_id,
            remedy=kept,
        ) from error
    drive.is_stored = True
    drive.note(RunState.COLLECTED)
    return result


def _rescued(drive: Drive, result: RunResult) -> str:
    """Put a result that the store refused where it can be had; returns how to get it back."""
    text = redact(result.text, drive.run.secrets.values())
    path = rescue(drive.run.run_id, text)
    if path is not None:
        return f"import it later: planner calibrate import {path}"
    # At once, not in an error at the end: what follows takes minutes and may fail or be killed.
    run_id = drive.run.run_id
    drive.warn(f"{run_id}: no disk takes the result; the next line is all there is of it")
    drive.warn(text)
    return (
        f"save the line under `{run_id}: no disk takes the result` as a file, then planner "
        "calibrate import it"
    )


def _guarded(drive: Drive, go: Callable[[], T]) -> T:
    """Tear down whatever happens in ``go``, and whenever it happens."""
    problem, end = "interrupted", RunState.FAILED
    with Interrupts(drive.on_line, GIVING_BACK) as interrupts:
        try:
            try:
                result = go()
                problem, end = "", RunState.DONE
            finally:
                interrupts.hold()
        except Exception as error:
            problem = redact(str(error), drive.run.secrets.values())
            raise
        finally:
            _tear_down(drive, end=end, problem=problem)
    return result


def _kept(drive: Drive) -> RunResult | None:
    """A whole result that was seen but not stored."""
    run_id = drive.run.run_id
    try:
        document, text = find_result(drive.spool.lines(run_id), run_id)
    except LaunchError:
        return None
    return RunResult(document, text, drive.spending.seconds)


def _salvage(drive: Drive) -> None:
    """Store what a run measured before it went wrong, was interrupted or stopped."""
    if drive.is_stored or drive.is_given_up:
        return
    kept = _kept(drive)
    if kept is None:
        return
    try:
        _store(drive, kept)
    except Exception as error:  # noqa: BLE001  # whatever it is, the machine must be given back
        drive.warn(str(error))
    else:
        drive.on_line(f"{drive.run.run_id}: its result was stored all the same")


def tear_down(drive: Drive, *, end: RunState, problem: str) -> None:
    """Tear down and say so in the ledger, in that order of importance, with what it cost.

    The first Ctrl-C meanwhile waits until that is done. Raises TearDownFailed, or
    LedgerNotWritten when only the ledger could not be written.
    """
    with Interrupts(drive.on_line, GIVING_BACK) as interrupts:
        interrupts.hold()
        _tear_down(drive, end=end, problem=problem)


def _tear_down(drive: Drive, *, end: RunState, problem: str) -> None:
    try:
        _salvage(drive)
        drive.note(RunState.TEARING_DOWN, problem=problem)
        drive.stages.enter(Stage.TEAR_DOWN, drive.launcher.resource)
    finally:  # the user who insists on leaving still has it tried
        try:
            drive.launcher.tear_down()
        except BaseException as error:
            drive.note(RunState.TEAR_DOWN_FAILED, problem=str(error) or "interrupted")
            if problem:
                drive.warn(problem)
            raise
    drive.spending.stop()
    _salvage(drive)  # a log that was still being read may have brought it meanwhile
    bill = drive.launcher.bill() if drive.launcher.resource else None
    bill = bill or _own_count(drive.spending, rented=bool(drive.launcher.resource))
    drive.note(
        end,
        problem=problem,
        is_stored=drive.is_stored,
        bill_usd=bill.usd,
        bill_held_s=bill.held_s,
        bill_basis=bill.basis,
    )
    drive.stages.enter(Stage.DONE, _in_words(bill))
    if drive.unwritten is not None:
        if problem:
            drive.warn(problem)
        stored = "its result is stored; " if drive.is_stored else ""
        raise LedgerNotWritten(
            f"{stored}nothing of it runs any more, which the ledger could not be told "
            f"({drive.unwritten})",
            where=drive.run.run_id,
            remedy="`planner calibrate resume` does that once it can be written",
        ) from drive.unwritten
    if not drive.is_spool_needed:
        drive.spool.discard(drive.run.run_id)


def _own_count(spending: Spending, *, rented: bool) -> Bill:
    if not rented:
        return Bill(0.0, spending.seconds, "this machine, electricity not counted")
    if spending.usd is None:
        return Bill(None, spending.seconds, "no price is known")
    return Bill(spending.usd, spending.seconds, "rate x time held, by this planner's clock")


def _in_words(bill: Bill) -> str:
    if bill.usd is None:
        return f"held {bill.held_s:.0f} s; {bill.basis}"
    return f"cost {bill.usd:.4f} USD, held {bill.held_s:.0f} s ({bill.basis})"
