"""Calibration and residuals of a cross-validation as SVG, readable without scripts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from planner.performance.learned.report import DESCRIPTIONS
from planner.report.drawing.markup import el, svg_text
from planner.report.drawing.plot import Plot, Scale, text

_MOST_POINTS = 300  # a class, evenly thinned: the file stays small
_LEAST = 0.3  # where the axes of the calibration plot begin
_MOST_RATIO = 4.0  # what is further off is drawn on the border


def calibration_svg(nominal: Sequence[float], observed: Mapping[str, Sequence[float]]) -> str:
    """Share of rows inside intervals of several nominal widths, one line a scheme."""
    title = "Do the intervals hold? Share of rows inside, by nominal share"
    plot = Plot(
        Scale(_LEAST, 1.0, 60.0, 420.0),
        Scale(_LEAST, 1.0, 400.0, 40.0),
        title=title,
        about="One line a way of leaving data out; on the diagonal the intervals hold exactly.",
        height=446,
    )
    plot.axes("nominal share", title, _percent, _percent)
    plot.path([(_LEAST, _LEAST), (1.0, 1.0)], "thin axis")
    for number, (name, shares) in enumerate(observed.items()):
        look = f"line l{number} dash{number}"
        points = list(zip(nominal, shares, strict=True))
        plot.path(points, look)
        for x, y in points:
            plot.dot(x, y, f"f{number}", f"{name}: {y:.0%} inside at {x:.0%}")
        y_at = 340.0 + 18 * number
        plot.add(el("line", x1=220.0, x2=240.0, y1=y_at - 4, y2=y_at - 4, class_=look))
        plot.add(text(246.0, y_at, DESCRIPTIONS.get(name, name)))
    return svg_text(plot.root)


def residuals_svg(scheme: str, by_class: Mapping[str, Sequence[float]]) -> str:
    """log(predicted / measured) of every class: points, median, and where 80% of rows lie."""
    top, step = 50.0, 26.0
    bottom = top + step * len(by_class)
    ratio = Scale(1 / _MOST_RATIO, _MOST_RATIO, 170.0, 630.0, True)
    title = f"Predicted / measured on {DESCRIPTIONS.get(scheme, scheme)}"
    about = "A point a row, a bar over the middle 80% of each class, a stroke at its median."
    plot = Plot(ratio, Scale(0, 1, bottom, top), title=title, about=about, height=bottom + 20)
    plot.add(text(170.0, 22.0, title))
    for value in (0.25, 0.5, 0.8, 1.0, 1.25, 2.0, 4.0):
        x, look = ratio.at(value), "axis" if value == 1.0 else "grid"
        plot.add(el("line", x1=x, x2=x, y1=top, y2=bottom, class_=look))
        plot.add(text(x, top - 6, f"{value:g}x", "mid"))
    for number, (name, values) in enumerate(by_class.items()):
        y = top + step * (number + 0.5)
        plot.add(text(162.0, y + 4, f"{name} ({len(values):,})", "end"))
        ordered = sorted(values)
        if not ordered:
            continue
        every = max(1, len(ordered) // _MOST_POINTS)
        for i, value in enumerate(ordered[::every]):
            shift = (i * 7 % 13 - 6) * 0.8  # spread over the row's height, the same every time
            x = ratio.at(math.exp(value))
            plot.add(el("circle", cx=x, cy=y + shift, r=1.2, class_="f0 faint"))
        ends = (ordered[int(q * (len(ordered) - 1))] for q in (0.1, 0.5, 0.9))
        low, middle, high = (ratio.at(math.exp(value)) for value in ends)
        plot.add(el("line", x1=low, x2=high, y1=y, y2=y, class_="line l1"))
        plot.add(el("line", x1=middle, x2=middle, y1=y - 8, y2=y + 8, class_="line l1"))
    return svg_text(plot.root)


def _percent(value: float) -> str:
    return f"{value:.0%}"
