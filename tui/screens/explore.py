"""Explore: what each dollar and each hour buys, for one workload."""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.screen import Screen
from textual.timer import Timer
from textual.widgets import DataTable, Footer, Input, Static

from planner.actions.explore import (
    LATENCIES,
    Inputs,
    Problem,
    Subject,
    View,
    command_line,
    explore,
    start_session,
)
from tui.screens.explore_keys import KEYS
from tui.widgets.chart import Chart
from tui.widgets.constraints import Constraints, Tick
from tui.widgets.detail import Detail
from tui.widgets.options import Options
from tui.widgets.status import Status
from tui.widgets.ways import BEST, way_of

if TYPE_CHECKING:
    from planner.actions.session import Session

DEBOUNCE_S = 0.15


class ExploreScreen(Screen[None]):
    """Inputs above, chart and detail in the middle, table below: one choice shown in three ways."""

    CSS_PATH = "explore.tcss"
    # Not ClassVar: Textual declares them as instance variables.
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (110, "-wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-low"), (32, "-high")]  # noqa: RUF012
    HELP = (
        "Each point is one way to run the workload: machine, place, number and way to pay; of a "
        "service dollars an hour over latency. The line is the front: nothing is both faster and "
        "cheaper. Dim points miss a limit.\n"
        "The table holds the recommendation (=>, of a mix one row a group), the cheapest "
        "that differ in kind (1, 2 ...), "
        "the rest of the front (F1 ...) and what you clicked (+)."
    )
    BINDINGS: ClassVar[list[BindingType]] = KEYS

    @dataclass
    class Planned(Message):
        """A worker has finished: the session it used, the inputs and what came of them."""

        session: Session | None
        inputs: Inputs
        result: View | Problem

    def __init__(self, subject: Subject) -> None:
        super().__init__()
        self._subject = subject
        self._session: Session | None = None
        self._view: View | None = None
        self._debounce: Timer | None = None
        # One plan is made at a time: threads cannot be stopped, so newer inputs wait here.
        self._planning = False
        self._waiting: Inputs | None = None
        # Always the same thread: the catalog's connection may not change threads.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="plan")

    def compose(self) -> ComposeResult:
        workload = self._subject.workload
        where = self._subject.file or "example; name a file to open your own"
        kind = "" if "deadline" in self._subject.fields else "a service, so no deadline "
        yield Static(
            f"[b]Explore[/b]  {workload.name}: {workload.kind} {workload.subject}  "
            f"[dim]{kind}({where})[/]",
            id="title",
        )
        yield Constraints(self._subject, id="constraints")
        yield Status("Opening the catalog and planning ...", id="status")
        yield Static(id="key")
        with Horizontal(id="upper"):
            yield Chart(id="chart")
            yield Detail(id="detail")
        yield Options(id="options")
        yield Footer()

    def on_mount(self) -> None:
        self.query_one(Options).focus()
        # Once the empty screen is painted: planning takes a second the first time.
        self.call_after_refresh(self._plan, self._subject.inputs)

    def on_unmount(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)

    def on_resize(self, event: events.Resize) -> None:
        self.query_one(Options).fit(event.size.width)

    # -- planning -----------------------------------------------------------------------------

    @on(Constraints.Changed)
    def _plan_soon(self, message: Constraints.Changed) -> None:
        """Plan once the typing pauses."""
        if self._debounce:
            self._debounce.stop()
        inputs = message.inputs
        self._debounce = self.set_timer(DEBOUNCE_S, lambda: self._plan(inputs))

    def _plan(self, inputs: Inputs) -> None:
        if self._planning:
            self._waiting = inputs
            return
        self._planning = True
        self.run_worker(self._ask(inputs), group="plan")

    async def _ask(self, inputs: Inputs) -> None:
        loop = asyncio.get_running_loop()
        self.post_message(await loop.run_in_executor(self._thread, self._work, inputs))

    def _work(self, inputs: Inputs) -> Planned:
        """In the thread: touches no widget."""
        session = self._session or start_session()
        if isinstance(session, Problem):
            return self.Planned(None, inputs, session)
        result: View | Problem
        try:
            result = explore(session, self._subject, inputs)
        except Exception as error:  # a dead screen would lose the user's inputs
            if os.environ.get("PLANNER_DEBUG"):
                raise
            result = Problem("", f"unexpected {type(error).__name__}: {error}")
        return self.Planned(session, inputs, result)

    @on(Planned)
    def _show(self, message: Planned) -> None:
        self._planning = False
        self._session = message.session
        newer, self._waiting = self._waiting, None
        if newer is not None and newer != message.inputs:
            self._plan(newer)
            return
        result = message.result
        status, constraints = self.query_one(Status), self.query_one(Constraints)
        if isinstance(result, Problem):
            constraints.mark(result.field)
            status.problem(result, self._view, self._subject.fields)
            self.set_class(self._view is not None, "-old")
            return
        self.remove_class("-old")
        self._view = result
        constraints.mark("")
        status.good(result)
        self.query_one("#key", Static).update(legend(result))
        self.query_one(Chart).show(result)
        self.query_one(Options).show(result)
        self._show_chosen()

    # -- choosing -----------------------------------------------------------------------------

    @on(DataTable.RowHighlighted, "#options")
    def _show_chosen(self) -> None:
        """Chart and detail follow the cursor of the table."""
        option = self.query_one(Options).chosen
        if option is None or self._view is None:
            return
        self.query_one(Chart).choose(option)
        self.query_one(Detail).show(option, self._view)

    @on(Constraints.Left)
    def _back_to_table(self) -> None:
        self.query_one(Options).focus()

    @on(Chart.Picked)
    def _choose_point(self, message: Chart.Picked) -> None:
        if self._view is not None:
            self.query_one(Options).choose(self._view.option_at(message.index))

    # -- keys ---------------------------------------------------------------------------------

    def action_fit_front(self) -> None:
        self.query_one(Chart).fit_front()

    def action_fit_all(self) -> None:
        self.query_one(Chart).fit_all()

    def action_copy_command(self) -> None:
        if self._view is None:
            self.notify("There is no plan to copy yet", severity="warning")
            return
        command = command_line(self._subject, self._view.inputs)
        self.app.copy_to_clipboard(command)
        self.notify(command, title="Copied to the clipboard", markup=False)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Letters typed into a field are not keys; services have latencies, jobs a deadline."""
        ends = "deadline" in self._subject.fields
        if action == "latency" and ends:
            return False
        if action == "focus_on" and parameters == ("deadline",) and not ends:
            return False
        return action not in ("focus_on", "latency") or not isinstance(self.focused, Input)

    def action_focus_on(self, name: str) -> None:
        widget = self.query_one(f"#{name}")
        # Not widget.focus(), which acts later than the next key.
        self.set_focus(widget)
        if isinstance(widget, Input):
            widget.select_all()

    def action_latency(self) -> None:
        """To the first latency; tab leads to the next."""
        self.action_focus_on(next(name for name in LATENCIES if self.query(f"#{name}")))

    def action_tick(self, name: str) -> None:
        if self.query(f"#{name}"):
            self.query_one(f"#{name}", Tick).toggle()
        else:
            self.notify("These machines are not rented", severity="warning")

    def action_zoom_pane(self) -> None:
        """The focused pane over the whole screen, and back."""
        if self.maximized is not None:
            self.minimize()
        elif self.focused is not None:
            self.maximize(self.focused, container=False)


def legend(view: View) -> str:
    """What the axes are, and the glyphs and colours of the ways to pay in sight."""
    points = view.points
    ways = [way_of(points.ways[code]) for code in np.unique(points.way).tolist()]
    parts = [(f"${way.colour}", way.glyph, way.name) for way in ways]
    # What may be cut on a narrow screen comes last.
    parts += [("$success", "⠒⠒", "front"), ("b $success", BEST, "best"), ("r", " ", "chosen")]
    # A line breaks between two of them only.
    gap = "\N{NO-BREAK SPACE}"
    shown = [f"[{style}]{glyph}[/]{gap}{name.replace(' ', gap)}" for style, glyph, name in parts]
    return f"[b]{view.y_axis.title} by {view.x_axis.title}[/]  " + "  ".join(shown)
