"""Live prices as they are fetched: what to ask for, how far it is, what failed and why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.timer import Timer
from textual.widgets import Static

from tui.keys import labelled
from tui.turn import TURN
from tui.widgets.inputs.constraints import Tick
from tui.widgets.inputs.fields import Field, Fields
from tui.widgets.refresh_rows import SLICE_COLUMNS, progress, slice_rows, source_rows
from tui.widgets.status import Status
from tui.widgets.steady import Steady
from tui.widgets.tables.rows import Rows

if TYPE_CHECKING:
    from planner.actions.catalog.live_refresh import LiveRefresh
    from planner.actions.doctor.installation import Check

PROGRESS_S = 0.25
MEANWHILE = 60  # rows while it goes on: all of them take a tenth of a second each time


class RefreshPane(Vertical):
    """One refresh at a time. It ends with the pane: what was published stays."""

    class Went(Message):
        """A refresh went on."""

    class Ended(Message):
        """It is over."""

    class _Over(Message):
        """Posted by the thread."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.live: LiveRefresh | None = None
        self._timer: Timer | None = None

    def compose(self) -> ComposeResult:
        yield Fields(
            [
                Field("only", "Sources", "", "all that are ready", 20,
                      "names with commas: aws,azure"),
                Field("regions", "Regions", "", "all known", 14, "us-east-1,eastus"),
                Field("kinds", "Kinds", "", "all", 12, "on_demand,spot,quotas"),
            ],
            id="wanted",
        )  # fmt: skip
        with Horizontal(id="going"):
            jumps = labelled(self, "catalog.accept_jumps", "j", "accept jumps")
            yield Tick(jumps, False, id="accept_jumps")
            yield Steady(progress(None), id="progress")
        yield Rows(SLICE_COLUMNS, id="slice-rows")
        yield Steady(id="why")

    def on_unmount(self) -> None:
        if self.live is not None:
            self.live.stop()

    @property
    def is_running(self) -> bool:
        return self.live is not None and not self.live.is_over

    @property
    def note(self) -> str:
        """``12/40`` while it is under way."""
        if self.live is None or self.live.is_over:
            return ""
        return f"{len(self.live.outcomes)}/{self.live.slices or '?'}"

    def start(self) -> None:
        from planner.actions.catalog.live_refresh import LiveRefresh, TypedRefresh

        wanted = self.query_one("#wanted", Fields)
        asked = TypedRefresh(
            wanted.value("only"),
            wanted.value("regions"),
            wanted.value("kinds"),
            self.query_one("#accept_jumps", Tick).value,
        )
        # post_message may be called from any thread.
        self.live = LiveRefresh(asked, ended=lambda: self.post_message(self._Over()))
        self.live.start()
        self._timer = self.set_interval(PROGRESS_S, self._tick)
        self._go_on()

    def stop(self) -> None:
        if self.live is not None:
            self.live.stop()
            self._go_on()

    def accept_jumps(self) -> None:
        """Or no longer."""
        self.query_one("#accept_jumps", Tick).toggle()

    def show_sources(self, checks: Sequence[Check]) -> None:
        """Which sources can be asked, until a refresh has something to show."""
        if self.live is None:
            self.query_one("#slice-rows", Rows).fill(source_rows(checks))

    def command(self) -> str:
        """The same as a command."""
        from planner.actions.catalog.live_refresh import TypedRefresh

        return (self.live.asked if self.live else TypedRefresh()).command()

    def tell(self, status: Status) -> None:
        """Where it stands, in the screen's line for that."""
        live = self.live
        if live is None:
            status.tell(Text("g asks the sources that are ready"))
        elif live.problem is not None:
            status.problem(live.problem)
        elif live.is_over and live.failures:
            status.warn("KEPT OLD PRICES", f"{live.failures}; g tries again")
        elif live.result is not None and live.result.skipped:
            status.warn("SKIPPED", "; ".join(live.result.skipped))
        elif live.is_over:
            status.tell(Text("m shows what moved; what failed keeps its last good prices"))
        else:
            status.tell(Text("goes on while you look elsewhere; x stops it"))

    def _tick(self) -> None:
        if TURN.take():  # else at the next one
            self._go_on()

    def _go_on(self) -> None:
        live = self.live
        self.query_one("#progress", Static).update(Text(progress(live)))
        most = MEANWHILE if self.is_running else None
        rows = [] if live is None else slice_rows(live.outcomes, most)
        table = self.query_one("#slice-rows", Rows)
        if rows:  # the newest come on top: who has not moved down sees them
            table.fill(rows, keep=table.chosen != 0)
        self.post_message(self.Went())

    def on_refresh_pane__over(self, message: RefreshPane._Over) -> None:
        message.stop()
        if self._timer is not None:
            self._timer.stop()
        self._go_on()
        self.post_message(self.Ended())

    @on(Rows.RowHighlighted, "#slice-rows")
    def _slice_chosen(self, event: Rows.RowHighlighted) -> None:
        """The reason and the remedy in full: a cell may be cut."""
        event.stop()
        table = self.query_one("#slice-rows", Rows)
        place = table.chosen
        reason = "" if place is None else table.shown[place].cells[-1]
        self.query_one("#why", Static).update(Text(reason))
