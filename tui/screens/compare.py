"""Compare: two sides or marked options side by side, and where the cheaper one flips."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, cast, get_args

import numpy as np
from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import Input, Static

from planner.actions.compare.view import (
    DEFAULT_SIDES,
    FIELDS,
    AxisName,
    CompareDesk,
    CompareInputs,
    CompareView,
    compare_command,
    default_axis,
    sides_of,
)
from planner.actions.explore.plan import Problem, Subject
from planner.report.compare_words import subject_of
from planner.report.side_by_side import Side
from planner.results.comparison import Axis
from tui.keys import id_of
from tui.screens.base import PlanningScreen
from tui.screens.compare_keys import KEYS
from tui.widgets.charts.curves import Curves, Flip, Line
from tui.widgets.footer import KeyFooter
from tui.widgets.inputs.side_fields import SideFields
from tui.widgets.status import Status
from tui.widgets.steady import Steady
from tui.widgets.tables.side_table import SideTable
from tui.widgets.ways import GAP

if TYPE_CHECKING:
    from planner.actions.explore.plan import Option
    from planner.actions.session import Session

AXES = tuple(name for name in get_args(AxisName) if name)
MOST_COLUMNS = 3
GLYPHS = {"a": "A", "b": "B"}


class CompareScreen(PlanningScreen[CompareInputs, CompareView]):
    """Sides above, their figures beside each other, the crossing chart and what it says below."""

    MODE = "compare"
    AUTO_FOCUS = "#sides"
    CSS_PATH: ClassVar = ["compare.tcss", "plots.tcss"]
    HELP = (
        "The cheapest plan of each side that meets the workload's limits, one figure a row; "
        "◂ marks the better one. Sides are typed (a, b): an accelerator or family (H100), gpu, "
        "tpu, cpu, a cloud, on-prem, hybrid, a way to pay, or any field of where "
        "(region=eu-west-1). Mark two or three options on Explore (m there), and their own "
        "figures stand side by side instead; k comes back to them.\n"
        "The chart has the cost of both sides (A and B) while one quantity is varied. ◆ is where "
        "the cheaper side flips, dotted lines are the 80% interval of that place, the thin line "
        "is what is so now. v varies the next quantity; searching takes some seconds.\n"
        "On the chart: + and - zoom, arrows move, f shows all."
    )
    BINDINGS: ClassVar[list[BindingType]] = KEYS

    @dataclass
    class Sides(Message):
        """Both sides are planned; the search along the axis is still to come."""

        view: CompareView

    def __init__(self, subject: Subject) -> None:
        super().__init__(subject)
        self._desk = CompareDesk(subject)
        self._asked = CompareInputs(subject.inputs, *DEFAULT_SIDES, default_axis(subject))
        self._marked: tuple[Option, ...] = ()
        self._typed_sides = False

    def compose(self) -> ComposeResult:
        yield self.mode_bar()
        yield SideFields(self._asked.a, self._asked.b, id="fields")
        yield Status("Opening the catalog and planning ...", id="status")
        with Horizontal(id="body"):
            yield SideTable(id="sides", classes="answer")
            with Vertical(id="crossing"):
                yield Steady(id="key", classes="answer")
                yield Curves(id="curves", classes="answer")
                yield Steady(id="sentence", classes="answer")
        yield KeyFooter()

    def on_mount(self) -> None:
        first = replace(self._asked, workload=self.planner_app.inputs)
        self._asked = self.restored(first)
        if self._asked is first and len(self.planner_app.marked) > 1:
            self._take_marked()
        # Once the empty screen is painted: planning takes a second the first time.
        self.call_after_refresh(self.ask, self._asked)

    def on_screen_resume(self) -> None:
        """Explore may have changed the limits or the marks in the meantime."""
        super().on_screen_resume()
        if self._newest is None:
            return
        inputs, marked = self.planner_app.inputs, self.planner_app.marked
        taken = len(marked) > 1 and tuple(marked[:MOST_COLUMNS]) != self._marked and self._marked
        fresh = len(marked) > 1 and not self._marked and not self._typed_sides
        if taken or fresh:
            self._take_marked()
        if inputs != self._asked.workload:
            self._asked = replace(self._asked, workload=inputs)
        if self._asked != self._newest:
            self.ask(self._asked)

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """On a low screen the chart has more room while it is looked at."""
        self.query_one("#body").set_class(isinstance(event.widget, Curves), "-chart")

    def on_resize(self) -> None:
        self._show_key()

    # -- planning -----------------------------------------------------------------------------

    def work(self, session: Session, asked: CompareInputs) -> CompareView | Problem:
        return self._desk.answer(
            session,
            asked,
            first=self._tell_sides,
            stop=lambda: self._waiting is not None,
        )

    def _tell_sides(self, view: CompareView) -> None:
        self.post_message(self.Sides(view))

    def put(self, asked: CompareInputs) -> None:
        self._asked = asked
        self.query_one(SideFields).put(asked.a, asked.b)

    def fields(self) -> tuple[str, ...]:
        return FIELDS

    def describe(self, asked: CompareInputs) -> str:
        return f"{asked.a} against {asked.b}"

    def show(self, answer: CompareView) -> None:
        self._show_sides(answer)
        chart, axis = self.query_one(Curves), answer.axis
        a, b = answer.inputs.a, answer.inputs.b
        said = self.query_one("#sentence", Static)
        self._show_key()
        if axis is not None:
            draw(chart, axis)
            said.update(Text(axis.sentence))
        elif answer.not_searched:
            chart.show((), "times", "usd")
            what = subject_of(answer.inputs.axis, a, b)
            said.update(Text(f"{what}: not searched, {answer.not_searched}; v varies the next one"))

    def _show_key(self) -> None:
        """What the chart shows; where it is small, the key that makes it larger."""
        answer = self.answer
        axis = None if answer is None else answer.axis
        if answer is None or (axis is None and not answer.not_searched):
            return
        text = "" if axis is None else legend(axis, answer.inputs.a, answer.inputs.b)
        if text and self.has_class("-low") and self.has_class("-narrow"):
            larger = self.planner_app.key_of(id_of(self.MODE, "Chart"), "c")
            text += f"  [b]{larger}[/]{GAP}larger"
        self.query_one("#key", Static).update(text)

    def _show_sides(self, answer: CompareView) -> None:
        self.query_one(SideTable).show(self.columns(answer))
        headline = answer.comparison.headline
        if self._marked:
            headline = f"Options marked on Explore. The cheapest of each side: {headline}"
        self.status.tell(Text(headline))

    def on_compare_screen_sides(self, message: Sides) -> None:
        """The sides are there within a second; the search for crossings takes longer."""
        message.stop()
        if self._waiting is None:
            self._show_sides(message.view)
            what = subject_of(self._asked.axis, message.view.inputs.a, message.view.inputs.b)
            self.query_one("#sentence", Static).update(Text(f"{what}: searching ..."))

    def columns(self, answer: CompareView) -> tuple[Side, ...]:
        """Marked options as they are, else the cheapest plan of each side."""
        if not self._marked:
            return answer.columns
        letters = "ABC"
        return tuple(
            Side.of_item(f"{letters[n]} {option.item.accelerator} {option.item.cloud}", option.item)
            for n, option in enumerate(self._marked)
        )

    # -- inputs -------------------------------------------------------------------------------

    def on_side_fields_changed(self, message: SideFields.Changed) -> None:
        self._marked, self._typed_sides = (), True
        self._asked = replace(self._asked, a=message.a, b=message.b)
        self.ask_soon(self._asked)

    def on_side_fields_left(self) -> None:
        self.set_focus(self.query_one(SideTable))

    def _take_marked(self) -> None:
        """The options marked on Explore as columns, and sides that tell the first two apart."""
        self._marked = tuple(self.planner_app.marked[:MOST_COLUMNS])
        sides = sides_of([option.item for option in self._marked])
        if sides is not None:
            self.query_one(SideFields).put(*sides)
            self._asked = replace(self._asked, a=sides[0], b=sides[1])
        else:
            self.notify("They differ in number only: the chart stays with the sides typed")

    # -- keys ---------------------------------------------------------------------------------

    def action_marked(self) -> None:
        if len(self.planner_app.marked) < 2:
            self.notify(
                "Mark two or three options on Explore first (1, then m on a row)",
                severity="warning",
            )
            return
        self._take_marked()
        if self.answer is not None:
            self.query_one(SideTable).show(self.columns(self.answer))
        self.ask(self._asked)

    def action_vary(self, axis: str) -> None:
        self._asked = replace(self._asked, axis=cast("AxisName", axis))
        self.ask(self._asked)

    def action_next_axis(self) -> None:
        axis = self._asked.axis
        at = AXES.index(axis) if axis in AXES else -1
        self.action_vary(AXES[(at + 1) % len(AXES)])

    def action_fit_all(self) -> None:
        self.query_one(Curves).fit_all()

    def action_copy_command(self) -> None:
        if self.answer is None:
            self.notify("There is no comparison to copy yet", severity="warning")
            return
        command = compare_command(self.subject, self.answer)
        self.app.copy_to_clipboard(command)
        self.notify(command, title="Copied to the clipboard", markup=False)

    def action_focus_on(self, name: str) -> None:
        widget = self.query_one(f"#{name}")
        self.set_focus(widget)
        if isinstance(widget, Input):
            widget.select_all()


def draw(chart: Curves, axis: Axis) -> None:
    """What both sides cost along the axis, and where the cheaper one flips."""
    at = np.array([point.at for point in axis.curve])
    lines = [
        Line(
            side, GLYPHS[side], colour, at, _known([getattr(p, f"{side}_usd") for p in axis.curve])
        )
        for side, colour in (("a", "1"), ("b", "4"))
    ]
    flips = [
        Flip(
            flip.at,
            flip.cheaper_below,
            np.nan if flip.low is None else flip.low,
            np.nan if flip.high is None else flip.high,
        )
        for flip in axis.crossings
    ]
    chart.show(lines, axis.unit, "usd", flips=flips, now=axis.now)


def _known(values: list[float | None]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.array([np.nan if value is None else value for value in values])


def legend(axis: Axis, a: str, b: str) -> str:
    sides = [f"A{GAP}{a}", f"B{GAP}{b}"]
    marks = [f"◆{GAP}flips", f"┊{GAP}80%{GAP}interval", f"│{GAP}now"]
    title = f"$ by {subject_of(axis.axis, a, b)}"
    return f"[b]{title}[/]  " + "  ".join([*sides, *(marks if axis.crossings else marks[2:])])
