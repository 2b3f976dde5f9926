"""Rooflines (Williams et al. 2009): operations/s that a device reaches by operations per byte."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from planner.amounts import plain
from planner.report.drawing.markup import el
from planner.report.drawing.plot import WIDTH, Plot, Scale, text
from planner.report.drawing.style import SERIES

_MARKS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True)
class Roof:
    """One device: peak in operations/s, memory bandwidth in bytes/s."""

    name: str
    peak: float
    bandwidth: float

    @property
    def ridge(self) -> float:
        """Operations per byte from which arithmetic binds."""
        return self.peak / self.bandwidth


@dataclass(frozen=True)
class Placed:
    """An operator on a device: operations per byte, operations/s that the model expects."""

    roof: int
    name: str
    intensity: float
    rate: float
    hint: str


def roofline(title: str, about: str, roofs: Sequence[Roof], placed: Sequence[Placed]) -> Element:
    """Both axes logarithmic. Operators have letters, explained below the plane."""
    letters: dict[str, str] = {}
    for one in placed:
        letters.setdefault(one.name, _MARKS[len(letters) % len(_MARKS)])
    xs = [roof.ridge for roof in roofs] + [one.intensity for one in placed]
    ys = [roof.peak for roof in roofs] + [one.rate for one in placed]
    if not placed:  # where work with little reuse lies, below the bends
        xs.append(min(xs) / 100)
        ys.append(min(roof.bandwidth for roof in roofs) * min(xs))
    low_x, high_x = min(xs) / 4, max(xs) * 4
    low_y, high_y = min(ys) / 3, max(ys) * 2
    names = max(len(roof.name) for roof in roofs)
    x = Scale(low_x, high_x, 70.0, WIDTH - max(175.0, 46 + 6.6 * names), True)
    y = Scale(low_y, high_y, 330.0, 34.0, True)
    plot = Plot(x, y, title=title, about=about, height=376 + 16 * len(letters))
    plot.axes("operations per byte moved", "operations/s", _power, _rate)
    for number, roof in enumerate(roofs):
        look = f"line l{number % SERIES} dash{number % 4}"
        start = max(low_x, low_y / roof.bandwidth)
        plot.path(
            [(start, start * roof.bandwidth), (roof.ridge, roof.peak), (high_x, roof.peak)], look
        )
        left, at = x.end + 12, y.end + 10 + 18 * number
        plot.add(el("line", x1=left, x2=left + 20, y1=at - 4, y2=at - 4, class_=look))
        plot.add(text(left + 26, at, roof.name))
    for one in placed:
        series = one.roof % SERIES
        plot.dot(one.intensity, one.rate, f"f{series}", one.hint, 5.0)
    for name, letter in letters.items():
        top = max((one for one in placed if one.name == name), key=lambda one: one.rate)
        plot.add(text(x.at(top.intensity) - 4, y.at(top.rate) - 9, letter, "strong"))
    for number, (name, letter) in enumerate(letters.items()):
        plot.add(text(70.0, 386 + 16 * number, f"{letter}  {name}"))
    return plot.root


def _power(value: float) -> str:
    return plain(value)


def _rate(value: float) -> str:
    for size, name in ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M")):
        if value >= size:
            return f"{value / size:.4g} {name}"
    return f"{value:.3g}"
