"""Mix & capacity: what to commit to, buy and rent over a horizon of demand, and a mix by size."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast

import numpy as np
from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.widget import Widget
from textual.widgets import ContentSwitcher, DataTable, Input, Static

from planner.actions.capacity.view import (
    FIELDS,
    CapacityDesk,
    CapacityInputs,
    CapacityView,
    Curve,
    MixView,
    capacity_command,
)
from planner.actions.explore.plan import Problem, Subject
from planner.amounts import money
from planner.report import capacity as capacity_words
from planner.report import mix as mix_words
from planner.results.break_even import BreakEven
from tui.screens.base import PlanningScreen
from tui.screens.capacity_keys import KEYS
from tui.turn import TURN
from tui.widgets.charts.curves import Curves, Flip, Line
from tui.widgets.charts.stack import StackChart, legend
from tui.widgets.footer import KeyFooter
from tui.widgets.inputs.capacity_fields import CapacityFields
from tui.widgets.plan_detail import PlanDetail, describe, describe_curve
from tui.widgets.status import Status
from tui.widgets.steady import Steady
from tui.widgets.tables.mix_matrix import MixGroups, MixMatrix
from tui.widgets.tables.plan_lines import PlanLines
from tui.widgets.ways import GAP

if TYPE_CHECKING:
    from planner.actions.session import Session

EXAMPLE = str(Path(__file__).parents[1] / "default_capacity.yaml")
BY_USE = "Rented by use: its number follows the demand. Commitments and purchases have one."
NOT_YOURS = "your job ends and needs no commitments; o opens your own demand"


class CapacityScreen(PlanningScreen[CapacityInputs, "CapacityView | MixView"]):
    """Inputs above, chart and costs in the middle, machines below."""

    MODE = "capacity"
    AUTO_FOCUS = "#lines, #groups"
    CSS_PATH: ClassVar = ["capacity.tcss", "plots.tcss"]
    HELP = (
        "What to commit to, buy and rent so that a year of demand is served at the least cost. "
        "The chart stacks who serves the demand; the table has the best number of machines of "
        "each way beside yours. Change a number with + and -, or type it (n): the line above "
        "says what your choice costs more than the best plan. b and e draw the break-even.\n"
        "A service is planned for a year of its rate, which is assumed to follow the working "
        "week; o opens a spec of your own (planner schema capacity), or the profile of a mix of "
        "request sizes (planner schema mix-profile).\n"
        "On the chart: + and - zoom, left and right move, a shows all."
    )
    BINDINGS: ClassVar[list[BindingType]] = KEYS

    def __init__(self, subject: Subject) -> None:
        super().__init__(subject)
        self._desk = CapacityDesk(subject, EXAMPLE)
        self._asked = CapacityInputs(subject.inputs)

    def compose(self) -> ComposeResult:
        yield self.mode_bar()
        yield CapacityFields(id="fields")
        yield Status("Opening the catalog and planning ...", id="status")
        with ContentSwitcher(initial="plan", id="bodies"):
            with Vertical(id="plan"):
                yield Steady(id="key", classes="answer")
                with Horizontal(id="upper"):
                    with ContentSwitcher(initial="stack", id="charts"):
                        yield StackChart(id="stack", classes="answer")
                        yield Curves(id="curves", classes="answer")
                    yield PlanDetail(id="detail", classes="answer")
                yield PlanLines(id="lines", classes="answer")
            with Vertical(id="mix"):
                yield MixGroups(id="groups", classes="answer")
                yield Steady(id="mix-notes", classes="answer")
                yield MixMatrix(id="matrix", classes="answer")
        yield KeyFooter()

    def on_mount(self) -> None:
        self._asked = self.restored(replace(self._asked, workload=self.planner_app.inputs))
        # Once the empty screen is painted: planning takes a second the first time.
        self.call_after_refresh(self.ask, self._asked)

    async def on_resize(self) -> None:
        await TURN.wait()  # it has just been laid out
        self.query_one(PlanLines).fit(self.app.size.width)

    def on_screen_resume(self) -> None:
        """Explore may have changed the service in the meantime."""
        super().on_screen_resume()
        inputs = self.planner_app.inputs
        if self._newest is not None and inputs != self._asked.workload:
            self._change(workload=inputs)

    # -- planning -----------------------------------------------------------------------------

    def work(self, session: Session, asked: CapacityInputs) -> CapacityView | MixView | Problem:
        return self._desk.answer(session, asked, stop=lambda: self._waiting is not None)

    def fields(self) -> tuple[str, ...]:
        return FIELDS

    def describe(self, asked: CapacityInputs) -> str:
        parts = [f"demand x {asked.demand_scale.strip() or '1'}"]
        if asked.max_spot_share.strip():
            parts.append(f"spot up to {asked.max_spot_share.strip()}")
        parts += [f"{n} {option.replace('_', '-')} of {offer}" for offer, option, n in asked.counts]
        return ", ".join(parts)

    def put(self, asked: CapacityInputs) -> None:
        self._asked = asked
        fields = self.query_one(CapacityFields)
        for name in ("demand_scale", "max_spot_share", "file"):
            fields.put(name, getattr(asked, name))
        self._show_count()

    def _change(self, *, soon: bool = False, **update: object) -> None:
        self._asked = replace(self._asked, **update)  # type: ignore[arg-type]
        if soon:
            self.ask_soon(self._asked)
        else:
            self.ask(self._asked)

    def show(self, answer: CapacityView | MixView) -> None:
        bodies = self.query_one("#bodies", ContentSwitcher)
        if isinstance(answer, MixView):
            bodies.current = "mix"
            self._show_mix(answer)
            self._keep_focus("groups")
            return
        bodies.current = "plan"
        self._tell(answer)
        self.query_one(StackChart).show(answer.chosen.served)
        self.query_one(PlanLines).show(answer)
        charts = self.query_one("#charts", ContentSwitcher)
        charts.current = "curves" if answer.curve is not None else "stack"
        detail = describe(answer)
        if answer.curve is not None:
            draw(self.query_one(Curves), answer.curve)
            detail = describe_curve(answer.curve).append_text(detail)
        self.query_one(PlanDetail).show(detail)
        self._show_key()
        self._show_count()
        self._keep_focus("lines")

    def _keep_focus(self, home: str) -> None:
        """A widget that is hidden now must not keep the focus."""
        if self.focused is None or not self.focused.display or self._is_hidden(self.focused):
            self.set_focus(self.query_one(f"#{home}"))

    def _is_hidden(self, widget: Widget) -> bool:
        return any(not part.display for part in widget.ancestors_with_self if part is not self.app)

    def _tell(self, view: CapacityView) -> None:
        result, best = view.chosen.result, view.best.result
        of_service = view.source == "service"
        name = f"a year of {result.name}" if of_service else result.name
        if view.chosen is view.best:
            words = f"{name}: {capacity_words.short(result)}"
        else:
            share = view.more_usd / best.cost_usd if best.cost_usd > 0 else 0.0
            words = (
                f"{name}: yours costs {money(result.cost_usd)}, {money(view.more_usd)} "
                f"({share:.1%}) more than the best plan"
            )
        if result.status == "over_budget":
            self.status.warn(
                "OVER BUDGET",
                f"{words}; the budget is {money(result.budget_usd or 0.0)}: raise it in the spec",
            )
            return
        text = Text()
        if view.source == "example":
            text.append("EXAMPLE year", style="bold").append(f": {NOT_YOURS}\n", style="not bold")
        self.status.tell(text.append(words))

    def _show_mix(self, view: MixView) -> None:
        result = view.result
        words = f"{result.name}: {mix_words.headline(result)}"
        if result.status == "infeasible":
            self.status.warn("NO MIX", "; ".join([words, *result.reasons]))
        elif result.over_budget:
            self.status.warn("OVER BUDGET", words)
        else:
            self.status.tell(Text(words))
        self.query_one(MixGroups).show(view)
        self.query_one(MixMatrix).show(view)
        lines = [*mix_words.waits(result), *result.notes, "Where each size goes:"]
        self.query_one("#mix-notes", Static).update(Text("\n".join(lines)))
        self.query_one(CapacityFields).put("count", "", enabled=False)

    @on(StackChart.Moved)
    def _show_key(self) -> None:
        """What the chart shows: a legend of its glyphs."""
        view = self._view
        stack = self.query_one(StackChart).stack
        if view is None:
            return
        if view.curve is not None:
            self.query_one("#key", Static).update(curve_legend(view.curve))
        elif stack is not None:
            self.query_one("#key", Static).update(legend(stack, view.chosen.served))

    # -- inputs -------------------------------------------------------------------------------

    @property
    def _view(self) -> CapacityView | None:
        return self.answer if isinstance(self.answer, CapacityView) else None

    @on(CapacityFields.Changed)
    def _typed(self, message: CapacityFields.Changed) -> None:
        if message.name == "count":
            self._decide(message.value.strip(), soon=True)
        elif message.name == "file":
            # What was decided is about another spec.
            self._change(file=message.value, counts=())
        else:
            self._change(soon=True, **{message.name: message.value})

    def _decide(self, count: str, *, soon: bool = False) -> None:
        """Machines on the row under the cursor, as typed; empty: as many as cost least."""
        row = self.query_one(PlanLines).chosen
        if row is None or row.decision is None:
            self.notify(BY_USE)
            return
        key = (row.offer, row.option)
        counts = tuple(each for each in self._asked.counts if each[:2] != key)
        if count:
            counts = (*counts, (*key, count))
        self._change(soon=soon, counts=counts)

    @on(DataTable.RowHighlighted, "#lines")
    def _show_count(self) -> None:
        """The field holds the number on the row under the cursor, where it was decided."""
        row = self.query_one(PlanLines).chosen
        fields = self.query_one(CapacityFields)
        if row is None or row.decision is None:
            fields.put("count", "", enabled=False)
            return
        fields.put("count", self._count_of(row.offer, row.option))
        fields.offer_count(row.decision.best)

    def _count_of(self, offer: str, option: str) -> str:
        found = (text for name, way, text in self._asked.counts if (name, way) == (offer, option))
        return next(found, "")

    @on(CapacityFields.Left)
    def _back_to_table(self) -> None:
        self.set_focus(self.query_one("#groups" if isinstance(self.answer, MixView) else "#lines"))

    # -- keys ---------------------------------------------------------------------------------

    def action_step(self, by: int) -> None:
        row = self.query_one(PlanLines).chosen
        if self._view is None or row is None or row.decision is None:
            self.notify(BY_USE)
            return
        before = self._count_of(row.offer, row.option)
        now = int(before) if before.isdecimal() else row.decision.best
        self._decide(str(max(now + by, 0)), soon=True)
        self._show_count()

    def action_best(self, everywhere: bool) -> None:
        if everywhere:
            self._change(counts=())
        else:
            self._decide("")
        self._show_count()

    def action_curve(self, over: str) -> None:
        self._change(curve=cast("Curve", over))

    def action_fit_all(self) -> None:
        self.query_one(StackChart).fit_all()
        self.query_one(Curves).fit_all()

    def action_copy_command(self) -> None:
        if self.answer is None:
            self.notify("There is no plan to copy yet", severity="warning")
            return
        command = capacity_command(self.subject, self.answer, EXAMPLE)
        self.app.copy_to_clipboard(command)
        self.notify(command, title="Copied to the clipboard", markup=False)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A mix has no commitments and no chart."""
        if action in ("step", "best", "curve", "fit_all") and isinstance(self.answer, MixView):
            return False
        return super().check_action(action, parameters)

    def action_focus_on(self, name: str) -> None:
        mix = isinstance(self.answer, MixView)
        if name == "chart":
            charts = self.query_one("#charts", ContentSwitcher)
            name = "matrix" if mix else charts.current or "stack"
        elif name == "lines" and mix:
            name = "groups"
        widget = self.query_one(f"#{name}")
        if widget.disabled:
            self.notify(BY_USE)
            return
        self.set_focus(widget)
        if isinstance(widget, Input):
            widget.select_all()


