"""A plane with two axes, and marks on it. Lengths are pixels of a drawing 720 wide."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from planner.report.drawing.markup import el

WIDTH = 720.0
# Beyond any figure: what a file changed by hand holds is drawn at the border, not refused here.
MOST = 1e60
Format = Callable[[float], str]


@dataclass(frozen=True)
class Scale:
    """From values ``low`` to ``high`` to pixels ``start`` to ``end``."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def at(self, value: float) -> float:
        """Where a value lies; what is outside lies on the border."""
        low, high, value = (self._on(x) for x in (self.low, self.high, value))
        share = (value - low) / (high - low) if high > low else 0.5
        return self.start + min(max(share, 0.0), 1.0) * (self.end - self.start)

    def _on(self, value: float) -> float:
        return math.log10(max(value, 1e-300)) if self.log else value

    def ticks(self, most: int = 6) -> list[float]:
        """Round values within the scale, at most about ``most``."""
        if self.log:
            return _log_ticks(self.low, self.high, most)
        step = _round_step((self.high - self.low) / max(most - 1, 1))
        first = math.ceil(self.low / step - 1e-9)
        count = math.floor(self.high / step + 1e-9) - first + 1
        return [(first + k) * step for k in range(max(count, 0))]


def _round_step(least: float) -> float:
    if least <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(least))
    return next(m * power for m in (1.0, 2.0, 2.5, 5.0, 10.0) if m * power >= least * (1 - 1e-9))


def _log_ticks(low: float, high: float, most: int) -> list[float]:
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for marks in ((1, 1.5, 2, 3, 4, 5, 6, 8), (1, 2, 5), (1, 3), (1,)):
        found = [m * 10.0**d for d in decades for m in marks]
        found = [x for x in found if low * (1 - 1e-9) <= x <= high * (1 + 1e-9)]
        if len(found) <= most:
            break
    return found[:: max(1, math.ceil(len(found) / most))]


def around(values: Sequence[float], *, log: bool, zero: bool = False) -> tuple[float, float]:
    """Ends of a scale with some room; ``zero`` keeps 0 in it."""
    low, high = (min(max(x, -MOST), MOST) for x in (min(values), max(values)))
    if log:
        low = max(low, 1 / MOST)
        high = max(high, low)
        room = max((high / low) ** 0.06, 1.08)
        return low / room, high * room
    if zero:
        low, high = min(low, 0.0), max(high, 0.0)
    room = (high - low) * 0.06 or abs(high) * 0.1 or 1.0
    return (low if zero and low == 0 else low - room), high + room


_DECIMALS = re.compile(r"(?<=\d)\.0+(?!\d)")


def labels(ticks: Sequence[float], form: Format, *, log: bool = False) -> list[str]:
    """Words at the ticks, without decimals where none of them needs any."""
    words = [form(tick) for tick in ticks]
    short = [_DECIMALS.sub("", each) for each in words]
    whole = all("." not in each for each in short)
    return short if log or whole else words


class Plot:
    """Axes with grid and titles; things are drawn in the order they are added."""

    def __init__(self, x: Scale, y: Scale, *, title: str, about: str, height: float) -> None:
        self.x, self.y = x, y
        self.root = drawing(title, about, height)

    def axes(self, x_title: str, y_title: str, x_format: Format, y_format: Format) -> None:
        x, y = self.x, self.y
        across, up = x.ticks(7), y.ticks(6)
        free = 0.0
        for tick, words in zip(across, labels(across, x_format, log=x.log), strict=True):
            at = x.at(tick)
            self.add(el("line", x1=at, x2=at, y1=y.start, y2=y.end, class_="grid"))
            half = 3.4 * len(words)
            if at - half < free:
                continue  # it would run into the one before
            free = at + half + 6
            self.add(text(at, y.start + 16, words, "mid soft"))
        for tick, words in zip(up, labels(up, y_format, log=y.log), strict=True):
            at = y.at(tick)
            self.add(el("line", x1=x.start, x2=x.end, y1=at, y2=at, class_="grid"))
            self.add(text(x.start - 6, at + 4, words, "end soft"))
        self.add(el("line", x1=x.start, x2=x.end, y1=y.start, y2=y.start, class_="axis"))
        self.add(el("line", x1=x.start, x2=x.start, y1=y.start, y2=y.end, class_="axis"))
        self.add(text((x.start + x.end) / 2, y.start + 34, x_title, "mid"))
        self.add(text(x.start - 6, y.end - 10, y_title))

    def add(self, child: Element) -> None:
        self.root.append(child)

    def path(self, points: Sequence[tuple[float, float]], classes: str) -> None:
        """A line through values."""
        at = " ".join(f"{self.x.at(a):.1f},{self.y.at(b):.1f}" for a, b in points)
        self.add(el("polyline", points=at, class_=classes))

    def dot(self, a: float, b: float, classes: str, hint: str, radius: float = 4.0) -> None:
        circle = el("circle", cx=self.x.at(a), cy=self.y.at(b), r=radius, class_=classes)
        circle.append(el("title", hint))
        self.add(circle)


def drawing(title: str, about: str, height: float, width: float = WIDTH) -> Element:
    """An empty drawing that says what it is to those who do not see it."""
    return el(
        "svg",
        el("title", title),
        el("desc", about),
        viewBox=f"0 0 {width:.0f} {height:.0f}",
        width=f"{width:.0f}",
        height=f"{height:.0f}",
        role="img",
        aria_label=title,
    )


def text(x: float, y: float, words: str, classes: str = "") -> Element:
    return el("text", words, x=x, y=y, class_=classes or None)


def shortened(words: str, most: int) -> str:
    """At most so many characters, the cut shown."""
    return words if len(words) <= most else words[: most - 1] + "…"
