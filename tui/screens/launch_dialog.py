"""What to run, where, and what it may cost: nothing is started before the user has seen that."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.timer import Timer
from textual.widgets import Button, Input, Static

from planner.actions.calibration.typed import TypedRun
from planner.actions.problems import Problem, expected, problem_of
from tui.screens.dialog import Dialog
from tui.widgets.inputs.fields import Field

if TYPE_CHECKING:
    from launchers.base import CostEstimate

FIELDS = ("benchmark", "on", "seconds", "settings", "max_cost", "max_hours")
DEBOUNCE_S = 0.3


class LaunchDialog(Dialog["tuple[TypedRun, CostEstimate]"]):
    """Answers with a run and the estimate that was on screen when the user agreed."""

    def __init__(self, first: TypedRun) -> None:
        super().__init__()
        self._first = first
        self._estimate: tuple[TypedRun, CostEstimate] | None = None
        self._waits: Timer | None = None

    def compose(self) -> ComposeResult:
        first = self._first
        with VerticalScroll(id="dialog", can_focus=False):
            yield Static("Run a benchmark and keep what it measures", classes="title")
            yield from self.field(
                Field(
                    "benchmark",
                    "Benchmark",
                    first.benchmark,
                    "cnn, transformer, decode, gemm ...",
                    tip="planner calibrate benchmarks",
                )
            )
            yield from self.field(
                Field("on", "On", first.on, "local, or skypilot:aws/us-east-1,accelerators=L4:1")
            )
            yield from self.field(
                Field(
                    "seconds",
                    "Seconds",
                    first.seconds,
                    "120",
                    tip="the counted part ends after this long",
                )
            )
            yield from self.field(
                Field(
                    "settings",
                    "Settings",
                    first.settings,
                    "the program's own: epochs=2 samples=6000",
                )
            )
            yield from self.field(
                Field("max_cost", "Max cost", first.max_cost, "no cap but the estimate, e.g. 2USD")
            )
            yield from self.field(
                Field("max_hours", "Max hours", first.max_hours, "no limit but the program's")
            )
            yield Static("asking what it costs ...", id="said", markup=False)
            yield from self.buttons(("start", "Start it"), ("cancel", "Cancel"))  # fmt: skip

    def on_mount(self) -> None:
        self.query_one("#start", Button).disabled = True
        self.set_focus(self.query_one("#benchmark", Input))
        self._ask()

    @property
    def typed(self) -> TypedRun:
        return TypedRun(**{name: self.value(name) for name in FIELDS})

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        """Another run has another price: the one on screen is no longer agreed to."""
        event.stop()
        if not self.is_open:
            return
        if self._estimate is not None and self._estimate[0] == self.typed:
            return
        self._estimate = None
        self.query_one("#start", Button).disabled = True
        if self._waits is not None:
            self._waits.stop()
        self._waits = self.set_timer(DEBOUNCE_S, self._ask)

    def _ask(self) -> None:
        if self.is_open:
            self.run_worker(self._price(self.typed), exclusive=True)

    async def _price(self, typed: TypedRun) -> None:
        """In a thread: the program checks its own arguments, the catalog is opened."""
        from planner.actions.calibration.run import estimate_run

        self.tell("asking what it costs ...")
        try:
            options = typed.options()
            estimate = await asyncio.to_thread(estimate_run, typed.benchmark, typed.on, options)
        except Exception as error:
            if not expected(error):
                raise
            if self.is_open and typed == self.typed:
                self.problem(problem_of(error, FIELDS))
            return
        if not self.is_open or typed != self.typed:  # closed, or a newer one is asked about
            return
        for field in self.query(Input):
            field.set_class(False, "wrong")
        self._estimate = typed, estimate
        cap = f"; refused above {typed.max_cost}" if typed.max_cost else ""
        told = "free: this machine, electricity not counted" if estimate.is_free else str(estimate)
        self.tell(
            f"COST {told.removeprefix('cost ')}{cap}. The machine is given back whatever happens."
        )
        self.query_one("#start", Button).disabled = False

    @on(Input.Submitted)
    def _submitted(self) -> None:
        """Enter leads to the button: a second one starts it."""
        if self._estimate is None:
            self._ask()
        else:
            self.set_focus(self.query_one("#start", Button))

    @on(Button.Pressed, "#start")
    def _start(self) -> None:
        if self._estimate is None or self._estimate[0] != self.typed:
            self.problem(Problem("", "the cost of this run is not known yet", ("wait for it",)))
            return
        self.dismiss(self._estimate)
