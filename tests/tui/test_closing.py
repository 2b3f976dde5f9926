"""What closes a dialog closes it once, whatever lies over it by then."""

from __future__ import annotations

import gc
import weakref
from functools import partial
from pathlib import Path

from rich.style import Style
from textual.command import CommandList
from textual.events import Click
from textual.screen import ModalScreen, Screen
from textual.widgets._footer import FooterKey

from planner.actions.calibration.typed import TypedRun
from planner.actions.problems import Problem
from tests.tui.conftest import Start
from tests.tui.fuzz import send_key
from tui.screens.closing import Palette
from tui.screens.explore import ExploreScreen
from tui.screens.launch_dialog import LaunchDialog
from tui.screens.path import PathScreen


async def test_a_dialog_that_is_done_takes_what_lies_over_it_along(
    start: Start, tmp_path: Path
) -> None:
    done: list[str | None] = []
    async with start() as it:
        dialog = PathScreen("Write", tmp_path / "x", lambda path, force: None)
        it.app.push_screen(dialog, done.append)
        it.app.push_screen(Palette())
        await it.pilot.pause()
        dialog.dismiss("written")
        dialog.dismiss("again")
        await it.pilot.pause()
        assert done == ["written"] and it.app.screen is it.screen


async def test_letters_after_the_key_that_closes_the_palette_search_nothing(start: Start) -> None:
    async with start() as it:
        await it.pilot.press("ctrl+p")
        for key in ("x", "escape", "y", *["ctrl+p", "escape"] * 4):
            send_key(it.app, key)
        for _ in range(250):
            await it.pilot.pause(0.02)
            if not it.app.message_queue_size and isinstance(it.app.screen, ExploreScreen):
                break
        assert isinstance(it.app.screen, ExploreScreen)


async def test_a_palette_whose_screen_was_left_before_it_was_up_goes(start: Start) -> None:
    async with start() as it:
        it.app.push_screen(Palette())
        it.app.switch_mode("catalog")
        await it.pilot.pause(0.2)
        assert it.app.current_mode == "catalog" and not isinstance(it.app.screen, Palette)
        it.app.switch_mode("explore")
        await it.until(lambda: isinstance(it.app.screen, ExploreScreen), "the end of the palette")


async def test_that_nothing_matches_is_not_said_once_the_palette_is_closed(start: Start) -> None:
    async with start() as it:
        await it.pilot.press("ctrl+p")
        palette = it.app.screen
        assert isinstance(palette, Palette)
        palette._start_no_matches_countdown("zzz")
        timer = palette._no_matches_timer
        assert timer is not None and isinstance(timer._callback, partial)
        await it.pilot.press("escape")
        await it.until(lambda: not palette.query(CommandList), "the end of the palette")
        palette._query_one_cache.clear()  # it may remember the list that is gone, and may not
        timer._callback.args[0]()  # as when it was due just before


async def test_what_is_found_once_the_palette_is_closed_is_dropped(start: Start) -> None:
    async with start() as it:
        await it.pilot.press("ctrl+p")
        palette = it.app.screen
        assert isinstance(palette, Palette)
        commands = palette.query_one(CommandList)
        await it.pilot.press("escape")
        await it.until(lambda: not palette.query(CommandList), "the end of the palette")
        palette._query_one_cache.clear()
        palette._refresh_command_list(commands, [], clear_current=True)
        palette._list_visible = True
        await palette._watch__show_busy()
        await it.pilot.pause(0.1)


async def test_a_click_on_a_command_that_is_gone_chooses_none(start: Start) -> None:
    async with start() as it:
        await it.pilot.press("ctrl+p")
        await it.pilot.pause(0.1)
        commands = it.app.screen.query_one(CommandList)
        gone = Style(meta={"option": commands.option_count})
        x, y = commands.region.center
        commands.post_message(
            Click(commands, 1, 1, 0, 0, 1, False, False, False, int(x), int(y), gone)
        )
        await it.pilot.pause()
        assert isinstance(it.app.screen, Palette)


async def test_a_click_beyond_the_screen_does_nothing(start: Start) -> None:
    async with start() as it:
        await it.pilot.press("ctrl+p")
        palette = it.app.screen
        for place in (500, 0):
            assert it.app.screen is palette
            click = Click(palette, 0, 0, 0, 0, 1, False, False, False, place, place)
            click._set_forwarded()
            palette.post_message(click)
            await it.pilot.pause()
        await it.until(lambda: it.app.screen is it.screen, "the end of the palette")


async def test_two_clicks_beside_the_list_of_themes_close_it_once(start: Start) -> None:
    async with start() as it:
        it.app.search_themes()
        await it.pilot.pause()
        themes = it.app.screen
        assert isinstance(themes, Palette)
        themes.dismiss()
        themes.dismiss()
        await it.pilot.pause()
        assert isinstance(it.app.screen, ExploreScreen)


async def test_dialogs_and_keys_that_are_no_longer_shown_are_let_go(start: Start) -> None:
    closed: list[weakref.ref[Screen[object]]] = []
    async with start() as it:
        for _ in range(3):
            await it.pilot.press("d", "escape")
            for key in ("question_mark", "ctrl+p", "ctrl+s"):
                await it.pilot.press(key)
                assert isinstance(it.app.screen, ModalScreen), key
                closed.append(weakref.ref(it.app.screen))
                await it.pilot.press("escape")
        await it.pilot.pause(0.1)
        it.app._collector.afresh()  # also what was frozen meanwhile
        shown = len(it.screen.query(FooterKey))
        held = sum(isinstance(each, FooterKey) for each in gc.get_objects())
        assert held <= 2 * shown
        # An idle widget holds the last message that it got, with who sent it.
        assert sum(screen() is not None for screen in closed) <= 3


async def test_work_for_a_dialog_may_end_after_it_is_closed(start: Start, tmp_path: Path) -> None:
    async with start() as it:
        written = PathScreen("Write", tmp_path / "x", lambda path, force: None)
        run = LaunchDialog(TypedRun())
        for dialog in (written, run):
            it.app.push_screen(dialog)
            await it.pilot.pause()
            dialog.dismiss()
            await it.pilot.pause(0.05)
            assert not dialog.is_open
        written._say("exists already")
        await run._price(TypedRun("no such benchmark"))
        run.problem(Problem("on", "is not one of the machines"))
        assert it.app.screen is it.screen
