"""The use cases behind ``planner calibrate``: measure here or elsewhere, and keep what was found.

The launchers are imported only when a run is made.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from catalog import Catalog
from catalog.observations import OwnObservation, OwnObservations
from planner.errors import BadInput, OverBudget, PlannerError

if TYPE_CHECKING:
    from launchers.base import BenchmarkRun, CostEstimate, Launcher, RunResult
    from launchers.benchmarks import Benchmark
    from launchers.ledger import RunRecord

Say = Callable[[str], None]
PRECISIONS = ("fp32", "bf16", "amp")
DEVICES = ("auto", "cpu", "cuda", "mps")
# Importing torch, drawing the data and the test come on top of the training time allowed.
GRACE_S = 180.0


@dataclass(frozen=True, slots=True)
class CalibrationOptions:
    """What to run. ``max_seconds`` ends the training early; ``threads`` 0 is torch's choice.

    ``data`` is a folder of MNIST files for local runs, else digits are drawn; ``python`` the
    interpreter on the machine measured; ``max_cost_usd`` the most that the run may cost.
    """

    samples: int = 6000
    epochs: int = 1
    batch_size: int = 64
    precision: str = "fp32"
    device: str = "auto"
    threads: int = 0
    compile: bool = False
    warmup_steps: int = 5
    seed: int = 1
    max_seconds: float = 300.0
    data: Path | None = None
    python: str = ""
    max_cost_usd: float | None = None


@dataclass(frozen=True, slots=True)
class CalibrationOutcome:
    """One finished run. ``seconds`` is the time the machine was held."""

    run_id: str
    target: str
    estimate: CostEstimate
    own: OwnObservation
    document: Mapping[str, Any]
    seconds: float


def run_calibration(
    benchmark: str,
    on: str,
    options: CalibrationOptions,
    confirm: Callable[[CostEstimate], bool],
    progress: Say,
    *,
    catalog: Catalog | None = None,
) -> CalibrationOutcome:
    """Run a benchmark and store what it measured.

    ``on`` is ``local`` or ``skypilot:...`` (see ``launchers.targets``). ``confirm`` is asked
    whenever the run may cost money, and nothing is started unless it agrees. ``progress`` gets
    the program's output, line by line, in the caller's thread.

    Raises BadInput for what cannot be run or was not confirmed, OverBudget when it may cost more
    than ``max_cost_usd``, PlannerError when the run failed, CatalogError for damaged stores.
    """
    from launchers.benchmarks import find_benchmark
    from launchers.errors import LaunchRefused
    from launchers.ledger import RunLedger
    from launchers.runs import execute

    store, ledger = OwnObservations(), RunLedger()
    # What cannot be kept must not be paid for.
    store.all()
    ledger.runs()
    catalog = catalog or Catalog.open()
    stored: list[OwnObservation] = []
    with _launch_errors():
        chosen = find_benchmark(benchmark)
        _check(options, on)
        run = _run_of(chosen, options)
        launcher = _launcher(on, run, options, catalog)

        def keep(result: RunResult) -> None:
            from planner.actions.calibration.row import observation

            row, machine = observation(chosen, result.document, on, catalog)
            stored.append(store.append(row, machine=machine, result_json=result.text))

        estimate = launcher.estimate_cost(run)
        if not estimate.is_free and not confirm(estimate):
            raise LaunchRefused("not confirmed, nothing was started", where=on)
        result = execute(launcher, run, ledger, confirmed=True, on_line=progress, on_result=keep)
    return CalibrationOutcome(run.run_id, on, estimate, stored[0], result.document, result.seconds)


def status() -> list[RunRecord]:
    """Every run ever started, oldest first, with what may still cost money."""
    from launchers.ledger import RunLedger

    return RunLedger().runs()


def stop(run_id: str, progress: Say) -> None:
    """Take down what an abandoned run may have left behind. Raises BadInput, PlannerError."""
    from launchers.base import CostEstimate
    from launchers.ledger import RunLedger, RunState
    from launchers.runs import tear_down
    from launchers.skypilot import SkyPilotLauncher
    from launchers.targets import parse_target

    ledger = RunLedger()
    record = ledger.run(run_id)
    known = "see `planner calibrate status`"
    if record is None:
        raise BadInput(f"unknown run {run_id!r}", where="calibrate stop", remedy=known)
    if record.planner_is_alive and not record.state.is_end:
        raise BadInput(
            f"{run_id} is driven by process {record.planner_pid}, which still lives",
            where="calibrate stop",
            remedy="press Ctrl-C there",
        )
    with _launch_errors():
        target = parse_target(record.target)
        if target is None:
            if not record.state.is_end:
                ledger.record(run_id, RunState.FAILED, problem="abandoned")
            return
        progress(f"taking down {record.resource}")
        nothing = CostEstimate(None, None, 1.0, "only taken down")
        launcher = SkyPilotLauncher(target, run_id, nothing).adopt()
        tear_down(launcher, run_id, ledger, end=RunState.FAILED, problem="stopped by the user")


def _check(options: CalibrationOptions, on: str) -> None:
    """Find mistakes before a machine is rented. Raises BadInput naming the option."""
    for name in ("samples", "epochs", "batch_size", "max_seconds"):
        if not getattr(options, name) > 0:
            flag = f"--{name.replace('_', '-')}"
            raise BadInput("must be above zero", where=flag, remedy="give a positive number")
    for name in ("threads", "warmup_steps"):
        if getattr(options, name) < 0:
            flag = f"--{name.replace('_', '-')}"
            raise BadInput("cannot be negative", where=flag, remedy="use 0 or more")
    for name, known in (("precision", PRECISIONS), ("device", DEVICES)):
        if getattr(options, name) not in known:
            raise BadInput(
                f"{getattr(options, name)!r} is unknown",
                where=f"--{name}",
                remedy=f"use {', '.join(known)}",
            )
    if options.samples // options.batch_size * options.epochs <= options.warmup_steps:
        raise BadInput(
            f"{options.samples} leave nothing to time after {options.warmup_steps} warm-up steps "
            f"of {options.batch_size}",
            where="--samples",
            remedy=f"give at least {options.batch_size * (options.warmup_steps + 1)}",
        )
    if options.data is not None and on != "local":
        raise BadInput(
            "files are not carried to a rented machine", where="--data", remedy="drop --data"
        )


def _run_of(benchmark: Benchmark, options: CalibrationOptions) -> BenchmarkRun:
    from launchers.base import BenchmarkRun

    named = {
        "device": options.device,
        "samples": options.samples,
        "epochs": options.epochs,
        "batch-size": options.batch_size,
        "precision": options.precision,
        "threads": options.threads,
        "warmup-steps": options.warmup_steps,
        "seed": options.seed,
        "max-seconds": options.max_seconds,
    }
    arguments = [word for name, value in named.items() for word in (f"--{name}", str(value))]
    if options.compile:
        arguments.append("--compile")
    if options.data is not None:
        arguments += ["--data", str(options.data.absolute())]
    return BenchmarkRun(
        run_id=f"{benchmark.name}-{uuid.uuid4().hex[:8]}",
        benchmark=benchmark.name,
        program=benchmark.program,
        arguments=tuple(arguments),
        timeout_s=options.max_seconds + GRACE_S,
        threads=options.threads or None,
    )


def _launcher(
    on: str, run: BenchmarkRun, options: CalibrationOptions, catalog: Catalog
) -> Launcher:
    from launchers.local import LocalLauncher
    from launchers.targets import parse_target

    target = parse_target(on)
    if target is None:
        return LocalLauncher(Path(options.python) if options.python else None)
    from launchers.skypilot import SkyPilotLauncher
    from planner.actions.calibration.cost import quote

    return SkyPilotLauncher(
        target,
        run.run_id,
        quote(catalog, target, run.timeout_s),
        max_cost_usd=options.max_cost_usd,
        python=options.python,
    )


@contextmanager
def _launch_errors() -> Iterator[None]:
    """Turn a launcher's errors into the planner's, and so into exit codes."""
    from launchers.errors import BenchmarkUnusable, CostCapExceeded, LaunchError, LaunchRefused

    try:
        yield
    except CostCapExceeded as error:
        raise OverBudget(str(error)) from error
    except (LaunchRefused, BenchmarkUnusable) as error:
        raise BadInput(error.problem, where=error.where, remedy=error.remedy) from error
    except LaunchError as error:
        raise PlannerError(str(error)) from error
