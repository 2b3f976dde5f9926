"""Runs as they are made, stopped, taken over and left: what the Running pane does."""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.text import Text
from textual.message import Message
from textual.notifications import SeverityLevel
from textual.timer import Timer

from planner.workload import Workload
from tui.widgets.run_pane import RunPane
from tui.widgets.status import Status

if TYPE_CHECKING:
    from launchers.base import CostEstimate
    from planner.actions.calibration.live import LiveRescue, LiveRun
    from planner.actions.calibration.typed import TypedRun
    from tui.screens.leave_dialog import Leaving

PROGRESS_S = 0.25
SIGNALS = ("SIGTERM", "SIGHUP")


class LiveRuns(RunPane):
    """One run, or one rescue of runs left behind, at a time. Keeps the application open while a
    run may cost money, until the user has said what becomes of it."""

    class Went(Message):
        """A run went on: stage, cost, end."""

    @dataclass
    class Ended(Message):
        """The run, or the rescue of some, is over; estimates may be others now."""

        told: str = ""
        severity: SeverityLevel = "information"

    class _Over(Message):
        """Posted by the thread."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.live: LiveRun | None = None
        self.rescue: LiveRescue | None = None
        self._rescued = 0  # lines of the rescue that are in the log
        self._progress: Timer | None = None
        self._quits = False

    def on_unmount(self) -> None:
        self._heed_signals(until_now=True)

    @property
    def is_running(self) -> bool:
        works = (self.live, self.rescue)
        return any(work is not None and not work.is_over for work in works)

    @property
    def stage(self) -> str:
        """Of the run under way; empty where there is none."""
        return "" if self.live is None or self.live.is_over else self.live.watch.stage

    def start(self, asked: TypedRun, agreed: CostEstimate, workload: Workload) -> None:
        """Run it; what it changes is worked out for this workload."""
        from planner.actions.calibration.live import LiveRun

        # post_message may be called from any thread.
        self.live = LiveRun(
            asked,
            agreed,
            study=(workload.name or "this workload", workload),
            ended=lambda: self.post_message(self._Over()),
        )
        self.begin()
        self.live.start()
        self._heed_signals()
        self._progress = self.set_interval(PROGRESS_S, self._go_on)

    def take_over(self) -> None:
        """Bring what a planner left behind to its end."""
        from planner.actions.calibration.live import LiveRescue

        self.live, self._rescued = None, 0
        self.begin()
        self.rescue = LiveRescue(
            None, take_down=False, ended=lambda: self.post_message(self._Over())
        )
        self.rescue.start()
        self._progress = self.set_interval(PROGRESS_S, self._go_on)

    def stop(self) -> None:
        """End the run, with everything given back."""
        if self.live is not None:
            self.live.stop()
            self._go_on()

    def tell(self, status: Status) -> None:
        """Where it stands, in the screen's line for that."""
        live = self.live
        if live is None:
            self._tell_of_rescue(status)
        elif live.problem is not None:
            status.problem(live.problem)
        elif live.is_over:
            status.tell(Text("over; o shows it among the own runs"))
        elif live.outcome is not None:
            status.tell(Text("measured and given back; working out what it changes"))
        elif live.is_stopping:
            status.warn("STOPPING", "everything is given back first")
        else:
            status.tell(Text("goes on while you look elsewhere; x stops it"))

    def _tell_of_rescue(self, status: Status) -> None:
        rescue = self.rescue
        if rescue is None:
            status.tell(Text("g shows what a run costs, then makes it"))
        elif rescue.problem is not None:
            status.problem(rescue.problem)
        elif rescue.is_over:
            status.tell(Text(rescued(rescue)))
        else:
            status.tell(Text("fetching results of runs left behind"))

    def _go_on(self) -> None:
        if self.rescue is not None:
            for line in self.rescue.lines[self._rescued :]:
                self.write(line)
            self._rescued = len(self.rescue.lines)
        if self.live is not None:
            self.show(self.live)
        self.post_message(self.Went())

    def on_live_runs__over(self, message: LiveRuns._Over) -> None:
        message.stop()
        if self._progress is not None:
            self._progress.stop()
        self._go_on()
        self._heed_signals(until_now=True)
        if self._quits:
            self.app.exit(message=self._last_words())
        elif self.rescue is not None and self.rescue.is_over:
            self._rescue_over(self.rescue)
        elif self.live is not None and self.live.problem is not None:
            self.post_message(self.Ended(self.live.problem.text, severity="error"))
        elif self.live is not None:
            self.post_message(self.Ended("measured; what it changes is below"))

    def _rescue_over(self, rescue: LiveRescue) -> None:
        if rescue.problem is None:
            self.write(rescued(rescue))
        self.post_message(self.Ended())

    # -- closing ------------------------------------------------------------------------------

    def may_not_quit(self) -> bool:
        """Asked before the application is closed; True keeps it open for now."""
        live = self.live
        if live is None or not live.may_cost:
            return False
        if self._quits:
            self.notify("The run is being ended; the planner quits then", severity="warning")
            return True
        from tui.screens.leave_dialog import LeaveDialog

        rented = live.asked.on != "local"
        name = live.watch.run_id or live.asked.benchmark
        self.app.push_screen(LeaveDialog(name, rented=rented), self._leaves)
        return True

    def _leaves(self, answer: Leaving | None) -> None:
        live = self.live
        if answer == "leave":
            self.app.exit(message=self._last_words())
        elif answer == "stop" and live is not None:
            self._stop_and_quit()
            if live.is_over:
                self.app.exit()

    def _stop_and_quit(self) -> None:
        self._quits = True
        self.stop()

    def _last_words(self) -> str | None:
        """Said on the terminal that the user gets back."""
        live = self.live
        if live is None or not live.may_cost:
            return None if live is None or live.problem is None else live.problem.text
        name = live.watch.run_id
        return (
            f"{name} goes on: `planner calibrate resume {name}` fetches its result, "
            f"`planner calibrate stop {name}` ends it"
        )

    def _heed_signals(self, *, until_now: bool = False) -> None:
        """A polite kill or a lost terminal ends a run as its stop does: with everything given
        back."""
        loop = asyncio.get_running_loop()
        for name in SIGNALS:
            number = getattr(signal, name, None)
            if number is None:
                continue
            with suppress(NotImplementedError, RuntimeError, ValueError):  # Windows, a thread
                if until_now:
                    loop.remove_signal_handler(number)
                else:
                    loop.add_signal_handler(number, self._stop_and_quit)


def rescued(rescue: LiveRescue) -> str:
    """What became of the runs left behind."""
    return "; ".join(rescue.done) or "no run was left behind"
