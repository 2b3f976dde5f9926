"""One calibration run as it goes: stage, time, money, what the machine does, output, changes."""

from __future__ import annotations

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Log, Static

from planner.actions.calibration.live import LiveRun
from planner.actions.explore.plan import money
from planner.report.calibration import effect_lines
from tui.widgets.charts.utilisation import Utilisation
from tui.widgets.steady import Steady

STAGES = ("estimate", "confirm", "provision", "set up", "run", "collect", "tear down", "done")
# This machine is neither confirmed in the middle nor set up.
LOCAL = ("estimate", "provision", "run", "collect", "tear down", "done")


class RunPane(Vertical):
    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._written = 0  # lines of the run in the log

    def compose(self) -> ComposeResult:
        yield Static("no run was made in this session: g makes one", id="stages")
        yield Steady(id="spent")
        yield Utilisation(id="utilisation")
        yield Steady(id="changes")
        yield Log(id="log", max_lines=2000)

    def begin(self) -> None:
        """A new run."""
        self._written = 0
        self.query_one(Log).clear()
        self.query_one("#changes", Static).update("")

    def write(self, line: str) -> None:
        self.query_one(Log).write_line(_plain(line))

    def show(self, live: LiveRun) -> None:
        """Where it stands now."""
        self.query_one("#stages", Static).update(stages(live))
        self.query_one("#spent", Static).update(Text(spent(live)))
        self.query_one(Utilisation).show(live.watch.samples)
        lines, dropped = live.lines, live.dropped
        for line in lines[max(0, self._written - dropped) :]:
            self.write(line)
        self._written = dropped + len(lines)
        self.query_one("#changes", Static).update(Text(changes(live)))


def stages(live: LiveRun) -> Text:
    """The way of a run, with where it is reversed."""
    names = LOCAL if live.asked.on == "local" else STAGES
    now = live.watch.stage
    text = Text(f"{live.asked.benchmark} on {live.asked.on}\n", style="bold")
    for number, name in enumerate(names):
        if number:
            text.append(" > ", style="not bold")
        style = "reverse bold" if name == now else "not bold"
        text.append(f" {name} " if name == now else name, style=style)
    return text


def spent(live: LiveRun) -> str:
    """Time held, money so far, the rate, what was agreed and the cap."""
    watch = live.watch
    minutes, seconds = divmod(int(watch.seconds), 60)
    so_far = "price unknown" if watch.usd is None else f"{watch.usd:.2f} USD so far"
    parts = [f"held {minutes}:{seconds:02d}", so_far]
    if watch.usd_per_hour:
        parts.append(f"{watch.usd_per_hour:.4g} USD/h")
    if live.agreed.usd:
        parts.append(f"agreed {live.agreed.usd:.2f} USD at most")
    if live.asked.max_cost:
        parts.append(f"cap {live.asked.max_cost}")
    if live.outcome is not None and live.outcome.bill is not None:
        bill = live.outcome.bill
        billed = "unknown" if bill.usd is None else money(bill.usd)
        parts.append(f"billed {billed} ({bill.basis})")
    return ", ".join(parts)


def changes(live: LiveRun) -> str:
    """Before and after, once the run is over."""
    if live.outcome is None:
        return ""
    seen = live.outcome.own.observation
    value = "unknown" if seen.value is None else f"{seen.value:,.4g}"
    lines = [f"MEASURED {seen.model} on {seen.accelerator}: {value} {seen.metric}"]
    found = [("this workload", live.here), ("standard workloads", live.standard)]
    for name, one in found:
        if one is not None and one.effect is not None:
            first, *moves = effect_lines(one.effect)
            lines += [f"{name}: {first}", *moves]
    for run in [] if live.standard is None else live.standard.results:
        if run.reason:
            lines.append(f"nothing changes: the run is {run.use}: {run.reason}")
    if live.planning:
        lines.append(f"what it changes: {live.planning} ...")
    return "\n".join(lines)


def _plain(line: str) -> str:
    """A program's words: no escape of its gets to the terminal."""
    return "".join(ch if ch.isprintable() else " " for ch in line)
