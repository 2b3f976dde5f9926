"""What every main screen has: one planning thread, a debounce, and a last good answer."""

from __future__ import annotations

import asyncio
import gc
import math
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar, cast

from textual import events, on
from textual.binding import BindingType
from textual.geometry import Size
from textual.message import Message
from textual.screen import Screen
from textual.timer import Timer

from planner.actions.explore.plan import Subject, start_session
from planner.actions.problems import Problem, expected, problem_of
from tui.history import History
from tui.keys import key
from tui.screens.steps import SOON_S, Steps
from tui.turn import TURN
from tui.widgets.mode_bar import ModeBar
from tui.widgets.status import Status

if TYPE_CHECKING:
    from planner.actions.session import Session
    from tui.app import PlannerApp

DEBOUNCE_S = 0.02  # changes that follow each other this fast come from a burst, not from a finger
OLD_OPACITY = 0.55
BUSY_AFTER_S = 0.5  # shorter work would only flicker

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")


class PlanningScreen(Steps, Screen[None], Generic[Asked, Answer]):
    """A screen that asks the planner for an ``Answer`` to what its fields hold (``Asked``).

    A subclass names its ``MODE``, composes a ``ModeBar`` (``self.mode_bar()``), a ``Status`` and
    its own widgets, calls ``ask`` and ``ask_soon``, and implements ``work`` and ``show``. Widgets
    with the class ``answer`` are dimmed while the answer on screen is not that to the newest
    inputs. ``Asked`` must have equality: a frozen dataclass of texts, best with defaults.
    """

    MODE: ClassVar[str]
    BINDINGS: ClassVar[list[BindingType]] = [
        key("app", "u", "undo", "Undo", "the inputs before the last change"),
        key("app", "U", "redo", "Redo", "the inputs that were undone"),
    ]
    # Not ClassVar: Textual declares them as instance variables.
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (110, "-wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-low"), (32, "-high")]  # noqa: RUF012

    @dataclass
    class Answered(Message):
        """The thread has finished: the session it used, what was asked and what came of it."""

        session: Session | None
        catalog_version: int
        asked: Any
        result: Any

    def __init__(self, subject: Subject) -> None:
        super().__init__()
        self.subject = subject
        self.answer: Answer | None = None
        self.answered: Asked | None = None  # what ``answer`` is the answer to
        self._newest: Asked | None = None
        self._history: History[Asked] = History()
        self._session: Session | None = None
        self._session_version = 0
        self._debounce: Timer | None = None
        self._changed_at = -math.inf  # when the fields last did, by the monotonic clock
        self._busy: Timer | None = None
        # One answer is made at a time: threads cannot be stopped, so newer questions wait here.
        self._working = False
        self._waiting: tuple[Asked] | None = None
        # Always the same thread: the catalog's connection may not change threads.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=self.MODE)

    # -- what a subclass says -----------------------------------------------------------------

    def work(self, session: Session, asked: Asked) -> Answer | Problem:
        """Answer, in the thread: touch no widget. Errors of the planner become Problems."""
        raise NotImplementedError

    def show(self, answer: Answer) -> None:
        """Show the answer to the newest inputs."""
        raise NotImplementedError

    def fields(self) -> tuple[str, ...]:
        """Inputs that a problem may be about: ids of widgets."""
        return ()

    def describe(self, asked: Asked) -> str:
        """What was asked, in a phrase: said of an answer that is no longer that to the inputs."""
        del asked
        return "the last inputs that had one"

    def put(self, asked: Asked) -> None:
        """Write these inputs into the fields, without saying that they changed.

        A screen that implements it has undo and redo, and its inputs are saved.
        """
        raise NotImplementedError

    # -- what it may use ----------------------------------------------------------------------

    @property
    def planner_app(self) -> PlannerApp:
        """The application: ``marked`` options, ``inputs`` and the subject all screens share."""
        return cast("PlannerApp", self.app)

    def mode_bar(self) -> ModeBar:
        return ModeBar(self.MODE, self.subject)

    @property
    def status(self) -> Status:
        return self.query_one(Status)

    def take_up(self, subject: Subject) -> bool:
        """Go on with another workload; False of a screen that is made anew for it."""
        del subject
        return False

    def restored(self, first: Asked) -> Asked:
        """The inputs that were saved for this screen, put into its fields; else ``first``."""
        saved = self.planner_app.saved_inputs.pop(self.MODE, None)
        if saved is None:
            return first
        from pydantic import TypeAdapter, ValidationError

        try:
            asked = TypeAdapter(type(first)).validate_python(saved)
        except ValidationError:
            self.notify("The saved inputs are not those of this screen", severity="warning")
            return first
        self.put(asked)
        return asked

    @property
    def inputs_to_save(self) -> Asked | None:
        """The newest inputs, where the screen can put them back."""
        return self._newest if self._puts else None

    @property
    def _puts(self) -> bool:
        return type(self).put is not PlanningScreen.put

    def ask(self, asked: Asked) -> None:
        """Work on this now, or as soon as the work under way is done."""
        self._newest = asked
        if self._debounce:
            self._debounce.stop()
        if self._working:
            self._waiting = (asked,)
            return
        self._working = True
        if self._busy is None:  # else of the question before, for as long as there is no answer
            self._busy = self.set_timer(BUSY_AFTER_S, lambda: self._say_busy("working ..."))
        self.run_worker(self._ask(asked), group="plan")

    def ask_soon(self, asked: Asked) -> None:
        """Work on this now; of changes in a burst, on the first and on the last."""
        if self._debounce:
            self._debounce.stop()
        before, self._changed_at = self._changed_at, time.monotonic()
        if self._changed_at - before > DEBOUNCE_S:
            self.ask(asked)
        else:
            self._debounce = self.set_timer(DEBOUNCE_S, lambda: self.ask(asked))

    def problem(self, problem: Problem) -> None:
        """Show what is wrong and what would help; the last good answer stays, marked as old."""
        self.mark(problem.field)
        old = "" if self.answered is None else self.describe(self.answered)
        self.status.problem(problem, old)
        self._show_old(self.answer is not None)

    def _show_old(self, old: bool) -> None:
        """The last good answer stays readable, but is plainly not the answer to the inputs.

        Not by a rule of the style sheet: the styles of all widgets would be worked out anew.
        """
        if old == self.has_class("-old"):
            return
        self.set_class(old, "-old", update=False)
        for widget in self.query(".answer"):
            widget.styles.opacity = OLD_OPACITY if old else 1.0

    # -- undo ---------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        del parameters
        return self._puts if action in ("undo", "redo") else True

    def action_undo(self) -> None:
        """Back to the inputs before; after a problem, to the last that had an answer."""
        self._go(self._history.back(self._newest), "Nothing to undo")

    def action_redo(self) -> None:
        self._go(self._history.forth(), "Nothing to redo")

    def _go(self, asked: Asked | None, otherwise: str) -> None:
        if asked is None:
            self.notify(otherwise)
            return
        self.put(asked)
        self.ask(asked)

    # -- the thread ---------------------------------------------------------------------------

    def on_unmount(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)

    def on_screen_resume(self) -> None:
        """Ask again where the catalog has changed since."""
        changed = self._session_version != self.planner_app.catalog_version
        if changed and self._newest is not None and self._session is not None:
            self.ask(self._newest)

    async def _on_resize(self, event: events.Resize) -> None:
        """Classes by size come first: after it, all would be laid out and painted twice."""
        await TURN.wait()
        if not self.is_past(event.size) and self.be_sized(event.size):
            await self.planner_app.stylesheet.update_in_parts(self)
        await asyncio.sleep(SOON_S)  # keys come between styles and layout

    def be_sized(self, size: Size) -> bool:
        """Have the classes that go with a size; whether they are others, so that all within is to
        be styled anew."""
        fit = {
            *self._get_breakpoint_classes(size.width, self.HORIZONTAL_BREAKPOINTS),
            *self._get_breakpoint_classes(size.height, self.VERTICAL_BREAKPOINTS),
        }
        both = (*self.HORIZONTAL_BREAKPOINTS, *self.VERTICAL_BREAKPOINTS)
        before = self.classes
        self.update_classes({name: name in fit for _, name in both}, update=False)
        return self.classes != before

    def _on_screen_resume(self, event: events.ScreenResume) -> None:
        """Styles are worked out anew only after a change of theme, which does so by itself."""
        event.refresh_styles = False

    async def _ask(self, asked: Asked) -> None:
        loop = asyncio.get_running_loop()
        version = self.planner_app.catalog_version
        work: Callable[..., Message] = self._work
        self.post_message(await loop.run_in_executor(self._thread, work, asked, version))

    def _work(self, asked: Asked, version: int) -> Message:
        """In the thread: touches no widget."""
        session = self._session if version == self._session_version else None
        opened = session or start_session()
        if isinstance(opened, Problem):
            return self.Answered(None, version, asked, opened)
        result: Answer | Problem
        try:
            result = self.work(opened, asked)
        except Exception as error:  # a dead screen would lose the user's inputs
            if expected(error):
                result = problem_of(error, self.fields())
            elif os.environ.get("PLANNER_DEBUG"):
                raise
            else:
                result = Problem("", f"unexpected {type(error).__name__}: {error}")
        return self.Answered(opened, version, asked, result)

    @on(Answered)
    async def _on_answered(self, message: Answered) -> None:
        message.stop()
        await TURN.wait()
        self._working = False
        self._session, self._session_version = message.session, message.catalog_version
        newer, self._waiting = self._waiting, None
        if newer is not None and newer[0] != message.asked:
            self.ask(newer[0])
            return
        self._say_busy("")
        self.update_soon()
        if isinstance(message.result, Problem):
            self.problem(message.result)
            return
        self._show_old(False)
        self.mark("")
        if self.answer is None:
            # What the first plan imported and read stays: looked at again and again, it would
            # hold up keys for a tenth of a second each time.
            gc.freeze()
        self.answer, self.answered = message.result, message.asked
        self._history.record(message.asked)
        self.show(message.result)
        self.planner_app.keep()

    def _say_busy(self, what: str) -> None:
        if self._busy:
            self._busy.stop()
            self._busy = None
        self.query_one(ModeBar).busy(what)

    def mark(self, field: str) -> None:
        """Show which field is at fault; empty clears the mark."""
        for name in self.fields():
            for widget in self.query(f"#{name}"):
                widget.set_class(name == field, "wrong")

    def action_zoom_pane(self) -> None:
        """The focused pane over the whole screen, and back."""
        if self.maximized is not None:
            self.minimize()
        elif self.focused is not None:
            self.maximize(self.focused, container=False)
