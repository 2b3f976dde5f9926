"""``planner calibrate run``: measure here or elsewhere, and keep what was found.

The launchers are imported only when a run is made.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from catalog import Catalog
from catalog.errors import CatalogError
from catalog.observations import OwnObservation, OwnObservations
from planner.actions.calibration.ready import CalibrationOptions, launch_errors, made_ready

if TYPE_CHECKING:
    from launchers.base import Bill, CostEstimate, RunResult
    from launchers.benchmarks import Benchmark
    from planner.actions.calibration.watch import Watch

__all__ = [
    "CalibrationOptions",
    "CalibrationOutcome",
    "estimate_run",
    "is_for_people",
    "options_text",
    "own_id",
    "run_calibration",
    "stored_by",
]

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class CalibrationOutcome:
    """One finished run. ``seconds`` is the time the machine was held; ``bill`` what it cost."""

    run_id: str
    target: str
    estimate: CostEstimate
    own: OwnObservation
    document: Mapping[str, Any]
    seconds: float
    bill: Bill | None = None


def estimate_run(
    benchmark: str, on: str, options: CalibrationOptions, *, catalog: Catalog | None = None
) -> CostEstimate:
    """What a run may cost, after every check that needs no machine. Starts nothing.

    Raises BadInput for what cannot be run, OverBudget when it may cost more than ``max_cost_usd``.
    """
    with launch_errors():
        made = made_ready(benchmark, on, options, catalog or Catalog.open(), lambda _: None, None)
        return made.launcher.estimate_cost(made.run)


def run_calibration(
    benchmark: str,
    on: str,
    options: CalibrationOptions,
    confirm: Callable[[CostEstimate], bool],
    progress: Say,
    *,
    catalog: Catalog | None = None,
    watch: Watch | None = None,
    warn: Say | None = None,
) -> CalibrationOutcome:
    """Run a benchmark and store what it measured.

    ``on`` is ``local`` or ``skypilot:...`` (see ``launchers.targets``). ``confirm`` is asked
    whenever the run may cost money, and nothing is started unless it agrees. ``progress`` gets
    the program's output, line by line, in the caller's thread. ``watch`` is for another thread
    that follows the run, or ends it. ``warn`` gets, instead of ``progress``, what somebody who
    wants to hear nothing of the run must hear: a result that no disk takes.

    Raises BadInput for what cannot be run or was not confirmed, OverBudget when it may cost more
    than ``max_cost_usd``, PlannerError when the run failed or was stopped, CatalogError for damaged
    stores.
    """
    from launchers.errors import LaunchRefused
    from launchers.exporters import Exporters
    from launchers.ledger import RunLedger
    from launchers.runs import Drive, carry_out
    from launchers.stages import Stage

    store, ledger = OwnObservations(), RunLedger()
    # What cannot be kept must not be paid for.
    store.all()
    ledger.runs()
    catalog = catalog or Catalog.open()
    stored: list[OwnObservation] = []
    with launch_errors():
        exporters = Exporters.of(options.prometheus, options.wandb)
        made = made_ready(benchmark, on, options, catalog, progress, watch)
        launcher, run = made.launcher, made.run

        def keep(result: RunResult) -> None:
            stored.append(stored_by(run.run_id, made.benchmark, result, on, catalog))

        estimate = launcher.estimate_cost(run)
        made.spending.usd_per_hour = estimate.usd_per_hour
        made.stages.enter(Stage.ESTIMATE, f"{benchmark} on {on}")
        if not estimate.is_free:
            made.stages.enter(Stage.CONFIRM)
            if not confirm(estimate):
                raise LaunchRefused("not confirmed, nothing was started", where=on)
        if watch is not None:
            watch.check()
        drive = Drive(
            launcher,
            run,
            ledger,
            progress,
            keep,
            replace(made.terms, cost_usd=estimate.usd, usd_per_hour=estimate.usd_per_hour),
            made.spending,
            made.stages,
            on_warning=warn,
        )
        if watch is not None:
            drive.on_sample = watch.sample
        result = carry_out(drive, confirmed=True)
        for complaint in exporters.export(run.run_id, on, result.document):
            progress(f"warning: {complaint}")
    try:
        record = ledger.run(run.run_id)
    except CatalogError as error:  # all is done and stored; only the bill is not at hand
        progress(f"warning: {error}")
        record = None
    return CalibrationOutcome(
        run.run_id,
        on,
        estimate,
        stored[0],
        result.document,
        result.seconds,
        None if record is None else record.bill,
    )


def is_for_people(line: str) -> bool:
    """The result line is for programs."""
    from launchers.output import MARKER

    return MARKER not in line


def own_id(run_id: str) -> str:
    """A run's observation is named after it, so that it can be told that it was stored."""
    return f"own-{run_id}"


def stored_by(
    run_id: str, benchmark: Benchmark, result: RunResult, on: str, catalog: Catalog
) -> OwnObservation:
    """The observation of a run, stored. Raises BenchmarkFailed, CatalogError."""
    from planner.actions.calibration.row import observation

    row, machine = observation(benchmark, result.document, on, catalog)
    named = replace(row, id=own_id(run_id))
    return OwnObservations().append(named, machine=machine, result_json=result.text)


def options_text(benchmark: str) -> str:
    """What a benchmark's program says of its own arguments. Raises BadInput for an unknown one."""
    from launchers.benchmarks import find_benchmark
    from launchers.benchmarks.bundle import executable

    with launch_errors():
        chosen = find_benchmark(benchmark)
    done = subprocess.run(
        [sys.executable, "-I", str(executable(chosen)), "--help"], capture_output=True, text=True
    )
    return done.stdout
