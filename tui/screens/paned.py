"""A main screen of several panes, one in sight at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar, TypeVar

from textual import on
from textual.app import ComposeResult
from textual.widget import Widget
from textual.widgets import ContentSwitcher, Input

from planner.actions.explore.plan import Subject
from tui.keys import id_of
from tui.screens.base import PlanningScreen
from tui.turn import TURN
from tui.widgets.panes import Pane, PaneLine
from tui.widgets.tables.rows import Rows

NARROW_BELOW = 110

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")


class PanedScreen(PlanningScreen[Asked, Answer]):
    """A subclass names its PANES and what has the focus in each (``FOCUS``, by pane), and
    implements ``turned``."""

    PANES: ClassVar[Sequence[Pane]]
    FOCUS: ClassVar[dict[str, str]]

    def __init__(self, subject: Subject) -> None:
        super().__init__(subject)
        self.pane = self.PANES[0].name

    def panes(self, *widgets: Widget) -> ComposeResult:
        """The line of titles, and the widgets, whose ids are the panes' names."""
        key_of = self.planner_app.key_of
        yield PaneLine(
            [replace(p, key=key_of(id_of(self.MODE, p.title), p.key)) for p in self.PANES]
        )
        with ContentSwitcher(initial=self.pane):
            yield from widgets

    def turned(self) -> None:
        """Another pane came into sight."""
        raise NotImplementedError

    def put_pane(self, name: str) -> None:
        """Show a pane without telling ``turned``."""
        self.pane = name if name in {pane.name for pane in self.PANES} else self.PANES[0].name
        self.query_one(ContentSwitcher).current = self.pane
        self.query_one(PaneLine).show(self.pane)
        self._fit(self.app.size.width)
        # Not widget.focus(), which acts later than the next key.
        self.set_focus(self.query_one(self.FOCUS[self.pane]))
        self.refresh_bindings()

    def to(self, name: str) -> None:
        """Show a pane. What was said of the one before is gone at once."""
        if name != self.pane:
            self.status.waiting("looking ...")
        self.put_pane(name)
        self.turned()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """There is a way out of a field where one is edited."""
        if action == "to_table":
            return isinstance(self.focused, Input)
        return super().check_action(action, parameters)

    def action_pane(self, name: str) -> None:
        self.to(name)

    def action_to_table(self) -> None:
        """Out of a field."""
        self.set_focus(self.query_one(self.FOCUS[self.pane]))

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_to_table()

    async def on_resize(self) -> None:
        await TURN.wait()  # it has just been laid out
        self._fit(self.app.size.width)

    def _fit(self, width: int) -> None:
        """The tables in sight; others when they are seen."""
        for rows in self.query_one(f"#{self.pane}").query(Rows):
            rows.fit(width, narrow=width < NARROW_BELOW)
