"""The screen as an SVG file, from the palette."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

import pytest
from textual.geometry import Region

from tests.tui.main_screen import ScreenDriver, opened
from tui.screens.help import HelpScreen
from tui.screenshot import take

SVG_TEXT = re.compile(r">([^<>]+)</text>")


def words(svg: str) -> str:
    return unescape("".join(SVG_TEXT.findall(svg))).replace("\N{NO-BREAK SPACE}", " ")


async def save(it: ScreenDriver) -> None:
    commands = {each.title: each for each in it.app.get_system_commands(it.screen)}
    commands["Screenshot"].callback()


async def test_it_is_what_is_on_the_screen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    async with opened("explore", size=(80, 24)) as it:
        await it.settled()
        shown = words(it.app.export_screenshot(simplify=True))
        await save(it)
        await it.until(lambda: "The screen is saved here as planner_" in it.status, "where it is")
        (file,) = tmp_path.glob("*.svg")
        assert words(file.read_text(encoding="utf-8")) == shown
        assert "finetune-llama-8b" in shown


async def test_it_is_said_that_it_could_not_be_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened("explore", size=(80, 24)) as it:
        await it.settled()
        monkeypatch.setattr("tui.screenshot.Path.cwd", lambda: tmp_path / "none")
        await save(it)
        await it.until(lambda: bool(it.app._notifications), "the reason")
        (said,) = it.app._notifications
        assert said.severity == "error" and "No such file" in said.message


async def test_keys_are_shown_by_the_help() -> None:
    """The library's panel of them took a third of a screen, and a tenth of a second each time."""
    async with opened("explore", size=(80, 24)) as it:
        commands = {each.title: each for each in it.app.get_system_commands(it.screen)}
        commands["Keys"].callback()
        await it.until(lambda: isinstance(it.app.screen, HelpScreen), "the help")


async def test_what_is_not_painted_yet_is_painted_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    left: list[set[Region]] = []
    async with opened("explore", size=(80, 24)) as it:
        await it.settled()
        compositor, row = it.screen._compositor, Region(0, 3, 80, 1)

        def drawn(*_: object) -> str:
            left.append(set(compositor._dirty_regions))
            return "<svg/>"

        monkeypatch.setattr("tui.screenshot._drawn", drawn)
        monkeypatch.setattr(it.app, "deliver_text", lambda *_, **__: None)
        compositor._dirty_regions.add(row)
        await take(it.app)
        assert left == [{row}]
