"""A calibration run under way, as a screen follows it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from planner.actions.calibration.typed import TypedRun
from planner.actions.calibration.watch import Watch
from planner.actions.live import Live

if TYPE_CHECKING:
    from launchers.base import CostEstimate
    from planner.actions.calibration.run import CalibrationOutcome
    from planner.results.calibration import CalibrationResults
    from planner.workload import Workload

# The program's output is kept whole elsewhere while it may be needed.
MOST_LINES = 2000
# Prices are read again when the run begins: this much above what was agreed is still that.
SAME_PRICE = 1.001


class LiveRun(Live):
    """What ``planner calibrate run`` does, for a cost that was ``agreed`` to before.

    ``lines`` grow while it runs (``dropped`` counts those forgotten). When it went well ``outcome``
    is what was measured, ``standard`` what it changes on the standard workloads, as ``calibrate
    run`` shows it, and ``here`` what it changes on the workload under study.
    """

    def __init__(
        self,
        asked: TypedRun,
        agreed: CostEstimate,
        study: tuple[str, Workload] | None = None,
        ended: Callable[[], object] = lambda: None,
    ) -> None:
        super().__init__(ended)
        self.asked, self.agreed, self._study = asked, agreed, study
        self.watch = Watch()
        self.lines: list[str] = []
        self.dropped = 0
        self.outcome: CalibrationOutcome | None = None
        self.standard: CalibrationResults | None = None
        self.here: CalibrationResults | None = None
        self.planning = ""

    def work(self) -> None:
        from planner.actions.calibration.run import run_calibration

        self.outcome = run_calibration(
            self.asked.benchmark,
            self.asked.on,
            self.asked.options(),
            self._confirmed,
            self._say,
            watch=self.watch,
        )
        self._changes(self.outcome.own.id)

    def stop(self) -> None:
        """Give everything back; a result that is there already is stored."""
        super().stop()
        self.watch.stop()

    @property
    def may_cost(self) -> bool:
        """Whether it may hold something that costs money, or a program of this machine."""
        return not self.is_over and self.outcome is None

    def _confirmed(self, estimate: CostEstimate) -> bool:
        """Only what was shown is agreed to."""
        if estimate.usd is None or self.agreed.usd is None:
            return estimate.usd is self.agreed.usd
        return estimate.usd <= self.agreed.usd * SAME_PRICE

    def _changes(self, observation: str) -> None:
        from planner.actions.calibration.results import effect_of
        from planner.actions.session import open_session

        catalog = open_session().catalog
        if self._study is not None:
            name, workload = self._study
            self.here = effect_of([observation], catalog, self._plans, asked={name: workload})
        if not self.is_stopping:
            self.standard = effect_of([observation], catalog, self._plans)
        self.planning = ""

    def _plans(self, line: str) -> None:
        self.planning = line

    def _say(self, line: str) -> None:
        from planner.actions.calibration.run import is_for_people

        if not is_for_people(line):
            return
        self.lines.append(line)
        if (more := len(self.lines) - MOST_LINES) > 0:
            del self.lines[:more]
            self.dropped += more


class LiveRescue(Live):
    """``planner calibrate resume`` or ``stop`` of runs that a planner left behind.

    ``run_id`` None means all. ``ended`` runs are named in ``done``, with what became of them.
    """

    def __init__(
        self, run_id: str | None, *, take_down: bool, ended: Callable[[], object] = lambda: None
    ) -> None:
        super().__init__(ended)
        self.run_id, self.take_down = run_id, take_down
        self.lines: list[str] = []
        self.done: list[str] = []

    def work(self) -> None:
        from planner.actions.calibration.runs import resume, stop

        if self.take_down and self.run_id is not None:
            stop(self.run_id, self.lines.append)
            self.done.append(f"{self.run_id}: stopped")
            return
        for one in resume(self.run_id, self.lines.append):
            ending = one.problem or (f"stored as {one.own.id}" if one.own else "was stored before")
            self.done.append(f"{one.record.run_id}: {one.record.state.value}; {ending}")