# How each way of a break-even is drawn: glyph, and number of its colour.
LOOKS = {
    "cloud": ("o", "1"), "on_prem": ("■", "2"), "hybrid": ("+", "3"),
    "on_demand": ("o", "1"), "purchased": ("■", "2"), "spot": ("×", "4"),
    "reserved_1y": ("1", "5"), "reserved_3y": ("3", "6"),
}  # fmt: skip


def draw(chart: Curves, found: BreakEven) -> None:
    """Each way's cost of a unit of demand."""
    at = np.array([point.at for point in found.points])
    lines = [
        Line(
            way,
            *LOOKS[way],
            at,
            np.array([p.usd_per_unit_hour[way] or np.nan for p in found.points], float),
        )
        for way in found.ways
    ]
    unit = "times" if found.over == "demand" else "share of the time"
    chart.show(
        lines, unit, "usd", flips=[Flip(f.at, f.cheaper_below) for f in found.flips], now=found.now
    )


def curve_legend(found: BreakEven) -> str:
    what = "demand × x" if found.over == "demand" else "share of time in use"
    ways = [f"{LOOKS[way][0]}{GAP}{way.replace('_', '-')}" for way in found.ways]
    now = "now" if found.over == "demand" else "mean/peak"
    parts = [*ways, f"◆{GAP}break-even", f"│{GAP}{now.replace(' ', GAP)}"]
    return f"[b]$/h per {found.unit}, by {what}[/]  " + "  ".join(parts)
