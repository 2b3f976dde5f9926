"""A calibration run made ready: checked, priced, with what will drive it. Nothing is started."""

from __future__ import annotations

import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from catalog import Catalog
from planner.errors import BadInput, OverBudget, PlannerError

if TYPE_CHECKING:
    from launchers.base import BenchmarkRun, Launcher, RunTerms
    from launchers.benchmarks import Benchmark
    from launchers.spending import Spending
    from launchers.stages import Stages
    from planner.actions.calibration.watch import Watch

Say = Callable[[str], None]
# Importing torch, drawing the data, warming up and the test come on top of the time counted.
GRACE_S = 180.0
DEFAULT_SECONDS = 120.0
CHECK_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class CalibrationOptions:
    """What to run. ``settings`` are the program's own arguments by name (``batch-size``: ``64``; an
    empty text for a switch); what is not said is the program's choice.

    ``max_seconds`` ends the counted part early; ``threads`` 0 is torch's choice; ``python`` is the
    interpreter on the machine measured; ``max_cost_usd`` and ``max_hours`` the most that the run
    may cost and that a machine may be held.

    ``template`` starts it as ``ranks`` processes a node (``launchers.templates``). ``profile`` puts
    Nsight Systems before it. ``prometheus`` is a text file or the URL of a Pushgateway, ``wandb`` a
    project: both get the result and its utilisation samples.
    """

    settings: Mapping[str, str] = field(default_factory=dict)
    threads: int = 0
    max_seconds: float = DEFAULT_SECONDS
    python: str = ""
    max_cost_usd: float | None = None
    max_hours: float | None = None
    template: str = ""
    ranks: int = 1
    profile: bool = False
    prometheus: str = ""
    wandb: str = ""


@dataclass(frozen=True, slots=True)
class Made:
    """A run that could be started now."""

    benchmark: Benchmark
    run: BenchmarkRun
    launcher: Launcher
    terms: RunTerms
    spending: Spending
    stages: Stages


def made_ready(
    benchmark: str,
    on: str,
    options: CalibrationOptions,
    catalog: Catalog,
    progress: Say,
    watch: Watch | None,
) -> Made:
    """The run, checked, and what will drive it. Raises BadInput and errors of the launchers."""
    from launchers.base import RunTerms
    from launchers.benchmarks import find_benchmark
    from launchers.spending import Spending
    from launchers.stages import Stages

    if not 0 < options.max_seconds < 86400:
        raise BadInput("must be above zero", where="--max-seconds", remedy="say 120")
    if options.threads < 0:
        raise BadInput("cannot be negative", where="--threads", remedy="use 0 or more")
    chosen = find_benchmark(benchmark)
    run = _run_of(chosen, options, tells_samples=watch is not None)
    _check(chosen, run, on)
    terms = RunTerms(
        max_cost_usd=options.max_cost_usd, max_hours=options.max_hours, timeout_s=run.timeout_s
    )
    spending = Spending(terms, where=f"{on}: {run.run_id}")
    stages = Stages(progress, spending)
    if watch is not None:
        watch.begins(run.run_id, stages, spending)

    def guard() -> None:
        if watch is not None:
            watch.check()
        spending.check()
        stages.tick()

    launcher = _launcher(on, run, options, catalog, guard, spending)
    return Made(chosen, run, launcher, terms, spending, stages)


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
    words = [sys.executable, "-I", str(run.program), *run.arguments, "--check-only"]
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=CHECK_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        raise PlannerError(
            f"calibrate run {benchmark.name}: its arguments were not checked within "
            f"{CHECK_TIMEOUT_S:g} s; try again when this machine has less to do"
        ) from None
    if done.returncode == 0:
        return
    line = (done.stderr.strip().splitlines() or ["the program does not start"])[-1]
    problem = line.split("error: ", 1)[-1].removeprefix(f"{run.program.stem}: ")
    raise BadInput(
        problem,
        where=f"calibrate run {benchmark.name}",
        remedy=f"see `planner calibrate benchmarks {benchmark.name}`",
    )


def _run_of(
    benchmark: Benchmark, options: CalibrationOptions, *, tells_samples: bool
) -> BenchmarkRun:
    from launchers.base import BenchmarkRun
    from launchers.benchmarks.bundle import executable
    from launchers.output import SAMPLES_WANTED
    from launchers.templates import find_template

    if options.ranks < 1:
        raise BadInput("needs at least one process", where="--ranks", remedy="say 1 or more")
    if options.ranks > 1 and not options.template:
        raise BadInput(
            "says how many processes a template starts", where="--ranks", remedy="add --template"
        )
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
        environment={SAMPLES_WANTED: "1"} if tells_samples else {},
        template=find_template(options.template).name if options.template else "",
        ranks_per_node=options.ranks,
    )


def _launcher(
    on: str,
    run: BenchmarkRun,
    options: CalibrationOptions,
    catalog: Catalog,
    guard: Callable[[], None],
    spending: Spending,
) -> Launcher:
    from launchers.exporters.nsys import profile_prefix
    from launchers.local import LocalLauncher
    from launchers.targets import parse_target

    target = parse_target(on)
    if target is None:
        return LocalLauncher(
            Path(options.python) if options.python else None,
            prefix=profile_prefix(run.run_id) if options.profile else (),
            guard=guard,
        )
    if options.profile:
        raise BadInput("profiles on this machine only", where="--profile", remedy="use --on local")
    if target.nodes > 1 and not options.template:
        raise BadInput(
            f"{target.nodes} nodes would all run the same",
            where="--on",
            remedy="add --template torchrun",
        )
    from launchers.skypilot import SkyPilotLauncher
    from planner.actions.calibration.cost import quote

    def on_rate(usd_per_hour: float) -> None:
        spending.usd_per_hour = usd_per_hour

    return SkyPilotLauncher(
        target,
        run.run_id,
        quote(catalog, target, run.timeout_s, options.max_hours),
        max_cost_usd=options.max_cost_usd,
        max_hours=options.max_hours,
        python=options.python,
        guard=guard,
        on_rate=on_rate,
    )


@contextmanager
def launch_errors() -> Iterator[None]:
    """Turn a launcher's errors into the planner's, and so into exit codes."""
    from launchers.errors import (
        BenchmarkUnusable,
        CostCapExceeded,
        LaunchError,
        LaunchRefused,
        LimitReached,
    )

    try:
        yield
    except (CostCapExceeded, LimitReached) as error:
        raise OverBudget(str(error)) from error
    except (LaunchRefused, BenchmarkUnusable) as error:
        raise BadInput(error.problem, where=error.where, remedy=error.remedy) from error
    except LaunchError as error:
        raise PlannerError(str(error)) from error
