"""Runs that were begun: what became of them, what they still cost, and how they are ended.

Behind ``planner calibrate status|resume|stop|orphans``.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from catalog import Catalog
from catalog.errors import CatalogError
from catalog.observations import OwnObservation, OwnObservations
from planner.actions.calibration.ready import launch_errors
from planner.actions.calibration.run import own_id, stored_by
from planner.errors import BadInput, PlannerError

if TYPE_CHECKING:
    from launchers.base import BenchmarkRun, Launcher
    from launchers.ledger import RunLedger, RunRecord
    from launchers.orphans import Orphan
    from launchers.runs import Drive
    from launchers.spending import Spending

Say = Callable[[str], None]
KNOWN = "see `planner calibrate status`"
# A planner that is asked to end gives its machine back first, which takes minutes.
PLANNER_WAIT_S = 900.0
# A run that is over its limits when it is taken over still gets the time to fetch its result.
COLLECT_GRACE_S = 120.0
STOPPED = "stopped by the user"


@dataclass(frozen=True, slots=True)
class Resumed:
    """What became of one run. ``own`` is its measurement, None where it has none; ``problem`` is
    empty when all went well; ``is_over`` says that nothing of it can cost money any more."""

    record: RunRecord
    own: OwnObservation | None
    problem: str

    @property
    def is_over(self) -> bool:
        return not self.record.may_cost_money


def status() -> list[RunRecord]:
    """Every run ever started, oldest first, with what may still cost money."""
    from launchers.ledger import RunLedger

    return RunLedger().runs()


def resume(
    run_id: str | None, progress: Say, *, take_over: bool = False, catalog: Catalog | None = None
) -> list[Resumed]:
    """Bring the runs of planners that died to their end; one, or all when ``run_id`` is None.

    A result is collected where the job ended and waited for where it still runs; what is left is
    torn down; nothing is launched. ``take_over`` includes runs of other hosts, whose planners
    cannot be seen from here. Raises BadInput for a run that is unknown, ended or driven by a
    living planner, CatalogError for damaged stores.
    """
    from launchers.ledger import RunLedger

    ledger = RunLedger()
    chosen = ledger.runs()
    if run_id is not None:
        chosen = [_named(ledger, run_id, "calibrate resume", take_over=take_over)]
    done = []
    for record in chosen:
        if record.state.is_end or record.is_kept or record.planner_is_alive:
            continue
        claimed = ledger.claim(record.run_id, from_other_hosts=take_over)
        if claimed is None:
            host = record.planner_host
            other = (
                "another planner has it"
                if record.planner_is_alive is not None
                else (
                    f"its planner ran on {host}; resume there, or add --take-over if that is gone"
                )
            )
            progress(f"{record.run_id}: left alone, {other}")
            continue
        done.append(_resume_one(claimed, ledger, progress, catalog))
    return done


def stop(run_id: str, progress: Say) -> None:
    """Take down what an abandoned run may have left behind; a result that was seen is stored.

    Raises BadInput, PlannerError.
    """
    from launchers.ledger import RunLedger

    ledger = RunLedger()
    record = ledger.run(run_id)
    if record is None:
        raise BadInput(f"unknown run {run_id!r}", where="calibrate stop", remedy=KNOWN)
    if record.planner_is_alive and not (record.state.is_end or record.is_kept):
        raise BadInput(
            f"{run_id} is driven by process {record.planner_pid}, which still lives",
            where="calibrate stop",
            remedy="press Ctrl-C there, or end all with `planner calibrate stop --all`",
        )
    _take_down(record, ledger, progress)


def stop_all(progress: Say) -> list[str]:
    """End everything in the ledger that has not ended; returns the runs that could not be.

    Living planners of this host are asked to end, as by Ctrl-C, and waited for.
    """
    from launchers.ledger import RunLedger

    ledger = RunLedger()
    failed = []
    for record in ledger.runs():
        if record.state.is_end:
            continue
        try:
            if record.planner_is_alive and record.planner_pid != os.getpid():
                _ask_planner(record, ledger, progress)
            latest = ledger.run(record.run_id)
            if latest is not None and not latest.state.is_end:
                _take_down(latest, ledger, progress)
        except (PlannerError, CatalogError) as error:
            progress(str(error))
            failed.append(record.run_id)
    return failed


def orphans() -> tuple[list[Orphan], str]:
    """What nobody looks after, and why SkyPilot could not be asked (empty when it was).

    Raises CatalogError for a damaged ledger.
    """
    from launchers.errors import LaunchError
    from launchers.ledger import RunLedger
    from launchers.orphans import find_orphans
    from launchers.sky_client import SkyClient

    records = RunLedger().runs()
    try:
        return find_orphans(records, SkyClient().clusters()), ""
    except LaunchError as error:
        return find_orphans(records, None), str(error)


def _named(ledger: RunLedger, run_id: str, where: str, *, take_over: bool) -> RunRecord:
    record = ledger.run(run_id)
    if record is None:
        raise BadInput(f"unknown run {run_id!r}", where=where, remedy=KNOWN)
    if record.state.is_end:
        raise BadInput(f"{run_id} has ended ({record.state})", where=where, remedy=KNOWN)
    if record.is_kept:
        raise BadInput(
            f"{run_id} is up because that was asked for, and has no result",
            where=where,
            remedy=f"`planner calibrate stop {run_id}` takes it down",
        )
    if record.planner_is_alive:
        raise BadInput(
            f"{run_id} is driven by process {record.planner_pid}, which still lives",
            where=where,
            remedy="wait for it, or press Ctrl-C there",
        )
    if record.planner_is_alive is None and not take_over:
        raise BadInput(
            f"{run_id} belongs to a planner on {record.planner_host}, unseen from here",
            where=where,
            remedy="resume it there, or add --take-over if that planner is surely gone",
        )
    return record


def _resume_one(
    record: RunRecord, ledger: RunLedger, progress: Say, catalog: Catalog | None
) -> Resumed:
    from launchers.errors import LaunchError
    from launchers.runs import resume as bring_to_end

    stored: list[OwnObservation] = []
    problem = ""
    try:
        drive = _drive(record, ledger, progress, stored, catalog)
        earlier = _stored_before(record.run_id)
        stored.extend(earlier)
        progress(f"{record.run_id}: taken over in state {record.state}")
        bring_to_end(drive, replace(record, is_stored=record.is_stored or bool(earlier)))
    except (LaunchError, CatalogError) as error:
        problem = str(error)
    return Resumed(ledger.run(record.run_id) or record, stored[-1] if stored else None, problem)


def _take_down(record: RunRecord, ledger: RunLedger, progress: Say) -> None:
    from launchers.ledger import RunState
    from launchers.onlooker import Onlooker
    from launchers.runs import tear_down

    if not record.state.is_end:
        record = _claimed_to_stop(record, ledger, progress)
    progress = Onlooker(progress)
    with launch_errors():
        progress(f"taking down {record.resource or record.run_id}")
        drive = _drive(record, ledger, progress, [], None)
        drive.is_stored = record.is_stored or bool(_stored_before(record.run_id))
        if record.launched_at is not None:
            drive.spending.start(record.held_s)
        drive.launcher.adopt(drive.run, record.job)
        end = RunState.DONE if drive.is_stored else RunState.FAILED
        tear_down(drive, end=end, problem=STOPPED)


def _claimed_to_stop(record: RunRecord, ledger: RunLedger, progress: Say) -> RunRecord:
    """The run as this planner has it. Without a claim where the ledger cannot be written (a full
    disk): two that take the same thing down do no harm, one that stands costs. Raises BadInput."""
    try:
        claimed = ledger.claim(record.run_id, from_other_hosts=True)
    except CatalogError as error:
        progress(f"{record.run_id}: taken down all the same, though {error}")
        return record
    if claimed is None:
        raise BadInput(
            f"{record.run_id} was taken over by another planner",
            where="calibrate stop",
            remedy=KNOWN,
        )
    return claimed


def _ask_planner(record: RunRecord, ledger: RunLedger, progress: Say) -> None:
    """Ctrl-C for a planner elsewhere on this host, and its time to give everything back."""
    progress(f"{record.run_id}: asking process {record.planner_pid} to end it")
    try:
        os.kill(record.planner_pid, signal.SIGTERM)
    except ProcessLookupError:
        return
    except PermissionError:
        raise PlannerError(
            f"{record.run_id}: process {record.planner_pid} is another user's; ask them to press "
            "Ctrl-C there"
        ) from None
    end_s = time.monotonic() + PLANNER_WAIT_S
    while time.monotonic() < end_s:
        latest = ledger.run(record.run_id)
        if latest is None or latest.state.is_end or not latest.planner_is_alive:
            return
        time.sleep(0.2)
    raise PlannerError(
        f"{record.run_id}: process {record.planner_pid} does not end; kill it with "
        f"`kill -9 {record.planner_pid}`, then `planner calibrate stop {record.run_id}`"
    )


def _drive(
    record: RunRecord,
    ledger: RunLedger,
    progress: Say,
    stored: list[OwnObservation],
    catalog: Catalog | None,
) -> Drive:
    """What is needed to end a run that another planner began."""
    from launchers.runs import Drive
    from launchers.spending import Spending
    from launchers.stages import Stages

    spending = Spending(record.terms, where=record.run_id)
    stages = Stages(progress, spending)

    def keep(result: object) -> None:
        from launchers.base import RunResult
        from launchers.benchmarks import find_benchmark
        from launchers.sky_job import JOB

        assert isinstance(result, RunResult)
        if record.benchmark == JOB:
            return
        benchmark = find_benchmark(record.benchmark)
        opened = catalog or Catalog.open()
        stored.append(stored_by(record.run_id, benchmark, result, record.target, opened))

    began_s = time.monotonic()

    def guard() -> None:
        stages.tick()
        if time.monotonic() - began_s > COLLECT_GRACE_S:
            spending.check()

    launcher = _launcher(record, guard, spending)
    run = _run(record)
    return Drive(launcher, run, ledger, progress, keep, record.terms, spending, stages)


def _run(record: RunRecord) -> BenchmarkRun:
    from launchers.base import BenchmarkRun

    timeout_s = record.terms.timeout_s
    if not record.resource:
        timeout_s = max(1.0, timeout_s - record.held_s)
    return BenchmarkRun(
        run_id=record.run_id,
        benchmark=record.benchmark,
        program=Path(),  # nothing is started
        arguments=(),
        timeout_s=timeout_s,
    )


def _launcher(record: RunRecord, guard: Callable[[], None], spending: Spending) -> Launcher:
    from launchers.base import CostEstimate
    from launchers.local import LocalLauncher
    from launchers.sky_job import JOB, SkyJobLauncher
    from launchers.skypilot import SkyPilotLauncher
    from launchers.targets import parse_target

    target = parse_target(record.target)
    if target is None:
        return LocalLauncher(guard=guard)

    def on_rate(usd_per_hour: float) -> None:
        spending.usd_per_hour = usd_per_hour

    terms = record.terms
    estimate = CostEstimate(terms.cost_usd, terms.usd_per_hour, 1.0, "agreed before")
    kind = SkyJobLauncher if record.benchmark == JOB else SkyPilotLauncher
    return kind(
        target, record.run_id, estimate, max_hours=terms.max_hours, guard=guard, on_rate=on_rate
    )


def _stored_before(run_id: str) -> list[OwnObservation]:
    """A result that was stored though the ledger was not told any more."""
    name = own_id(run_id)
    return [own for own in OwnObservations().all() if own.id == name]
