"""Bars, ranges, tornadoes, steps and curves. Each returns an SVG element."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from xml.etree.ElementTree import Element

from planner.report.drawing.markup import el
from planner.report.drawing.plot import (
    WIDTH,
    Format,
    Plot,
    Scale,
    around,
    drawing,
    labels,
    shortened,
    text,
)
from planner.report.drawing.style import SERIES

LEFT, ROW, TOP = 210.0, 26.0, 28.0
NAME = 32  # characters that fit left of a row


@dataclass(frozen=True)
class Bar:
    """One bar: ``low`` and ``high`` are the ends of its interval, ``said`` stands at its end.
    ``hollow`` is an outline only: a guess more than a measurement.
    """

    name: str
    value: float
    said: str
    low: float | None = None
    high: float | None = None
    series: int = 0
    hollow: bool = False


def bars(
    title: str, about: str, rows: Sequence[Bar], form: Format, *, log: bool = False
) -> Element:
    """Horizontal bars with their intervals; ``log`` where values differ by powers of ten, which is
    said below.
    """
    known = [x for row in rows for x in (row.value, row.low, row.high) if x is not None]
    positive = [x for x in known if x > 0]
    log = log and bool(positive)
    low, high = around(positive if log else known or [1.0], log=log, zero=not log)
    bottom = TOP + ROW * len(rows)
    root = drawing(title, about, bottom + (44 if log else 28))
    x = Scale(low, high, LEFT, WIDTH - 150, log)
    _grid(root, x, bottom, form)
    if log:
        root.append(text((x.start + x.end) / 2, bottom + 34, "logarithmic scale", "mid soft"))
    begin = x.at(low if log else 0.0)
    for number, row in enumerate(rows):
        y = TOP + ROW * (number + 0.5)
        root.append(text(LEFT - 8, y + 4, shortened(row.name, NAME), "end"))
        end = x.at(row.value)
        look = f"f{row.series % SERIES} l{row.series % SERIES}" + (" hollow" if row.hollow else "")
        box = el(
            "rect",
            el("title", f"{row.name}: {row.said}"),
            x=min(begin, end),
            y=y - 8,
            width=max(abs(end - begin), 1.0),
            height=16.0,
            class_=look,
        )
        root.append(box)
        furthest = max(end, begin)
        if row.low is not None and row.high is not None:
            _whisker(root, x.at(row.low), x.at(row.high), y)
            furthest = max(furthest, x.at(row.high))
        root.append(text(furthest + 6, y + 4, row.said))
    return root


@dataclass(frozen=True)
class Range:
    """A value with an interval around it."""

    name: str
    low: float
    middle: float
    high: float
    said: str
    strong: bool = False


def ranges(title: str, about: str, rows: Sequence[Range], form: Format) -> Element:
    """Intervals below each other, on one scale."""
    values = [x for row in rows for x in (row.low, row.high)]
    low, high = around(values, log=False)
    root = drawing(title, about, TOP + ROW * len(rows) + 28)
    x = Scale(max(low, 0.0) if min(values) >= 0 else low, high, LEFT + 110, WIDTH - 130)
    bottom = TOP + ROW * len(rows)
    _grid(root, x, bottom, form)
    for number, row in enumerate(rows):
        y = TOP + ROW * (number + 0.5)
        series = 1 if row.strong else 0
        name = text(
            LEFT + 102, y + 4, shortened(row.name, 40), "end strong" if row.strong else "end"
        )
        name.insert(0, el("title", row.name))
        root.append(name)
        root.append(
            el("line", x1=x.at(row.low), x2=x.at(row.high), y1=y, y2=y, class_=f"line l{series}")
        )
        root.append(
            el(
                "circle",
                el("title", row.said),
                cx=x.at(row.middle),
                cy=y,
                r=4.5,
                class_=f"f{series}",
            )
        )
        root.append(text(x.at(row.high) + 8, y + 4, row.said))
    return root


@dataclass(frozen=True)
class Swing:
    """What a factor does to a figure at its two ends."""

    name: str
    low: float | None
    high: float | None
    low_said: str
    high_said: str


def tornado(title: str, about: str, rows: Sequence[Swing], base: float, form: Format) -> Element:
    """The longest swing on top; what has no plan at an end is said beside the line."""
    ends = [x for row in rows for x in (row.low, row.high) if x is not None]
    low, high = around([*ends, base], log=False)
    tall = 40.0
    bottom = TOP + tall * len(rows)
    root = drawing(title, about, bottom + 28)
    x = Scale(low, high, LEFT + 10, WIDTH - 40)
    _grid(root, x, bottom, form)
    for number, row in enumerate(rows):
        y = TOP + tall * number + 12
        root.append(text(LEFT, y + 5, shortened(row.name, NAME), "end"))
        for value, said, series in ((row.low, row.low_said, 0), (row.high, row.high_said, 1)):
            if value is None:
                continue
            start, end = sorted((x.at(base), x.at(value)))
            root.append(
                el(
                    "rect",
                    el("title", f"{row.name}, {said}: {form(value)}"),
                    x=start,
                    y=y - 8,
                    width=max(end - start, 1.0),
                    height=16.0,
                    class_=f"f{series}",
                )
            )
        low_end, high_end = (
            f"{said}: {'no plan' if value is None else form(value)}"
            for value, said in ((row.low, row.low_said), (row.high, row.high_said))
        )
        root.append(text(LEFT, y + 22, low_end, "end soft"))
        root.append(text(WIDTH - 40, y + 22, high_end, "soft end"))
    at = x.at(base)
    root.append(el("line", x1=at, x2=at, y1=TOP - 8, y2=bottom, class_="rule"))
    root.append(text(at, TOP - 12, form(base), "mid strong"))
    return root


@dataclass(frozen=True)
class Point:
    """A point of a front."""

    x: float
    y: float
    hint: str
    chosen: bool = False


def steps(
    title: str,
    about: str,
    points: Sequence[Point],
    *,
    x_title: str,
    y_title: str,
    x_format: Format,
    y_format: Format,
) -> Element:
    """A front as the steps it is: between two points the dearer, faster one is needed."""
    line = sorted((p for p in points if not p.chosen), key=lambda p: (p.x, -p.y))
    # what is recommended is often the cheap end of the front, which thinning may have left out
    cheapest = min((p.y for p in line), default=0.0)
    line += [p for p in points if p.chosen and p.x > line[-1].x and p.y <= cheapest * 1.001]
    everything = [*points]
    x_log = _wide([p.x for p in everything])
    y_log = _wide([p.y for p in everything])
    x = Scale(*around([p.x for p in everything], log=x_log), 78.0, WIDTH - 24, x_log)
    y = Scale(*around([p.y for p in everything], log=y_log), 300.0, 34.0, y_log)
    plot = Plot(x, y, title=title, about=about, height=346)
    plot.axes(x_title, y_title, x_format, y_format)
    corners: list[tuple[float, float]] = []
    for before, after in pairwise(line):
        corners += [(before.x, before.y), (after.x, before.y)]
    corners += [(line[-1].x, line[-1].y)] if line else []
    plot.path(corners, "line l0")
    for point in line:
        if point.chosen:
            continue
        plot.dot(point.x, point.y, "f0", point.hint)
    for point in points:
        if point.chosen:
            plot.dot(point.x, point.y, "hollow l1 f1", point.hint, 7.0)
            at, up = x.at(point.x), y.at(point.y)
            beyond = at > (x.start + x.end) / 2
            shift, side = (-12.0, "end strong") if beyond else (12.0, "strong")
            plot.add(text(at + shift, up - 10, "recommended", side))
    return plot.root


# A line through more points is drawn without them.
DOTS = 16


@dataclass(frozen=True)
class Curve:
    """A named line; None in ``y`` is a gap."""

    name: str
    x: Sequence[float]
    y: Sequence[float | None]


def curves(
    title: str,
    about: str,
    lines: Sequence[Curve],
    *,
    x_title: str,
    y_title: str,
    x_format: Format,
    y_format: Format,
    marks: Sequence[tuple[float, str]] = (),
) -> Element:
    """Lines over one quantity, both axes logarithmic where values are wide apart; ``marks`` are
    upright lines with words, dotted without.
    """
    xs = [a for line in lines for a, b in zip(line.x, line.y, strict=True) if b is not None]
    ys = [b for line in lines for b in line.y if b is not None]
    x_log, y_log = _wide(xs), _wide(ys)
    x = Scale(*around(xs, log=x_log), 78.0, WIDTH - 170, x_log)
    y = Scale(*around(ys, log=y_log), 300.0, 34.0, y_log)
    plot = Plot(x, y, title=title, about=about, height=346)
    plot.axes(x_title, y_title, x_format, y_format)
    for value, words in marks:
        at = x.at(value)
        look = "axis" if words else "rule dash2"
        plot.add(el("line", x1=at, x2=at, y1=y.start, y2=y.end, class_=look))
        beyond = at > (x.start + x.end) / 2
        shift, side = (-4.0, "soft end") if beyond else (4.0, "soft")
        plot.add(text(at + shift, y.end + 10, words, side))
    for number, line in enumerate(lines):
        look = f"line l{number % SERIES} dash{number % 4}"
        for part in _unbroken(line):
            plot.path(part, look)
            for a, b in part if len(part) <= DOTS else ():
                plot.dot(
                    a, b, f"f{number % SERIES}", f"{line.name}: {y_format(b)} at {x_format(a)}", 2.5
                )
        _legend(plot, number, shortened(line.name, 20), look)
    return plot.root


def _unbroken(line: Curve) -> list[list[tuple[float, float]]]:
    parts: list[list[tuple[float, float]]] = [[]]
    for a, b in zip(line.x, line.y, strict=True):
        if b is None:
            parts.append([])
        else:
            parts[-1].append((a, b))
    return [part for part in parts if part]


def _legend(plot: Plot, number: int, name: str, look: str) -> None:
    """One line right of the plane."""
    left, y = plot.x.end + 12, plot.y.end + 10 + 18 * number
    plot.add(el("line", x1=left, x2=left + 20, y1=y - 4, y2=y - 4, class_=look))
    plot.add(text(left + 26, y, name))


def _wide(values: Sequence[float]) -> bool:
    """Whether a logarithmic scale reads better."""
    return bool(values) and min(values) > 0 and max(values) / min(values) > 8


def _grid(root: Element, x: Scale, bottom: float, form: Format) -> None:
    """Upright lines through the rows, with their values below."""
    ticks = x.ticks(5)
    for tick, words in zip(ticks, labels(ticks, form, log=x.log), strict=True):
        at = x.at(tick)
        root.append(el("line", x1=at, x2=at, y1=TOP - 4, y2=bottom, class_="grid"))
        root.append(text(at, bottom + 16, words, "mid soft"))


def _whisker(root: Element, low: float, high: float, y: float) -> None:
    root.append(el("line", x1=low, x2=high, y1=y, y2=y, class_="rule"))
    for end in (low, high):
        root.append(el("line", x1=end, x2=end, y1=y - 5, y2=y + 5, class_="rule"))
