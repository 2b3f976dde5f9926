"""The chart of Explore as a file: SVG, PNG, or an HTML page with its table and command."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element

import numpy as np

from planner.actions.explore.plan import Axis, Option, View, words, write_bytes
from planner.errors import BadInput
from tui.widgets.charts.axes import formatter
from tui.widgets.tables.options import CHOSEN_ROLES, COLUMNS, cells
from tui.widgets.ways import BEST, MARKED, way_of

if TYPE_CHECKING:
    from planner.report.drawing.plot import Plot, Scale

LEFT, RIGHT, TOP, BOTTOM = 78.0, 696.0, 34.0, 440.0
HEIGHT, LEGEND = 510.0, 496.0
X_TICK, Y_TICK = 64.0, 40.0  # pixels that a label of an axis takes, with room
LETTER = 8.0  # pixels of a letter of the legend, with room
LEAST = 1e-9  # drawn for what is free


def write_chart(
    path: Path, view: View, marked: Sequence[Option], command: str, force: bool
) -> None:
    """Write what the name asks for, whole or not at all. Raises BadInput. May take seconds."""
    makers: dict[str, Callable[[], bytes]] = {
        ".svg": lambda: chart_svg(view, marked).encode(),
        ".png": lambda: chart_png(view, marked, where=str(path)),
        ".html": lambda: chart_html(view, marked, command).encode(),
    }
    make = makers.get(path.suffix.lower())
    if make is None:
        raise BadInput(
            f"{path.suffix or 'no ending'} is no format of charts",
            where=str(path),
            remedy=f"let the name end in {', '.join(makers)}",
        )
    if path.exists() and not force:  # said before it is drawn, and again by who writes
        raise BadInput("exists already", where=str(path), remedy="name another file")
    write_bytes(path, make(), force=force)


def chart_svg(view: View, marked: Sequence[Option] = ()) -> str:
    """A file of its own."""
    from planner.report.drawing.markup import svg_text

    return svg_text(drawn(view, marked))


def chart_png(view: View, marked: Sequence[Option] = (), *, where: str) -> bytes:
    """The same on white, for slides and mails. Raises BadInput where it cannot be drawn."""
    from planner.report.drawing.png import png_bytes

    return png_bytes(drawn(view, marked), where=where)


def chart_html(view: View, marked: Sequence[Option] = (), command: str = "") -> str:
    """The chart, the options as the table on screen has them, the command that gives them."""
    from planner.report.document import Chart, Commands, Document, Section, Table
    from planner.report.html import to_html

    titles = [title for title, _, _ in COLUMNS]
    figures = words.titles(view.options[0].item.horizon_hours is not None)
    shown = [*view.options, *(option for option in marked if option not in view.options)]
    best = next(n for n, option in enumerate(shown) if option.role in CHOSEN_ROLES)
    rows = [cells(option) for option in shown]
    table = Table([*titles, *figures], rows, right=figures, strong=best)
    facts = view.recommendation.catalog
    document = Document(
        title=view.workload.name,
        lead=view.recommendation.headline,
        facts=(),
        sections=[
            Section(
                _title(view), [Chart("Every option that can run it.", drawn(view, marked), table)]
            ),
            Section("The same again", [Commands(command.splitlines())]),
        ],
        made=f"planner tui; catalog {facts.content_id}, price of {facts.as_of or 'unknown date'}",
    )
    return to_html(document)


def _title(view: View) -> str:
    return f"{view.y_axis.title} by {view.x_axis.title}"


def drawn(view: View, marked: Sequence[Option]) -> Element:
    """All options, the front as steps, the limits, the recommendation and marked options."""
    from planner.report.drawing.plot import Plot, Scale, around, text

    points, best = view.points, view.options[0]
    xs = np.maximum(np.append(points.x, best.x if np.isfinite(best.x) else points.x[:1]), LEAST)
    ys = np.maximum(np.append(points.y, best.y), LEAST)
    plot = Plot(
        Scale(*around(xs.tolist(), log=True), LEFT, RIGHT, True),
        Scale(*around(ys.tolist(), log=True), BOTTOM, TOP, True),
        title=f"{view.workload.name}: {_title(view)}",
        about=view.recommendation.headline,
        height=HEIGHT,
    )
    x, y = plot.x, plot.y
    plot.axes(
        view.x_axis.title,
        view.y_axis.title,
        _said(view.x_axis),
        _said(view.y_axis),
        x_ticks=_ticks(view.x_axis, x, X_TICK),
        y_ticks=_ticks(view.y_axis, y, Y_TICK),
    )
    for meets in (False, True):
        for code in np.unique(points.way).tolist():
            look = f"mid f{code % _series()}" if meets else "mid soft faint"
            glyph = way_of(points.ways[code]).glyph
            for row in np.flatnonzero((points.way == code) & (points.meets == meets)).tolist():
                at = x.at(float(points.x[row])), y.at(float(points.y[row])) + 4
                plot.add(text(*at, glyph, look))
    for limit, ends in (
        (view.x_axis.limit, lambda at: [(at, y.low), (at, y.high)]),
        (view.y_axis.limit, lambda at: [(x.low, at), (x.high, at)]),
    ):
        if limit is not None:
            plot.path(ends(limit), "rule dash2")
    front = view.front
    corners = zip(np.repeat(front.x, 2)[1:], np.repeat(front.y, 2)[:-1], strict=True)
    plot.path([(float(a), float(b)) for a, b in corners], "line l2")
    for option in marked:
        _name(plot, option, MARKED)
    _name(plot, best, BEST)
    _legend(plot, view)
    return plot.root


def _ticks(axis: Axis, scale: Scale, room: float) -> list[float]:
    """The round values that the screen would mark: minutes, hours, days."""
    marks = formatter(axis.unit)
    low, high = np.log10(scale.low), np.log10(scale.high)
    marks.gap = (high - low) * room / abs(scale.end - scale.start)
    return [10**place for place in marks.get_ticks(low, high)]


def _said(axis: Axis) -> Callable[[float], str]:
    """Ticks are said as on screen."""
    ticks = formatter(axis.unit)
    return lambda value: ticks.get_labels_for_ticks([float(np.log10(value))])[0]


def _series() -> int:
    from planner.report.drawing.style import SERIES

    return SERIES


def _name(plot: Plot, option: Option, glyph: str) -> None:
    """A glyph at an option's place and its machine beside it."""
    from planner.report.drawing.plot import text

    if not (np.isfinite(option.x) and np.isfinite(option.y)):
        return
    at, up = plot.x.at(option.x), plot.y.at(option.y)
    beyond = at > (LEFT + RIGHT) / 2
    plot.add(text(at, up + 4, glyph, "mid strong"))
    side = "end strong" if beyond else "strong"
    plot.add(text(at + (-10 if beyond else 10), up - 8, cells(option)[2], side))


def _legend(plot: Plot, view: View) -> None:
    from planner.report.drawing.plot import text

    at = LEFT
    codes = np.unique(view.points.way).tolist()
    parts = [(way_of(view.points.ways[code]), f"f{code % _series()}") for code in codes]
    said = [(f"{way.glyph} {way.name}", look) for way, look in parts]
    said += [(f"{BEST} recommended", ""), ("line: front", ""), ("faint: misses a limit", "soft")]
    for words_, look in said:
        plot.add(text(at, LEGEND, words_, look))
        at += LETTER * len(words_)
