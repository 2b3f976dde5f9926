"""Explore: what each dollar and each hour buys, for one workload."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.widgets import DataTable, Input, Static

from planner.actions.explore.plan import (
    LATENCIES,
    Found,
    Inputs,
    Option,
    Problem,
    View,
    command_line,
    explore,
    skypilot_task,
    to_json,
)
from planner.errors import BadInput
from tui.modes import MODES
from tui.screens.base import PlanningScreen
from tui.screens.explore_keys import KEYS
from tui.screens.path import PathScreen, file_name
from tui.turn import TURN
from tui.widgets.charts.chart import MOST_MOVES, WAS, Chart
from tui.widgets.detail import Detail
from tui.widgets.footer import KeyFooter
from tui.widgets.inputs.constraints import Constraints, Tick
from tui.widgets.inputs.search import Search
from tui.widgets.plan_words import describe, tell
from tui.widgets.status import Status
from tui.widgets.steady import Steady
from tui.widgets.tables.options import Options, cells
from tui.widgets.ways import BEST, GAP, way_of

if TYPE_CHECKING:
    from planner.actions.session import Session


class ExploreScreen(PlanningScreen[Inputs, View]):
    """Inputs above, chart and detail in the middle, table below: one choice shown in three ways."""

    MODE = "explore"
    AUTO_FOCUS = "#options"
    CSS_PATH = "explore.tcss"
    HELP = (
        "Each point is one way to run the workload: machine, place, number and way to pay; of a "
        "service dollars an hour over latency. The line is the front: nothing is both faster and "
        "cheaper. Dim points miss a limit.\n"
        "The table holds the recommendation (=>, of a mix one row a group), the cheapest "
        "that differ in kind (1, 2 ...), "
        "the rest of the front, and what you clicked (+). ^ is pinned, * marked to be "
        "compared. A search (/) looks through every option, not only those of the table.\n"
        "On the chart: + and - zoom, arrows move, the mouse wheel zooms, dragging moves, a click "
        "chooses."
    )
    BINDINGS: ClassVar[list[BindingType]] = KEYS

    def compose(self) -> ComposeResult:
        yield self.mode_bar()
        yield Constraints(self.subject, id="constraints")
        yield Status("Opening the catalog and planning ...", id="status")
        yield Steady(id="key")
        with Horizontal(id="upper"):
            yield Chart(id="chart", classes="answer")
            yield Detail(id="detail", classes="answer")
        yield Search(id="search")
        yield Options(id="options", classes="answer")
        yield KeyFooter()

    def on_mount(self) -> None:
        # Once the empty screen is painted: planning takes a second the first time.
        self.call_after_refresh(lambda: self.ask(self.restored(self.subject.inputs)))
        self.query_one(Options).pinned = self.planner_app.saved_pins()

    async def on_resize(self) -> None:
        await TURN.wait()  # it has just been laid out
        self.query_one(Options).fit(self.app.size.width)

    # -- planning -----------------------------------------------------------------------------

    @on(Constraints.Changed)
    def _changed(self, message: Constraints.Changed) -> None:
        self.ask_soon(message.inputs)

    def work(self, session: Session, asked: Inputs) -> View | Problem:
        return explore(session, self.subject, asked, self.answer)

    def fields(self) -> tuple[str, ...]:
        return (*self.subject.fields, "purchase")

    def describe(self, asked: Inputs) -> str:
        return describe(asked, self.subject.fields)

    def put(self, asked: Inputs) -> None:
        self.query_one(Constraints).put(asked)

    def mark(self, field: str) -> None:
        self.query_one(Constraints).mark(field)

    def show(self, answer: View) -> None:
        self.planner_app.inputs = answer.inputs
        key_of = self.planner_app.key_of
        renew = [key_of("app.catalog", "5"), key_of("catalog.refresh", "r")]
        tell(self.status, answer, ", ".join(renew))
        self.query_one("#key", Static).update(legend(answer))
        marked = self.planner_app.marked
        marked[:] = [answer.again(option) for option in marked]
        options = self.query_one(Options)
        options.show(answer, self._found(), marked)
        self.query_one(Chart).show(answer, marked, options.chosen)
        self._show_detail()

    # -- searching ----------------------------------------------------------------------------

    def _found(self) -> Found | None:
        """What the search field asks for, in this plan."""
        search = self.query_one(Search)
        asked = self.answer is not None and search.text
        found = self.answer.search(search.text) if self.answer is not None and asked else None
        search.tell(found)
        return found

    @on(Search.Changed)
    def _search(self) -> None:
        self.query_one(Options).find(self._found())
        self._show_chosen()

    @on(Search.Left)
    def _leave_search(self) -> None:
        self.set_focus(self.query_one(Options))

    # -- choosing -----------------------------------------------------------------------------

    @on(DataTable.RowHighlighted, "#options")
    def _show_chosen(self) -> None:
        """Chart and detail follow the cursor of the table."""
        option = self.query_one(Options).chosen
        if option is None or self.answer is None:
            return
        self.query_one(Chart).choose(option)
        self._show_detail()

    def _show_detail(self) -> None:
        option = self.query_one(Options).chosen
        if option is not None and self.answer is not None:
            self.query_one(Detail).show(option, self.answer)

    @on(Constraints.Left)
    def _back_to_table(self) -> None:
        self.set_focus(self.query_one(Options))

    @on(Chart.Hovered)
    def _tell_hovered(self, message: Chart.Hovered) -> None:
        """The point under the mouse in the line above the chart, the legend otherwise."""
        if self.answer is not None:
            hovered, key = message.index, self.query_one("#key", Static)
            if hovered is None:
                key.update(legend(self.answer))
            else:  # as high as the legend: the chart must not move under the mouse
                line = self._in_short(hovered)
                line.truncate(key.size.width, overflow="ellipsis")
                key.update(line.append("\n" * (key.size.height - 1)))

    def _in_short(self, index: int) -> Text:
        assert self.answer is not None
        option = self.answer.option_at(index)
        _, place, machine, devices, way, cost, when, spread = cells(option)
        money = f"${cost}/h" if option.item.cost_usd_per_hour is not None else f"${cost}"
        said = f"{way_of(option.way).glyph} {devices}: {money}, {when} ({spread}), {way}, "
        return Text(f"{said}{machine} in {place}")

    @on(Chart.Picked)
    def _choose_point(self, message: Chart.Picked) -> None:
        if self.answer is not None:
            self.query_one(Options).choose(self.answer.option_at(message.index))

    # -- keys ---------------------------------------------------------------------------------

    def action_fit_front(self) -> None:
        self.query_one(Chart).fit_front()

    def action_fit_all(self) -> None:
        self.query_one(Chart).fit_all()

    def action_along_front(self, step: int) -> None:
        """The chosen option moves along the front: left is faster, right is cheaper."""
        option = self.query_one(Options).chosen
        if self.answer is not None and option is not None and option.role != "gone":
            further = self.answer.along_front(option.index, step)
            if further is not None:
                self.query_one(Options).choose(further)

    def action_sort(self) -> None:
        self.query_one(Options).next_order()

    def action_pin(self) -> None:
        self.query_one(Options).pin()
        self.planner_app.keep()

    @property
    def pinned(self) -> list[Option]:
        tables = self.query(Options)  # none before the screen was first shown, and at its end
        return tables.first().pinned if tables else []

    def action_mark(self) -> None:
        """Mark the chosen option for the screen Compare, or take the mark away."""
        option, marked = self.query_one(Options).chosen, self.planner_app.marked
        if option is None:
            return
        others = [each for each in marked if each.identity != option.identity]
        if len(others) == len(marked):
            others.append(option)
            self._say_where_compared(len(others))
        marked[:] = others
        self._show_marked()
        self.planner_app.keep()

    def _say_where_compared(self, marked: int) -> None:
        compare = next(mode for mode in MODES if mode.name == "compare")
        if compare.exists:
            more = "one more, then" if marked == 1 else f"{marked} marked:"
            self.notify(f"{more} {compare.key} compares them", timeout=3)

    def _show_marked(self) -> None:
        marked = self.planner_app.marked
        self.query_one(Options).mark(marked)
        self.query_one(Chart).mark(marked)

    def action_end_search(self) -> None:
        """All of the plan's options again; a pane that fills the screen goes back first."""
        if self.maximized is not None:
            self.minimize()
        else:
            self.query_one(Search).clear()

    def action_search(self) -> None:
        self.query_one(Search).add_class("-searching")
        self.action_focus_on("search-text")

    def action_copy_command(self) -> None:
        answer = self.answer
        command = None if answer is None else command_line(self.subject, answer.inputs)
        self._copy(command, "the command")

    def action_copy_json(self) -> None:
        answer = self.answer
        self._copy(None if answer is None else to_json(answer.recommendation), "the plan as JSON")

    def action_copy_skypilot(self) -> None:
        answer, option = self.answer, self.query_one(Options).chosen
        task = None
        if answer is not None and option is not None:
            try:
                task = skypilot_task(answer, option)
            except BadInput as error:
                self.notify(str(error), title="Not copied", severity="warning", markup=False)
                return
        self._copy(task, "the SkyPilot task")

    def action_export_chart(self) -> None:
        """Ask for a file's name and write what it ends in."""
        from tui.chart_file import write_chart

        answer = self.answer
        if answer is None:
            self.notify("There is no chart to write yet", severity="warning")
            return
        marked, command = self.planner_app.marked, command_line(self.subject, answer.inputs)

        def write(path: Path, force: bool) -> None:
            write_chart(path, answer, marked, command, force)

        def written(path: str | None) -> None:
            if path is not None:
                self.notify(path, title="Chart written", markup=False)

        first = Path.cwd() / f"{file_name(self.subject.workload.name)}.svg"
        self.app.push_screen(
            PathScreen("Write the chart (.svg, .png or .html)", first, write), written
        )

    def _copy(self, text: str | None, what: str) -> None:
        """To the clipboard of the terminal, over SSH as well (OSC 52)."""
        if text is None:
            self.notify("There is no plan to copy yet", severity="warning")
            return
        self.app.copy_to_clipboard(text)
        lines = text.splitlines()
        many = f" ({len(lines)} lines)" if len(lines) > 1 else ""
        self.notify(lines[0], title=f"Copied {what}{many}", markup=False)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Services have latencies, jobs a deadline."""
        ends = "deadline" in self.subject.fields
        if action == "latency" and ends:
            return False
        if action == "focus_on" and parameters == ("deadline",) and not ends:
            return False
        return super().check_action(action, parameters)

    def action_focus_on(self, name: str) -> None:
        widget = self.query_one(f"#{name}")
        self.set_focus(widget)
        if isinstance(widget, Input):
            widget.select_all()

    def action_detail(self) -> None:
        """All of the detail over the whole screen; back to where it can be chosen."""
        detail = self.query_one(Detail)
        if self.maximized is detail:
            self.minimize()
            self.set_focus(self.query_one(Options))
        else:
            self.set_focus(detail)
            self.maximize(detail, container=False)

    def action_latency(self) -> None:
        """To the first latency; tab leads to the next."""
        self.action_focus_on(next(name for name in LATENCIES if self.query(f"#{name}")))

    def action_tick(self, name: str) -> None:
        if self.query(f"#{name}"):
            self.query_one(f"#{name}", Tick).toggle()
        else:
            self.notify("These machines are not rented", severity="warning")


def legend(view: View) -> str:
    """What the axes are, and the glyphs and colours of the ways to pay in sight."""
    points = view.points
    ways = [way_of(points.ways[code]) for code in np.unique(points.way).tolist()]
    parts = [(f"${way.colour}", way.glyph, way.name) for way in ways]
    # What may be cut on a narrow screen comes last.
    parts += [("$way-front", "⠒⠒", "front"), ("b $way-front", BEST, "best")]
    moved = 0 if view.change is None else len(view.change.moves)
    drawn = "moved" if moved <= MOST_MOVES else f"{MOST_MOVES} furthest of {moved} moved"
    parts.append(("$foreground", f"{WAS}→", drawn) if moved else ("r", " ", "chosen"))
    shown = [f"[{style}]{glyph}[/]{GAP}{name.replace(' ', GAP)}" for style, glyph, name in parts]
    return f"[b]{view.y_axis.title} by {view.x_axis.title}[/]  " + "  ".join(shown)
