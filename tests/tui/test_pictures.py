"""Every screen as it looks, at three sizes, in three themes and without colour."""

from __future__ import annotations

import datetime as clock
from collections.abc import Sequence
from pathlib import Path
from typing import Self
from xml.etree import ElementTree

import pytest
from textual.widgets import Static

import planner.actions.catalog.listing
from planner.actions.compare import answer as compare
from planner.actions.explore import lookup as explore_lookup
from planner.actions.recommend import pareto
from planner.actions.recommend import plan as recommend
from tests.tui.main_screen import ScreenDriver, opened
from tests.tui.pictures import TEXT, Picture, Snapshot, picture
from tui.modes import MODES
from tui.screens.catalog import CatalogScreen
from tui.themes import DARK, HIGH_CONTRAST, LIGHT

SIZES = ((80, 24), (120, 40), (200, 60))
THEMES = (DARK, LIGHT, HIGH_CONTRAST.name)
NO_COLOUR = "no-color"
SCREENS = [mode.name for mode in MODES]
# A job that is quick to plan, with accelerators of two kinds.
WORK = """
kind: finetune
name: llama-8b-lora
model: llama-3.1-8b
method: lora
tokens: 300M
sequence_length: 2048
precision: bf16
deadline: 24h
where: {clouds: [aws, gcp], max_nodes: 2}
"""


class Day(clock.date):
    """Ages of prices are those of one day."""

    @classmethod
    def today(cls) -> Self:
        return cls(2026, 12, 1)


class Moment(clock.datetime):
    @classmethod
    def now(cls, tz: clock.tzinfo | None = None) -> Self:
        return cls(2026, 12, 1, 12, tzinfo=tz)


@pytest.fixture(autouse=True)
def stopped_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planner.actions.catalog.listing, "datetime", Moment)
    for module in (recommend, pareto, compare, explore_lookup):
        monkeypatch.setattr(module, "date", Day)


async def still(it: ScreenDriver) -> None:
    """Nothing moves any more."""
    await it.settled()
    screen = it.screen
    if isinstance(screen, CatalogScreen):
        await it.until(lambda: not screen._reads_history, "the price history")
    busy = screen.query_one("#busy", Static)
    await it.until(lambda: not str(busy.render()), "the end of work")
    await it.pilot.pause()


async def look(it: ScreenDriver, size: tuple[int, int], theme: str) -> Picture:
    if it.app.size != size:
        await it.pilot.resize_terminal(*size)
    if it.app.theme != theme:
        it.app.theme = theme
    await still(it)
    # Charts take their colours some frames after the theme is another.
    before, found = None, picture(it.app)
    while found != before:
        await it.pilot.pause(0.25)
        before, found = found, picture(it.app)
    return found


async def check(
    mode: str, work: Path, views: Sequence[tuple[tuple[int, int], str]], update: bool
) -> None:
    """Views of one screen, in one application, with what was kept of them."""
    changed = []
    async with opened(mode, file=work, size=(80, 24)) as it:
        it.app.animation_level = "none"
        for size, theme in views:
            found = await look(it, size, DARK if theme == NO_COLOUR else theme)
            assert len(found.text) == size[1]
            snapshot = Snapshot(f"{mode}-{size[0]}x{size[1]}")
            parts = {TEXT: found.text, theme: found.styles}
            if update:
                snapshot.update(parts)
                continue
            for part, lines in parts.items():
                kept = snapshot.parts.get(part, ())
                if lines != kept:
                    changed += difference(f"{snapshot.path.name}: {part} ({theme})", kept, lines)
        svg = it.app.export_screenshot()
        assert ElementTree.fromstring(svg).tag.endswith("svg")
    assert not changed, "\n".join([*changed, "if it is meant: pytest --update-snapshots"])


def difference(name: str, kept: Sequence[str], found: Sequence[str]) -> list[str]:
    places = max(len(kept), len(found))
    old = [*kept, *[""] * (places - len(kept))]
    new = [*found, *[""] * (places - len(found))]
    lines = [
        f"{at + 1:3}{sign} {line}"
        for at, (before, now) in enumerate(zip(old, new, strict=True))
        if before != now
        for sign, line in (("-", before), ("+", now))
    ]
    return [name, *lines[:40]]


@pytest.fixture
def work(tmp_path: Path) -> Path:
    path = tmp_path / "llama-8b-lora.yaml"
    path.write_text(WORK)
    return path


# One larger or other-coloured view each, so that every size and theme is in the gate.
OTHERS = dict(
    zip(
        SCREENS,
        [
            (SIZES[2], DARK), (SIZES[1], LIGHT), (SIZES[1], HIGH_CONTRAST.name),
            (SIZES[1], LIGHT), (SIZES[2], HIGH_CONTRAST.name),
        ],
        strict=True,
    )
)  # fmt: skip


@pytest.mark.parametrize("mode", SCREENS)
async def test_a_screen_looks_as_it_did(mode: str, work: Path, pytestconfig: pytest.Config) -> None:
    views = [(SIZES[0], DARK), (SIZES[1], DARK), OTHERS[mode]]
    await check(mode, work, views, pytestconfig.getoption("update_snapshots"))


async def test_a_screen_without_colour_looks_as_it_did(
    work: Path, monkeypatch: pytest.MonkeyPatch, pytestconfig: pytest.Config
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    update = pytestconfig.getoption("update_snapshots")
    await check("calibrate", work, [(SIZES[0], NO_COLOUR)], update)


@pytest.mark.nightly
@pytest.mark.parametrize("mode", SCREENS)
async def test_every_view_of_a_screen_looks_as_it_did(
    mode: str, work: Path, pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    update = pytestconfig.getoption("update_snapshots")
    await check(mode, work, [(size, theme) for size in SIZES for theme in THEMES], update)
    monkeypatch.setenv("NO_COLOR", "1")
    await check(mode, work, [(size, NO_COLOUR) for size in SIZES], update)
