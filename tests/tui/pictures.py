"""What a screen looks like, as text that can be read, kept and compared: cells, then styles.

An SVG of a screen holds the same at thirty times the size, and nobody reads its changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from string import ascii_letters, digits
from typing import Any

from rich.color import Color
from rich.style import Style
from textual.app import App

FOLDER = Path(__file__).with_name("snapshots")
TEXT = "text"
ATTRIBUTES = ("bold", "dim", "italic", "underline", "strike", "reverse")
NAMES = [*ascii_letters, *(f"{letter}{digit}" for letter in ascii_letters for digit in digits)]


@dataclass(frozen=True)
class Picture:
    """``text`` has a line for each line of the screen; ``styles`` the lengths of runs of equal
    style in each line, and below what each style is."""

    text: tuple[str, ...]
    styles: tuple[str, ...]


def picture(app: App[Any]) -> Picture:
    """Of what the application shows now."""
    names: dict[str, str] = {}
    text, styles = [], []
    for strip in app.screen._compositor.render_strips(app.size):
        text.append("".join(segment.text for segment in strip).rstrip())
        runs: list[tuple[str, int]] = []
        for segment in strip:
            if not segment.cell_length:
                continue
            look = _look(segment.style)
            name = names.setdefault(look, NAMES[len(names)])
            if runs and runs[-1][0] == name:
                runs[-1] = name, runs[-1][1] + segment.cell_length
            else:
                runs.append((name, segment.cell_length))
        styles.append(" ".join(f"{name}:{cells}" for name, cells in runs))
    styles += [f"{name} = {look}" for look, name in names.items()]
    return Picture(tuple(text), tuple(styles))


def _look(style: Style | None) -> str:
    if style is None:
        return "nothing"
    colours = f"{_colour(style.color)} on {_colour(style.bgcolor)}"
    return " ".join([colours, *(name for name in ATTRIBUTES if getattr(style, name))])


def _colour(colour: Color | None) -> str:
    return "default" if colour is None else colour.name


class Snapshot:
    """A file with the text of one screen at one size and its styles in each theme."""

    def __init__(self, name: str) -> None:
        self.path = FOLDER / f"{name}.txt"
        self.parts: dict[str, tuple[str, ...]] = {}
        if self.path.exists():
            _, *parts = self.path.read_text(encoding="utf-8").split("\n== ")
            for part in parts:
                title, *lines = part.rstrip("\n").split("\n")
                self.parts[title] = tuple(lines)

    def update(self, changes: Mapping[str, tuple[str, ...]]) -> None:
        self.parts |= changes
        written = [f"{self.path.stem}: made by pytest --update-snapshots"]
        written += ["\n".join([f"== {name}", *lines]) for name, lines in self.parts.items()]
        FOLDER.mkdir(exist_ok=True)
        self.path.write_text("\n".join(written) + "\n", encoding="utf-8")
