"""What all main screens share: modes, the planning thread, a last good answer."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import dataclass

import pytest
from textual import events
from textual.app import ComposeResult
from textual.widgets import Input, Static
from textual.widgets._footer import FooterKey
from textual.widgets._toast import Toast

from planner.actions.explore.plan import open_subject
from planner.actions.problems import Problem
from planner.actions.session import Session
from planner.errors import BadInput
from tests.tui.conftest import Start
from tui.app import DEFAULT_WORKLOAD, PlannerApp
from tui.modes import MODES, Mode, modes
from tui.screens import base
from tui.screens.base import PlanningScreen
from tui.widgets.footer import KeyFooter
from tui.widgets.status import Status
from tui.widgets.tables.options import Options


@dataclass(frozen=True)
class Number:
    text: str = "1"


class Doubling(PlanningScreen[Number, int]):
    """Doubles a number: slowly for 7, never for what is none."""

    MODE = "doubling"

    def compose(self) -> ComposeResult:
        yield self.mode_bar()
        yield Status("waiting")
        yield Static(id="text", classes="answer")

    def work(self, session: Session, asked: Number) -> int | Problem:
        assert session.catalog.offers is not None  # the thread's own connection
        if asked.text == "7":
            time.sleep(0.3)
        if not asked.text.isdecimal():
            raise BadInput("is no number", where="doubling: text", remedy="give one such as 3")
        return int(asked.text) * 2

    def show(self, answer: int) -> None:
        self.query_one("#text", Static).update(str(answer))

    def fields(self) -> tuple[str, ...]:
        return ("text",)

    def describe(self, asked: Number) -> str:
        return f"number {asked.text}"


async def test_confirmations_are_said_in_the_status_line(start: Start) -> None:
    async with start((80, 24)) as it:
        before, places = it.status, {w: w.region for w in it.screen.children}
        await it.pilot.press("y")
        await it.pilot.pause()
        assert it.status.startswith("Copied the command") and not it.app._notifications
        assert {w: w.region for w in it.screen.children} == places  # nothing moves
        assert max(map(len, it.status.split("\n"))) <= 80
        # A plan made meanwhile waits; what must be known does not.
        await it.pilot.press("s")
        await it.planned(lambda view: view.inputs.purchase == ("on_demand",))
        assert it.status.startswith("Copied the command")
        it.screen.status._be_done()
        assert "options meet all limits" in it.status != before
        await it.pilot.press("y")
        await it.type_into("d", "soon")
        await it.until(lambda: it.status.startswith("NO PLAN"), "the problem")


async def test_what_needs_attention_hides_neither_keys_nor_the_chosen_row() -> None:
    app = PlannerApp(open_subject(str(DEFAULT_WORKLOAD), shipped=True))
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await pilot.pause()
        app.notify("a thing to know about", title="Not done", severity="warning")
        for _ in range(100):
            await pilot.pause(0.02)
            if app.screen.query(Toast) and app.screen.query_one(Toast).region:
                break
        toast = app.screen.query_one(Toast).region
        for hidden in (app.screen.query_one(KeyFooter), app.screen.query_one(Options)):
            assert not toast.overlaps(hidden.region), (toast, hidden)
        assert toast.height == 2 and toast.right <= 80


async def test_a_screen_keeps_its_last_good_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "DEBOUNCE_S", 0.01)
    subject = open_subject(str(DEFAULT_WORKLOAD), shipped=True)
    app = PlannerApp(subject)
    async with app.run_test() as pilot:
        screen = Doubling(subject)
        await app.push_screen(screen)

        async def until(text: str, where: str) -> None:
            for _ in range(500):
                if text in str(screen.query_one(where, Static).render()):
                    return
                await pilot.pause(0.02)
            raise AssertionError(screen.query_one(where, Static).render())

        screen.ask(Number("7"))
        screen.ask(Number("2"))  # waits
        screen.ask(Number("3"))  # takes its place
        await until("6", "#text")
        assert screen.answer == 6 and screen.answered == Number("3")
        screen.ask_soon(Number("many"))
        await until("NO PLAN is no number; give one such as 3", "Status")
        await until("OLD below: plan for number 3", "Status")
        assert screen.has_class("-old") and screen.query_one("#text").has_class("wrong")
        assert screen.answer == 6
        screen.ask_soon(Number("5"))
        await until("10", "#text")
        assert not screen.has_class("-old") and not screen.query_one("#text").has_class("wrong")


async def test_nothing_is_said_to_be_under_way_once_the_newest_is_answered() -> None:
    subject = open_subject(str(DEFAULT_WORKLOAD), shipped=True)
    app = PlannerApp(subject)
    async with app.run_test() as pilot:
        screen = Doubling(subject)
        await app.push_screen(screen)
        screen.ask(Number("7"))
        screen.ask(Number("2"))  # waits, and is answered before the first took long
        await pilot.pause(base.BUSY_AFTER_S + 0.3)
        assert screen.answer == 4
        assert not str(screen.query_one("#busy", Static).render())


async def test_numbers_lead_to_the_screens(start: Start) -> None:
    async with start() as it:
        explore = it.screen
        bar = str(it.screen.query_one("#mode-titles", Static).render())
        for mode in modes():
            assert f"{mode.key} {mode.title}" in bar
            await it.pilot.press(mode.key)
            assert it.app.current_mode == mode.name
        catalog = it.app.screen

        def at_once(*keys: str) -> None:
            """As over a slow line: no key waits for what the one before does."""
            for name in keys:
                sign = {"slash": "/"}.get(name, name if len(name) == 1 else None)
                it.app.post_message(events.Key(name, sign))

        async def ends(mode: str, find: str, deadline: str) -> None:
            await it.until(lambda: it.app.current_mode == mode, mode)
            assert catalog.query_one("#find", Input).value == find
            assert explore.query_one("#deadline", Input).value == deadline

        at_once("3", "5", "slash", *"h200", "enter", *"mo1d50m", "escape", "2")
        await ends("capacity", "h200", "50m")
        # In a field numbers are typed; there are other ways out.
        at_once("5", "slash", "4", "ctrl+pagedown")
        await ends("explore", "4", "50m")
        at_once(*"d7h", "ctrl+pageup")
        await ends("catalog", "4", "7h")
        at_once("slash")
        await it.until(lambda: isinstance(it.app.focused, Input), "the field")
        await it.pilot.pause()
        footer: list[str] = []

        def leads_out() -> bool:
            footer[:] = [one.description for one in it.app.screen.query(FooterKey)]
            return footer[:1] == ["Leave the field"]

        await it.until(leads_out, "the footer of a field")
        assert "Next screen" in footer
        assert "Find" not in footer and "Quit" not in footer


def test_a_screen_that_is_missing_is_left_out() -> None:
    assert MODES[0].exists
    assert not Mode("none", "9", "None", "nothing", "tui.screens.none:NoScreen").exists


def test_a_screen_is_imported_when_first_visited() -> None:
    others = [mode.place.partition(":")[0] for mode in MODES[1:]]
    script = f"import sys, tui.app; print([m for m in {others!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr
