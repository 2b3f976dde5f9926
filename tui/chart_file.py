"""The chart of Explore as a file: SVG, or an HTML page with its table; ticks as on screen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement, tostring

import numpy as np

from planner.actions.explore import Axis, Option, Points, View, write_text
from planner.errors import BadInput
from tui.widgets.axes import formatter
from tui.widgets.options import COLUMNS, cells
from tui.widgets.ways import BEST, MARKED, way_of

WIDTH, HEIGHT = 960.0, 600.0
LEFT, RIGHT, TOP, BOTTOM = 90.0, 930.0, 60.0, 520.0
MARGIN = 0.05  # of the span, around the points
# Okabe and Ito: told apart by the colour-blind; glyphs differ as well.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000", "#666666")
FRONT, MISSED, LIMIT, INK, GRID = "#007a33", "#bbbbbb", "#b00000", "#1b1f24", "#e3e6ea"
FONT = "font-family:ui-monospace,monospace;font-size:13px"


def write_chart(
    path: Path, view: View, marked: Sequence[Option], command: str, force: bool
) -> None:
    """Write what the name asks for, whole or not at all. Raises BadInput."""
    makers: dict[str, Callable[[View, Sequence[Option], str], str]] = {
        ".svg": lambda view, marked, _: chart_svg(view, marked),
        ".html": chart_html,
    }
    make = makers.get(path.suffix.lower())
    if make is None:
        raise BadInput(
            f"{path.suffix or 'no ending'} is no format of charts",
            where=str(path),
            remedy=f"let the name end in {' or '.join(makers)}",
        )
    write_text(path, make(view, marked, command), force=force)


@dataclass(frozen=True)
class _Scale:
    """From log10 of values to pixels ``start`` to ``end``."""

    low: float
    high: float
    start: float
    end: float

    @classmethod
    def around(cls, values: np.ndarray, start: float, end: float) -> _Scale:
        logs = np.log10(np.maximum(values[np.isfinite(values)], 1e-9))
        low, high = (float(logs.min()), float(logs.max())) if len(logs) else (0.0, 1.0)
        room = max((high - low) * MARGIN, 0.05)
        return cls(low - room, high + room, start, end)

    def at(self, log: float) -> float:
        share = (log - self.low) / (self.high - self.low)
        return round(self.start + min(max(share, 0.0), 1.0) * (self.end - self.start), 1)

    def of(self, value: float) -> float:
        return self.at(float(np.log10(max(value, 1e-9))))


def chart_svg(view: View, marked: Sequence[Option] = ()) -> str:
    """All options, the front as steps, the limits, the recommendation and marked options."""
    x = _Scale.around(np.append(view.points.x, view.options[0].x), LEFT, RIGHT)
    y = _Scale.around(np.append(view.points.y, view.options[0].y), BOTTOM, TOP)
    title = f"{view.workload.name}: {view.y_axis.title} by {view.x_axis.title}"
    root = Element(
        "svg", xmlns="http://www.w3.org/2000/svg", viewBox=f"0 0 {WIDTH:.0f} {HEIGHT:.0f}",
        width=f"{WIDTH:.0f}", height=f"{HEIGHT:.0f}", role="img", style=FONT,
    )  # fmt: skip
    SubElement(root, "title").text = _clean(title)
    SubElement(root, "desc").text = _clean(view.recommendation.headline)
    _rect(root)
    _text(root, LEFT, 24, title, weight="bold")
    _axes(root, x, y, view)
    points = view.points
    for meets in (False, True):
        for code in np.unique(points.way).tolist():
            name = points.ways[code]
            colour = COLOURS[code % len(COLOURS)] if meets else MISSED
            rows = np.flatnonzero((points.way == code) & (points.meets == meets))
            group = SubElement(root, "g", fill=colour)
            for row in rows.tolist():
                at = (x.of(points.x[row]), y.of(points.y[row]))
                _text(group, *at, way_of(name).glyph, middle=True, size=9)
    _steps(root, x, y, view.front)
    for option in marked:
        _option(root, x, y, option, MARKED, INK)
    _option(root, x, y, view.options[0], BEST, FRONT)
    _legend(root, view)
    age = view.recommendation.catalog.as_of
    _text(root, LEFT, HEIGHT - 10, f"{view.recommendation.headline[:118]}", size=11)
    _text(root, RIGHT, 24, f"price of {age or 'unknown date'}", size=11, end=True)
    return tostring(root, encoding="unicode") + "\n"


def chart_html(view: View, marked: Sequence[Option] = (), command: str = "") -> str:
    """The chart, the options as the table on screen has them, and the command that gives them."""
    titles = [title for title, _, _ in COLUMNS]
    titles += list(_figure_titles(view))
    head = "".join(f"<th>{escape(title)}</th>" for title in titles)
    shown = [*view.options, *(option for option in marked if option not in view.options)]
    rows = "\n".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells(option)) + "</tr>"
        for option in shown
    )
    style = (
        "body{font:14px system-ui,sans-serif;margin:2em;max-width:70em}"
        "table{border-collapse:collapse}td,th{padding:2px 10px;text-align:left}"
        "tr:nth-child(even){background:#f2f4f6}svg{max-width:100%;height:auto}"
        "pre{background:#f2f4f6;padding:1em;overflow:auto}"
    )
    return (
        f'<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>'
        f"{escape(view.workload.name)}</title><style>{style}</style>\n"
        f"<h1>{escape(view.workload.name)}</h1>\n<p>{escape(view.recommendation.headline)}</p>\n"
        f"{chart_svg(view, marked)}<table><thead><tr>{head}</tr></thead>\n<tbody>{rows}</tbody>"
        f"</table>\n<pre>{escape(command)}</pre></html>\n"
    )


def _figure_titles(view: View) -> Sequence[str]:
    from planner.actions.explore import words

    return words.titles(view.options[0].item.horizon_hours is not None)


def _rect(root: Element) -> None:
    SubElement(root, "rect", width="100%", height="100%", fill="#ffffff")


def _axes(root: Element, x: _Scale, y: _Scale, view: View) -> None:
    for scale, axis, across in ((x, view.x_axis, False), (y, view.y_axis, True)):
        for log, label in _ticks(scale, axis):
            at = scale.at(log)
            if across:
                _line(root, LEFT, at, RIGHT, at, GRID)
                _text(root, LEFT - 8, at + 4, label, end=True)
            else:
                _line(root, at, TOP, at, BOTTOM, GRID)
                _text(root, at, BOTTOM + 18, label, middle=True)
        if axis.limit is not None:
            at = scale.of(axis.limit)
            ends = (LEFT, at, RIGHT, at) if across else (at, TOP, at, BOTTOM)
            _line(root, *ends, LIMIT, dash="3 4")
    _text(root, (LEFT + RIGHT) / 2, BOTTOM + 38, view.x_axis.title, middle=True)
    _text(root, LEFT, TOP - 12, view.y_axis.title)


def _ticks(scale: _Scale, axis: Axis) -> list[tuple[float, str]]:
    ticks = formatter(axis.unit)
    ticks.gap = abs(scale.high - scale.low) / 8
    logs = ticks.get_ticks(scale.low, scale.high)
    return list(zip(logs, ticks.get_labels_for_ticks(logs), strict=True))


def _steps(root: Element, x: _Scale, y: _Scale, front: Points) -> None:
    corners = zip(np.repeat(front.x, 2)[1:], np.repeat(front.y, 2)[:-1], strict=True)
    at = " ".join(f"{x.of(a)},{y.of(b)}" for a, b in corners)
    SubElement(
        root, "polyline", {"points": at, "fill": "none", "stroke": FRONT, "stroke-width": "2"}
    )


def _option(root: Element, x: _Scale, y: _Scale, option: Option, glyph: str, colour: str) -> None:
    if not (np.isfinite(option.x) and np.isfinite(option.y)):
        return
    group = SubElement(root, "g", fill=colour)
    SubElement(group, "title").text = _clean(option.headline)
    at, up = x.of(option.x), y.of(option.y)
    _text(group, at, up, glyph, middle=True, size=20)
    left = at > (LEFT + RIGHT) / 2
    _text(group, at + (-12 if left else 12), up - 8, cells(option)[2], end=left, weight="bold")


def _legend(root: Element, view: View) -> None:
    at = LEFT
    points = view.points
    for code in np.unique(points.way).tolist():
        way = way_of(points.ways[code])
        said = f"{way.glyph} {way.name}"
        _text(root, at, HEIGHT - 30, said, colour=COLOURS[code % len(COLOURS)])
        at += 9.0 * len(said) + 18
    for said, colour in (
        (f"{BEST} recommended", FRONT),
        ("- front", FRONT),
        ("misses a limit", "#777"),
    ):
        _text(root, at, HEIGHT - 30, said, colour=colour)
        at += 9.0 * len(said) + 18


def _line(
    root: Element, x1: float, y1: float, x2: float, y2: float, colour: str, dash: str = ""
) -> None:
    ends = {"x1": f"{x1:.1f}", "y1": f"{y1:.1f}", "x2": f"{x2:.1f}", "y2": f"{y2:.1f}"}
    SubElement(root, "line", {**ends, "stroke": colour, "stroke-dasharray": dash or "none"})


def _text(
    root: Element,
    x: float,
    y: float,
    words: str,
    *,
    middle: bool = False,
    end: bool = False,
    size: int = 13,
    weight: str = "normal",
    colour: str | None = None,
) -> None:
    anchor = "middle" if middle else "end" if end else "start"
    look = {"x": f"{x:.1f}", "y": f"{y:.1f}", "text-anchor": anchor, "font-size": f"{size}px"}
    if weight != "normal":
        look["font-weight"] = weight
    if colour is not None:
        look["fill"] = colour
    SubElement(root, "text", look).text = _clean(words)


def _clean(text: str) -> str:
    """What XML cannot hold is left out: names come from files of users."""
    return "".join(sign for sign in text if sign.isprintable())
