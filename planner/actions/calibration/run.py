"""The use cases behind ``planner calibrate``: measure here or elsewhere, and keep what was found.

The launchers are imported only when a run is made.
"""

from __future__ import annotations

import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
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
# Importing torch, drawing the data, warming up and the test come on top of the time counted.
GRACE_S = 180.0
DEFAULT_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class CalibrationOptions:
    """What to run. ``settings`` are the program's own arguments by name (``batch-size``: ``64``; an
    empty text for a switch); what is not said is the program's choice.

    ``max_seconds`` ends the counted part early; ``threads`` 0 is torch's choice; ``python`` is the
    interpreter on the machine measured; ``max_cost_usd`` the most that the run may cost.
    """

    settings: Mapping[str, str] = field(default_factory=dict)
    threads: int = 0
    max_seconds: float = DEFAULT_SECONDS
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

    if not 0 < options.max_seconds < 86400:
        raise BadInput("must be above zero", where="--max-seconds", remedy="say 120")
    if options.threads < 0:
        raise BadInput("cannot be negative", where="--threads", remedy="use 0 or more")
    store, ledger = OwnObservations(), RunLedger()
    # What cannot be kept must not be paid for.
    store.all()
    ledger.runs()
    catalog = catalog or Catalog.open()
    stored: list[OwnObservation] = []
    with _launch_errors():
        chosen = find_benchmark(benchmark)
        run = _run_of(chosen, options)
        _check(chosen, run, on)
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


def _check(benchmark: Benchmark, run: BenchmarkRun, on: str) -> None:
    """Find mistakes before a machine is rented: the program checks its own arguments here.

    Raises BadInput naming the argument.
    """
    if benchmark.takes_data and on != "local":
        words = list(run.arguments)
        if "--data" in words and words[words.index("--data") + 1] != "sklearn":
            raise BadInput(
                "files are not carried to a rented machine", where="--data", remedy="drop --data"
            )
    done = subprocess.run(
        [sys.executable, "-I", str(run.program), *run.arguments, "--check-only"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    if done.returncode == 0:
        return
    line = (done.stderr.strip().splitlines() or ["the program does not start"])[-1]
    problem = line.split("error: ", 1)[-1].removeprefix(f"{run.program.stem}: ")
    raise BadInput(
        problem,
        where=f"calibrate run {benchmark.name}",
        remedy=f"see `planner calibrate benchmarks {benchmark.name}`",
    )


def options_text(benchmark: str) -> str:
    """What a benchmark's program says of its own arguments. Raises BadInput for an unknown one."""
    from launchers.benchmarks import find_benchmark
    from launchers.benchmarks.bundle import executable

    with _launch_errors():
        chosen = find_benchmark(benchmark)
    done = subprocess.run(
        [sys.executable, "-I", str(executable(chosen)), "--help"], capture_output=True, text=True
    )
    return done.stdout


def _run_of(benchmark: Benchmark, options: CalibrationOptions) -> BenchmarkRun:
    from launchers.base import BenchmarkRun
    from launchers.benchmarks.bundle import executable

    named = {
        "max-seconds": f"{options.max_seconds:g}",
        **({"threads": str(options.threads)} if options.threads else {}),
        **options.settings,
    }
    arguments = [word for name, value in named.items() for word in (f"--{name}", value) if word]
    return BenchmarkRun(
        run_id=f"{benchmark.name}-{uuid.uuid4().hex[:8]}",
        benchmark=benchmark.name,
        program=executable(benchmark),
        arguments=(*benchmark.arguments, *arguments),
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
