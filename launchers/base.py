"""What every launcher does: estimate cost, launch, stream, collect, tear down.

A launcher runs one benchmark once. ``launchers.runs.execute`` drives it and keeps the ledger.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

# Called in the caller's own thread, never twice at once.
OnLine = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class BenchmarkRun:
    """One run to make. ``timeout_s`` bounds the program, not the wait for a machine.

    ``program`` is a self-contained Python file. ``environment`` may be shown and logged;
    ``secrets`` reach the program as environment variables too and are shown nowhere.
    ``template`` names the way to start it as several processes (``launchers.templates``), of which
    each node gets ``ranks_per_node``; empty starts it plainly.
    """

    run_id: str
    benchmark: str
    program: Path
    arguments: tuple[str, ...]
    timeout_s: float
    threads: int | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    template: str = ""
    ranks_per_node: int = 1


@dataclass(frozen=True, slots=True)
class CostEstimate:
    """What a run may cost in total. ``usd`` is None where no price is known.

    ``usd_per_hour`` is the rate while the machine is held, ``hours`` how long it is held at most.
    """

    usd: float | None
    usd_per_hour: float | None
    hours: float
    basis: str

    @property
    def is_free(self) -> bool:
        return self.usd == 0

    def __str__(self) -> str:
        if self.usd is None or self.usd_per_hour is None:
            return f"cost unknown ({self.basis})"
        return (
            f"about {self.usd:.2f} USD in total at most, {self.usd_per_hour:.4g} USD/h "
            f"({self.basis})"
        )


@dataclass(frozen=True, slots=True)
class RunTerms:
    """What was agreed before a run, kept with it so that whoever takes it over keeps to it.

    ``cost_usd`` is the estimate at most and ``usd_per_hour`` its rate, None without a price;
    ``max_cost_usd`` and ``max_hours`` are the user's limits, None without; ``timeout_s`` is the
    program's.
    """

    cost_usd: float | None = None
    usd_per_hour: float | None = None
    max_cost_usd: float | None = None
    max_hours: float | None = None
    timeout_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Bill:
    """What a run cost. ``usd`` is None where nobody puts a price on the machine; ``basis`` says
    where it comes from; ``held_s`` is how long the machine was held."""

    usd: float | None
    held_s: float
    basis: str


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a benchmark printed: its JSON parsed and to the byte, and how long it was held."""

    document: Mapping[str, Any]
    text: str
    seconds: float


class Launcher(Protocol):
    """One way to run a benchmark. Methods are called in this order; tear_down always is.

    Errors are LaunchError; nothing a method raises leaves a machine running once tear_down
    returned.
    """

    @property
    def target(self) -> str:
        """Where it runs, as the user writes it: ``local`` or ``skypilot:aws``."""

    @property
    def resource(self) -> str:
        """What has to be removed afterwards (a cluster name); empty where nothing is rented."""

    def estimate_cost(self, run: BenchmarkRun) -> CostEstimate:
        """The cost estimate of this run. Starts nothing."""

    def launch(
        self,
        run: BenchmarkRun,
        on_line: OnLine,
        *,
        confirmed: bool,
        on_request: Callable[[str], None] = lambda _: None,
    ) -> str:
        """Start the program; returns what identifies it (process or job). Raises LaunchRefused
        without having started anything when the user has not confirmed a cost. ``on_request``
        gets the name of a launch under way, by which another planner can find it."""

    def adopt(self, run: BenchmarkRun, job: str) -> None:
        """Take over what a planner that died may have left of this run, so that tear_down removes
        it. Starts, asks and raises nothing."""

    def rejoin(self, run: BenchmarkRun, job: str, request: str, on_line: OnLine) -> None:
        """After adopt, instead of launch: find the job of a planner that died, by what ``launch``
        returned or ``on_request`` got; either may be empty. Launches nothing. Raises
        BenchmarkFailed when there is no job; tear_down is then still called for."""

    def stream(self, on_line: OnLine) -> None:
        """Hand over each line of output as it comes, until the program ends or times out."""

    def collect(self) -> RunResult:
        """The result. Raises BenchmarkFailed when there is none."""

    def tear_down(self) -> None:
        """End the program and give the machine back. Raises TearDownFailed when that is not
        certain. May be called at any point and twice."""

    def bill(self) -> Bill | None:
        """What it cost by the account of who was asked for the machine, after tear_down; None where
        nobody tells. Raises nothing."""
