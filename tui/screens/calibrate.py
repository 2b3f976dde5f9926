"""Calibrate: what estimates stand on, which runs would pay, and runs as they are made."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical, VerticalScroll
from textual.widgets import Input, Static

from planner.actions.calibration.typed import TypedPlan, TypedRun
from planner.actions.explore.plan import Inputs, Subject, constrain
from planner.actions.kept import Kept
from planner.actions.problems import Problem, expected, problem_of
from tui.keys import labelled
from tui.screens.calibrate_about import about_own, about_planned
from tui.screens.calibrate_keys import KEYS, ONLY_IN, PANES
from tui.screens.calibrate_rows import (
    BASIS_COLUMNS,
    OWN_COLUMNS,
    PLAN_COLUMNS,
    basis_rows,
    own_rows,
    plan_rows,
)
from tui.screens.paned import PanedScreen
from tui.widgets.footer import KeyFooter
from tui.widgets.inputs.fields import Field, Fields
from tui.widgets.live_runs import LiveRuns
from tui.widgets.panes import PaneLine
from tui.widgets.status import Status
from tui.widgets.steady import Steady
from tui.widgets.tables.rows import Rows

if TYPE_CHECKING:
    from launchers.base import CostEstimate
    from launchers.ledger import RunRecord
    from planner.actions.calibration.live import LiveRun
    from planner.actions.session import Session
    from planner.results.calibration import CalibrationResults
    from planner.results.calibration_basis import CalibrationBasis
    from planner.results.calibration_plan import CalibrationPlan, PlannedRun

FIELDS = ("budget", "repeats", "late")
ANSWERS = 20  # kept to come back to: of both panes, of limits that were undone


@dataclass(frozen=True)
class Asked:
    """The pane in sight and the limits of the plan; ``turn`` counts what else changes answers:
    runs made and judged, constraints on Explore."""

    pane: str = "next"
    plan: TypedPlan = field(default_factory=TypedPlan)
    turn: int = 0


@dataclass(frozen=True)
class Known:
    """What the pane asked for; None for what belongs to another. ``left`` runs were left behind."""

    plan: CalibrationPlan | None = None
    basis: CalibrationBasis | None = None
    own: CalibrationResults | None = None
    left: tuple[RunRecord, ...] = ()


class CalibrateScreen(PanedScreen[Asked, Known]):
    """Four panes: next runs, basis, own runs, the run under way."""

    MODE = "calibrate"
    AUTO_FOCUS = "#plan-rows"
    CSS_PATH = "calibrate.tcss"
    HELP = (
        "Next runs: benchmarks that could be run to choose better for this workload, ranked by "
        "what they are expected to save for each dollar. Price is the most a run may cost; saves "
        "is the expected saving; changes is how likely another accelerator is chosen; error is how "
        "far the true time may be above its estimate, then the same after the run. Dim ones are "
        "not worth their price, and can be made all the same (g).\n"
        "Basis: what each accelerator's estimate stands on. Measured: this very set-up was run "
        "here. Calibrated: a neighbour was run, here or by others. Analytic: neither.\n"
        "Own runs: measured against what was expected before any own run. A run held back says "
        "why; k uses it all the same, d leaves it out.\n"
        "Running: nothing is rented before you have seen the cost and agreed. Stopping gives the "
        "machine back. Closing the planner asks what becomes of the run."
    )
    BINDINGS: ClassVar[list[BindingType]] = KEYS
    PANES = PANES
    FOCUS: ClassVar[dict[str, str]] = {
        "next": "#plan-rows", "basis": "#basis-rows", "own": "#own-rows", "run": "#log",
    }  # fmt: skip

    def __init__(self, subject: Subject) -> None:
        super().__init__(subject)
        self._asked = Asked()
        self._inputs = subject.inputs  # the constraints on Explore when this was asked last
        # Of the thread: the newest answers from one session.
        self._memo: tuple[Session | None, Kept[Known]] = None, Kept(ANSWERS)

    def compose(self) -> ComposeResult:
        first = self._asked.plan
        money = labelled(self, "calibrate.money", "m", "Money for runs")
        yield self.mode_bar()
        yield from self.panes(
            Vertical(
                Fields(
                    [
                        Field("budget", money, first.budget, "20USD", 9,
                              "most that all runs may cost together"),
                        Field("repeats", "Repeats", first.repeats, "1", 6,
                              "how often the workload will be run by this choice"),
                        Field("late", "Late costs", first.late, "the run", 9,
                              "what missing the deadline costs, e.g. 500USD"),
                    ],
                    id="limits",
                ),
                Rows(PLAN_COLUMNS, id="plan-rows", classes="answer"),
                VerticalScroll(Steady(id="about-run"), id="about", classes="answer"),
                id="next",
            ),
            Vertical(Rows(BASIS_COLUMNS, id="basis-rows", classes="answer"), id="basis"),
            Vertical(
                Rows(OWN_COLUMNS, id="own-rows", classes="answer"),
                Steady(id="about-own"),
                id="own",
            ),
            LiveRuns(id="run"),
        )  # fmt: skip
        yield Status("Opening the catalog and weighing runs ...", id="status")
        yield KeyFooter()

    def on_mount(self) -> None:
        self.status.noun = "answer"
        self.planner_app.quit_guards.append(self.runs.may_not_quit)
        self.call_after_refresh(lambda: self.ask(self.restored(self._asked)))

    def on_screen_resume(self) -> None:
        """Explore may have other constraints by now."""
        if self._newest is not None and self._inputs != self.planner_app.inputs:
            self._ask_again()
        else:
            super().on_screen_resume()

    # -- asking -------------------------------------------------------------------------------

    def _ask_again(self) -> None:
        turn = self._asked.turn
        if self._inputs != self.planner_app.inputs:
            self._inputs, turn = self.planner_app.inputs, turn + 1
        self._asked = replace(self._asked, pane=self.pane, turn=turn)
        self.ask(self._asked)

    def put(self, asked: Asked) -> None:
        self._asked = asked
        with self.prevent(Input.Changed):
            for name in FIELDS:
                self.query_one(f"#{name}", Input).value = getattr(asked.plan, name)
        self.put_pane(asked.pane)

    def turned(self) -> None:
        if self.pane != "run":
            self._ask_again()
        else:
            self._show_run()

    def fields(self) -> tuple[str, ...]:
        return FIELDS

    def describe(self, asked: Asked) -> str:
        return f"{asked.plan.budget} for runs, {asked.plan.repeats} repeats"

    def work(self, session: Session, asked: Asked) -> Known | Problem:
        if asked.pane == "own":
            from planner.actions.calibration.results import results
            from planner.actions.calibration.runs import status

            left = tuple(record for record in status() if record.is_abandoned or _unseen(record))
            return Known(own=results(session.catalog, with_effect=False), left=left)
        if asked.pane == "run":
            return Known()
        inputs = self._inputs
        if self._memo[0] is not session:
            self._memo = session, Kept(ANSWERS)
        key = asked.pane, asked.plan if asked.pane == "next" else None, inputs
        found = self._memo[1].find(key)
        if found is None:
            found = self._known(session, asked, inputs)
            self._memo[1].keep(key, found)
        return found

    def _known(self, session: Session, asked: Asked, inputs: Inputs) -> Known:
        workload = constrain(self.subject, inputs)
        where = self.subject.file or "workload"
        if asked.pane == "basis":
            return Known(basis=session.calibration_basis(workload, where=where))
        budget_usd, repeats, late_usd = asked.plan.limits()
        plan = session.calibration_plan(
            workload, budget_usd=budget_usd, repeats=repeats, late_usd=late_usd, where=where
        )
        return Known(plan=plan)

    def show(self, answer: Known) -> None:
        if answer.plan is not None:
            self.query_one("#plan-rows", Rows).fill(plan_rows(answer.plan))
            self.status.tell(Text(answer.plan.headline))
            self._about_run()
        if answer.basis is not None:
            self.query_one("#basis-rows", Rows).fill(basis_rows(answer.basis))
            self.status.tell(Text(answer.basis.headline))
        if answer.own is not None:
            self.query_one("#own-rows", Rows).fill(own_rows(answer.own))
            self._about_own()
            if answer.left:
                names = ", ".join(record.run_id for record in answer.left)
                costs = " and may cost money" if any(r.may_cost_money for r in answer.left) else ""
                self.status.warn(
                    "LEFT BEHIND", f"{names}{costs}: e fetches the results and ends them"
                )
            elif not answer.own.results:
                self.status.tell(Text("nothing was measured yet: g measures this machine"))
            else:
                used = sum(run.use == "used" for run in answer.own.results)
                self.status.tell(Text(f"{len(answer.own.results)} own runs, {used} used"))

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        limits = self.query_one("#limits", Fields)
        plan = TypedPlan(**{name: limits.value(name) for name in FIELDS})
        if plan != self._asked.plan:
            self._asked = replace(self._asked, plan=plan)
            self.ask_soon(self._asked)

    # -- what is chosen -----------------------------------------------------------------------

    @property
    def _planned(self) -> PlannedRun | None:
        """The run under the cursor of the plan."""
        place = self.query_one("#plan-rows", Rows).chosen
        plan = None if self.answer is None else self.answer.plan
        if plan is None or place is None or place >= len(plan.runs):
            return None
        return plan.runs[place]

    @on(Rows.RowHighlighted, "#plan-rows")
    def _about_run(self) -> None:
        plan = None if self.answer is None else self.answer.plan
        if plan is not None:
            self.query_one("#about-run", Static).update(about_planned(plan, self._planned))

    @on(Rows.RowHighlighted, "#own-rows")
    def _about_own(self) -> None:
        table = self.query_one("#own-rows", Rows)
        found = None if self.answer is None else self.answer.own
        if found is not None:
            chosen = "" if table.chosen is None else table.shown[table.chosen].key
            self.query_one("#about-own", Static).update(about_own(found, chosen))

    # -- running ------------------------------------------------------------------------------

    @property
    def runs(self) -> LiveRuns:
        return self.query_one(LiveRuns)

    @property
    def live(self) -> LiveRun | None:
        """The run under way, or the last one."""
        return self.runs.live

    def action_go(self) -> None:
        """Ask what to run, with its cost, then run it."""
        from tui.screens.launch_dialog import LaunchDialog

        if self._is_busy():
            return
        planned = self._planned if self.pane == "next" else None
        first = TypedRun()
        if planned is not None:
            cap = f"{planned.price_usd:.2f}USD" if planned.on else ""
            first = TypedRun(planned.benchmark, planned.on or "local", max_cost=cap)
        self.app.push_screen(LaunchDialog(first), self._agreed)

    def _agreed(self, answer: tuple[TypedRun, CostEstimate] | None) -> None:
        if answer is not None:
            self.runs.start(*answer, constrain(self.subject, self.planner_app.inputs))
            self.to("run")

    def _is_busy(self) -> bool:
        if self.runs.is_running:
            self.notify("A run is under way; x stops it", severity="warning")
        return self.runs.is_running

    def action_stop(self) -> None:
        if self.live is None or self.live.is_over:
            self.notify("No run is under way", severity="warning")
        else:
            self.runs.stop()

    def action_resume(self) -> None:
        """Bring what a planner left behind to its end."""
        if not self._is_busy():
            self.runs.take_over()
            self.to("run")

    @on(LiveRuns.Went)
    def _show_run(self) -> None:
        """The same wherever the user looks."""
        self.query_one(PaneLine).note("run", self.runs.stage)
        if self.pane == "run":
            self.runs.tell(self.status)

    @on(LiveRuns.Ended)
    def _ended(self, message: LiveRuns.Ended) -> None:
        self.refresh_bindings()
        self._show_run()
        if message.told:
            self.notify(message.told, title="Run", severity=message.severity, markup=False)
        self._asked = replace(self._asked, turn=self._asked.turn + 1)
        self.planner_app.catalog_changed()  # estimates are others now

    # -- keys ---------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Some keys belong to one pane."""
        if not super().check_action(action, parameters):
            return False
        if action == "stop":
            return self.runs.is_running
        return ONLY_IN.get(action, self.pane) == self.pane

    def action_budget(self) -> None:
        field = self.query_one("#budget", Input)
        self.set_focus(field)
        field.select_all()

    def action_judge(self, word: str) -> None:
        """Keep, undo or reopen the chosen run."""
        table = self.query_one("#own-rows", Rows)
        if table.chosen is None:
            self.notify("There is no run to judge", severity="warning")
            return
        self.run_worker(self._judge(table.shown[table.chosen].key, word), group="judge")

    async def _judge(self, name: str, word: str) -> None:
        try:
            said = await asyncio.to_thread(_judged, name, word)
        except Exception as error:
            if not expected(error):
                raise
            self.problem(problem_of(error))
            return
        self.notify(said, markup=False)
        self._asked = replace(self._asked, turn=self._asked.turn + 1)
        self.planner_app.catalog_changed()
        self._ask_again()

    def action_copy_command(self) -> None:
        file = self.subject.file or "WORKLOAD.yaml"
        plan = self._asked.plan
        late = f" --late-cost {plan.late}" if plan.late else ""
        planned = self._planned
        commands = {
            "next": f"planner calibrate plan {file} --budget {plan.budget} "
            f"--repeats {plan.repeats}{late}",
            "basis": f"planner calibrate basis {file}",
            "own": "planner calibrate results",
            "run": (self.live.asked if self.live else TypedRun()).command(),
        }
        command = commands[self.pane]
        if self.pane == "next" and planned is not None and planned.worth_it and planned.on:
            command = TypedRun(planned.benchmark, planned.on).command()
        self.app.copy_to_clipboard(command)
        self.notify(command, title="Copied to the clipboard", markup=False)


def _unseen(record: RunRecord) -> bool:
    """A run of another host, of whose planner nothing is known from here."""
    return record.planner_is_alive is None and not (record.state.is_end or record.is_kept)


def _judged(name: str, word: str) -> str:
    """In a thread of its own, with a catalog of its own."""
    from catalog.verdicts import Verdict
    from planner.actions.calibration.results import judge
    from planner.actions.session import open_session

    run = judge(name, Verdict(word), open_session().catalog)
    return f"{run.id} is {run.use}{': ' if run.reason else ''}{run.reason}"
